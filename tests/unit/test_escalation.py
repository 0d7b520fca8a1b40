import pytest

from ostinato.domain.classification import Classification, Intent, Ranked, TaskType
from ostinato.domain.classifying.escalation import Next, escalation, gate_types
from ostinato.domain.rules import classify

TESTING, BUG_FIX = TaskType.TESTING, TaskType.BUG_FIX


def found(p: float, *, stated: bool = False) -> Classification:
    top = (Ranked(task_type=TESTING, p=p), Ranked(task_type=BUG_FIX, p=(1 - p) / 2))
    return Classification(task_type=TESTING, confidence=p, intent=Intent.CREATE, top=top, stated=stated)


@pytest.mark.parametrize(
    ("p", "has_model", "can_ask", "then"),
    [
        (0.70, True, True, Next.TAKE),
        (0.69, True, True, Next.TAKE_WITH_BOTH_GATES),
        (0.45, False, False, Next.TAKE_WITH_BOTH_GATES),
        (0.44, True, True, Next.ASK_MODEL),
        (0.44, False, True, Next.ASK_PERSON),
        (0.44, False, False, Next.GENERIC_PLAN),
    ],
)
def test_confidence_decides_what_is_done(p: float, has_model: bool, can_ask: bool, then: Next) -> None:
    assert escalation(found(p), has_model=has_model, can_ask=can_ask).next is then


@pytest.mark.parametrize(("p", "types"), [(0.9, (TESTING,)), (0.5, (TESTING, BUG_FIX)), (0.2, (TESTING, BUG_FIX))])
def test_the_gates_of_the_second_type_are_run_where_the_first_is_unsure(p: float, types: tuple[TaskType, ...]) -> None:
    assert gate_types(found(p)) == types


def test_a_stated_type_is_taken_however_unlikely() -> None:
    decided = escalation(found(0.1, stated=True), has_model=True, can_ask=True)

    assert (decided.next, decided.gate_types) == (Next.TAKE, (TESTING,))


def test_a_request_in_another_language_is_escalated() -> None:
    decided = escalation(classify("bitte mach das schneller"), has_model=True, can_ask=True)

    assert decided.next is Next.ASK_MODEL
