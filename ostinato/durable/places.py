"""Work on the run's files stays with the worker that owns them; where that one is gone, another takes over."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from temporalio.exceptions import ActivityError

from ostinato.contracts.activities import FEEL_PULSE, TAKE_OVER, ActivityContract, FeelPulse, TakenOver, TakeOver
from ostinato.contracts.workflows import pulse_queue, step_queue
from ostinato.domain.base import Fact
from ostinato.domain.continuation import next_execution
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.report import Recovered
from ostinato.domain.workspace import Workspace
from ostinato.durable.calls import call, is_silence, stop_where_told
from ostinato.durable.record import Progress, RunRecord

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)


class PlaceLost(Exception):  # noqa: N818 - the work is to be done elsewhere
    """The worker that owns the files did not take the work up."""


@asynccontextmanager
async def in_flight(record: RunRecord, *, is_long: bool = False) -> AsyncIterator[None]:
    """Something that another execution of the workflow could not take up."""
    record.calls_in_flight += 1
    record.long_calls += is_long
    try:
        yield
    finally:
        record.calls_in_flight -= 1
        record.long_calls -= is_long


def patience_of(record: RunRecord) -> timedelta:
    return timedelta(seconds=record.request.options.takeover_after_s)


async def on_place(
    record: RunRecord,
    contract: ActivityContract[In, Out],
    make: Callable[[Workspace], In],
    *,
    summary: str,
    activity_id: str | None = None,
    start_to_close: timedelta | None = None,
    is_long: bool = False,
) -> Out:
    """Run an activity where the files are, wherever that is by then; `make` gives its argument for a workspace.

    What an owner answers after another one took over does not count: it may never have been pushed.
    """
    while True:
        place = record.place
        try:
            async with in_flight(record, is_long=is_long):
                answer = await call(
                    contract,
                    make(place),
                    queue=step_queue(place.queue) if is_long else place.queue,
                    summary=summary,
                    activity_id=activity_id,
                    start_to_close=start_to_close,
                    patience=patience_of(record),
                )
            if record.place.epoch == place.epoch:
                return answer
        except ActivityError as error:
            if not is_silence(error):
                raise
        await find_place(record, place.epoch)
        stop_where_told()


async def find_place(record: RunRecord, epoch: int) -> None:
    """Returns when the run's files have an owner again: the old one was only busy, came back, or another took over.

    With nobody to take over it waits. `epoch` is the one under which the silence was met.
    """
    async with record.moving, in_flight(record):
        if record.place.epoch != epoch or await _is_alive(record):
            return
        doing = record.doing
        record.say("the worker that owns the run's files is silent: waiting for it or for another one")
        raised = record.place.model_copy(update={"epoch": epoch + 1})
        taken = await call(
            TAKE_OVER,
            TakeOver(workspace=raised, head=record.head),
            summary=f"take the run over (epoch {raised.epoch})",
            counts=True,
        )
        record.say(doing)
        accept_place(record, taken)


def accept_place(record: RunRecord, taken: TakenOver) -> None:
    """The run's files are elsewhere from now on; work that did not get there is to be done again."""
    here = record.place
    record.workspace = taken.workspace.model_copy(update={"timeline": here.timeline, "follows": here.follows})
    if taken.same_place:
        return
    for name in record.steps.active if record.schedule else ():
        record.of(name).checkout = None
    record.recoveries.append(
        Recovered(
            step=StepId("run"),
            error_class="infrastructure",
            severity="major",
            strategy="takeover",
            result=f"epoch {taken.workspace.epoch}, from checkpoint {taken.head[:12]}",
        )
    )
    record.note(f"another worker took the run over at checkpoint {taken.head[:12]}")
    if taken.head != record.head:
        _go_back_to(record, taken)


def _go_back_to(record: RunRecord, taken: TakenOver) -> None:
    """The newest checkpoints were never pushed: what they held is done again."""
    kept = next((n for n, point in enumerate(record.checkpoints) if point.commit == taken.head), -1) + 1
    lost = [point.step_id for point in record.checkpoints[kept:] if point.step_id]
    record.checkpoints = record.checkpoints[:kept]
    record.head = taken.head
    record.note(f"not found anywhere, so done again: {', '.join(lost)} ({'; '.join(taken.missing[:3])})")
    reopen(record, [name for name in lost if record.steps.states[name] is StepState.SUCCEEDED])


def reopen(record: RunRecord, names: list[StepId], *, fresh: bool = False) -> None:
    """Steps are pending again, each as its next execution, with what waits for them."""
    states = dict(record.steps.states)
    for name in record.steps.reopen(names):
        was = record.of(name)
        execution = next_execution(states[name], was.execution, began=was.started_at is not None, fresh=fresh)
        record.progress[name] = Progress(execution=execution, given=was.given)
        record.results.pop(name, None)
    record.stale = True
    record.wake()


async def _is_alive(record: RunRecord) -> bool:
    """Asked apart from its work: a worker whose slots are all taken still answers."""
    queue = pulse_queue(record.place.queue)
    try:
        await call(
            FEEL_PULSE, FeelPulse(queue=queue), queue=queue, summary="is it there?", patience=patience_of(record)
        )
    except ActivityError as error:
        if is_silence(error):
            return False
        raise
    return True
