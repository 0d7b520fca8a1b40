import pytest

from ostinato.domain.execution import FailureKind, StepOutcome
from ostinato.domain.recovery import AskPerson, GiveUp, Redo, Remedy, Retry, decide
from tests.builders import a_result, a_step


@pytest.mark.parametrize(
    ("outcome", "kind", "failures", "expected"),
    [
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 0, Retry(after_s=1.0)),
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 1, Retry(after_s=2.0)),
        (StepOutcome.FAILED, FailureKind.EXIT_STATUS, 2, GiveUp()),
        (StepOutcome.FAILED, FailureKind.NOT_TRUSTED, 0, GiveUp()),
        (StepOutcome.FAILED, FailureKind.MISSING_COMMAND, 0, GiveUp()),
        (StepOutcome.FAILED, FailureKind.CLAIM, 0, GiveUp()),
        (StepOutcome.FAILED, FailureKind.PLAN, 0, GiveUp()),
        (StepOutcome.CANCELLED, FailureKind.CANCELLED, 0, GiveUp()),
        (StepOutcome.UNKNOWN, FailureKind.EXIT_STATUS, 0, AskPerson()),
    ],
)
def test_each_failure_has_its_remedy(outcome: StepOutcome, kind: FailureKind, failures: int, expected: Remedy) -> None:
    result = a_result("a", outcome, failure={"kind": kind, "message": "no"})

    assert decide(a_step("a", max_attempts=3), result, failures=failures, conflicts=0, jitter=0) == expected


@pytest.mark.parametrize(("conflicts", "expected"), [(0, Redo()), (1, Redo()), (2, AskPerson())])
def test_a_conflict_is_redone_twice_then_a_person_is_asked(conflicts: int, expected: Remedy) -> None:
    result = a_result("a", StepOutcome.FAILED, failure={"kind": FailureKind.CONFLICT, "message": "no"})

    assert decide(a_step("a", max_attempts=1), result, failures=0, conflicts=conflicts, jitter=0) == expected


def test_conflicts_do_not_use_up_attempts() -> None:
    result = a_result("a", StepOutcome.FAILED, failure={"kind": FailureKind.EXIT_STATUS, "message": "no"})

    assert isinstance(decide(a_step("a", max_attempts=2), result, failures=0, conflicts=2, jitter=0), Retry)


def test_jitter_adds_up_to_a_tenth() -> None:
    result = a_result("a", StepOutcome.FAILED, failure={"kind": FailureKind.TIMEOUT, "message": "no"})

    remedy = decide(a_step("a", max_attempts=3), result, failures=1, conflicts=0, jitter=1)

    assert isinstance(remedy, Retry)
    assert remedy.after_s == pytest.approx(2.2)
