import pytest

from ostinato.domain.classification import Complexity, Intent, Risk, TaskType
from ostinato.domain.classifying.escalation import UNSURE
from ostinato.domain.complexity import WEIGHTS
from ostinato.domain.rules import classify

PLAIN = {
    "implement JWT auth": TaskType.CODE_IMPLEMENTATION,
    "fix the crash on empty input": TaskType.BUG_FIX,
    "refactor the parser module": TaskType.REFACTORING,
    "write tests for the parser": TaskType.TESTING,
    "document the public API": TaskType.DOCUMENTATION,
    "fix a typo in the README": TaskType.DOCUMENTATION,
    "review the last commits": TaskType.CODE_REVIEW,
    "audit the dependencies for known vulnerabilities": TaskType.SECURITY_AUDIT,
    "audit this project": TaskType.SECURITY_AUDIT,
    "why is start-up slow?": TaskType.PERFORMANCE_OPTIMIZATION,
    "deploy to staging": TaskType.DEPLOYMENT,
    "add a Dockerfile": TaskType.DEPLOYMENT,
    "how does the scheduler work?": TaskType.RESEARCH,
    "redesign the settings page": TaskType.UI_DESIGN,
    "fix lint and format": TaskType.MAINTENANCE,
    "upgrade dependencies": TaskType.MAINTENANCE,
    "Modernise and clean up this project: fix lint errors, format it, and add missing tests": TaskType.MAINTENANCE,
}


@pytest.mark.parametrize(("text", "expected"), PLAIN.items())
def test_a_plain_request_is_given_its_type(text: str, expected: TaskType) -> None:
    assert classify(text).task_type is expected


def test_every_type_is_reached_by_a_plain_request() -> None:
    assert set(PLAIN.values()) == set(TaskType)


@pytest.mark.parametrize("text", ["bitte mach das schneller", "パーサーを直してください", "xyzzy plugh", "12345 67890"])
def test_what_the_rules_do_not_know_gets_a_low_confidence_and_no_low_risk(text: str) -> None:
    found = classify(text)

    assert found.confidence < UNSURE
    assert found.risk is not Risk.LOW


def test_a_stated_type_wins_over_the_rules() -> None:
    found = classify("write tests for the parser", stated=TaskType.REFACTORING)

    assert (found.task_type, found.secondary, found.stated) == (TaskType.REFACTORING, TaskType.TESTING, True)


def test_it_says_which_words_carried_it() -> None:
    assert any("'audit'" in reason for reason in classify("audit this project").because)


def test_two_types_in_one_request_lower_the_confidence_and_name_the_second() -> None:
    clear, mixed = classify("refactor the parser"), classify("refactor the parser and write tests for it")

    assert mixed.confidence < clear.confidence
    assert mixed.secondary is not None


def test_the_first_verb_is_the_intent_and_the_next_the_second() -> None:
    found = classify("explain and then fix the parser")

    assert (found.intent, found.secondary_intent) == (Intent.ANALYZE, Intent.FIX)


def test_the_six_factors_are_weighted_to_one() -> None:
    found = classify("rewrite the whole system as distributed services with an external payments api")

    assert set(found.factors) == set(WEIGHTS)
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert found.complexity is not Complexity.SIMPLE


def test_enterprise_is_said_in_so_many_words() -> None:
    found = classify("migrate to microservices with zero downtime and SOC2 compliance")

    assert found.complexity is Complexity.ENTERPRISE
