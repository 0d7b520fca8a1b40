"""Steps: prepare the worktree, do the work once, take it as one commit, bring it onto the run's branch."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity

from activities.checkouts import check_out
from activities.edge import Desk, Pulse, edge
from activities.secrecy import quarantine, secret_failure, set_aside_if_secret
from ostinato.adapters.git.commits import Snapshot, integrate, snapshot
from ostinato.adapters.git.objects import Author, StepKey, read_result, record, write_result
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.processes import ProcessEnd, ProcessSpec, clean_environment, run_supervised
from ostinato.adapters.tools import run_tool
from ostinato.adapters.tools.context import ToolContext
from ostinato.contracts.activities import (
    COLLECT_STEP,
    EXECUTE_STEP,
    INTEGRATE_STEP,
    PREPARE_STEP,
    CollectStep,
    ExecuteStep,
    IntegrateStep,
    PreparedStep,
    PrepareStep,
)
from ostinato.domain.errors import InvariantError
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.gates import SHOWN_FINDINGS
from ostinato.domain.plan import CommandAction, Step, ToolAction, is_claimed
from ostinato.domain.request import headline
from ostinato.domain.workspace import Checkout, Environment, Integration, Workspace


class StepActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(PREPARE_STEP)
    async def prepare(self, command: PrepareStep, pulse: Pulse) -> PreparedStep:
        """A second execution prepares the same worktree again, saving what it finds dirty in it."""
        workspace, step = command.workspace, command.step
        recorded = await _recorded(workspace, step, command.execution)
        if recorded is not None:
            tree = Path(workspace.root) / command.slot / "tree"
            checkout = Checkout(worktree=str(tree), commit=command.head, environment=Environment(ready=False))
            return PreparedStep(checkout=checkout, recorded=recorded)
        checkout = await check_out(
            self._desk,
            workspace,
            name=command.slot,
            commit=command.head,
            trusted=command.trusted,
            pulse=pulse,
            personal=True,
        )
        return PreparedStep(checkout=checkout)

    @edge(EXECUTE_STEP)
    async def execute(self, command: ExecuteStep, pulse: Pulse) -> StepResult:
        """Exactly once in git: a second execution returns the recorded result, or starts from the checkpoint again."""
        workspace, step = command.workspace, command.step
        if (done := await _recorded(workspace, step, command.execution)) is not None:
            return done
        if self._was_interrupted(command):
            decided = await self._after_interruption(command, pulse)
            if decided is not None:
                return await _keep(workspace, decided)
            await set_aside_if_secret(self._desk, workspace, Path(command.checkout.worktree))
            await prepare_worktree(
                Path(workspace.mirror), Path(command.checkout.worktree), command.checkout.commit, workspace.run_id
            )
        self._begin(command)
        started_at = datetime.now(UTC)
        result = await self._act(command, pulse)
        result = result.model_copy(update={"started_at": started_at, "attempt": activity.info().attempt})
        if result.outcome is StepOutcome.SUCCEEDED:
            result = await self._commit(workspace, step, command.execution, command.checkout, result)
        if result.failure and result.failure.kind is FailureKind.SECRET:
            place = await quarantine(self._desk, workspace, Path(command.checkout.worktree))
            result = result.model_copy(update={"warnings": (*result.warnings, f"its worktree is kept in {place}")})
        return await _keep(workspace, result.model_copy(update={"ended_at": datetime.now(UTC)}))

    @edge(COLLECT_STEP)
    async def collect(self, command: CollectStep, pulse: Pulse) -> StepResult:
        """What a person left in the worktree. A second execution returns the commit that the first one recorded."""
        workspace, step = command.workspace, command.step
        if (done := await _recorded(workspace, step, command.execution)) is not None:
            return done
        result = StepResult(
            step_id=step.id,
            execution=command.execution,
            outcome=StepOutcome.SUCCEEDED,
            summary=headline(command.note, 300),
            agent=f"person:{command.answered_by}",
            output={"note": command.note},
            started_at=command.started_at,
        )
        result = await self._commit(workspace, step, command.execution, command.checkout, result)
        result = result.model_copy(
            update={
                "ended_at": datetime.now(UTC),
                "summary": result.summary or f"{result.files_changed} files changed by {command.answered_by}",
            }
        )
        return await _keep(workspace, result) if result.commit else result

    @edge(INTEGRATE_STEP)
    async def integrate(self, command: IntegrateStep, pulse: Pulse) -> Integration:
        """A second execution finds the step's commit on the branch and returns it."""
        workspace = command.workspace
        return await integrate(
            Path(workspace.mirror),
            branch_ref=f"refs/heads/ostinato/{workspace.run_id}",
            key=StepKey(run_id=workspace.run_id, step_id=command.step_id, execution=command.execution),
            step_commit=command.commit,
            base=workspace.base_commit,
            expected_head=command.head,
        )

    async def _act(self, command: ExecuteStep, pulse: Pulse) -> StepResult:
        match command.step.action:
            case CommandAction() as action:
                return await self._run_command(command, action, pulse)
            case ToolAction() as action:
                return await self._run_tool(command, action, pulse)
            case _:
                raise InvariantError(f"step {command.step.id} is not executed by a worker", code="step_not_executable")

    async def _run_command(self, command: ExecuteStep, action: CommandAction, pulse: Pulse) -> StepResult:
        if not command.trusted:
            failure = Failure(
                kind=FailureKind.NOT_TRUSTED,
                message="the repository is not trusted, so its commands are not run",
                recommendation="Start the run with --trust if you trust the repository",
            )
            return _failed(command, "command", failure)
        argv = action.argv or ("/bin/sh", "-c", action.shell)
        end = await self._run_process(command, argv, command.step.timeout_s, pulse)
        output: dict[str, object] = {"exit_code": end.exit_code, "stdout_tail": end.tail[-1500:]}
        result = StepResult(
            step_id=command.step.id,
            execution=command.execution,
            outcome=StepOutcome.SUCCEEDED if end.ok else StepOutcome.FAILED,
            summary=headline(_last_line(end.tail) or "done", 200),
            agent="command",
            output=output,
            evidence=end.output_ref,
        )
        return result if end.ok else result.model_copy(update={"failure": _process_failure(command.step, end)})

    async def _run_process(
        self, command: ExecuteStep, argv: tuple[str, ...], timeout_s: float, pulse: Pulse
    ) -> ProcessEnd:
        spec = ProcessSpec(
            argv=argv,
            cwd=Path(command.checkout.worktree),
            env=_step_environment(command),
            timeout_s=timeout_s,
            marker=attempt_marker(activity.info()),
        )
        return await run_supervised(
            spec, artifacts=self._desk.artifacts, redactor=self._desk.redactor, on_progress=pulse.say
        )

    async def _run_tool(self, command: ExecuteStep, action: ToolAction, pulse: Pulse) -> StepResult:
        report = await run_tool(
            action.tool,
            ToolContext(
                tree=Path(command.checkout.worktree),
                environment=command.checkout.environment,
                project=command.project,
                trusted=command.trusted,
                args=action.args,
                artifacts=self._desk.artifacts,
                redactor=self._desk.redactor,
                marker=attempt_marker(activity.info()),
                timeout_s=command.step.timeout_s,
                progress=pulse.say,
            ),
        )
        return StepResult(
            step_id=command.step.id,
            execution=command.execution,
            outcome=StepOutcome.SUCCEEDED if report.ok else StepOutcome.FAILED,
            summary=headline(report.summary, 300),
            agent=f"tool:{action.tool}",
            output={"findings_count": len(report.findings), **report.metrics},
            findings=report.findings[:SHOWN_FINDINGS],
            findings_count=len(report.findings),
            evidence=report.evidence,
            failure=None if report.ok else report.failure or Failure(kind=FailureKind.TOOL, message=report.summary),
            warnings=tuple(note[:300] for note in report.notes[:10]),
        )

    async def _commit(
        self, workspace: Workspace, step: Step, execution: int, checkout: Checkout, result: StepResult
    ) -> StepResult:
        """The worktree's difference to its checkpoint as one commit under the step's key."""
        state = await inspect_repository(Path(workspace.repository), workspace.base_commit)
        key = StepKey(run_id=workspace.run_id, step_id=step.id, execution=execution)
        mirror = Path(workspace.mirror)
        tree = Path(checkout.worktree)
        if failure := await secret_failure(self._desk, workspace, tree, checkout.commit):
            return result.model_copy(
                update={"outcome": StepOutcome.FAILED, "summary": failure.message, "failure": failure}
            )
        taken = await snapshot(
            Path(checkout.worktree),
            mirror=mirror,
            parent=checkout.commit,
            message=f"{step.name}\n\n{result.summary}",
            author=Author(name=state.user_name, email=state.user_email),
            trailers=key.trailers,
        )
        if taken is None:
            return result
        commit = await record(mirror, key.ref, taken.commit)
        return result.model_copy(
            update={
                "commit": commit,
                "files_changed": taken.files_changed,
                "warnings": (*result.warnings, *taken.warnings, *_unclaimed(step, taken)),
            }
        )

    def _started_file(self, command: ExecuteStep) -> Path:
        return Path(command.workspace.root) / "started" / f"{command.step.id}-{command.execution}"

    def _was_interrupted(self, command: ExecuteStep) -> bool:
        """An earlier attempt began and left no result."""
        return self._started_file(command).exists()

    def _begin(self, command: ExecuteStep) -> None:
        path = self._started_file(command)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    async def _after_interruption(self, command: ExecuteStep, pulse: Pulse) -> StepResult | None:
        """What the step's recovery says about an attempt whose outcome nobody knows; None: run it again."""
        recovery = command.step.recovery
        result = StepResult(
            step_id=command.step.id,
            execution=command.execution,
            outcome=StepOutcome.UNKNOWN,
            summary="its worker died while it ran; what it did outside git is not known",
            agent="command",
        )
        if recovery.kind == "ask":
            return result
        if recovery.kind == "reconcile" and recovery.check:
            end = await self._run_process(command, ("/bin/sh", "-c", recovery.check), 60, pulse)
            if end.ok:
                return result.model_copy(
                    update={"outcome": StepOutcome.SUCCEEDED, "summary": "its effect was already there"}
                )
        return None


async def _recorded(workspace: Workspace, step: Step, execution: int) -> StepResult | None:
    key = StepKey(run_id=workspace.run_id, step_id=step.id, execution=execution)
    text = await read_result(Path(workspace.mirror), key)
    return StepResult.model_validate_json(text) if text else None


async def _keep(workspace: Workspace, result: StepResult) -> StepResult:
    """Store the result under the step's key; the first one written counts."""
    key = StepKey(run_id=workspace.run_id, step_id=result.step_id, execution=result.execution)
    kept = await write_result(Path(workspace.mirror), key, result.model_dump_json())
    return StepResult.model_validate_json(kept)


def _failed(command: ExecuteStep, agent: str, failure: Failure) -> StepResult:
    return StepResult(
        step_id=command.step.id,
        execution=command.execution,
        outcome=StepOutcome.FAILED,
        summary=failure.message,
        agent=agent,
        failure=failure,
    )


def _step_environment(command: ExecuteStep) -> Mapping[str, str]:
    env = clean_environment({"OSTINATO_RUN": command.workspace.run_id})
    environment = command.checkout.environment
    if environment.ready:
        env["VIRTUAL_ENV"] = environment.path
        env["PATH"] = f"{environment.path}/bin:{env.get('PATH', '')}"
    return env


def _process_failure(step: Step, end: ProcessEnd) -> Failure:
    details = end.tail[-2000:]
    if end.timed_out:
        return Failure(
            kind=FailureKind.TIMEOUT,
            message=f"it did not end within {step.timeout_s:g} s; its processes were stopped",
            details=details,
            recommendation="Give the step a longer `timeout`, or find out what it waits for with `ostinato logs`",
        )
    if end.missing:
        return Failure(
            kind=FailureKind.MISSING_COMMAND,
            message=f"no such command: {headline(step.action.line if step.action.kind == 'command' else '', 100)}",
            details=details,
            recommendation="Install it on the worker's machine, or correct the step",
        )
    how = f"exit status {end.exit_code}" if end.exit_code is not None else f"ended by signal {end.signal}"
    return Failure(kind=FailureKind.EXIT_STATUS, message=f"{how}: {_last_line(end.tail)}"[:400], details=details)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _unclaimed(step: Step, taken: Snapshot) -> tuple[str, ...]:
    """Kept and named: what a step wrote although it claimed to write elsewhere."""
    outside = [path for path in taken.paths if not is_claimed(step, path)]
    if not outside:
        return ()
    shown = ", ".join(outside[:5]) + (f" and {len(outside) - 5} more" if len(outside) > 5 else "")
    return (f"wrote outside what it claimed: {shown}",)
