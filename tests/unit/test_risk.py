import time
from typing import Any

import pytest

from ostinato.domain.approval import approval_context, approval_for
from ostinato.domain.classification import Classification, Intent, Risk, TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.evidence import ChangedFile, DiffFacts
from ostinato.domain.plan import CommandAction, Step
from ostinato.domain.refining import after_diff, after_person, after_plan
from ostinato.domain.request import RunOptions
from ostinato.domain.risk import (
    ORDER,
    assess_diff,
    assess_plan,
    assess_risk,
    lowered_by,
    raised,
    stated_by,
    with_risk,
)
from ostinato.domain.risk_policy import CHANGES, POLICY
from tests.builders import NOON, a_plan, a_step

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


@pytest.mark.parametrize(("rule", "phrase"), [(rule, phrase) for rule in POLICY for phrase in rule.examples])
@pytest.mark.parametrize("task_type", TaskType)
def test_every_example_of_the_table_has_at_least_its_risk(rule: Any, phrase: str, task_type: TaskType) -> None:
    found = assess_risk(phrase, task_type)

    assert ORDER.index(found.risk) >= ORDER.index(rule.risk)
    assert rule.mitigation in found.mitigations
    assert any(rule.name in reason for reason in found.reasons)


LEADS = ("document", "explain", "review", "write tests for", "how does this work:", "fix a typo in the docs of")


@pytest.mark.parametrize("phrase", [phrase for rule in POLICY for phrase in rule.examples])
@pytest.mark.parametrize("lead", LEADS)
def test_no_way_of_talking_about_a_phrase_makes_it_low(lead: str, phrase: str) -> None:
    assert all(assess_risk(f"{lead} {phrase}", task_type).risk is not Risk.LOW for task_type in TaskType)


@pytest.mark.parametrize("text", ["document the auth tokens", "explain how payments work", "write tests for the login"])
def test_what_only_talks_about_a_matter_is_a_step_lower_and_says_so(text: str) -> None:
    found = assess_risk(text, TaskType.DOCUMENTATION)

    assert found.risk is Risk.MEDIUM
    assert "; only " in found.reasons[0]


@pytest.mark.parametrize(
    "text",
    ["document and then rewrite the login", "review the login and fix it", "explain auth. Then rotate all tokens"],
)
def test_talk_that_goes_on_to_change_something_counts_in_full(text: str) -> None:
    assert assess_risk(text, TaskType.DOCUMENTATION).risk is Risk.HIGH


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


def test_prose_and_tests_about_a_matter_are_a_step_lower_than_its_code() -> None:
    prose = assess_risk("tidy up", TaskType.DOCUMENTATION, paths=["docs/authentication.md"])
    code = assess_risk("tidy up", TaskType.DOCUMENTATION, paths=["docs/authentication.md", "src/authentication.py"])

    assert (prose.risk, code.risk) == (Risk.MEDIUM, Risk.HIGH)


def test_a_command_of_a_plan_is_an_act_however_it_begins() -> None:
    step = a_step("clear", action=CommandAction(shell="find . -name data -print; rm -rf data"))

    assert assess_plan(a_plan(step), TaskType.RESEARCH).risk is Risk.CRITICAL


def test_what_a_plan_claims_to_write_counts() -> None:
    plan = a_plan(a_step("edit", writes=("db/migrations/**",)))

    assert assess_plan(plan, TaskType.MAINTENANCE).risk is Risk.HIGH


def a_diff(*files: tuple[str, str], **fields: Any) -> DiffFacts:
    changed = tuple(ChangedFile(path=path, kind=kind, added=1) for path, kind in files)
    return DiffFacts.model_validate({"files": changed, "files_count": len(changed), "lines_added": 1, **fields})


KINDS = {
    "public names removed": a_diff(("a.py", "modified"), public_removed=("a.py:parse",)),
    "tests deleted": a_diff(("tests/test_a.py", "deleted")),
    "many files deleted": a_diff(*((f"a{n}.py", "deleted") for n in range(10))),
    "files deleted": a_diff(("a.py", "deleted")),
    "migration added": a_diff(("app/migrations/0002_more.py", "added")),
    "migration changed": a_diff(("app/migrations/0001_first.py", "modified")),
    "dependency major": a_diff(("pyproject.toml", "modified"), majors=("pydantic 1 → 2",)),
    "dependency added or removed": a_diff(("pyproject.toml", "modified"), dependencies_changed=("+ httpx",)),
    "binary": DiffFacts(files=(ChangedFile(path="a.bin", kind="added", is_binary=True),), files_count=1),
    "very large": a_diff(("a.py", "modified"), lines_added=6000),
    "large": a_diff(("a.py", "modified"), lines_added=1200),
}


@pytest.mark.parametrize("rule", CHANGES, ids=lambda rule: rule.name)
def test_each_kind_of_change_is_found_in_a_diff_that_has_it(rule: Any) -> None:
    found = assess_diff(KINDS[rule.name], TaskType.DOCUMENTATION)

    assert ORDER.index(found.risk) >= ORDER.index(rule.risk)
    assert any(rule.reason in reason for reason in found.reasons)


def test_a_plain_change_of_prose_is_low() -> None:
    assert assess_diff(a_diff(("README.md", "modified")), TaskType.DOCUMENTATION).risk is Risk.LOW


def test_a_diff_raises_what_talk_had_softened() -> None:
    asked = a_classification(Risk.MEDIUM)

    after = with_risk(asked, assess_diff(a_diff(("src/auth.py", "modified")), asked.task_type, at_least=asked.risk))

    assert after.risk is Risk.HIGH


def a_classification(risk: Risk) -> Classification:
    return Classification(task_type=TaskType.DOCUMENTATION, confidence=0.8, intent=Intent.CREATE, risk=risk)


def test_a_later_judgement_never_lowers_a_risk() -> None:
    assert raised(Risk.HIGH, Risk.LOW) is Risk.HIGH
    assert with_risk(a_classification(Risk.HIGH), assess_risk("a typo", TaskType.DOCUMENTATION)).risk is Risk.HIGH


def test_a_person_lowers_a_risk_and_that_is_kept() -> None:
    after = lowered_by(a_classification(Risk.HIGH), "ada", to=Risk.LOW, why="only comments", at=NOON)

    assert after.risk is Risk.LOW
    assert [(kept.by, kept.before, kept.after) for kept in after.lowered] == [("ada", Risk.HIGH, Risk.LOW)]


@pytest.mark.parametrize(
    ("person", "why", "to"), [("", "x", Risk.LOW), ("ada", " ", Risk.LOW), ("ada", "x", Risk.HIGH)]
)
def test_a_lowering_without_name_or_reason_or_effect_is_refused(person: str, why: str, to: Risk) -> None:
    with pytest.raises(UserError):
        lowered_by(a_classification(Risk.HIGH), person, to=to, why=why, at=NOON)


def test_what_was_critical_is_lowered_to_high_at_most() -> None:
    with pytest.raises(UserError):
        lowered_by(a_classification(Risk.CRITICAL), "ada", to=Risk.MEDIUM, why="x", at=NOON)


@pytest.mark.parametrize(
    ("before", "stated", "why", "after"),
    [
        (Risk.HIGH, Risk.LOW, "only comments", Risk.LOW),
        (Risk.HIGH, Risk.LOW, " ", Risk.HIGH),
        (Risk.HIGH, Risk.HIGH, "", Risk.HIGH),
        (Risk.CRITICAL, Risk.LOW, "a dry run", Risk.HIGH),
        (Risk.LOW, Risk.HIGH, "", Risk.HIGH),
        (Risk.CRITICAL, Risk.HIGH, "", Risk.CRITICAL),
    ],
)
def test_a_persons_word_raises_a_risk_and_lowers_it_with_a_reason(
    before: Risk, stated: Risk, why: str, after: Risk
) -> None:
    found, _ = stated_by(a_classification(before), "ada", risk=stated, why=why, at=NOON)

    assert found.risk is after
    assert bool(found.lowered) is (ORDER.index(after) < ORDER.index(before))


def test_a_lowering_that_policy_cuts_short_says_so() -> None:
    _, note = stated_by(a_classification(Risk.CRITICAL), "ada", risk=Risk.LOW, why="a dry run", at=NOON)

    assert note == (
        "ada lowered the risk from critical to high: a dry run; not to low: what was critical stays high at least"
    )


def test_a_raised_risk_says_who_raised_it() -> None:
    found, _ = stated_by(a_classification(Risk.LOW), "ada", risk=Risk.HIGH, why="Friday", at=NOON)

    assert found.risk_reasons == ("high: ada says so (Friday)",)


def test_a_lowered_risk_rises_again_by_the_real_change() -> None:
    lowered, _ = stated_by(a_classification(Risk.HIGH), "ada", risk=Risk.LOW, why="only comments", at=NOON)

    after = after_diff(lowered, a_diff(("src/auth.py", "modified")))

    assert after.risk is Risk.HIGH
    assert after.lowered == lowered.lowered


def test_a_lowered_risk_and_its_factor_of_complexity_agree() -> None:
    found = after_plan(a_classification(Risk.HIGH), a_plan(a_step()))

    lowered, _ = after_person(found, RunOptions(risk=Risk.LOW, risk_because="only comments"), "ada", NOON)

    assert lowered.factors["risk"] < found.factors["risk"]


def test_the_question_for_consent_names_who_lowered_the_risk_and_why() -> None:
    lowered, _ = stated_by(a_classification(Risk.CRITICAL), "ada", risk=Risk.HIGH, why="a dry run", at=NOON)

    assert "ada lowered the risk from critical to high: a dry run" in approval_context(a_plan(a_step()), lowered)
    assert not approval_for(RunOptions(approve_in_advance=True), lowered).in_advance


def test_a_matter_is_told_once_at_its_highest_with_every_place() -> None:
    said = with_risk(a_classification(Risk.LOW), assess_risk("document the payments", TaskType.DOCUMENTATION))

    once = with_risk(said, assess_risk("", TaskType.DOCUMENTATION, paths=["src/payments.py"]))
    twice = with_risk(once, assess_plan(a_plan(a_pay_step()), TaskType.DOCUMENTATION, at_least=once.risk))

    assert twice.risk_reasons == ("high: money is handled (payments; src/payments.py; src/billing.py)",)


def a_pay_step() -> Step:
    return a_step("pay", writes=("src/billing.py",))


@pytest.mark.parametrize("piece", ["a", "a_", "-", "deploy ", "drop the ", "upgrade to ", "x\n", "a/"])
def test_no_text_takes_long_to_judge(piece: str) -> None:
    began = time.perf_counter()

    assess_risk((piece * 20_000)[:20_000], TaskType.BUG_FIX)

    assert time.perf_counter() - began < 1
