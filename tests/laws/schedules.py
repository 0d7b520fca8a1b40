"""Plans of every kind of step, and a schedule that looks at everything each time: what the real one must agree with."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from ostinato.domain.claims import overlap
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, ChooseAction, Plan, Step
from tests.builders import a_plan, a_step
from tests.laws.claims import claims

GOOD = (StepState.SUCCEEDED, StepState.SKIPPED)
DEAD = (StepState.FAILED, StepState.BLOCKED, StepState.CANCELLED)
ENDS = (StepState.SUCCEEDED, StepState.SKIPPED, StepState.FAILED, StepState.CANCELLED)
ACTIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"action": AgentAction(agent="claude", prompt="think")},
    {"action": AgentAction(agent="any", prompt="think")},
    {"action": ChooseAction(condition="true")},
)

States = Mapping[StepId, StepState]


@st.composite
def any_step(draw: st.DrawFn, step_id: str, before: tuple[str, ...]) -> Step:
    return a_step(
        step_id,
        *sorted(draw(st.sets(st.sampled_from(before), max_size=3)) if before else ()),
        writes=draw(st.none() | claims),
        holds=draw(st.sets(st.sampled_from(["port", "licence"]), max_size=1)),
        priority=draw(st.sampled_from([0, 0, 0, 1, -1])),
        expected_s=draw(st.sampled_from([0.0, 1.0, 1.0, 5.0])),
        **draw(st.sampled_from(ACTIONS)),
    )


@st.composite
def any_plans(draw: st.DrawFn, most: int = 9) -> Plan:
    """A sound plan of steps that work, wait for people and decide; in any order."""
    names = tuple(f"s{index}" for index in range(draw(st.integers(1, most))))
    steps = [draw(any_step(name, names[:index])) for index, name in enumerate(names)]
    return a_plan(*draw(st.permutations(steps)), max_per_agent=draw(st.integers(1, 2)))


def naive_next(plan: Plan, states: States, cap: int) -> Step | None:
    """Which step is to start, from nothing but plan and states."""
    active = [step for step in plan.steps if states[step.id].is_active]
    working = sum(step.takes_slot and states[step.id] is not StepState.WAITING for step in active)
    free = [
        (position, step)
        for position, step in enumerate(plan.steps)
        if states[step.id] is StepState.PENDING
        and all(states[name] in GOOD for name in step.needs)
        and not any(clash(step, other) for other in active)
        and not (step.lane and sum(other.lane == step.lane for other in active) >= plan.max_per_agent)
        and not (step.takes_slot and working >= cap)
    ]
    first = min(free, key=lambda it: (it[1].takes_slot, *rank(plan, it[1]), it[0]), default=None)
    return first[1] if first else None


def clash(step: Step, other: Step) -> bool:
    return bool(overlap(step.writes or (), other.writes or ()) or set(step.holds) & set(other.holds))


def rank(plan: Plan, step: Step) -> tuple[int, float]:
    return -step.priority, -remaining(plan, step)


def remaining(plan: Plan, step: Step) -> float:
    behind = (remaining(plan, other) for other in plan.steps if step.id in other.needs)
    return step.expected_s + max(behind, default=0.0)
