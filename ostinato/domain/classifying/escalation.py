"""What to do about a type that is not certain: take it, guard it by two types' gates, ask a model, or ask a person."""

from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.classification import Classification, TaskType

SURE = 0.70
PERSON_SURE = 1.0
MODEL_SURE = 0.65
"""How often a model is taken to be right where the classifier is not; an estimate that nothing was measured for."""
UNSURE = 0.45
"""Below it the type is a guess, and the risk is never called low."""


class Next(StrEnum):
    TAKE = "take"
    TAKE_WITH_BOTH_GATES = "take_with_both_gates"
    ASK_MODEL = "ask_model"
    ASK_PERSON = "ask_person"
    GENERIC_PLAN = "generic_plan"


class Escalation(Fact):
    next: Next
    gate_types: tuple[TaskType, ...]
    """The union of their gates is run."""
    reason: str


def gate_types(classification: Classification) -> tuple[TaskType, ...]:
    """The type's own gates; those of the second likeliest too where the first is not sure."""
    first = classification.task_type
    if classification.stated or classification.confidence >= SURE:
        return (first,)
    other = next((each.task_type for each in classification.top if each.task_type is not first), None)
    return (first, other) if other else (first,)


def escalation(classification: Classification, *, has_model: bool, can_ask: bool) -> Escalation:
    """A person's word is taken; a guess goes to the model, else to a person, else to a plan that fits anything."""
    confidence = f"{classification.confidence:.0%} sure"
    if classification.stated:
        chosen, reason = Next.TAKE, "the type was stated"
    elif classification.confidence >= SURE:
        chosen, reason = Next.TAKE, confidence
    elif classification.confidence >= UNSURE:
        chosen, reason = Next.TAKE_WITH_BOTH_GATES, f"{confidence}: the gates of the two likeliest types are run"
    elif has_model:
        chosen, reason = Next.ASK_MODEL, f"{confidence}: the language model is asked"
    elif can_ask:
        chosen, reason = Next.ASK_PERSON, f"{confidence}: a person is asked"
    else:
        chosen, reason = Next.GENERIC_PLAN, f"{confidence}: a plan that fits any type is used"
    return Escalation(next=chosen, gate_types=gate_types(classification), reason=reason)


def model_sure(classification: Classification, answer: TaskType) -> float:
    """A model that names a type which the classifier thought likely is believed more than one that names another."""
    agreed = next((each.p for each in classification.top if each.task_type is answer), 0.0)
    return round(min(SURE, MODEL_SURE + agreed / 10), 2)
