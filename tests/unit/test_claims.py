"""Claims: who may run beside whom, and who waits for what another writes."""

from time import perf_counter

import pytest

from ostinato.domain.claims import ClaimBook, Obstacle, overlap, with_implied
from ostinato.domain.ids import StepId
from tests.builders import a_plan, a_step


@pytest.mark.parametrize(
    ("left", "right", "met"),
    [
        ("src/**", "src/gen/**", True),
        ("src/**", "src", False),
        ("src/**/x.py", "src/x.py", True),
        ("src/*/x.py", "src/x.py", False),
        ("**/*.py", "docs/**", True),
        ("**/*.py", "**/*.md", False),
        ("src/?.py", "src/ab.py", False),
        ("a*/b", "*c/b", True),
        ("a.b", "axb", False),
        ("src/core/**", "src/cli/**", False),
        ("", "**", False),
    ],
)
def test_globs_meet_where_a_path_can_match_both(left: str, right: str, met: bool) -> None:
    assert overlap([left], [right]) == ((left, right) if met else None)


def test_a_step_that_writes_what_a_running_one_writes_has_to_wait() -> None:
    book = ClaimBook()

    book.take(a_step("build", writes=["src/**"]))

    assert book.obstacle(a_step("format", writes=["src/**"])) == Obstacle(
        by=StepId("build"), because="both write src/**"
    )
    assert book.obstacle(a_step("gen", writes=["src/gen/*"])) == Obstacle(
        by=StepId("build"), because="writes src/gen/*, and src/** is being written"
    )
    assert book.obstacle(a_step("docs", writes=["docs/**"])) is None


def test_a_reader_runs_beside_a_writer_and_so_does_who_states_nothing() -> None:
    book = ClaimBook()

    book.take(a_step("build", writes=["src/**"]))

    assert book.obstacle(a_step("test", reads=["src/**"], writes=[])) is None
    assert book.obstacle(a_step("fix")) is None


def test_a_held_thing_is_given_to_one_at_a_time() -> None:
    book = ClaimBook()
    server = a_step("server", holds=["port 5432"])

    book.take(server)
    before = book.obstacle(a_step("migrate", holds=["port 5432"]))
    book.release(server.id)

    assert before == Obstacle(by=StepId("server"), because='both hold "port 5432"')
    assert book.obstacle(a_step("migrate", holds=["port 5432"])) is None


def test_what_a_step_was_seen_writing_is_claimed_again_when_it_is_redone() -> None:
    book = ClaimBook()
    silent = a_step("silent")

    book.take(silent)
    book.widen(silent.id, ["src/a.py"])
    book.release(silent.id)
    book.take(a_step("build", writes=["src/**"]))

    assert book.obstacle(silent) == Obstacle(by=StepId("build"), because="writes src/a.py, and src/** is being written")


def test_releasing_one_of_two_writers_of_a_path_keeps_the_claim_of_the_other() -> None:
    book = ClaimBook()

    for name in ("one", "two"):
        book.take(a_step(name))
        book.widen(StepId(name), ["a.py"])
    book.release(StepId("one"))

    assert book.obstacle(a_step("third", writes=["a.py"])) == Obstacle(by=StepId("two"), because="both write a.py")


def test_a_reader_waits_for_the_writer_before_it() -> None:
    plan = a_plan(a_step("build", writes=["src/gen/**"]), a_step("test", reads=["src/**"]))

    test = with_implied(plan).steps[1]

    assert test.needs == ("build",)
    assert test.implied[0].because == "reads src/** which build writes (src/gen/**)"


def test_a_reader_does_not_wait_for_a_writer_after_it_or_one_it_reaches_already() -> None:
    plan = a_plan(
        a_step("build", writes=["src/**"]),
        a_step("lint", "build"),
        a_step("test", "lint", reads=["src/**"]),
        a_step("format", writes=["src/**"]),
    )

    assert with_implied(plan) is plan


def test_two_writers_of_one_path_are_not_ordered() -> None:
    plan = a_plan(a_step("one", writes=["src/**"]), a_step("two", writes=["src/**"]))

    assert with_implied(plan) is plan


def test_a_declared_order_wins_over_the_written_one() -> None:
    plan = a_plan(a_step("build", "test", writes=["src/**"]), a_step("test", reads=["src/**"]))

    assert with_implied(plan) is plan


def test_ten_thousand_steps_are_searched_in_half_a_second() -> None:
    steps = [a_step(f"s{n}", *([f"s{n - 7}"] if n > 7 else [])) for n in range(10_000)]
    claiming = [
        step.model_copy(update={"reads": (f"src/m{n % 400}/**",), "writes": (f"src/m{n % 300}/f{n}.py",)})
        if n % 3 == 0
        else step
        for n, step in enumerate(steps)
    ]
    plan = a_plan(*claiming)

    started = perf_counter()
    found = with_implied(plan)

    assert perf_counter() - started < 1.0
    assert sum(len(step.implied) for step in found.steps) > 1_000
