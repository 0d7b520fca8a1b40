from typing import Any

import pytest

from ostinato.cli.factors import factor_lines
from ostinato.domain.classification import Basis, Complexity, Risk, TaskType
from ostinato.domain.complexity import (
    TEXT_AT_MOST,
    WEIGHTS,
    band_of,
    facts_of,
    read_diff,
    read_evidence,
    read_plan,
    read_text,
    settle,
)
from ostinato.domain.criteria import BY_TYPE, criteria_for
from ostinato.domain.domains import domains_of
from ostinato.domain.durations import Expectation
from ostinato.domain.estimate import estimate_by, estimate_of
from ostinato.domain.evidence import ChangedFile, DiffFacts, Evidence, MatchedFile
from ostinato.domain.refining import after_diff, after_plan, refine
from ostinato.domain.rules import classify
from tests.builders import a_plan, a_step


def a_match(path: str = "src/auth/tokens.py", **fields: Any) -> MatchedFile:
    return MatchedFile.model_validate({"path": path, "score": 1.0, "why": ("named",), "size_bytes": 900, **fields})


def an_evidence(*matches: MatchedFile, **fields: Any) -> Evidence:
    found = matches or (a_match(),)
    given = {"commit": "c0ffee", "files": 100, "matches": found, "matched": len(found), "packages": ("src/auth",)}
    return Evidence.model_validate({**given, **fields})


def a_diff(files: int = 1, lines: int = 5, **fields: Any) -> DiffFacts:
    changed = tuple(ChangedFile(path=f"src/part{n}/a.py", kind="modified", added=1) for n in range(files))
    return DiffFacts.model_validate({"files": changed, "files_count": files, "lines_added": lines, **fields})


LONG = "rewrite the whole distributed system across all external services; maybe with a new protocol, investigate"


@pytest.mark.parametrize("text", ["", "fix a typo", LONG, LONG * 20])
@pytest.mark.parametrize("task_type", TaskType)
def test_text_alone_is_never_trusted_above_half(text: str, task_type: TaskType) -> None:
    read = read_text(text, task_type, type_confidence=1.0, domains=9, files=10**6)

    assert read.confidence <= TEXT_AT_MOST
    assert all(0 <= factor.value <= 1 for factor in read.factors.values())


def test_the_cuts_are_those_of_the_four_bands() -> None:
    assert [band_of(score) for score in (0.29, 0.3, 0.59, 0.6, 0.79, 0.8)] == [
        Complexity.SIMPLE,
        Complexity.MODERATE,
        Complexity.MODERATE,
        Complexity.COMPLEX,
        Complexity.COMPLEX,
        Complexity.ENTERPRISE,
    ]


def test_every_factor_names_the_facts_behind_it() -> None:
    found = classify(LONG)

    facts = facts_of(found.readings, found.risk)

    assert set(facts) == set(found.factors) == set(WEIGHTS)
    assert all(facts.values())
    assert "text: “system”" in facts["scope"]


def test_a_repository_without_any_of_the_names_changes_nothing_about_complexity() -> None:
    before = classify("fix the frobnicator")

    after = refine(before, Evidence(commit="c0ffee", files=100))

    assert read_evidence(Evidence(commit="c0ffee")) is None
    assert (after.complexity_basis, after.complexity_score) == (Basis.TEXT, before.complexity_score)


def test_evidence_moves_the_prior_and_says_so() -> None:
    before = classify("rename decode in src/auth/tokens.py")

    after = refine(before, an_evidence(dependents=("a.py",), dependents_count=60))

    assert after.factors["dependencies"] > before.factors["dependencies"]
    assert after.complexity_basis is Basis.REPOSITORY
    assert after.complexity_confidence > before.complexity_confidence
    assert "repository: 60 files depend on them" in facts_of(after.readings, after.risk)["dependencies"]


def test_words_that_only_resemble_files_are_trusted_less_than_named_files() -> None:
    named, guessed = read_evidence(an_evidence()), read_evidence(an_evidence(a_match(score=0.5)))

    assert named is not None
    assert guessed is not None
    assert guessed.confidence < named.confidence
    assert guessed.factors["uncertainty"].value > named.factors["uncertainty"].value


def test_the_same_evidence_again_changes_nothing() -> None:
    once = refine(classify("fix src/auth/tokens.py"), an_evidence())

    assert refine(once, an_evidence()) == once


def test_a_wide_plan_raises_and_a_small_diff_lowers_the_score() -> None:
    before = classify("fix src/auth/tokens.py")
    plan = a_plan(*(a_step(f"s{n}", *([f"s{n - 1}"] if n else []), writes=(f"src/part{n}/**",)) for n in range(20)))

    planned = after_plan(before, plan)
    done = after_diff(planned, a_diff())

    assert before.complexity_score < planned.complexity_score
    assert done.complexity_score < planned.complexity_score
    assert (planned.complexity_basis, done.complexity_basis) == (Basis.PLAN, Basis.DIFF)


def test_a_plan_crosses_the_packages_that_its_steps_claim() -> None:
    plan = a_plan(a_step("a", writes=("web/src/a/**",)), a_step("b", writes=("api/users/x.py", "**/*.py")))

    read = read_plan(plan, ["src/auth"])

    assert read.factors["integration_points"].because == ("2 more packages than one are crossed",)


def test_one_of_a_kind_is_told_as_one() -> None:
    planned = read_plan(a_plan(a_step()))
    seen = read_evidence(an_evidence(a_match()))

    assert planned.factors["scope"].because == ("1 step",)
    assert seen is not None
    assert seen.factors["scope"].because == ("1 file matches the request",)
    assert read_diff(a_diff()).factors["scope"].because == ("1 file changed", "5 lines changed")


def test_an_empty_diff_says_nothing() -> None:
    before = classify("fix the parser")

    assert after_diff(before, DiffFacts()) == before


def test_a_large_diff_is_complex_whatever_the_text_said() -> None:
    found = after_diff(
        classify("fix a typo in the README"),
        a_diff(120, 9_000, packages=tuple(f"src/p{n}" for n in range(9)), public_removed=tuple("abcdefghijklmnopqrst")),
    )

    assert found.complexity in (Complexity.COMPLEX, Complexity.ENTERPRISE)
    assert found.risk is Risk.HIGH


def test_what_is_demanded_in_so_many_words_stays_demanded() -> None:
    asked = classify("add SOC2 compliance to the audit log, multi-tenant")

    assert after_diff(asked, a_diff()).complexity is Complexity.ENTERPRISE


def test_readings_are_folded_weakest_first_in_whatever_order_they_come() -> None:
    text = read_text("fix it", TaskType.BUG_FIX, type_confidence=0.5)
    diff = read_diff(a_diff(50, 900))

    assert settle((diff, text), Risk.LOW) == settle((text, diff), Risk.LOW)


def test_domains_are_those_of_words_and_of_paths_together() -> None:
    after = refine(classify("speed up `fetch`"), an_evidence(a_match("web/ui/Button.tsx")))

    assert {"frontend"} <= set(after.domains)
    assert domains_of(["app/migrations/1.sql", "tests/test_a.py"]) == ("database", "testing")


def test_the_risk_rises_by_the_files_that_are_named_and_never_falls() -> None:
    before = classify("tidy up `decode`")

    after = refine(before, an_evidence(a_match("src/auth/tokens.py", score=0.8)))

    assert after.risk is Risk.HIGH
    assert any("src/auth/tokens.py" in reason for reason in after.risk_reasons)
    assert refine(after, an_evidence(a_match("README.md"))).risk is Risk.HIGH


def test_a_file_that_only_a_faint_word_points_at_raises_no_risk() -> None:
    before = classify("tidy up the folder")

    assert refine(before, an_evidence(a_match("src/auth/tokens.py", score=0.3))).risk is before.risk


def test_criteria_name_the_tests_and_the_users_of_what_changes() -> None:
    evidence = an_evidence(tests=("tests/auth/test_tokens.py",), dependents=("src/app.py",), dependents_count=3)

    said = criteria_for(TaskType.BUG_FIX, evidence)

    assert said[: len(BY_TYPE[TaskType.BUG_FIX])] == BY_TYPE[TaskType.BUG_FIX]
    assert "The tests under tests/auth/test_tokens.py pass" in said
    assert "src/app.py and 2 more still works: it uses what changes" in said


def test_criteria_say_where_no_test_stands() -> None:
    assert "src/auth/tokens.py is covered by a test; none stands near it today" in criteria_for(
        TaskType.CODE_IMPLEMENTATION, an_evidence()
    )


@pytest.mark.parametrize("task_type", TaskType)
def test_every_type_has_criteria_with_and_without_evidence(task_type: TaskType) -> None:
    assert 2 <= len(criteria_for(task_type)) <= len(criteria_for(task_type, an_evidence())) <= 6


def test_an_estimate_gets_narrower_with_what_it_rests_on() -> None:
    plan = a_plan(a_step(expected_s=20))
    learned = {plan.steps[0].id: Expectation(seconds=20, because="history of this repository (5 runs)")}

    spreads = [
        estimate.high_s / estimate.low_s
        for estimate in (
            estimate_by(Complexity.SIMPLE, Basis.TEXT),
            estimate_by(Complexity.SIMPLE, Basis.REPOSITORY),
            estimate_of(plan),
            estimate_of(plan, learned),
        )
    ]

    assert spreads == sorted(spreads, reverse=True)


def test_a_plans_estimate_is_what_its_steps_are_expected_to_take() -> None:
    after = after_plan(classify("fix lint"), a_plan(a_step("a", expected_s=20), a_step("b", "a", expected_s=30)))

    assert after.estimated_s == 50
    assert after.estimate is not None
    assert after.estimate.low_s < 50 < after.estimate.high_s


def test_a_person_sees_every_factor_with_its_value_and_facts() -> None:
    lines = [line.plain for line in factor_lines(classify("fix src/auth/tokens.py"))]

    assert "by text" in lines[0]
    for name, line in zip(WEIGHTS, lines[1:], strict=True):
        assert line.strip().startswith(name.replace("_", " "))
        assert f"× {WEIGHTS[name]:.2f}  text: " in line or name == "risk"
