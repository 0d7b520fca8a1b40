"""Changes to a running plan: what is refused and why, and what the plan is afterwards."""

from typing import Any

import pytest

from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, AskAction, CommandAction, GroupAction, Implied
from ostinato.domain.surgery import PlanChange, change_problem, changed_plan, differences, edited, shown
from tests.builders import a_plan, a_step

A, B, C = StepId("a"), StepId("b"), StepId("c")
PLAN = a_plan(
    a_step("a"),
    a_step("b", "a", action=CommandAction(shell="make")),
    a_step("c", "b", action=AgentAction(prompt="think")),
)
STATES = {A: StepState.RUNNING, B: StepState.PENDING, C: StepState.PENDING}


def change(kind: str, **fields: Any) -> PlanChange:
    return PlanChange.model_validate({"kind": kind, "by": "ada", **fields})


def problem_of(made: PlanChange, states: Any = None) -> str:
    found = change_problem(PLAN, states or STATES, made)
    return found.code if found else ""


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (change("add", steps=[a_step("d", "c")]), ""),
        (change("skip", step="b"), ""),
        (change("edit", step="b", edit={"run": "make test"}), ""),
        (change("edit", step="c", edit={"prompt": "think again", "priority": 3}), ""),
        (change("skip", step="nobody"), "step_unknown"),
        (change("skip", step="a"), "step_started"),
        (change("edit", step="a", edit={"priority": 1}), "step_started"),
        (change("edit", step="b"), "edit_empty"),
        (change("edit", step="b", edit={"prompt": "think"}), "edit_misplaced"),
        (change("edit", step="c", edit={"run": "make"}), "edit_misplaced"),
        (change("edit", step="b", edit={"depends_on": ["c"]}), "dependency_cycle"),
        (change("edit", step="b", edit={"depends_on": ["nobody"]}), "dependency_unknown"),
        (change("add"), "plan_empty"),
        (change("add", steps=[a_step("a")]), "step_duplicate"),
        (change("add", steps=[a_step("d", "nobody")]), "dependency_unknown"),
        (change("add", steps=[a_step("d", "e"), a_step("e", "d")]), "dependency_cycle"),
        (change("retry", step="a"), "step_not_over"),
        (change("retry", step="b"), "step_not_over"),
    ],
)
def test_a_change_is_good_or_refused_with_its_reason(made: PlanChange, code: str) -> None:
    assert problem_of(made) == code


@pytest.mark.parametrize("state", [StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED, StepState.SUCCEEDED])
def test_what_is_over_can_be_run_again(state: StepState) -> None:
    assert problem_of(change("retry", step="a"), {A: state}) == ""


def test_a_blocked_step_can_be_left_out() -> None:
    assert problem_of(change("skip", step="b"), {**STATES, B: StepState.BLOCKED}) == ""


def test_the_cycle_that_an_edit_would_make_is_named_in_full() -> None:
    found = change_problem(PLAN, STATES, change("edit", step="b", edit={"depends_on": ["c"]}))

    assert found is not None
    assert "b → c → b" in found.message


def test_a_cycle_through_a_dependency_that_was_found_is_one_too() -> None:
    reader = a_step("b", implied=[Implied(step=A, because="reads what a writes")])
    plan = a_plan(a_step("a"), reader)

    found = change_problem(
        plan, dict.fromkeys((A, B), StepState.PENDING), change("edit", step="a", edit={"depends_on": ["b"]})
    )

    assert found is not None
    assert found.code == "dependency_cycle"


def test_added_steps_come_last_and_the_others_stay_as_they_are() -> None:
    plan = changed_plan(PLAN, change("add", steps=[a_step("d", "c")]))

    assert plan.steps == (*PLAN.steps, a_step("d", "c"))


@pytest.mark.parametrize("kind", ["skip", "retry"])
def test_skipping_and_retrying_leave_the_plan_as_it_is(kind: str) -> None:
    assert changed_plan(PLAN, change(kind, step="b")) is PLAN


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    plan = changed_plan(PLAN, change("edit", step="b", edit={"run": "make test", "timeout_s": 9, "critical": False}))

    step = plan.step(B)
    assert (step.action, step.timeout_s, step.critical) == (CommandAction(shell="make test"), 9, False)
    assert (step.name, step.depends_on) == ("B", (A,))


def test_stated_dependencies_replace_those_that_were_found() -> None:
    step = a_step("b", implied=[Implied(step=A, because="reads what a writes")])

    found = edited(step, change("edit", edit={"depends_on": []}).edit)

    assert found.needs == ()


def test_the_prompt_of_a_question_is_its_question() -> None:
    step = a_step("q", action=AskAction(question="Which way?"))

    found = edited(step, change("edit", edit={"prompt": "Left or right?"}).edit)

    assert found.action == AskAction(question="Left or right?")


def test_only_what_differs_is_shown_of_both_sides() -> None:
    before, after = PLAN.step(B), PLAN.step(B).model_copy(update={"priority": 4})

    assert differences(shown(before), shown(after)) == ({"priority": 0}, {"priority": 4})
    assert differences({}, shown(after))[0] == {}


def test_a_part_cannot_wait_for_its_own_group_which_waits_for_it() -> None:
    group = a_step("a", action=GroupAction(body=(a_step("part"),)))
    plan = a_plan(group, a_step("a-part", group="a"))

    found = change_problem(plan, {A: StepState.RUNNING, StepId("a-part"): StepState.PENDING}, waiting_for_its_group())

    assert found is not None
    assert found.code == "dependency_cycle"


def waiting_for_its_group() -> PlanChange:
    return change("edit", step="a-part", edit={"depends_on": ["a"]})


def test_a_circle_that_only_found_dependencies_would_close_is_refused() -> None:
    """The part would read what the step behind its group writes."""
    group = a_step("a", action=GroupAction(body=(a_step("part"),)))
    plan = a_plan(group, a_step("a-part", group="a"), a_step("b", "a", writes=("docs/**",)))
    states = dict.fromkeys((step.id for step in plan.steps), StepState.PENDING)

    found = change_problem(plan, states, change("add", steps=[a_step("new", group="a", reads=("docs/**",))]))

    assert found is not None
    assert found.code == "dependency_cycle"
    assert set(found.message.rpartition(": ")[2].split(" → ")) == {"a", "b", "new"}
