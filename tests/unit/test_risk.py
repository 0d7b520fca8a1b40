import pytest

from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.risk import ORDER, POLICY, assess_risk

PHRASES = {
    "deploy to production": Risk.CRITICAL,
    "drop the users table": Risk.CRITICAL,
    "delete all user records": Risk.CRITICAL,
    "force-push the branch": Risk.CRITICAL,
    "add stripe payments": Risk.HIGH,
    "change the login form": Risk.HIGH,
    "rotate the API keys": Risk.HIGH,
    "write a migration for the orders": Risk.HIGH,
    "delete the old module": Risk.HIGH,
    "apply the terraform files": Risk.HIGH,
    "edit .github/workflows/ci.yml": Risk.HIGH,
    "touch src/auth/tokens.py": Risk.HIGH,
    "a breaking change of the parser": Risk.HIGH,
    "export personal data": Risk.HIGH,
    "publish the package": Risk.MEDIUM,
}


@pytest.mark.parametrize(("phrase", "expected"), PHRASES.items())
@pytest.mark.parametrize("task_type", TaskType)
def test_a_phrase_of_the_policy_has_its_risk_whatever_the_type(
    phrase: str, expected: Risk, task_type: TaskType
) -> None:
    assert ORDER.index(assess_risk(phrase, task_type).risk) >= ORDER.index(expected)


def test_no_rule_of_the_policy_yields_low() -> None:
    assert all(rule.risk is not Risk.LOW and rule.mitigation for rule in POLICY)


@pytest.mark.parametrize("text", ["fix lint and format", "write tests for the parser", "fix a typo in the README"])
@pytest.mark.parametrize("task_type", [TaskType.MAINTENANCE, TaskType.TESTING, TaskType.DOCUMENTATION])
def test_plain_upkeep_is_low(text: str, task_type: TaskType) -> None:
    assert assess_risk(text, task_type).risk is Risk.LOW


def test_paths_raise_the_risk_as_words_do() -> None:
    found = assess_risk("tidy up", TaskType.MAINTENANCE, paths=["db/migrations/0001_first.py"])

    assert found.risk is Risk.HIGH
    assert found.mitigations


def test_more_text_never_lowers_the_risk() -> None:
    less = assess_risk("drop the users table", TaskType.MAINTENANCE).risk
    more = assess_risk("just a small safe lint fix; drop the users table", TaskType.MAINTENANCE).risk

    assert more is less
