"""Conditions and lists of a plan: evaluated in an activity, with exactly what they may see."""

from typing import Literal

from ostinato.contracts.activities import EVALUATE
from ostinato.contracts.planning import Evaluate, Evaluated
from ostinato.domain.conditions import told
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.plan import ChooseAction, Step
from ostinato.domain.variables import variables_of
from ostinato.durable.calls import call
from ostinato.durable.places import in_flight
from ostinato.durable.record import RunRecord


async def skipped_by_condition(record: RunRecord, step: Step) -> StepResult | None:
    """A result where the step's condition is false, or cannot be evaluated; None: the step is to run."""
    if not step.when or record.steps.states[step.id] is not StepState.PREPARING:  # it began: it was true then
        return None
    found = await evaluate(record, step, step.when, "condition")
    if found.problem:
        return failed(step, FailureKind.CONDITION, found.problem)
    if found.value:
        return None
    return StepResult(
        step_id=step.id,
        execution=record.of(step.id).execution,
        outcome=StepOutcome.SKIPPED,
        summary=f"not needed: {told(step.when)}"[:300],
    )


async def choose(record: RunRecord, step: Step, action: ChooseAction) -> StepResult:
    found = await evaluate(record, step, action.condition, "condition")
    if found.problem:
        return failed(step, FailureKind.CONDITION, found.problem)
    return StepResult(
        step_id=step.id,
        execution=record.of(step.id).execution,
        outcome=StepOutcome.SUCCEEDED,
        agent="condition",
        summary=f"{told(action.condition)}: {'yes' if found.value else 'no'}"[:300],
        output={"chosen": bool(found.value)},
    )


async def evaluate(record: RunRecord, step: Step, expression: str, wants: Literal["condition", "list"]) -> Evaluated:
    variables = variables_of(record.steps.plan, record.results, step)
    async with in_flight(record):
        return await call(
            EVALUATE,
            Evaluate(expression=expression, wants=wants, variables=variables),
            summary=f"{step.name} · {expression}",
        )


def failed(step: Step, kind: FailureKind, message: str, recommendation: str = "") -> StepResult:
    return StepResult(
        step_id=step.id,
        outcome=StepOutcome.FAILED,
        summary=message[:500],
        failure=Failure(kind=kind, message=message[:1000], recommendation=recommendation),
    )
