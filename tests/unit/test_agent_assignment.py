"""Who does a step, and why."""

from ostinato.domain.agents.assignment import (
    WEIGHTS,
    Assignment,
    Job,
    Mind,
    MindKind,
    Reason,
    Track,
    assign,
    assign_all,
    loaded,
    parts_of,
)
from tests.builders import at

CLAUDE = Mind(name="claude", capabilities=("code", "tests"), specializations=("python",))
CODEX = Mind(name="codex", capabilities=("code",))
ADA = Mind(name="ada", kind=MindKind.PERSON)


def reasons(made: Assignment) -> dict[str, Reason]:
    return {each.name: each.reason for each in made.passed}


def test_the_weights_are_those_of_the_score_and_come_to_one() -> None:
    assert list(WEIGHTS.values()) == [0.40, 0.30, 0.20, 0.10]
    assert round(sum(WEIGHTS.values()), 9) == 1


def test_a_score_is_explained_part_by_part() -> None:
    mind = CLAUDE.model_copy(update={"load": 1, "track": Track(succeeded=5, failed=1)})

    made = assign(Job(needs=("code",), helps=("docs",), about=("python", "bug_fix")), [mind])

    assert made.because == (
        "claude: 0.600 = capability 0.50 × 0.40 + free load 0.67 × 0.30 + past performance 0.75 × 0.20 "
        "+ specialization 0.50 × 0.10"
    )


def test_whether_a_speciality_is_written_in_capitals_does_not_matter() -> None:
    mind = Mind(name="mine", specializations=("python", "bug_fix"))

    assert parts_of(Job(about=("bug_fix", "Python", "HTML", "JSON")), mind)["specialization"] == 0.5


def test_who_never_had_a_step_stands_in_the_middle() -> None:
    assert parts_of(Job(), CODEX)["past performance"] == 0.5


def test_who_fits_better_is_chosen_and_the_next_is_the_fallback() -> None:
    made = assign(Job(about=("python",)), [CODEX, CLAUDE])

    assert (made.chosen, made.fallback) == ("claude", "codex")


def test_who_lacks_what_is_needed_is_not_considered() -> None:
    made = assign(Job(needs=("tests",)), [CODEX, CLAUDE])

    assert made.chosen == "claude"
    assert str(made.passed[0]) == "codex: lacks a capability (tests)"


def test_nobody_gets_a_fourth_step() -> None:
    made = assign_all([Job()] * 5, [CODEX])

    assert [each.chosen for each in made] == ["codex"] * 3 + [""] * 2
    assert made[-1].waits


def test_of_equals_the_less_loaded_then_the_first_by_name() -> None:
    pool = [Mind(name=name) for name in ("b", "a", "c")]

    chosen = [each.chosen for each in assign_all([Job()] * 4, pool)]

    assert chosen == ["a", "b", "c", "a"]


def test_a_person_is_asked_after_every_agent() -> None:
    made = assign(Job(), [ADA, CODEX.model_copy(update={"load": 2, "track": Track(failed=9)})])

    assert [each.name for each in made.ranking] == ["codex", "ada"]


def test_what_no_agent_can_do_waits_for_a_person() -> None:
    made = assign(Job(needs=("sign contracts",)), [CLAUDE, CODEX, ADA])

    assert (made.chosen, made.kind, made.fallback) == ("ada", MindKind.PERSON, "")


def test_where_persons_are_not_asked_a_step_that_nobody_can_do_does_not_wait() -> None:
    made = assign(Job(needs=("sign contracts",), persons=False), [CLAUDE, ADA])

    assert (made.chosen, made.waits) == ("", False)
    assert reasons(made) == {"ada": Reason.NO_PERSON, "claude": Reason.UNABLE}


def test_who_is_named_does_it_and_nobody_else_even_while_it_is_busy() -> None:
    busy = CODEX.model_copy(update={"load": 3})

    made = assign(Job(named="codex"), [CLAUDE, busy])

    assert (made.chosen, made.waits) == ("", True)
    assert reasons(made) == {"claude": Reason.NOT_NAMED, "codex": Reason.BUSY}


def test_where_who_is_named_is_not_here_its_fallback_does_it() -> None:
    absent = CODEX.model_copy(update={"missing": "not installed"})

    assert assign(Job(named="codex", fallback="ada"), [absent, CLAUDE, ADA]).chosen == "ada"
    assert assign(Job(named="codex"), [absent, CLAUDE, ADA]).chosen == "claude"


def test_who_failed_is_not_asked_again() -> None:
    made = assign(Job(failed=("claude",), about=("python",)), [CLAUDE, CODEX])

    assert made.chosen == "codex"
    assert reasons(made) == {"claude": Reason.FAILED}


def test_after_a_failure_the_fallback_of_the_step_comes_before_the_second_best() -> None:
    made = assign(Job(fallback="ada"), [CLAUDE, CODEX, ADA])

    assert (made.chosen, made.fallback) == ("claude", "ada")


def test_a_limited_account_is_passed_over_and_waited_for_where_it_is_the_only_one() -> None:
    limited = CLAUDE.model_copy(update={"closed_until": at(90)})

    assert assign(Job(), [limited, CODEX]).chosen == "codex"
    waiting = assign(Job(), [limited])
    assert (waiting.chosen, waiting.waits, waiting.wake_at) == ("", True, at(90))


def test_an_empty_pool_says_so() -> None:
    assert assign(Job(), []).because == "nobody is in the pool"


def test_a_step_that_ended_frees_its_place() -> None:
    pool = loaded(loaded([CODEX], "codex"), "codex", by=-1)

    assert pool == (CODEX,)
