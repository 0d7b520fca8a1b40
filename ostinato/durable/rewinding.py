"""Back to a checkpoint while a run is open: at once, only some files, or step by step with a question before each."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.activities import ROLL_BACK_BRANCH, RollBackBranch, RolledBack
from ostinato.domain.continuation import Rollback, at_checkpoint, find_checkpoint
from ostinato.domain.decisions import DecisionKind, Option
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.schedule import Schedule
from ostinato.domain.workspace import Checkpoint
from ostinato.durable.calls import stop_of
from ostinato.durable.people import ask, withdraw
from ostinato.durable.places import on_place, reopen
from ostinato.durable.record import Progress, RunRecord

UNDO = Option(name="undo", effect="take this step's commit back and ask about the one before")
STOP_HERE = Option(name="stop", effect="keep it, and everything before it")


async def roll_back_while_open(record: RunRecord, stopped: Sequence[StepId]) -> None:
    """One that cannot be done ends no run: it is told, and the run is paused where it was."""
    order = record.rollback
    assert order is not None
    record.rolling_back = True
    try:
        await roll_back(record, stopped)
    except (ActivityError, UserError) as error:  # a takeover may have lost the checkpoint
        if is_cancelled_exception(error):
            raise
        message = stop_of(error).message if isinstance(error, ActivityError) else str(error)
        record.note(f"not rolled back to {order.checkpoint}: {message}")
        _pause_with(record, stopped)
    finally:
        record.rolling_back = False
        withdraw(record, (*record.steps.states, None))  # nothing runs: what is still open asks about going back


async def roll_back(record: RunRecord, stopped: Sequence[StepId] = ()) -> None:
    """What `record.rollback` asks for; then the run is paused, with what came later, or was stopped, pending again."""
    order = record.rollback
    assert order is not None
    record.rollback = None
    target = find_checkpoint(record.snapshot(), order.checkpoint)
    if order.files:
        await _restore_files(record, order, target)
    elif order.progressive:
        await _step_by_step(record, order, target)
    else:
        await _back_to(record, order, target)
    _pause_with(record, stopped)


def _pause_with(record: RunRecord, stopped: Sequence[StepId]) -> None:
    reopen(record, [name for name in stopped if record.steps.states[name] is StepState.CANCELLED], fresh=True)
    record.paused = True
    record.wake()


async def _back_to(record: RunRecord, order: Rollback, target: Checkpoint) -> None:
    done = await _call(record, RollBackBranch(workspace=record.place, head=record.head, commit=target.commit))
    was = at_checkpoint(record.snapshot(), target)
    seen = record.steps.claims.seen
    record.schedule = Schedule.of(record.steps.plan, {todo.id: todo.state for todo in was.todos})
    for step_id, paths in seen.items():
        record.schedule.claims.widen(step_id, paths)
    record.results = {result.step_id: result for result in was.results}
    for todo in was.todos:
        if todo.state is StepState.PENDING and todo.id in record.progress:
            record.progress[todo.id] = Progress(execution=todo.execution)
    record.checkpoints = list(was.checkpoints)
    record.head = done.head
    _say(record, order, f"rolled back to {target.id}" + (f"; what was left behind: {done.kept}" if done.kept else ""))


async def _restore_files(record: RunRecord, order: Rollback, target: Checkpoint) -> None:
    done = await _call(
        record,
        RollBackBranch(
            workspace=record.place, head=record.head, commit=target.commit, files=order.files, label=target.id
        ),
    )
    if done.head != record.head:
        record.checkpoint(done.head)
    _say(record, order, f"restored from {target.id}: {', '.join(order.files[:5])}")


async def _step_by_step(record: RunRecord, order: Rollback, target: Checkpoint) -> None:
    """From the newest back to the target; stopping keeps what is before."""
    while len(record.checkpoints) > 1 and record.checkpoints[-1] != target:
        newest, before = record.checkpoints[-1], record.checkpoints[-2]
        answer = await ask(
            record,
            _question_id(record, newest),
            DecisionKind.QUESTION,
            f"Take back {newest.id} ({newest.commit[:10]})?",
            (UNDO, STOP_HERE),
            context=f"Going back to {target.id}, one checkpoint at a time.",
            step_id=newest.step_id,
        )
        if answer.option == STOP_HERE.name:
            return
        await _back_to(record, order, before)


def _question_id(record: RunRecord, newest: Checkpoint) -> str:
    """Of its own each time: what was answered on an earlier way back does not count for this one."""
    asked = sum(name.startswith("rollback-") for name in record.decisions)
    return f"rollback-{asked + 1}-{newest.id}"


async def _call(record: RunRecord, order: RollBackBranch) -> RolledBack:
    return await on_place(
        record,
        ROLL_BACK_BRANCH,
        lambda place: order.model_copy(update={"workspace": place}),
        summary=f"roll back to {order.commit[:10]}",
    )


def _say(record: RunRecord, order: Rollback, text: str) -> None:
    note = f" ({order.note})" if order.note else ""
    record.note(f"{text}, by {order.by} at {workflow.now():%Y-%m-%d %H:%M:%S} UTC{note}")
