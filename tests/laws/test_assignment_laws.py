"""Laws of assignment, whoever is in the pool."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents.assignment import (
    MOST_AT_ONCE,
    WEIGHTS,
    Job,
    Mind,
    MindKind,
    Track,
    assign,
    assign_all,
    parts_of,
)

WORDS = st.sampled_from(["code", "tests", "docs", "python", "security"])
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
MINDS = st.builds(
    Mind,
    name=NAMES,
    kind=st.sampled_from(MindKind),
    capabilities=st.lists(WORDS, max_size=4).map(tuple) | st.just(("*",)),
    specializations=st.lists(WORDS, max_size=3).map(tuple),
    load=st.integers(0, 4),
    most=st.integers(1, MOST_AT_ONCE),
    track=st.builds(Track, succeeded=st.integers(0, 20), failed=st.integers(0, 20)),
    missing=st.sampled_from(["", "", "not installed"]),
)
POOLS = st.lists(MINDS, max_size=5, unique_by=lambda mind: mind.name)
JOBS = st.builds(
    Job,
    needs=st.lists(WORDS, max_size=2).map(tuple),
    helps=st.lists(WORDS, max_size=2).map(tuple),
    about=st.lists(WORDS, max_size=3).map(tuple),
    named=st.just("any") | NAMES,
    fallback=st.just("") | NAMES,
    failed=st.lists(NAMES, max_size=2).map(tuple),
    persons=st.booleans(),
)


@given(st.lists(JOBS, max_size=20), POOLS)
def test_nobody_ever_has_more_than_three(jobs: list[Job], pool: list[Mind]) -> None:
    made = assign_all(jobs, pool)

    for mind in pool:
        taken = sum(each.chosen == mind.name for each in made)
        assert not taken or mind.load + taken <= mind.most <= MOST_AT_ONCE


@given(st.data(), JOBS, POOLS)
def test_the_order_of_the_pool_does_not_matter(data: st.DataObject, job: Job, pool: list[Mind]) -> None:
    assert assign(job, data.draw(st.permutations(pool))) == assign(job, pool)


@given(JOBS, POOLS)
def test_everybody_is_ranked_or_passed_with_a_reason(job: Job, pool: list[Mind]) -> None:
    made = assign(job, pool)

    assert sorted([*(each.name for each in made.ranking), *(each.name for each in made.passed)]) == sorted(
        mind.name for mind in pool
    )


@given(JOBS, POOLS)
def test_who_is_chosen_can_do_it_is_here_and_did_not_fail(job: Job, pool: list[Mind]) -> None:
    made = assign(job, pool)

    chosen = next((mind for mind in pool if mind.name == made.chosen), None)
    if chosen is not None:
        assert all(chosen.can(need) for need in job.needs)
        assert not chosen.missing
        assert chosen.name not in job.failed
        assert made.fallback != made.chosen


@given(JOBS, MINDS)
def test_a_score_is_the_weighted_sum_of_its_parts_and_lies_between_0_and_1(job: Job, mind: Mind) -> None:
    parts = parts_of(job, mind)

    assert set(parts) == set(WEIGHTS)
    assert all(0 <= part <= 1 for part in parts.values())


@given(JOBS, POOLS, st.sampled_from(["load", "track", "specializations", "capabilities"]))
def test_who_gets_better_never_loses_a_step_by_it(job: Job, pool: list[Mind], what: str) -> None:
    before = assign(job, pool)
    if not before.chosen:
        return

    better = [_better(mind, job, what) if mind.name == before.chosen else mind for mind in pool]

    assert assign(job, better).chosen == before.chosen


@given(JOBS, POOLS)
def test_whoever_comes_after_the_chosen_one_fails_is_the_fallback_unless_it_has_to_wait(
    job: Job, pool: list[Mind]
) -> None:
    made = assign(job, pool)
    if not made.chosen:
        return

    later = assign(job.model_copy(update={"failed": (*job.failed, made.chosen)}), [_idle(mind) for mind in pool])

    assert bool(later.chosen) == bool(made.fallback)


def _better(mind: Mind, job: Job, what: str) -> Mind:
    changes = {
        "load": max(0, mind.load - 1),
        "track": Track(succeeded=mind.track.succeeded + 1, failed=mind.track.failed),
        "specializations": (*mind.specializations, *job.about),
        "capabilities": (*mind.capabilities, *job.helps),
    }
    return mind.model_copy(update={what: changes[what]})


def _idle(mind: Mind) -> Mind:
    return mind.model_copy(update={"load": 0})
