"""When a group is done, and what it came to."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.execution import StepState
from ostinato.domain.groups import judge_group, part_state
from ostinato.domain.plan import Merge

parts = st.lists(st.lists(st.sampled_from(StepState), min_size=1, max_size=3), max_size=6)
over = st.lists(
    st.lists(st.sampled_from([state for state in StepState if state.is_over]), min_size=1, max_size=3), max_size=6
)
merges = st.builds(Merge, strategy=st.sampled_from(["all", "any", "first", "quorum"]), count=st.integers(1, 4))


@given(merges, over)
def test_a_group_whose_parts_are_all_over_is_done(merge: Merge, states: list[list[StepState]]) -> None:
    verdict = judge_group(merge, states)

    assert verdict.done
    assert verdict.cancel == ()


@given(merges, parts)
def test_only_parts_that_still_run_are_cancelled_and_only_by_a_verdict(
    merge: Merge, states: list[list[StepState]]
) -> None:
    verdict = judge_group(merge, states)

    running = [index for index, part in enumerate(states) if not part_state(part).is_over]
    assert list(verdict.cancel) == (running if verdict.done else [])
    assert merge.strategy in ("first", "quorum") or not verdict.cancel


@given(merges, parts, st.data())
def test_a_verdict_stands_whatever_the_cancelled_parts_still_come_to(
    merge: Merge, states: list[list[StepState]], data: st.DataObject
) -> None:
    before = judge_group(merge, states)
    if not before.done or not before.succeeded:
        return

    ended = [
        [
            state if state.is_over else data.draw(st.sampled_from([StepState.SUCCEEDED, StepState.CANCELLED]))
            for state in part
        ]
        for part in states
    ]

    assert judge_group(merge, ended).succeeded


@given(over)
def test_all_wants_no_failure_and_any_wants_less_than_all(states: list[list[StepState]]) -> None:
    all_, any_ = judge_group(Merge(strategy="all"), states), judge_group(Merge(strategy="any"), states)

    assert all_.succeeded == (StepState.FAILED not in [part_state(part) for part in states])
    assert any_.succeeded or not all_.succeeded


@given(over, st.integers(1, 4))
def test_a_quorum_succeeds_exactly_with_enough_successes(states: list[list[StepState]], count: int) -> None:
    verdict = judge_group(Merge(strategy="quorum", count=count), states)

    enough = [part_state(part) for part in states].count(StepState.SUCCEEDED) >= count
    assert verdict.succeeded == (enough or not states)
