"""The work of one execution of a step: its command or its tool, in a prepared worktree."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.edge import Desk, Pulse
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.outputs import OUTPUT_VARIABLE, output_file, read_output
from ostinato.adapters.processes import (
    ProcessEnd,
    ProcessSpec,
    clean_environment,
    failure_of,
    offline_where_possible,
    run_supervised,
)
from ostinato.adapters.tools import run_tool
from ostinato.adapters.tools.context import ToolContext, ToolReport
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.errors import InvariantError, Problem
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.gates import SHOWN_FINDINGS
from ostinato.domain.plan import CommandAction, ToolAction
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.request import headline
from ostinato.domain.workspace import Checkout

CONTEXT_VARIABLE = "OSTINATO_CONTEXT"
RECONCILE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class StepWork:
    """Failures come back as results; nothing here commits."""

    desk: Desk
    command: ExecuteStep
    checkout: Checkout
    pulse: Pulse

    async def act(self) -> StepResult:
        match self.command.step.action:
            case CommandAction() as action:
                return await self._run_command(action)
            case ToolAction() as action:
                return await self._run_tool(action)
            case _:
                message = f"step {self.command.step.id} is not executed by a worker"
                raise InvariantError(message, code="step_not_executable")

    async def after_interruption(self) -> StepResult | None:
        """What the step's recovery says about an attempt whose outcome nobody knows; None: run it again."""
        recovery = self.command.step.recovery
        result = self._result(
            StepOutcome.UNKNOWN, "command", "its worker died while it ran; what it did outside git is not known"
        )
        if recovery.kind == "ask":
            return result
        if recovery.kind == "reconcile" and recovery.check:
            end = await self._run_process(("/bin/sh", "-c", recovery.check), RECONCILE_TIMEOUT_S)
            if end.ok:
                return self._result(StepOutcome.SUCCEEDED, "command", "its effect was already there")
        return None

    async def _run_command(self, action: CommandAction) -> StepResult:
        if not self.command.trusted:
            failure = Failure(
                kind=FailureKind.NOT_TRUSTED,
                message="the repository is not trusted, so its commands are not run",
                recommendation="Start the run with --trust if you trust the repository",
            )
            return self._result(StepOutcome.FAILED, "command", failure.message, failure=failure)
        end = await self._run_process(action.argv or ("/bin/sh", "-c", action.shell), self.command.step.timeout_s)
        stated = self._stated()
        warnings = (f"its outputs were not taken: {stated}",) if isinstance(stated, Problem) else ()
        return self._result(
            StepOutcome.SUCCEEDED if end.ok else StepOutcome.FAILED,
            "command",
            headline(last_line(end.tail) or "done", 200),
            output={
                "exit_code": end.exit_code,
                "stdout_tail": end.tail[-1500:],
                **({} if isinstance(stated, Problem) else stated),
            },
            used=end.peak,
            evidence=end.output_ref,
            warnings=warnings,
            failure=None if end.ok else self._failure(action, end),
        )

    def _stated(self) -> dict[str, Any] | Problem:
        """Read once: as it was written, it may hold a secret."""
        stated = read_output(self._output, self.pulse.redactor)
        with contextlib.suppress(OSError):
            self._output.unlink(missing_ok=True)
        return stated

    def _failure(self, action: CommandAction, end: ProcessEnd) -> Failure:
        return failure_of(end, line=action.line, timeout_s=self.command.step.timeout_s, now=datetime.now(UTC))

    async def _run_process(self, argv: tuple[str, ...], timeout_s: float) -> ProcessEnd:
        spec = ProcessSpec(
            argv=await offline_where_possible(argv) if self.command.offline else argv,
            cwd=Path(self.checkout.worktree),
            env=self._environment(),
            timeout_s=timeout_s,
            marker=attempt_marker(activity.info()),
            limits=self.command.step.limits,
        )
        return await run_supervised(
            spec, artifacts=self.desk.artifacts, redactor=self.pulse.redactor, on_progress=self.pulse.say
        )

    async def _run_tool(self, action: ToolAction) -> StepResult:
        report = await run_tool(
            action.tool,
            ToolContext(
                tree=Path(self.checkout.worktree),
                environment=self.checkout.environment,
                project=self.command.project,
                trusted=self.command.trusted,
                args=action.args,
                artifacts=self.desk.artifacts,
                redactor=self.pulse.redactor,
                marker=attempt_marker(activity.info()),
                timeout_s=self.command.step.timeout_s,
                progress=self.pulse.say,
                offline=self.command.offline,
            ),
        )
        return self._result(
            StepOutcome.SUCCEEDED if report.ok else StepOutcome.FAILED,
            f"tool:{action.tool}",
            headline(report.summary, 300),
            output={"findings_count": len(report.findings), **report.metrics},
            findings=report.findings[:SHOWN_FINDINGS],
            findings_count=len(report.findings),
            evidence=report.evidence,
            failure=None if report.ok else _tool_failure(action, report),
            warnings=tuple(note[:300] for note in report.notes[:10]),
        )

    def _environment(self) -> Mapping[str, str]:
        env = clean_environment({"OSTINATO_RUN": self.command.workspace.run_id})
        environment = self.checkout.environment
        if environment.ready:
            env["VIRTUAL_ENV"] = environment.path
            env["PATH"] = f"{environment.path}/bin:{env.get('PATH', '')}"
        env[OUTPUT_VARIABLE] = str(output_file(self._output.parent))
        if self.command.context:
            file = self._output.with_name("context.json")
            file.write_text(self.command.context)
            env[CONTEXT_VARIABLE] = str(file)
        return env

    @property
    def _output(self) -> Path:
        """Beside the worktree: what is written there is no change."""
        return Path(self.checkout.worktree).parent / "exchange" / "output.json"

    def _result(self, outcome: StepOutcome, agent: str, summary: str, **fields: Any) -> StepResult:
        return StepResult(
            step_id=self.command.step.id,
            execution=self.command.execution,
            outcome=outcome,
            summary=summary,
            agent=agent,
            **fields,
        )


def _tool_failure(action: ToolAction, report: ToolReport) -> Failure:
    failure = report.failure or Failure(kind=FailureKind.TOOL, message=report.summary)
    facts = FailureFacts(
        kind=failure.kind, tool=action.tool, findings_count=len(report.findings), message=failure.message
    )
    return failure.model_copy(update={"diagnosis": classify_failure(facts, now=datetime.now(UTC))})


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
