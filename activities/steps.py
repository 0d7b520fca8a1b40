"""Steps: prepare the worktree, do the work once, take it as one commit, bring it onto the run's branch."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity

from activities.agents import AgentWork
from activities.checkouts import check_out, ground
from activities.edge import Desk, Pulse, edge
from activities.ending import to_its_end
from activities.evidence import undo_checks
from activities.places import author_of_run, keep_place
from activities.saving import bring
from activities.secrecy import STARTED, learn_secrets, quarantine, secret_failure
from activities.working import StepWork
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.sessions import NoteBox, SessionFolder, SessionRecord
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.forgetting import forget_secrets
from ostinato.adapters.git.landing import is_ancestor
from ostinato.adapters.git.objects import StepKey, read_result, record_step, write_result
from ostinato.adapters.git.saved_sessions import restore_work
from ostinato.adapters.git.seclusion import seclude
from ostinato.contracts.activities import (
    COLLECT_STEP,
    EXECUTE_STEP,
    PREPARE_STEP,
    STEER_STEP,
    CollectStep,
    ExecuteStep,
    PreparedStep,
    PrepareStep,
    Steered,
    SteerStep,
)
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.errors import ExternalError
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Step, is_claimed
from ostinato.domain.redacted_facts import redacted_fact
from ostinato.domain.request import headline
from ostinato.domain.workspace import Checkout, Environment, Workspace

SHOWN_PATHS = 20


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
        checkout = await self._check_out(command, pulse)
        _started_file(workspace, f"{step.id}-{command.execution}-handoff").touch()
        return PreparedStep(checkout=checkout)

    @edge(EXECUTE_STEP)
    async def execute(self, command: ExecuteStep, pulse: Pulse) -> StepResult:
        """Exactly once in git: a second execution returns the recorded result, or starts from the checkpoint again."""
        workspace, step = command.workspace, command.step
        await keep_place(self._desk, workspace, command.head)
        if (done := await _recorded(workspace, step, command.execution)) is not None:
            return done
        if command.order is not None:
            return await self._by_agent(command, pulse)
        began = time.monotonic()
        checkout = await self._check_out(command, pulse)
        prepared_s = time.monotonic() - began
        work = StepWork(self._desk, command, checkout, pulse)
        begin = _started_file(workspace, f"{step.id}-{command.execution}")
        if begin.exists() and (decided := await work.after_interruption()) is not None:
            return await _keep(workspace, decided)
        if not begin.exists():  # what an earlier attempt stored in git is looked through as well
            begin.touch()
        started_at = datetime.now(UTC)
        result = (await work.act()).model_copy(
            update={
                "started_at": started_at,
                "attempt": activity.info().attempt,
                "prepared_s": round(prepared_s, 3),
            }
        )
        result = await _purged(workspace, checkout, result, pulse, since=begin.stat().st_mtime)
        if result.outcome is not StepOutcome.SUCCEEDED:
            return await _keep(workspace, _ended(result))
        return await self._take(command, checkout, result, pulse)

    async def _by_agent(self, command: ExecuteStep, pulse: Pulse) -> StepResult:
        """Where its session is, its worktree stays as it is: a second execution, and a later one, go on in both."""
        workspace, step, began = command.workspace, command.step, time.monotonic()
        begin = _started_file(workspace, f"{step.id}-{command.execution}")
        if not begin.exists():
            begin.touch()
        started_at = datetime.now(UTC)
        work = await self._desk_for(command, pulse)
        prepared_s = time.monotonic() - began
        try:
            result = await work.act()
        finally:
            await to_its_end(work.leave())
        result = result.model_copy(
            update={"started_at": started_at, "attempt": activity.info().attempt, "prepared_s": round(prepared_s, 3)}
        )
        result = await _purged(workspace, work.checkout, result, pulse, since=begin.stat().st_mtime)
        if result.outcome is StepOutcome.SUCCEEDED:
            return await self._take(command, work.checkout, result, pulse)
        if result.failure and result.failure.kind is FailureKind.SECRET:
            result = await self._set_aside(workspace, work.checkout, result)
        return await _keep(workspace, _ended(result))

    async def _desk_for(self, command: ExecuteStep, pulse: Pulse) -> AgentWork:
        """The agent's worktree: where its session left it, or fresh from the checkpoint."""
        agency, order = self._desk.agency, command.order
        if agency is None or order is None:
            raise ExternalError("this worker has no coding agents", code="agents_missing")
        folder = SessionFolder(Path(command.workspace.root), order.session, order.agent)
        tree, warnings = Path(command.workspace.root) / command.slot / "tree", tuple[str, ...]()
        record = folder.read()
        if record is not None and await _is_over(command, order, record):
            record = record.without_session()
        goes_on = record is not None and _goes_on(command, order, record, tree)
        if record is None:
            record, checkout, warnings = await self._brought(command, agency, folder, pulse)
            goes_on = bool(record.session_id) and not order.anew
        elif goes_on:
            await undo_checks(Path(command.workspace.mirror), tree, record.commit, folder)
            checkout = await ground(
                self._desk, command.workspace, tree, record.commit, trusted=command.trusted, pulse=pulse
            )
        else:
            checkout = await self._check_out(command, pulse)
            await asyncio.to_thread(shutil.rmtree, folder.git, ignore_errors=True)
        record = record.taken_up(command.step.id, command.execution, is_more=order.is_more)
        record = record.model_copy(update={"worktree": str(tree), "commit": checkout.commit})
        folder.write(record)
        mirror = Path(command.workspace.mirror)
        await seclude(tree, mirror=mirror, base=checkout.commit, folder=folder.git)
        return AgentWork(
            desk=self._desk,
            agency=agency,
            command=command,
            checkout=checkout,
            pulse=pulse,
            folder=folder,
            notes=NoteBox(Path(command.workspace.root), command.step.id, command.execution),
            record=record,
            lost_files=bool(record.session_id) and not goes_on and not order.anew and order.session == command.step.id,
            warnings=[*warnings],
        )

    async def _brought(
        self, command: ExecuteStep, agency: Agency, folder: SessionFolder, pulse: Pulse
    ) -> tuple[SessionRecord, Checkout, tuple[str, ...]]:
        """As a worker before this one left it; where there is nothing to go on with, fresh from the checkpoint."""
        order, tree = command.order, Path(command.workspace.root) / command.slot / "tree"
        assert order is not None
        await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)
        agent = agency.find(order.agent.partition(":")[0])
        brought = await bring(command, agent, folder, tree)
        record = brought.record
        if record is not None and await _is_over(command, order, record):
            record = None
        if record is None or order.anew:
            checkout = await self._check_out(command, pulse)
            return record or SessionRecord(agent=order.agent), checkout, brought.warnings
        checkout = await self._check_out(command.model_copy(update={"head": record.commit}), pulse)
        await restore_work(Path(command.workspace.mirror), tree, base=record.commit, work=brought.work)
        return record, checkout, brought.warnings

    @edge(STEER_STEP)
    async def steer(self, command: SteerStep, pulse: Pulse) -> Steered:
        """A second execution leaves the same."""
        box = NoteBox(Path(command.workspace.root), command.session)
        if command.note is not None:
            await asyncio.to_thread(box.leave, command.note)
        if command.met is not None:
            await asyncio.to_thread(box.leave_limit, command.met)
        return Steered()

    async def _take(self, command: ExecuteStep, checkout: Checkout, result: StepResult, pulse: Pulse) -> StepResult:
        """The work as a commit, recorded with its result; work that may not be committed is set aside."""
        taken = await self._commit(command, checkout, result, pulse)
        kept = taken.result
        if kept.failure and kept.failure.kind is FailureKind.SECRET:
            kept = await self._set_aside(command.workspace, checkout, kept)
        if not taken.commit:
            return await _keep(command.workspace, _ended(kept))
        return await _keep_commit(command.workspace, _ended(kept), taken.commit)

    async def _set_aside(self, workspace: Workspace, checkout: Checkout, result: StepResult) -> StepResult:
        place = await quarantine(self._desk, workspace, Path(checkout.worktree))
        return result.model_copy(update={"warnings": (*result.warnings, f"its worktree is kept in {place}")})

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
        result = await _purged(workspace, command.checkout, result, pulse, since=command.started_at.timestamp())
        taken = await self._commit(command, command.checkout, result, pulse)
        if not taken.commit:
            return _ended(taken.result)
        count = taken.result.files_changed
        summary = taken.result.summary or f"{count} files changed by {command.answered_by}"
        return await _keep_commit(workspace, _ended(taken.result.model_copy(update={"summary": summary})), taken.commit)

    async def _commit(
        self, command: ExecuteStep | CollectStep, checkout: Checkout, result: StepResult, pulse: Pulse
    ) -> "_Taken":
        """The worktree's difference to its checkpoint as one commit, not yet recorded; no secret gets into it."""
        workspace, step = command.workspace, command.step
        taken = await snapshot(
            Path(checkout.worktree),
            mirror=Path(workspace.mirror),
            parent=checkout.commit,
            message=f"{step.name}\n\n{result.summary}",
            author=await author_of_run(self._desk, workspace),
            trailers=_key(workspace, step.id, command.execution).trailers,
            redactor=pulse.redactor,
        )
        if taken is None:
            self._desk.clean.add(Path(checkout.worktree))
            return _Taken(result)
        if taken.secrets:
            return _Taken(_failed(result, secret_failure(taken.secrets)))
        outside = tuple(path for path in taken.paths if not is_claimed(step, path))
        if outside and isinstance(command, ExecuteStep) and command.strict_claims:
            failed = _failed(result, _claim_failure(outside))
            return _Taken(failed.model_copy(update={"outside_claim": outside[:SHOWN_PATHS]}))
        if not taken.warnings:
            self._desk.clean.add(Path(checkout.worktree))
        changed = result.model_copy(
            update={
                "commit": taken.commit,
                "files_changed": taken.files_changed,
                "outside_claim": outside[:SHOWN_PATHS],
                "warnings": (*result.warnings, *taken.warnings, *_unclaimed(outside)),
            }
        )
        return _Taken(changed, taken.commit)


@dataclass(frozen=True, slots=True)
class _Taken:
    result: StepResult
    commit: str = ""
    """Made, and not yet recorded; empty where there is nothing to record."""


async def _is_over(command: ExecuteStep, order: AgentOrder, record: SessionRecord) -> bool:
    """What it did was taken and is wanted once more, or its checkpoint is not in the branch any more: begun anew."""
    if order.anew or not record.session_id or record.is_of(command.step.id, command.execution):
        return False
    if record.is_done and order.session == command.step.id:
        return True
    return not await is_ancestor(Path(command.workspace.mirror), record.commit, command.head)


def _goes_on(command: ExecuteStep, order: AgentOrder, record: SessionRecord, tree: Path) -> bool:
    """In the worktree as it is; one that was asked for anew was made so by the execution's first attempt."""
    is_there = record.session_id and record.worktree == str(tree) and (tree / ".git").exists()
    return bool(is_there) and (not order.anew or record.is_of(command.step.id, command.execution))


def _started_file(workspace: Workspace, name: str) -> Path:
    """There since the first attempt began."""
    path = Path(workspace.root) / STARTED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


async def _purged(
    workspace: Workspace, checkout: Checkout, result: StepResult, pulse: Pulse, *, since: float
) -> StepResult:
    """With no secret in it, and none in what git in the worktree has stored by itself."""
    tree = Path(checkout.worktree)
    redactor = learn_secrets(pulse, workspace, tree)
    count = await forget_secrets(Path(workspace.mirror), redactor, since=since, worktree=tree)
    told = f"it put a secret into git by itself: {count} object{'s' * (count != 1)} with it deleted"
    warnings = (*result.warnings, told) if count else result.warnings
    return redacted_fact(result.model_copy(update={"warnings": warnings}), redactor)


def _key(workspace: Workspace, step_id: StepId, execution: int) -> StepKey:
    return StepKey(run_id=workspace.run_id, step_id=step_id, execution=execution)


async def _recorded(workspace: Workspace, step: Step, execution: int) -> StepResult | None:
    text = await read_result(Path(workspace.mirror), _key(workspace, step.id, execution))
    return StepResult.model_validate_json(text) if text else None


async def _keep(workspace: Workspace, result: StepResult) -> StepResult:
    """Store the result under the step's key; the first one written counts."""
    key = _key(workspace, result.step_id, result.execution)
    kept = await write_result(Path(workspace.mirror), key, result.model_dump_json())
    return StepResult.model_validate_json(kept)


async def _keep_commit(workspace: Workspace, result: StepResult, commit: str) -> StepResult:
    """Commit and result together; where an earlier attempt was first, what it recorded counts."""
    key = _key(workspace, result.step_id, result.execution)
    recorded = await record_step(Path(workspace.mirror), key, commit=commit, result=result.model_dump_json())
    if recorded.result is not None:
        return StepResult.model_validate_json(recorded.result)
    return await _keep(workspace, result.model_copy(update={"commit": recorded.commit}))


def _ended(result: StepResult) -> StepResult:
    return result.model_copy(update={"ended_at": datetime.now(UTC)})


def _failed(result: StepResult, failure: Failure) -> StepResult:
    return result.model_copy(
        update={"outcome": StepOutcome.FAILED, "summary": failure.message[:300], "failure": failure}
    )


def _claim_failure(outside: tuple[str, ...]) -> Failure:
    return Failure(
        kind=FailureKind.CLAIM,
        message=f"it wrote outside what it claimed: {_listed(outside)}",
        recommendation="Add the paths to the step's `writes`, or leave `strict_claims` out",
    )


def _unclaimed(outside: tuple[str, ...]) -> tuple[str, ...]:
    """Kept and named: what a step wrote although it claimed to write elsewhere."""
    return (f"wrote outside what it claimed: {_listed(outside)}",) if outside else ()


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
