"""An account is limited: who waits, and who moves."""

from datetime import datetime

import pytest

from ostinato.domain.agents.accounts import Account, AccountReport, reported
from ostinato.domain.agents.assignment import Job, Mind, MindKind
from ostinato.domain.agents.courses import Course, Go, LimitPolicy, Move, OnLimit, Parked, Stay, choose_course, closed
from tests.builders import NOON, at

CLAUDE, CODEX, ADA = Mind(name="claude"), Mind(name="codex"), Mind(name="ada", kind=MindKind.PERSON)
SHORT, LONG = 60, 3_600


def limited(seconds: float) -> Account:
    return reported(Account(name="anthropic:main"), AccountReport(id="r", at=NOON, until=at(seconds)))


def course(
    seconds: float,
    policy: LimitPolicy | None = None,
    pool: tuple[Mind, ...] = (CLAUDE, CODEX),
    *,
    job: Job | None = None,
    deadline: datetime | None = None,
    has_session: bool = True,
) -> Course:
    account = limited(seconds)
    parked = Parked(agent="claude", job=job or Job(), deadline=deadline, has_session=has_session)
    return choose_course(
        parked, account, closed(pool, [("claude", account)], at(1)), policy or LimitPolicy(), now=at(1)
    )


def test_an_open_account_is_gone_on_with() -> None:
    parked = Parked(agent="claude", job=Job())

    assert choose_course(parked, Account(name="a"), [CLAUDE], LimitPolicy(), now=NOON) == Go()


@pytest.mark.parametrize(
    ("seconds", "on_limit", "moves"),
    [
        (SHORT, OnLimit.WAIT, False),
        (LONG, OnLimit.WAIT, False),
        (SHORT, OnLimit.MOVE, True),
        (SHORT, OnLimit.PATIENT, False),
        (LONG, OnLimit.PATIENT, True),
    ],
)
def test_it_moves_by_policy_and_by_how_long_it_would_wait(seconds: float, on_limit: OnLimit, moves: bool) -> None:
    assert isinstance(course(seconds, LimitPolicy(on_limit=on_limit)), Move) is moves


def test_a_step_that_has_not_begun_moves_at_once() -> None:
    made = course(SHORT, has_session=False)

    assert isinstance(made, Move)
    assert made.to == "codex"


def test_where_nobody_else_can_do_it_it_waits_until_the_reset() -> None:
    made = course(LONG, LimitPolicy(on_limit=OnLimit.MOVE), (CLAUDE,))

    assert made == Stay(until=at(LONG), is_guess=False, because="nobody else can do it now")


def test_a_person_is_somebody_to_move_to_only_where_the_policy_says_so() -> None:
    assert isinstance(course(LONG, pool=(CLAUDE, ADA)), Stay)
    assert isinstance(course(LONG, LimitPolicy(persons=True), pool=(CLAUDE, ADA)), Move)


def test_who_is_named_in_the_plan_is_replaced_by_the_steps_fallback_alone() -> None:
    assert isinstance(course(LONG, job=Job(named="claude")), Stay)
    assert isinstance(course(LONG, job=Job(named="claude", fallback="codex")), Move)


def test_a_reset_after_the_deadline_is_not_waited_for() -> None:
    assert isinstance(course(SHORT, LimitPolicy(on_limit=OnLimit.WAIT), deadline=at(30)), Move)


def test_a_deadline_that_cannot_be_kept_is_said() -> None:
    made = course(SHORT, pool=(CLAUDE,), deadline=at(30))

    assert isinstance(made, Stay)
    assert made.misses_deadline


def test_another_whose_account_is_limited_too_is_nobody_to_move_to() -> None:
    busy = CODEX.model_copy(update={"closed_until": at(LONG)})

    assert isinstance(course(LONG, pool=(CLAUDE, busy)), Stay)
