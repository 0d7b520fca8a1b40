"""Steps: prepare the worktree, do the work once, take it as one commit, bring it onto the run's branch."""

import time
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity

from activities.checkouts import check_out
from activities.edge import Desk, Pulse, edge
from activities.places import keep_place
from activities.secrecy import quarantine, secret_failure
from activities.working import StepWork
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.objects import Author, StepKey, read_result, record, write_result
from ostinato.contracts.activities import (
    COLLECT_STEP,
    EXECUTE_STEP,
    PREPARE_STEP,
    CollectStep,
    ExecuteStep,
    PreparedStep,
    PrepareStep,
)
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.plan import Step, is_claimed
from ostinato.domain.request import headline
from ostinato.domain.workspace import Checkout, Environment, Workspace


class StepActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(PREPARE_STEP)
    async def prepare(self, command: PrepareStep, pulse: Pulse) -> PreparedStep:
        """A worktree for a person. A second execution prepares it again, saving what it finds dirty in it."""
        workspace, step = command.workspace, command.step
        await keep_place(self._desk, workspace, command.head)
        recorded = await _recorded(workspace, step, command.execution)
        if recorded is not None:
            checkout = Checkout(worktree="", commit=command.head, environment=Environment(ready=False))
            return PreparedStep(checkout=checkout, recorded=recorded)
        return PreparedStep(checkout=await self._check_out(command, pulse))

    @edge(EXECUTE_STEP)
    async def execute(self, command: ExecuteStep, pulse: Pulse) -> StepResult:
        """Exactly once in git: a second execution returns the recorded result, or starts from the checkpoint again."""
        workspace, step = command.workspace, command.step
        await keep_place(self._desk, workspace, command.head)
        if (done := await _recorded(workspace, step, command.execution)) is not None:
            return done
        began = time.monotonic()
        checkout = await self._check_out(command, pulse)
        prepared_s = time.monotonic() - began
        work = StepWork(self._desk, command, checkout, pulse)
        if self._was_interrupted(command) and (decided := await work.after_interruption()) is not None:
            return await _keep(workspace, decided)
        self._begin(command)
        started_at = datetime.now(UTC)
        result = (await work.act()).model_copy(
            update={
                "started_at": started_at,
                "attempt": activity.info().attempt,
                "prepared_s": round(prepared_s, 3),
            }
        )
        if result.outcome is StepOutcome.SUCCEEDED:
            result = await self._commit(workspace, step, command.execution, checkout, result, command.strict_claims)
        if result.failure and result.failure.kind is FailureKind.SECRET:
            place = await quarantine(self._desk, workspace, Path(checkout.worktree))
            result = result.model_copy(update={"warnings": (*result.warnings, f"its worktree is kept in {place}")})
        return await _keep(workspace, result.model_copy(update={"ended_at": datetime.now(UTC)}))

    async def _check_out(self, command: PrepareStep | ExecuteStep, pulse: Pulse) -> Checkout:
        return await check_out(
            self._desk,
            command.workspace,
            name=command.slot,
            commit=command.head,
            trusted=command.trusted,
            pulse=pulse,
            personal=True,
        )

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

    async def _commit(
        self,
        workspace: Workspace,
        step: Step,
        execution: int,
        checkout: Checkout,
        result: StepResult,
        strict_claims: bool = False,
    ) -> StepResult:
        """The worktree's difference to its checkpoint as one commit under the step's key."""
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
            author=Author(name=workspace.author_name, email=workspace.author_email),
            trailers=key.trailers,
        )
        if taken is None:
            return result
        outside = tuple(path for path in taken.paths if not is_claimed(step, path))
        if outside and strict_claims:
            return _failed_claim(result, outside)
        commit = await record(mirror, key.ref, taken.commit)
        return result.model_copy(
            update={
                "commit": commit,
                "files_changed": taken.files_changed,
                "outside_claim": outside[:20],
                "warnings": (*result.warnings, *taken.warnings, *_unclaimed(outside)),
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


async def _recorded(workspace: Workspace, step: Step, execution: int) -> StepResult | None:
    key = StepKey(run_id=workspace.run_id, step_id=step.id, execution=execution)
    text = await read_result(Path(workspace.mirror), key)
    return StepResult.model_validate_json(text) if text else None


async def _keep(workspace: Workspace, result: StepResult) -> StepResult:
    """Store the result under the step's key; the first one written counts."""
    key = StepKey(run_id=workspace.run_id, step_id=result.step_id, execution=result.execution)
    kept = await write_result(Path(workspace.mirror), key, result.model_dump_json())
    return StepResult.model_validate_json(kept)


def _failed_claim(result: StepResult, outside: tuple[str, ...]) -> StepResult:
    failure = Failure(
        kind=FailureKind.CLAIM,
        message=f"it wrote outside what it claimed: {_listed(outside)}",
        recommendation="Add the paths to the step's `writes`, or leave `strict_claims` out",
    )
    return result.model_copy(
        update={
            "outcome": StepOutcome.FAILED,
            "summary": failure.message[:300],
            "failure": failure,
            "outside_claim": outside[:20],
        }
    )


def _unclaimed(outside: tuple[str, ...]) -> tuple[str, ...]:
    """Kept and named: what a step wrote although it claimed to write elsewhere."""
    return (f"wrote outside what it claimed: {_listed(outside)}",) if outside else ()


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
