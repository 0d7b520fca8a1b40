"""Questions about a step that failed: whether it took effect, what to do about a conflict, or about anything else."""

from ostinato.domain.decisions import ABORT, RERUN, SKIP, Answer, DecisionKind
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.plan import Step
from ostinato.durable.carrying import what_of
from ostinato.durable.people import ask, stop_if_aborted
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine, come_back, conflict_diff, last_conflict, leave_slot


async def ask_about(engine: Engine, step: Step, result: StepResult, because: str) -> Answer:
    """Whoever waits for the answer takes no slot meanwhile."""
    record = engine.record
    leave_slot(engine, step)
    if result.outcome is StepOutcome.UNKNOWN:
        answer = await _ask_unknown(record, step, result)
    elif result.failure is not None and result.failure.kind is FailureKind.CONFLICT:
        answer = await _ask_conflict(record, step, result)
    else:
        answer = await _ask_failed(record, step, result, because)
    await come_back(engine, step)
    return answer


def resolve_conflict(record: RunRecord, step: Step, result: StepResult, answer: Answer) -> None:
    """What a person decided about it; one redo more is then left."""
    met = last_conflict(record, step)
    if result.failure is None or result.failure.kind is not FailureKind.CONFLICT or met is None:
        return
    said = "left out" if answer.option == SKIP.name else "redone"
    record.conflicts[record.conflicts.index(met)] = met.model_copy(update={"resolution": f"{said} by {answer.by}"})
    record.of(step.id).conflicts = min(record.of(step.id).conflicts, 1)


async def _ask_unknown(record: RunRecord, step: Step, result: StepResult) -> Answer:
    record.set_state(step.id, StepState.WAITING, "nobody knows whether it took effect")
    answer = await ask(
        record,
        f"unknown-{step.id}-{result.execution}",
        DecisionKind.UNKNOWN_OUTCOME,
        f"Did “{step.name}” take effect? Its worker died while it ran",
        (RERUN, SKIP, ABORT),
        context=f"`{what_of(step)}`\n\n{result.summary}",
        step_id=step.id,
    )
    stop_if_aborted(answer, step)
    return answer


async def _ask_conflict(record: RunRecord, step: Step, result: StepResult) -> Answer:
    record.set_state(step.id, StepState.WAITING, "its change keeps conflicting")
    diff = await conflict_diff(record, step, result.execution)
    answer = await ask(
        record,
        f"conflict-{step.id}-{result.execution}",
        DecisionKind.CONFLICT,
        f"“{step.name}” conflicted {record.of(step.id).conflicts + 1} times. Run it once more, or leave it out?",
        (RERUN, SKIP, ABORT),
        context=f"{result.failure.message if result.failure else ''}\n\n```diff\n{diff}\n```",
        step_id=step.id,
    )
    stop_if_aborted(answer, step)
    return answer


async def _ask_failed(record: RunRecord, step: Step, result: StepResult, because: str) -> Answer:
    record.set_state(step.id, StepState.WAITING, "it failed, and a person is asked")
    failure = result.failure
    answer = await ask(
        record,
        f"failed-{step.id}-{result.execution}",
        DecisionKind.QUESTION,
        f"“{step.name}” failed: {failure.message if failure else result.summary}"[:500],
        (RERUN, SKIP, ABORT),
        context=f"{because}\n\n{failure.recommendation if failure else ''}\n\n{failure.details if failure else ''}",
        step_id=step.id,
    )
    stop_if_aborted(answer, step)
    return answer
