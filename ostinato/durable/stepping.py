"""One step from its worktree to its commit on the run's branch."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow

from ostinato.contracts.activities import (
    COLLECT_STEP,
    EXECUTE_STEP,
    INTEGRATE_STEP,
    PREPARE_STEP,
    STEP_MARGIN,
    CollectStep,
    ExecuteStep,
    IntegrateStep,
    PreparedStep,
    PrepareStep,
)
from ostinato.domain.decisions import ABORT, DONE, RERUN, SKIP, Answer, DecisionKind, Option
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.inputs import with_inputs
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, AskAction, Step
from ostinato.domain.recovery import AskPerson, GiveUp, Retry, decide
from ostinato.domain.report import Recovered, Stop
from ostinato.domain.request import headline
from ostinato.durable.calls import StopRun, call
from ostinato.durable.people import ask
from ostinato.durable.record import RunRecord

MAX_CONFLICT_REDOS = 2


@dataclass(slots=True, kw_only=True)
class Slots:
    """Worktrees that steps take turns in."""

    free: list[int]
    integration: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, count: int) -> "Slots":
        return cls(free=list(range(count)))

    def take(self) -> int:
        return self.free.pop(0)

    def give_back(self, slot: int) -> None:
        self.free.append(slot)
        self.free.sort()


async def run_step(record: RunRecord, slots: Slots, step: Step) -> StepResult:
    """Run one step to a result; its failures come back as values."""
    step = with_inputs(step, {name: result.output for name, result in _results(record).items()})
    match step.action:
        case AskAction():
            return await _ask_question(record, step, step.action)
        case AgentAction():
            return await _hand_off(record, slots, step, step.action)
        case _:
            return await _work(record, slots, step)


def _results(record: RunRecord) -> dict[str, StepResult]:
    assert record.frontier is not None
    return {str(name): result for name, result in record.frontier.results.items()}


async def _work(record: RunRecord, slots: Slots, step: Step) -> StepResult:
    """Execute until it is done, cannot be helped, or a person says otherwise."""
    slot = slots.take()
    try:
        execution, conflicts = 1, 0
        while True:
            record.times[step.id].execution = execution
            result = await _execute_once(record, slots, step, execution, f"w{slot}")
            if _conflicted(result) and conflicts < MAX_CONFLICT_REDOS:
                conflicts += 1
                execution += 1
                record.recoveries.append(_recovered(step, "contention", "resequence", "redone on the new head"))
                continue
            match decide(step, result, executions=execution - conflicts, jitter=workflow.random().random()):
                case GiveUp():
                    return result
                case Retry(after_s=after_s):
                    record.recoveries.append(_recovered(step, "failure", "retry", f"after {after_s:.1f} s"))
                    await _back_off(record, step, after_s)
                case AskPerson():
                    if (await _ask_unknown(record, step, result, execution)).option == SKIP.name:
                        return result.model_copy(update={"outcome": StepOutcome.SKIPPED, "failure": None})
            execution += 1
    finally:
        slots.give_back(slot)


async def _execute_once(record: RunRecord, slots: Slots, step: Step, execution: int, slot: str) -> StepResult:
    prepared = await _prepare(record, step, execution, slot)
    result = prepared.recorded
    if result is None:
        record.set_state(step.id, StepState.RUNNING)
        result = await call(
            EXECUTE_STEP,
            ExecuteStep(
                workspace=record.place,
                step=step,
                execution=execution,
                checkout=prepared.checkout,
                project=record.facts,
                request=record.request.text,
                trusted=record.request.options.trusted,
            ),
            queue=record.place.queue,
            activity_id=f"{step.id}-{execution}-execute",
            summary=f"{step.name} · {_what(step)}",
            start_to_close=timedelta(seconds=step.timeout_s) + STEP_MARGIN,
        )
    return await _integrate(record, slots, step, result)


def _what(step: Step) -> str:
    action = step.action
    return action.tool if action.kind == "tool" else headline(action.line if action.kind == "command" else "", 100)


async def _prepare(record: RunRecord, step: Step, execution: int, slot: str) -> PreparedStep:
    record.set_state(step.id, StepState.PREPARING, "preparing its worktree")
    return await call(
        PREPARE_STEP,
        PrepareStep(
            workspace=record.place,
            step=step,
            execution=execution,
            slot=slot,
            head=record.head,
            trusted=record.request.options.trusted,
        ),
        queue=record.place.queue,
        activity_id=f"{step.id}-{execution}-prepare",
        summary=f"{step.name} · prepare its worktree",
    )


async def _integrate(record: RunRecord, slots: Slots, step: Step, result: StepResult) -> StepResult:
    """Bring the step's commit onto the run's branch, one step at a time."""
    if not result.commit or result.outcome is not StepOutcome.SUCCEEDED:
        return result
    async with slots.integration:
        integration = await call(
            INTEGRATE_STEP,
            IntegrateStep(
                workspace=record.place,
                step_id=step.id,
                execution=result.execution,
                commit=result.commit,
                head=record.head,
            ),
            queue=record.place.queue,
            activity_id=f"{step.id}-{result.execution}-integrate",
            summary=f"{step.name} · integrate",
        )
        if integration.conflicts:
            return _conflict(result, integration.conflicts)
        record.checkpoint(integration.head, step.id)
    return result.model_copy(update={"commit": integration.commit})


def _conflict(result: StepResult, paths: tuple[str, ...]) -> StepResult:
    failure = Failure(
        kind=FailureKind.CONFLICT,
        message=f"its change conflicts with another step's in {', '.join(paths[:5])}",
        recommendation=f"Its own version is kept at commit {result.commit[:12]}",
    )
    return result.model_copy(update={"outcome": StepOutcome.FAILED, "failure": failure})


def _conflicted(result: StepResult) -> bool:
    return result.failure is not None and result.failure.kind is FailureKind.CONFLICT


def _recovered(step: Step, error_class: str, strategy: str, result: str) -> Recovered:
    return Recovered(step=step.id, error_class=error_class, severity="minor", strategy=strategy, result=result)


async def _back_off(record: RunRecord, step: Step, after_s: float) -> None:
    record.backing_off[step.id] = True
    try:
        await workflow.sleep(timedelta(seconds=after_s), summary=f"{step.name} · pause before the next try")
    finally:
        record.backing_off.pop(step.id, None)


async def _ask_unknown(record: RunRecord, step: Step, result: StepResult, execution: int) -> Answer:
    record.set_state(step.id, StepState.WAITING, "nobody knows whether it took effect")
    answer = await ask(
        record,
        f"unknown-{step.id}-{execution}",
        DecisionKind.UNKNOWN_OUTCOME,
        f"Did “{step.name}” take effect? Its worker died while it ran",
        (RERUN, SKIP, ABORT),
        context=f"`{_what(step)}`\n\n{result.summary}",
        step_id=step.id,
    )
    _stop_if_aborted(answer, step)
    return answer


async def _ask_question(record: RunRecord, step: Step, action: AskAction) -> StepResult:
    record.set_state(step.id, StepState.WAITING, "waiting for an answer")
    options = tuple(
        Option(name=name, effect="ends the run as cancelled" if name in action.stops_on else "goes on with this answer")
        for name in action.options
    )
    answer = await ask(record, f"question-{step.id}", DecisionKind.QUESTION, action.question, options, step_id=step.id)
    if answer.option in action.stops_on:
        _stop_if_aborted(answer.model_copy(update={"option": ABORT.name}), step)
    return _answered(record, step, answer, f"answered {answer.option!r}")


def _answered(record: RunRecord, step: Step, answer: Answer, summary: str) -> StepResult:
    return StepResult(
        step_id=step.id,
        execution=record.times[step.id].execution,
        outcome=StepOutcome.SUCCEEDED,
        summary=summary + (f": {headline(answer.note, 200)}" if answer.note else ""),
        agent=f"person:{answer.by}",
        output={"answer": answer.option, "note": answer.note},
        started_at=record.times[step.id].started_at,
        ended_at=workflow.now(),
    )


async def _hand_off(record: RunRecord, slots: Slots, step: Step, action: AgentAction) -> StepResult:
    """A person does the work in a worktree of the run's, which waits for them."""
    prepared = await _prepare(record, step, 1, f"handoff-{step.id}")
    if prepared.recorded is not None:
        return await _integrate(record, slots, step, prepared.recorded)
    question, asked = step.name, 0
    while True:
        asked += 1
        record.set_state(step.id, StepState.WAITING, f"waiting for a person in {prepared.checkout.worktree}")
        answer = await ask(
            record,
            f"handoff-{step.id}" + (f"-{asked}" if asked > 1 else ""),
            DecisionKind.HANDOFF,
            question,
            (DONE, SKIP, ABORT),
            context=action.prompt,
            step_id=step.id,
            worktree=prepared.checkout.worktree,
        )
        _stop_if_aborted(answer, step)
        if answer.option == SKIP.name:
            result = _answered(record, step, answer, "left out")
            return result.model_copy(update={"outcome": StepOutcome.SKIPPED})
        record.set_state(step.id, StepState.RUNNING, "taking the changes")
        result = await _collect(record, step, prepared, answer, asked)
        if result.outcome is not StepOutcome.SUCCEEDED:
            question = f"{step.name}: {result.failure.message if result.failure else 'it could not be taken'}"
        elif result.commit or not action.expects_changes or asked > 1:
            return await _integrate(record, slots, step, result)
        else:
            question = f"{step.name}: nothing was changed in the worktree. Is it done all the same?"


async def _collect(record: RunRecord, step: Step, prepared: PreparedStep, answer: Answer, asked: int) -> StepResult:
    return await call(
        COLLECT_STEP,
        CollectStep(
            workspace=record.place,
            step=step,
            execution=1,
            checkout=prepared.checkout,
            answered_by=answer.by,
            note=answer.note,
            started_at=record.times[step.id].started_at or workflow.now(),
        ),
        queue=record.place.queue,
        activity_id=f"{step.id}-{asked}-collect",
        summary=f"{step.name} · take what {answer.by} changed",
    )


def _stop_if_aborted(answer: Answer, step: Step) -> None:
    if answer.option == ABORT.name:
        raise StopRun(
            Stop(
                outcome=Outcome.CANCELLED,
                code="aborted",
                message=f"{answer.by} aborted the run at “{step.name}”" + (f": {answer.note}" if answer.note else ""),
            )
        )
