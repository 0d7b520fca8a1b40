"""Steps start the moment their dependencies are done and a slot is free. No barriers."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.domain.errors import UserError
from ostinato.domain.execution import Failure, FailureKind, Frontier, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase, Trigger
from ostinato.domain.plan import Step
from ostinato.domain.report import Stop
from ostinato.durable.calls import StopRun, stop_of
from ostinato.durable.record import RunRecord, StepTimes
from ostinato.durable.stepping import Slots, run_step

Tasks = dict[StepId, asyncio.Task[StepResult]]


async def run_steps(record: RunRecord) -> None:
    """Drive every step to its end; a critical failure or an abort stops what has not started and cancels what runs."""
    frontier = _frontier(record)
    record.times = {step.id: StepTimes() for step in frontier.plan.steps}
    slots = Slots.of(frontier.plan.max_parallel)
    tasks: Tasks = {}
    try:
        while not _frontier(record).is_over:
            _start_ready(record, slots, tasks)
            _settle_phase(record)
            await workflow.wait_condition(lambda: _something_to_do(record, tasks))
            for step_id in [name for name, task in tasks.items() if task.done()]:
                _settle(record, step_id, tasks.pop(step_id))
            if failure := _frontier(record).critical_failure():
                raise StopRun(_critical(record, failure))
    except BaseException:
        await _cancel_all(record, tasks)
        raise
    _settle_phase(record)


def _frontier(record: RunRecord) -> Frontier:
    assert record.frontier is not None
    return record.frontier


def _start_ready(record: RunRecord, slots: Slots, tasks: Tasks) -> None:
    if record.paused:
        return
    frontier = _frontier(record)
    for step in frontier.ready(cap=frontier.plan.max_parallel):
        record.set_state(step.id, StepState.PREPARING)
        tasks[step.id] = asyncio.create_task(run_step(record, slots, step), name=step.id)


def _something_to_do(record: RunRecord, tasks: Tasks) -> bool:
    """A step finished, one may start, or the shown phase is stale."""
    if any(task.done() for task in tasks.values()):
        return True
    if _fitting_phase(record) is not record.phase:
        return True
    frontier = _frontier(record)
    return not record.paused and bool(frontier.ready(cap=frontier.plan.max_parallel))


def _fitting_phase(record: RunRecord) -> Phase:
    if _frontier(record).only_people_are_awaited:
        return Phase.ESCALATING
    return Phase.RECOVERING if record.backing_off else Phase.EXECUTING


def _settle_phase(record: RunRecord) -> None:
    """Executing, with recovering and escalating as detours that are seen for what they are."""
    fitting = _fitting_phase(record)
    if fitting is record.phase:
        return
    match fitting:
        case Phase.ESCALATING:
            record.move(Trigger.PERSON_NEEDED, fitting)
        case Phase.RECOVERING if record.phase is Phase.EXECUTING:
            record.move(Trigger.STEP_FAILED, fitting)
        case _:
            record.move(Trigger.ANSWERED if record.phase is Phase.ESCALATING else Trigger.RECOVERED, fitting)


def _settle(record: RunRecord, step_id: StepId, task: asyncio.Task[StepResult]) -> None:
    """Take a finished step's result; an abort and a bug of ours end the run."""
    frontier = _frontier(record)
    record.times[step_id].ended_at = workflow.now()
    error = task.exception() if not task.cancelled() else None
    if error is None and not task.cancelled():
        record.frontier = frontier.settled(task.result())
    elif isinstance(error, (ActivityError, UserError)) and not is_cancelled_exception(error):
        record.frontier = frontier.settled(_failed(frontier.plan.step(step_id), error))
    else:
        record.frontier = frontier.settled(StepResult(step_id=step_id, outcome=StepOutcome.CANCELLED))
        if error is not None and not is_cancelled_exception(error):
            raise error
    record.show()


def _failed(step: Step, error: ActivityError | UserError) -> StepResult:
    message = stop_of(error).message if isinstance(error, ActivityError) else str(error)
    return StepResult(
        step_id=step.id,
        outcome=StepOutcome.FAILED,
        summary=message[:500],
        failure=Failure(kind=FailureKind.OUTSIDE, message=message[:500]),
    )


def _critical(record: RunRecord, result: StepResult) -> Stop:
    name = _frontier(record).plan.step(result.step_id).name
    failure = result.failure
    return Stop(
        outcome=Outcome.FAILED,
        code="step_failed",
        message=f"“{name}” failed: {failure.message if failure else result.summary}",
        cure=failure.recommendation if failure else "",
    )


async def _cancel_all(record: RunRecord, tasks: Tasks) -> None:
    """Returns when every running step has really stopped."""
    record.frontier = _frontier(record).stopped()
    for task in tasks.values():
        task.cancel()
    if tasks:
        record.say("stopping what runs")
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    for step_id, task in tasks.items():
        finished = not task.cancelled() and task.exception() is None
        result = task.result() if finished else StepResult(step_id=step_id, outcome=StepOutcome.CANCELLED)
        record.times[step_id].ended_at = workflow.now()
        record.frontier = _frontier(record).settled(result)
    record.show()
