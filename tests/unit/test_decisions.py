import pytest

from ostinato.domain.decisions import APPROVE, REJECT, Answer, Decision, DecisionKind, answer_problem
from ostinato.domain.ids import DecisionId
from tests.builders import NOON

APPROVAL = DecisionId("approval")
ASKED = Decision(
    id=APPROVAL, kind=DecisionKind.APPROVAL, question="Go on?", options=(APPROVE, REJECT), asked_at=NOON
)  # fmt: skip
ANSWERED = ASKED.model_copy(update={"answer": Answer(decision=APPROVAL, option="approve", by="ada")})


def test_an_option_of_an_open_decision_is_good() -> None:
    assert answer_problem({APPROVAL: ASKED}, Answer(decision=APPROVAL, option="approve")) is None


@pytest.mark.parametrize(
    ("decision", "name", "option", "code"),
    [
        (ASKED, "other", "approve", "decision_unknown"),
        (ASKED, "approval", "maybe", "option_unknown"),
        (ANSWERED, "approval", "reject", "decision_answered"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(decision: Decision, name: str, option: str, code: str) -> None:
    problem = answer_problem({APPROVAL: decision}, Answer(decision=DecisionId(name), option=option))

    assert problem is not None
    assert problem.code == code
    assert problem.cure
