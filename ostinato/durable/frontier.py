"""Steps start the moment their dependencies are done and nothing stands in their way. No barriers."""

import asyncio
from typing import assert_never

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.domain.errors import UserError
from ostinato.domain.execution import STATE_OF, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase, Trigger
from ostinato.domain.plan import AgentAction, AskAction, ChooseAction, CommandAction, GroupAction, Step, ToolAction
from ostinato.domain.report import Stop
from ostinato.domain.variables import contribution_problems
from ostinato.durable.calls import StopRun, stop_of
from ostinato.durable.carrying import CarryingFailed
from ostinato.durable.conditions import choose, failed, skipped_by_condition
from ostinato.durable.continuing import must_continue
from ostinato.durable.groups import run_group, with_added_steps
from ostinato.durable.handing import ask_question, hand_off
from ostinato.durable.midgates import hold, judge_failed
from ostinato.durable.people import withdraw
from ostinato.durable.quotas import open_accounts
from ostinato.durable.record import RunRecord
from ostinato.durable.recovering import work
from ostinato.durable.rewinding import roll_back_while_open
from ostinato.durable.stepping import Engine, resolved


class BeginAnew(Exception):  # noqa: N818 - it is no error: the history has grown
    """The run goes on in another execution of its workflow."""


async def run_steps(engine: Engine) -> None:
    """Drive every step to its end; a critical failure or an abort stops what has not started and cancels what runs."""
    record = engine.record
    helpers = [
        asyncio.create_task(work)
        for work in (
            engine.integrator.run(),
            engine.integrator.watch(),
            engine.shards.run(),
            engine.shards.take_in(),
            engine.shards.feel(),
            _keep_details(record),
            open_accounts(record),
            hold(record),
        )
    ]
    try:
        for name in tuple(record.steps.active):
            _start(engine, record.steps.steps[name])
        while True:
            await _drive(engine, helpers)
            await engine.shards.close()
            if _is_finished(record):  # else a message came meanwhile
                break
    except BeginAnew:
        raise
    except BaseException:
        await cancel_all(engine)
        await engine.shards.close()
        raise
    finally:
        for helper in helpers:
            helper.cancel()
    _settle_phase(record)


def _is_finished(record: RunRecord) -> bool:
    """A paused run can still be changed or rolled back, also when all its steps are over."""
    return record.steps.is_over and not record.paused and record.rollback is None


async def _drive(engine: Engine, helpers: list[asyncio.Task[None]]) -> None:
    record = engine.record
    while not _is_finished(record):
        draining = must_continue(record)
        if draining and _is_quiet(engine):
            raise BeginAnew
        if not draining:
            _start_ready(engine)
        _settle_phase(record)
        record.woken = False
        await _until_something_to_do(engine, helpers, draining=draining)
        if record.rollback is not None:
            await roll_back_while_open(record, await cancel_all(engine))
        for helper in helpers:
            if helper.done():
                helper.result()  # they only end by a bug of ours, or to stop the run
        for name in [name for name, task in engine.tasks.items() if task.done()]:
            _settle(engine, name, engine.tasks.pop(name))


async def _keep_details(record: RunRecord) -> None:
    """Once for each turn of the workflow in which something changed."""
    while True:
        await workflow.wait_condition(lambda: record.stale)
        record.show()


def _is_quiet(engine: Engine) -> bool:
    """Nothing that another execution could not take up again is going on."""
    return (
        engine.record.calls_in_flight == 0
        and engine.integrator.is_idle
        and engine.shards.is_idle
        and workflow.all_handlers_finished()
    )


def _start_ready(engine: Engine) -> None:
    record = engine.record
    while not record.paused and not record.held and (step := record.steps.next_start(engine.cap)) is not None:
        record.set_state(step.id, StepState.PREPARING)
        _start(engine, step)


def _start(engine: Engine, step: Step) -> None:
    engine.tasks[step.id] = asyncio.create_task(_run_step(engine, step), name=step.id)


async def _run_step(engine: Engine, step: Step) -> StepResult:
    """Run one step to a result; its failures come back as values."""
    record = engine.record
    if (skipped := await skipped_by_condition(record, step)) is not None:
        return skipped
    match step.action:
        case AskAction():
            asked = resolved(record, step)
            assert asked.action.kind == "ask"
            return await ask_question(record, asked, asked.action)
        case AgentAction(pool=pool) if pool:
            return _with_misfits(record, with_added_steps(record, step, await work(engine, step)))
        case AgentAction():
            handed = resolved(record, step)
            assert handed.action.kind == "agent"
            return await hand_off(engine, handed, handed.action)
        case ChooseAction() as action:
            return await choose(record, step, action)
        case GroupAction() as action:
            return await run_group(engine, step, action)
        case CommandAction() | ToolAction():
            result = with_added_steps(record, step, await work(engine, step))
            return _with_misfits(record, result)
    assert_never(step.action)


def _with_misfits(record: RunRecord, result: StepResult) -> StepResult:
    """What of its output cannot be merged into the shared values is left out, and said."""
    if not record.steps.plan.values:
        return result
    said = tuple(str(problem) for problem in contribution_problems(record.steps.plan, result))
    return result.model_copy(update={"warnings": (*result.warnings, *said)}) if said else result


async def _until_something_to_do(engine: Engine, helpers: list[asyncio.Task[None]], *, draining: bool) -> None:
    await workflow.wait_condition(lambda: _something_to_do(engine, helpers, draining=draining))


def _something_to_do(engine: Engine, helpers: list[asyncio.Task[None]], *, draining: bool) -> bool:
    """A step finished, a message came, the history is long, or the shown phase is stale."""
    record = engine.record
    if record.woken or record.rollback is not None:
        return True
    if any(task.done() for task in (*engine.tasks.values(), *helpers)):
        return True
    if draining:
        return _is_quiet(engine)
    return must_continue(record) or _fitting_phase(record) is not record.phase


def _fitting_phase(record: RunRecord) -> Phase:
    if record.held and not record.steps.active:
        return Phase.ESCALATING
    if record.steps.only_people_are_awaited and not record.backing_off:
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


def _settle(engine: Engine, step_id: StepId, task: asyncio.Task[StepResult]) -> None:
    """Take a finished step's result; an abort, a bug of ours and a critical failure end the run."""
    record = engine.record
    step = record.steps.steps[step_id]
    error = task.exception() if not task.cancelled() else None
    if error is None and not task.cancelled():
        _take(record, step, task.result())
    elif isinstance(error, (ActivityError, UserError, CarryingFailed)) and not is_cancelled_exception(error):
        message = stop_of(error).message if isinstance(error, ActivityError) else str(error)
        _take(record, step, failed(step, FailureKind.OUTSIDE, message))
    else:
        _take(record, step, StepResult(step_id=step_id, outcome=StepOutcome.CANCELLED))
        if error is not None and not is_cancelled_exception(error):
            raise error


def _take(record: RunRecord, step: Step, result: StepResult) -> None:
    state = STATE_OF[result.outcome]
    record.settle(step.id, state, result)
    if state is StepState.FAILED:
        judge_failed(record)
    if state is StepState.FAILED and step.critical:
        raise StopRun(_critical(step, result))


def _critical(step: Step, result: StepResult) -> Stop:
    failure = result.failure
    return Stop(
        outcome=Outcome.FAILED,
        code="step_failed",
        message=f"“{step.name}” failed: {failure.message if failure else result.summary}",
        cure=failure.recommendation if failure else "",
    )


async def cancel_all(engine: Engine) -> tuple[StepId, ...]:
    """Returns what it stopped, when every running step has really stopped."""
    record = engine.record
    stopped = [name for name, state in record.steps.states.items() if not state.is_over]
    withdraw(record, [None] if record.held else [])
    record.steps.stop()
    for task in engine.tasks.values():
        task.cancel()
    if engine.tasks:
        record.say("stopping what runs")
        await asyncio.gather(*engine.tasks.values(), return_exceptions=True)
    for step_id, task in engine.tasks.items():
        finished = not task.cancelled() and task.exception() is None
        result = task.result() if finished else StepResult(step_id=step_id, outcome=StepOutcome.CANCELLED)
        record.settle(step_id, STATE_OF[result.outcome], result)
    engine.tasks.clear()
    withdraw(record, stopped)
    return tuple(name for name in stopped if record.steps.states[name] is StepState.CANCELLED)
