"""What always holds for claims."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.domain.claims import ClaimBook, overlap, with_implied
from ostinato.domain.globs import matches, meet
from ostinato.domain.plan import Plan, Step, find_cycle, plan_problems
from tests.builders import a_step
from tests.laws.claims import PATHS, claiming_plans, claims, globs


def reaches(plan: Plan, later: Step, earlier: str) -> bool:
    return any(name == earlier or reaches(plan, plan.step(name), earlier) for name in later.needs)


@given(globs, globs)
@settings(max_examples=300)
def test_two_globs_meet_exactly_when_a_path_matches_both(left: str, right: str) -> None:
    shared = [path for path in PATHS if matches(left, path) and matches(right, path)]

    assert meet(left, right) == bool(shared)


@given(claims, claims)
def test_overlap_does_not_depend_on_the_side(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert (overlap(left, right) is None) == (overlap(right, left) is None)


@given(claiming_plans())
def test_found_dependencies_keep_the_plan_sound_and_finding_them_again_adds_none(plan: Plan) -> None:
    complete = with_implied(plan)

    assert plan_problems(complete.steps) == ()
    assert find_cycle({step.id: step.needs for step in complete.steps}) == ()
    assert with_implied(complete) == complete


@given(claiming_plans())
def test_a_reader_comes_after_every_writer_written_before_it(plan: Plan) -> None:
    complete = with_implied(plan.model_copy(update={"steps": tuple(sorted(plan.steps, key=lambda step: step.id))}))

    for index, reader in enumerate(complete.steps):
        for writer in complete.steps[:index]:
            assert not overlap(reader.reads, writer.writes or ()) or reaches(complete, reader, writer.id)


@given(claiming_plans())
def test_no_found_dependency_repeats_another(plan: Plan) -> None:
    for step in with_implied(plan).steps:
        for found in step.implied:
            others = [name for name in step.needs if name != found.step]
            shorter = step.model_copy(update={"depends_on": tuple(others), "implied": ()})

            assert not reaches(with_implied(plan), shorter, found.step) or found.step in step.depends_on


@given(claiming_plans(), st.data())
def test_steps_that_run_at_once_never_claim_the_same(plan: Plan, data: st.DataObject) -> None:
    book = ClaimBook()
    running: dict[str, Step] = {}

    for _ in range(20):
        step = data.draw(st.sampled_from(plan.steps))
        if step.id in running:
            book.release(running.pop(step.id).id)
            continue
        clash = [
            other
            for other in running.values()
            if overlap(step.writes or (), other.writes or ()) or set(step.holds) & set(other.holds)
        ]
        obstacle = book.obstacle(step)
        assert (obstacle is None) == (not clash)
        assert obstacle is None or obstacle.by in {other.id for other in clash}
        if obstacle is None:
            book.take(step)
            running[step.id] = step


@given(claims, st.sampled_from(PATHS))
def test_a_path_seen_written_is_kept_from_others(stated: tuple[str, ...], path: str) -> None:
    silent, other = a_step("silent"), a_step("other", writes=(*stated, path))
    book = ClaimBook()

    book.take(silent)
    assert book.obstacle(other) is None
    book.widen(silent.id, [path])

    assert book.obstacle(other) is not None
    book.release(silent.id)
    assert book.obstacle(other) is None
