"""Which of a plan's steps agents do, and who may."""

from typing import Any

import pytest

from ostinato.domain.execution import StepState
from ostinato.domain.plan import AgentAction, GroupAction, Plan, Step
from ostinato.domain.pool import pool_for, pooled, with_pool
from ostinato.domain.schedule import Schedule
from tests.builders import a_plan, a_step

AGENTS = ("claude", "codex:gpt-5.5", "codex:o4")


def by(agent: str, step_id: str = "think", **fields: Any) -> Step:
    return a_step(step_id, action=AgentAction(prompt="Think", agent=agent), **fields)


def pool_of(plan: Plan, step_id: str) -> tuple[str, ...]:
    action = plan.step(step_id).action  # type: ignore[arg-type]
    assert isinstance(action, AgentAction)
    return action.pool


@pytest.mark.parametrize(
    ("named", "pool"),
    [
        ("any", AGENTS),
        ("claude", ("claude",)),
        ("codex", ("codex:gpt-5.5", "codex:o4")),
        ("codex:o4", ("codex:o4",)),
        ("person", ()),
        ("stranger", ()),
    ],
)
def test_a_step_goes_to_whom_it_names_with_any_model(named: str, pool: tuple[str, ...]) -> None:
    assert pool_for(named, AGENTS) == pool


def test_where_the_run_has_no_agents_a_person_does_it() -> None:
    plan = with_pool(a_plan(by("any")))

    assert pool_of(plan, "think") == ()
    assert plan.steps[0].needs_person


def test_steps_inside_groups_have_a_pool_too() -> None:
    group = GroupAction(items="[1]", body=(by("any", "part"),), reduce=by("claude", "last"))

    made = pooled(a_step("each", action=group), AGENTS).action

    assert isinstance(made, GroupAction)
    assert [step.action.pool for step in (*made.body, made.reduce) if step and step.action.kind == "agent"] == [
        AGENTS, ("claude",),
    ]  # fmt: skip


def test_a_plan_that_has_its_pools_is_the_same_plan() -> None:
    plan = with_pool(a_plan(by("any"), a_step("lint"), agents=AGENTS))

    assert with_pool(plan) is plan


def test_three_steps_that_wait_do_not_keep_their_agent_from_a_fourth() -> None:
    steps = [by("any", f"s{n}", writes=(f"{n}.py",)) for n in range(4)]
    schedule = Schedule.of(a_plan(*steps, agents=("claude",)))
    for _ in range(3):
        begun = schedule.next_start(8)
        assert begun is not None
        last = begun
    assert schedule.next_start(8) is None

    schedule.move(last.id, StepState.WAITING)

    assert schedule.next_start(8) is not None
