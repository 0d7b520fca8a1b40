from typing import Any

import pytest

from ostinato.domain.plan import Plan, Shape, Step, Strategy
from ostinato.domain.planning import Budget, review_plan
from ostinato.domain.planning.quality import RULES
from tests.builders import a_plan, a_step

MIND = {"kind": "agent", "prompt": "do it"}
LOOK: dict[str, Any] = {"writes": ()}


def a_look(name: str, *after: str, **fields: Any) -> Step:
    return a_step(name, *after, **{**LOOK, **fields})


def a_change(name: str, *after: str, **fields: Any) -> Step:
    return a_step(name, *after, **{"action": MIND, **fields})


def an_ask(name: str, *after: str) -> Step:
    return a_step(name, *after, action={"kind": "ask", "question": "go on?"}, writes=())


CHANGE, CHECK = a_change("work"), a_look("check", "work")
PROGRESSIVE = {"strategy": Strategy.PROGRESSIVE}
BAD: dict[str, Plan] = {
    "plan_unchecked": a_plan(CHANGE, **PROGRESSIVE),
    "plan_ungated": a_plan(CHANGE, CHECK, post_gates=()),
    "plan_orphan": a_plan(CHANGE, CHECK, a_look("alone")),
    "plan_serial": a_plan(CHANGE, CHECK, a_look("late", "check")),
    "plan_unapproved": a_plan(CHANGE, CHECK, strategy=Strategy.SYSTEMATIC),
    "plan_timeless": a_plan(a_look("idle", expected_s=0)),
    "plan_collision": a_plan(a_change("a", writes=["src/**"]), a_change("b", writes=["src/x.py"]), shape=Shape.PARALLEL),
}  # fmt: skip


def codes(plan: Plan, budget: Budget | None = None) -> set[str]:
    return {found.code for found in review_plan(plan, budget).findings}


@pytest.mark.parametrize("code", BAD)
def test_each_rule_finds_what_it_is_for_with_message_and_cure(code: str) -> None:
    found = [one for one in review_plan(BAD[code]).findings if one.code == code]

    assert len(found) == 1
    assert found[0].message
    assert found[0].cure


def test_every_rule_has_its_example() -> None:
    assert set(RULES) - {"plan_budget"} == set(BAD)


@pytest.mark.parametrize(
    ("budget", "code"),
    [
        (Budget(steps=1), "plan_steps"),
        (Budget(seconds=1), "plan_time"),
        (Budget(tokens=1), "plan_tokens"),
    ],
)
def test_a_plan_that_takes_more_than_it_may_is_named(budget: Budget, code: str) -> None:
    assert codes(a_plan(CHANGE, CHECK), budget) == {code}


def test_a_good_plan_has_no_finding_and_names_its_critical_path_and_waves() -> None:
    review = review_plan(
        a_plan(a_look("look"), an_ask("agree", "look"), a_change("work", "agree"), CHECK, **PROGRESSIVE)
    )

    assert review.findings == ()
    assert review.critical_path == ("look", "agree", "work", "check")
    assert len(review.waves) == 4


def test_a_circle_is_named_before_any_rule() -> None:
    assert codes(a_plan(a_step("a", "b"), a_step("b", "a"))) == {"dependency_cycle"}


@pytest.mark.parametrize(
    "steps",
    [
        (an_ask("first"), a_look("then", "first")),
        (a_look("first", reads=["src/**"]), a_step("then", "first", writes=["src/a.py"])),
        (a_step("first", writes=["src/**"]), a_look("then", "first", reads=["src/a.py"])),
        (a_look("first"), a_look("then", "first", when="steps.first.findings_count > 0")),
    ],
)
def test_these_are_reasons_to_wait(steps: tuple[Step, ...]) -> None:
    assert "plan_serial" not in codes(a_plan(*steps))
