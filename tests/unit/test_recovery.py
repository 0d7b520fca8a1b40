import pytest

from ostinato.domain.execution import FailureKind, StepOutcome
from ostinato.domain.recovery import AskPerson, GiveUp, Remedy, Retry, decide
from tests.builders import a_result, a_step


@pytest.mark.parametrize(
    ("outcome", "kind", "executions", "expected"),
    [
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 1, Retry(after_s=1.0)),
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 2, Retry(after_s=2.0)),
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 3, GiveUp()),
        (StepOutcome.FAILED, FailureKind.NOT_TRUSTED, 1, GiveUp()),
        (StepOutcome.FAILED, FailureKind.MISSING_COMMAND, 1, GiveUp()),
        (StepOutcome.CANCELLED, FailureKind.CANCELLED, 1, GiveUp()),
        (StepOutcome.UNKNOWN, FailureKind.EXIT_STATUS, 1, AskPerson()),
    ],
)
def test_each_failure_has_its_remedy(
    outcome: StepOutcome, kind: FailureKind, executions: int, expected: Remedy
) -> None:
    result = a_result("a", outcome, failure={"kind": kind, "message": "no"})

    assert decide(a_step("a", max_attempts=3), result, executions=executions, jitter=0) == expected


def test_jitter_adds_up_to_a_tenth() -> None:
    result = a_result("a", StepOutcome.FAILED, failure={"kind": FailureKind.TIMEOUT, "message": "no"})

    remedy = decide(a_step("a", max_attempts=3), result, executions=2, jitter=1)

    assert isinstance(remedy, Retry)
    assert remedy.after_s == pytest.approx(2.2)
