"""Calling activities by contract."""

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType
from temporalio.workflow import ActivityCancellationType

from ostinato.contracts.activities import RETRY_LOST_WORKERS, ActivityContract
from ostinato.domain.base import Fact
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.pipeline import Outcome
from ostinato.domain.recovering.codes import CODES
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.report import Stop

In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)


class StopRun(Exception):  # noqa: N818 - it is no error: it carries a decision
    """Ends the run early; the report is still written."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.message)
        self.stop = stop


def heartbeat_of(contract: ActivityContract[Any, Any]) -> timedelta:
    return contract.heartbeat


async def call(
    contract: ActivityContract[In, Out],
    argument: In,
    *,
    queue: str | None = None,
    summary: str = "",
    activity_id: str | None = None,
    start_to_close: timedelta | None = None,
    patience: timedelta | None = None,
    counts: bool = False,
) -> Out:
    """Run an activity. Cancelling waits until the activity has really stopped, and raises also where it was done first.

    With `patience`, work that nobody takes up for so long fails as `is_silence` knows it; without, it waits. What
    `counts` is returned all the same, though its caller was cancelled meanwhile: `stop_where_told` is for what follows.
    """
    heartbeat = heartbeat_of(contract)
    running: asyncio.Task[Out] = workflow.start_activity(
        contract.name,
        argument,
        result_type=contract.output,
        task_queue=queue,
        activity_id=activity_id,
        start_to_close_timeout=start_to_close or contract.start_to_close,
        schedule_to_start_timeout=patience,
        heartbeat_timeout=min(heartbeat, patience / 2) if patience else heartbeat,
        retry_policy=RETRY_LOST_WORKERS,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary[:200] or None,
    )
    try:
        await workflow.wait([running])
    except asyncio.CancelledError:
        running.cancel()
        await until_done(running)
        if running.cancelled() or (running.exception() is None and not counts):
            raise
    return running.result()


def stop_where_told() -> None:
    """CancelledError in a task that was cancelled and went on, since what it waited for counts: begin nothing more."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def is_silence(error: ActivityError) -> bool:
    """Whether nobody took the work up."""
    return isinstance(error.cause, TimeoutError) and error.cause.type is TimeoutType.SCHEDULE_TO_START


def stop_of(error: ActivityError) -> Stop:
    """A failed activity as the reason why a run ended, with what kind of failure it is."""
    cause = error.cause
    code = (cause.type or "failed") if isinstance(cause, ApplicationError) else "activity_failed"
    message = cause.message if isinstance(cause, ApplicationError) else f"{error.activity_type}: {cause or error}"
    is_late = isinstance(cause, TimeoutError)
    facts = FailureFacts(code=code if code in CODES else "wait_timed_out" if is_late else "", message=message)
    found = classify_failure(facts, now=workflow.now())
    cure = "" if found.code == "exit_status" else found.cure
    return Stop(outcome=Outcome.FAILED, code=code, message=message, cure=cure, diagnosis=found)


def failure_of_activity(error: ActivityError) -> Failure:
    """A step's activity that raised: a failure like any other, for recovery to decide about."""
    stop = stop_of(error)
    return Failure(kind=FailureKind.OUTSIDE, message=stop.message, recommendation=stop.cure, diagnosis=stop.diagnosis)


async def uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Clean-up that a second cancellation does not cut short."""
    try:
        task = asyncio.create_task(work)
    except BaseException:  # the workflow is evicted
        work.close()
        raise
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
    task.result()


async def until_done(future: "asyncio.Future[Any]") -> None:
    """Also when it is cancelled once more. Waits by the workflow: it is what ends it when the workflow is evicted."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await workflow.wait_condition(future.done)
    if not future.cancelled():
        future.exception()  # looked at, so that nobody warns of it
