"""An account of a provider: limits that are stated or guessed, and who starts after them."""

from datetime import datetime, timedelta

from ostinato.domain.agents.accounts import (
    CALM,
    FIRST_GUESS,
    LONGEST_GUESS,
    LONGEST_TURN,
    PROBING,
    SPACING,
    Account,
    AccountReport,
    ReportKind,
    Waiter,
    asked,
    granted,
    guessed_wait,
    limit_of,
    outlook,
    reported,
    settled,
    to_end,
    withdrawn,
)
from tests.builders import NOON, at

OPEN = Account(name="anthropic:main")


def limited(second: float, until: float | None = None, name: str = "") -> AccountReport:
    end = None if until is None else at(until)
    return AccountReport(id=name or f"{second}-{until}", at=at(second), until=end, by="run-1/build", because="429")


def answered(second: float) -> AccountReport:
    return AccountReport(id=f"a{second}", at=at(second), kind=ReportKind.ANSWERED)


def lifted(second: float) -> AccountReport:
    return AccountReport(id=f"l{second}", at=at(second), kind=ReportKind.LIFTED)


def told(*reports: AccountReport) -> Account:
    account = OPEN
    for report in reports:
        account = reported(account, report)
    return account


def until(account: Account, second: float) -> datetime | None:
    limit = limit_of(account, at(second))
    return limit.until if limit else None


def test_an_account_that_nobody_reported_is_open_and_starts_all_at_once() -> None:
    waiting = asked(asked(OPEN, Waiter(id="b", since=NOON)), Waiter(id="a", since=NOON))

    made = granted(waiting, NOON)

    assert [waiter.id for waiter in made.starts] == ["a", "b"]
    assert made.account.waiting == ()


def test_of_several_stated_ends_the_latest_counts() -> None:
    account = told(limited(10, 300), limited(0, 900), limited(20, 100))

    assert until(account, 30) == at(900)
    assert until(account, 900) is None


def test_a_guess_doubles_only_when_it_was_waited_for_in_vain() -> None:
    account = told(limited(0), limited(10), limited(59), limited(61))

    assert until(account, 62) == at(61) + 2 * FIRST_GUESS


def test_guesses_grow_to_an_hour() -> None:
    assert [guessed_wait(strikes) for strikes in (1, 2, 3, 60)] == [
        FIRST_GUESS, 2 * FIRST_GUESS, 4 * FIRST_GUESS, LONGEST_GUESS,
    ]  # fmt: skip


def test_an_answer_opens_what_was_guessed_and_never_what_was_stated() -> None:
    assert until(told(limited(0), answered(5)), 6) is None
    assert until(told(limited(0, 300), answered(5)), 6) == at(300)


def test_an_answer_to_what_was_sent_before_the_limit_opens_nothing() -> None:
    assert until(told(limited(5), answered(4)), 6) == at(5) + FIRST_GUESS


def test_a_person_lifts_what_was_reported_before_and_not_what_comes_after() -> None:
    account = told(limited(0, 9_000), limited(1), lifted(60))

    assert until(account, 61) is None
    assert until(reported(account, limited(70, 200)), 71) == at(200)


def test_an_end_that_cannot_be_true_is_guessed() -> None:
    past, far = told(limited(10, 5)), told(limited(0, timedelta(days=60).total_seconds()))

    assert until(past, 11) == at(10) + FIRST_GUESS
    assert until(far, 1) == at(0) + FIRST_GUESS


def test_after_a_stated_end_they_start_one_after_the_other() -> None:
    account = asked(asked(told(limited(0, 60)), Waiter(id="a", since=at(1))), Waiter(id="b", since=at(2)))

    held = granted(account, at(30))
    first = granted(account, at(60))
    second = granted(first.account, at(60) + SPACING)

    assert (held.starts, held.wake_at) == ((), at(60))
    assert ([each.id for each in first.starts], first.wake_at) == (["a"], at(60) + SPACING)
    assert [each.id for each in second.starts] == ["b"]


def test_after_a_guess_the_first_goes_alone_until_it_is_answered() -> None:
    account = asked(asked(told(limited(0)), Waiter(id="a", since=at(1))), Waiter(id="b", since=at(2)))

    first = granted(account, at(60))
    after = granted(reported(first.account, answered(63)), at(64))

    assert first.wake_at == at(60) + PROBING
    assert [each.id for each in after.starts] == ["b"]


def test_who_waited_for_a_limit_is_spaced_also_where_nobody_looked_for_long() -> None:
    late = at(60) + 10 * CALM
    account = asked(asked(told(limited(0, 60)), Waiter(id="a", since=at(1))), Waiter(id="b", since=at(2)))

    made = granted(account, late)

    assert ([each.id for each in made.starts], made.wake_at) == (["a"], late + SPACING)


def test_a_step_that_moved_to_another_agent_waits_no_more() -> None:
    account = asked(asked(told(limited(0, 60)), Waiter(id="a", since=at(1))), Waiter(id="b", since=at(2)))

    left = withdrawn(account, ["a"])

    assert [each.id for each in granted(left, at(60)).starts] == ["b"]


def running(*names: str) -> Account:
    account = OPEN
    for name in names:
        account = asked(account, Waiter(id=name, since=NOON))
    return granted(account, NOON).account


def test_a_limit_that_is_lifted_in_seconds_ends_nobodys_turn() -> None:
    account = reported(running("a"), limited(1, 6))

    assert (to_end(account, at(1)), to_end(account, at(0))) == ((), account.running)


def test_whoever_runs_is_to_end_its_turn_while_the_account_is_limited() -> None:
    account = reported(running("a", "b"), limited(5, 60))

    assert [each.id for each in to_end(account, at(5))] == ["a", "b"]
    assert to_end(account, at(60)) == ()


def test_a_turn_that_ended_is_not_named_any_more() -> None:
    account = reported(withdrawn(running("a", "b"), ["a"]), limited(5, 60))

    assert [each.id for each in to_end(account, at(5))] == ["b"]


def test_one_that_ran_and_asks_again_waits() -> None:
    account = asked(reported(running("a"), limited(5, 60)), Waiter(id="a", since=at(6)))

    assert (to_end(account, at(6)), [each.id for each in account.waiting]) == ((), ["a"])


def test_who_waits_is_told_when_it_will_start() -> None:
    account = told(limited(0, 60))
    for name in ("a", "b", "c"):
        account = asked(account, Waiter(id=name, since=at(1)))

    assert outlook(account, at(2)) == {"a": at(60), "b": at(60) + SPACING, "c": at(60) + 2 * SPACING}


def test_a_turn_that_never_said_its_end_is_forgotten_after_days() -> None:
    assert settled(running("a"), NOON + LONGEST_TURN).running == ()
