"""What always holds while a plan runs, whatever happens in whatever order."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan
from ostinato.domain.schedule import Schedule
from tests.builders import a_step
from tests.laws.schedules import DEAD, ENDS, GOOD, any_plans, clash, naive_next

chances = st.randoms(use_true_random=False)


@given(any_plans(), st.integers(1, 3), chances)
@settings(max_examples=200)
def test_every_course_of_events_keeps_the_rules_and_ends(plan: Plan, cap: int, chance: random.Random) -> None:
    schedule = Schedule.of(plan)

    for _ in range(3 * len(plan.steps)):
        start_all(schedule, cap)
        check(schedule, cap)
        if schedule.is_over:
            break
        name = chance.choice(list(schedule.active))
        schedule.move(name, StepState.RUNNING)
        schedule.settle(name, chance.choice(ENDS))

    assert all(state.is_over for state in schedule.states.values())


@given(any_plans(), st.integers(1, 3), chances)
@settings(max_examples=200)
def test_whatever_people_change_meanwhile_the_rules_hold_and_it_ends(
    plan: Plan, cap: int, chance: random.Random
) -> None:
    schedule = Schedule.of(plan)

    for turn in range(12):
        start_all(schedule, cap)
        check(schedule, cap)
        something_happens(schedule, chance, turn)
        check(schedule, cap)
    while not schedule.is_over:
        start_all(schedule, cap)
        schedule.settle(next(iter(schedule.active)), StepState.SUCCEEDED)

    assert all(state.is_over for state in schedule.states.values())


@given(any_plans(), st.integers(1, 3), chances)
def test_a_finished_step_never_starts_again_unless_it_is_reopened(plan: Plan, cap: int, chance: random.Random) -> None:
    schedule, starts = Schedule.of(plan), list[StepId]()

    while not schedule.is_over:
        starts += start_all(schedule, cap)
        schedule.settle(chance.choice(list(schedule.active)), chance.choice(ENDS))

    assert len(starts) == len(set(starts))


@given(any_plans(), chances)
def test_skipping_everything_ends_a_run_without_work(plan: Plan, chance: random.Random) -> None:
    schedule = Schedule.of(plan)

    for step in chance.sample(plan.steps, len(plan.steps)):
        schedule.skip(step.id)

    assert schedule.is_over
    assert schedule.next_start(5) is None


@given(any_plans(), st.integers(1, 3), chances)
def test_a_schedule_made_anew_from_its_states_goes_on_alike(plan: Plan, cap: int, chance: random.Random) -> None:
    schedule = Schedule.of(plan)
    start_all(schedule, cap)
    for name in list(schedule.active)[: chance.randint(0, 3)]:
        schedule.settle(name, chance.choice(ENDS))

    again = Schedule.of(plan, schedule.states)

    assert again.states == schedule.states
    assert start_all(again, cap) == start_all(schedule, cap)


def start_all(schedule: Schedule, cap: int) -> list[StepId]:
    """Everything that may start, each time the one that a schedule without a memory would start."""
    found: list[StepId] = []
    while True:
        wanted = naive_next(schedule.plan, schedule.states, cap)
        step = schedule.next_start(cap)
        assert step == wanted
        if step is None:
            return found
        assert all(schedule.states[name] in GOOD for name in step.needs)
        found.append(step.id)


def check(schedule: Schedule, cap: int) -> None:
    plan, states = schedule.plan, schedule.states
    active = [step for step in plan.steps if states[step.id].is_active]
    working = [step for step in active if step.takes_slot and states[step.id] is not StepState.WAITING]
    lanes = [step.lane for step in active if step.lane]

    assert len(working) <= cap
    assert all(lanes.count(lane) <= plan.max_per_agent for lane in lanes)
    assert not any(clash(one, other) for one in active for other in active if one.id < other.id)
    assert [schedule.count(state) for state in StepState] == [list(states.values()).count(state) for state in StepState]
    assert set(schedule.active) == {step.id for step in active}
    for step in plan.steps:
        doomed = any(states[name] in DEAD for name in step.needs)
        assert states[step.id] is not StepState.PENDING or not doomed
        assert states[step.id] is not StepState.BLOCKED or doomed


def something_happens(schedule: Schedule, chance: random.Random, turn: int) -> None:
    """A step ends or waits, or a person skips, retries, adds or edits one."""
    states = schedule.states
    match chance.choice(("settle", "settle", "wait", "skip", "reopen", "add", "edit")):
        case "settle" if schedule.active:
            schedule.settle(chance.choice(list(schedule.active)), chance.choice(ENDS))
        case "wait" if schedule.active:
            name = chance.choice(list(schedule.active))
            schedule.move(name, StepState.WAITING)
        case "skip" if unbegun := [name for name in states if states[name] in (StepState.PENDING, StepState.BLOCKED)]:
            schedule.skip(chance.choice(unbegun))
        case "reopen" if over := [name for name in states if states[name] in ENDS]:
            schedule.reopen([chance.choice(over)])
        case "add":
            new = a_step(f"new{turn}", chance.choice(list(states)), holds=("port",))
            schedule.replan(schedule.plan.model_copy(update={"steps": (*schedule.plan.steps, new)}))
        case "edit" if unbegun := [name for name in states if states[name] in (StepState.PENDING, StepState.BLOCKED)]:
            edited = chance.choice(unbegun)
            steps = (
                step.model_copy(update={"depends_on": (), "priority": 5}) if step.id == edited else step
                for step in schedule.plan.steps
            )
            schedule.replan(schedule.plan.model_copy(update={"steps": tuple(steps)}))
        case _:
            pass
