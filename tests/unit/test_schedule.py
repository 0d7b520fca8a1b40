"""What may start next, by examples; what always holds is in the laws."""

from typing import Any

from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, GroupAction
from ostinato.domain.schedule import Schedule
from tests.builders import a_plan, a_step

A, B, C = StepId("a"), StepId("b"), StepId("c")


def started(schedule: Schedule, cap: int = 5) -> list[str]:
    """Everything that may start now, started."""
    found = []
    while (step := schedule.next_start(cap)) is not None:
        found.append(str(step.id))
    return found


def agent_step(step_id: str, *after: str, agent: str = "claude", **fields: Any) -> Any:
    return a_step(step_id, *after, action=AgentAction(agent=agent, prompt="think"), **fields)


def test_the_longest_remaining_path_starts_first() -> None:
    schedule = Schedule.of(a_plan(a_step("a", expected_s=5), a_step("b", expected_s=1), a_step("c", "b", expected_s=9)))

    assert started(schedule, cap=1) == ["b"]


def test_a_persons_wish_comes_before_the_longest_path() -> None:
    schedule = Schedule.of(a_plan(a_step("a", expected_s=90), a_step("b", expected_s=1, priority=1)))

    assert started(schedule, cap=1) == ["b"]


def test_among_equals_the_order_of_the_plan_decides() -> None:
    schedule = Schedule.of(a_plan(a_step("b"), a_step("a"), a_step("c")))

    assert started(schedule, cap=2) == ["b", "a"]


def test_people_take_no_slot() -> None:
    schedule = Schedule.of(a_plan(agent_step("a", agent="any"), agent_step("b", agent="any"), a_step("c")))

    assert started(schedule, cap=1) == ["a", "b", "c"]


def test_an_agent_has_a_cap_of_its_own() -> None:
    plan = a_plan(*(agent_step(f"s{n}") for n in range(4)), agent_step("other", agent="codex"), max_per_agent=2)

    assert started(Schedule.of(plan)) == ["s0", "s1", "other"]


def test_a_lane_that_is_full_opens_when_one_of_it_ends() -> None:
    schedule = Schedule.of(a_plan(agent_step("a"), agent_step("b"), max_per_agent=1))
    first = started(schedule)

    schedule.settle(A, StepState.SUCCEEDED)

    assert (first, started(schedule)) == (["a"], ["b"])


def test_who_waits_for_a_person_gives_the_slot_to_others() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b")))
    started(schedule, cap=1)

    schedule.move(A, StepState.WAITING)

    assert started(schedule, cap=1) == ["b"]


def test_a_held_name_is_held_by_one_at_a_time_and_others_pass_by() -> None:
    schedule = Schedule.of(a_plan(a_step("a", holds=("port",)), a_step("b", holds=("port",)), a_step("c")))

    assert started(schedule) == ["a", "c"]
    found = schedule.obstacle(B)
    assert found is not None
    assert (found.by, found.because) == ("a", 'both hold "port"')


def test_who_writes_the_same_waits_until_the_other_has_ended() -> None:
    schedule = Schedule.of(a_plan(a_step("a", writes=("src/**",)), a_step("b", writes=("src/main.py",))))
    first = started(schedule)

    schedule.settle(A, StepState.FAILED)

    assert (first, started(schedule)) == (["a"], ["b"])


def test_a_failure_blocks_all_that_waits_for_it() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b")))
    started(schedule)

    blocked = schedule.settle(A, StepState.FAILED)

    assert blocked == (B, C)
    assert schedule.is_over


def test_a_skipped_step_blocks_nothing() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b", "a")))
    started(schedule)

    schedule.settle(A, StepState.SKIPPED)

    assert started(schedule) == ["b"]


def test_after_a_stop_nothing_starts_and_what_runs_goes_on() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b")))
    started(schedule, cap=1)

    schedule.stop()

    assert started(schedule) == []
    assert (list(schedule.active), schedule.states[B]) == ([A], StepState.CANCELLED)


def test_leaving_out_a_blocked_step_frees_what_waits_for_it_alone() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b")))
    started(schedule)
    schedule.settle(A, StepState.FAILED)

    again = schedule.skip(B)

    assert again == (C,)
    assert started(schedule) == ["c"]


def test_reopening_a_step_takes_what_was_blocked_behind_it_along() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b")))
    started(schedule)
    schedule.settle(A, StepState.FAILED)

    reopened = schedule.reopen([A])

    assert set(reopened) == {A, B, C}
    assert started(schedule) == ["a"]


def test_what_is_behind_another_failure_stays_blocked_when_one_is_reopened() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b"), a_step("c", "a", "b")))
    started(schedule)
    schedule.settle(A, StepState.FAILED)
    schedule.settle(B, StepState.FAILED)

    reopened = schedule.reopen([A])

    assert reopened == (A,)
    assert schedule.states[C] is StepState.BLOCKED


def test_a_plan_that_grows_keeps_what_is_known() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), max_parallel=2))
    started(schedule)
    schedule.settle(A, StepState.SUCCEEDED)

    schedule.replan(a_plan(a_step("a"), a_step("b", "a")))

    assert schedule.states[A] is StepState.SUCCEEDED
    assert started(schedule) == ["b"]


def test_what_runs_keeps_its_claims_when_the_plan_changes() -> None:
    schedule = Schedule.of(a_plan(a_step("a", holds=("port",))))
    started(schedule)

    schedule.replan(a_plan(a_step("a", holds=("port",)), a_step("b", holds=("port",))))

    assert started(schedule) == []


def test_a_schedule_made_from_states_holds_what_runs() -> None:
    plan = a_plan(a_step("a", writes=("x",)), a_step("b", writes=("x",)), a_step("c"))

    schedule = Schedule.of(plan, {A: StepState.RUNNING})

    assert started(schedule, cap=2) == ["c"]


def test_only_people_are_awaited_when_whatever_is_open_waits_for_one() -> None:
    schedule = Schedule.of(a_plan(agent_step("a"), a_step("b")))
    started(schedule)

    schedule.move(A, StepState.WAITING)
    before = schedule.only_people_are_awaited
    schedule.settle(B, StepState.SUCCEEDED)

    assert (before, schedule.only_people_are_awaited) == (False, True)


def test_a_step_that_is_added_behind_a_failed_one_is_blocked() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b")))
    started(schedule)
    schedule.settle(A, StepState.FAILED)
    schedule.settle(B, StepState.SUCCEEDED)

    schedule.replan(a_plan(a_step("a"), a_step("b"), a_step("c", "a")))

    assert schedule.states[C] is StepState.BLOCKED
    assert schedule.is_over


def test_a_blocked_step_that_no_longer_waits_for_the_failed_one_may_start() -> None:
    schedule = Schedule.of(a_plan(a_step("a"), a_step("b", "a")))
    started(schedule)
    schedule.settle(A, StepState.FAILED)

    schedule.replan(a_plan(a_step("a"), a_step("b")))

    assert started(schedule) == ["b"]


def test_a_step_that_lets_others_go_first_holds_nothing_after_the_plan_was_changed() -> None:
    schedule = Schedule.of(a_plan(a_step("a", writes=("x",)), a_step("b", writes=("y",))))
    started(schedule)
    schedule.claims.release(A)
    schedule.yielding.add(A)

    schedule.replan(a_plan(a_step("a", writes=("x",)), a_step("b", writes=("y",)), a_step("c", writes=("x",))))

    assert schedule.obstacle(C) is None


def a_group_plan() -> Any:
    """Two parts, what reduces them, and a step behind the group."""
    group = a_step("a", action=GroupAction(body=(a_step("part"),), reduce=a_step("sum")))
    made = (a_step(name, group="a") for name in ("a-0", "a-1", "a-reduce"))
    return a_plan(group, *made, a_step("b", "a"))


def test_what_reduces_a_group_that_begins_again_does_not_start_with_its_parts() -> None:
    schedule = Schedule.of(a_group_plan())

    first = started(schedule)
    schedule.replan(schedule.plan)

    assert first == ["a", "a-0", "a-1"]
    assert started(schedule) == []
    assert schedule.states[StepId("a-reduce")] is StepState.CANCELLED


def test_a_group_that_is_retried_leaves_what_reduces_it_for_later() -> None:
    states = {A: StepState.FAILED, StepId("a-0"): StepState.SUCCEEDED, StepId("a-1"): StepState.SUCCEEDED}
    schedule = Schedule.of(a_group_plan(), {**states, StepId("a-reduce"): StepState.FAILED})

    schedule.reopen([A])

    assert started(schedule) == ["a"]


def test_a_failed_group_takes_the_parts_that_did_not_succeed_along() -> None:
    states = {A: StepState.FAILED, StepId("a-0"): StepState.SUCCEEDED, StepId("a-1"): StepState.FAILED}
    schedule = Schedule.of(a_group_plan(), {**states, StepId("a-reduce"): StepState.SUCCEEDED, B: StepState.BLOCKED})

    again = schedule.reopen([A])

    assert set(again) == {A, B, "a-1"}
    assert started(schedule) == ["a", "a-1"]


def test_no_step_of_a_closed_account_starts() -> None:
    own, agents, other = a_step("a", account="acme"), agent_step("b", agent="acme"), a_step("c")
    schedule = Schedule.of(a_plan(own, agents, other))
    schedule.closed.update(("acme", "agent:acme"))

    assert started(schedule) == ["c"]

    schedule.closed.clear()
    assert started(schedule) == ["b", "a"]
