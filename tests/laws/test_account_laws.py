"""Laws of an account's limits, whatever was reported in whichever order."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents.accounts import (
    SPACING,
    Account,
    AccountReport,
    ReportKind,
    Waiter,
    asked,
    granted,
    limit_of,
    outlook,
    reported,
    settled,
)
from tests.builders import NOON, at

SECONDS = st.integers(0, 4_000)
MOST_WAKES = 200


@st.composite
def reports(draw: st.DrawFn) -> list[AccountReport]:
    kinds = draw(st.lists(st.sampled_from([*ReportKind, ReportKind.LIMITED, ReportKind.LIMITED]), max_size=14))
    return [_report(draw, kind, number) for number, kind in enumerate(kinds)]


def _report(draw: st.DrawFn, kind: ReportKind, number: int) -> AccountReport:
    seen = draw(SECONDS)
    length = draw(st.none() | st.integers(-5, 3_000)) if kind is ReportKind.LIMITED else None
    until = None if length is None else at(seen + length)
    return AccountReport(id=f"r{number}", at=at(seen), kind=kind, until=until)


def an_account(told: list[AccountReport], waiters: int = 0) -> Account:
    account = Account(name="anthropic:main")
    for report in told:
        account = reported(account, report)
    for number in range(waiters):
        account = asked(account, Waiter(id=f"run/step-{number}", since=NOON))
    return account


@given(st.data(), reports())
def test_reports_in_any_order_and_twice_come_to_the_same(data: st.DataObject, told: list[AccountReport]) -> None:
    shuffled = data.draw(st.permutations([*told, *told[:3]]))

    assert an_account(shuffled) == an_account(told)


@given(reports(), st.integers(1, 6), SECONDS)
def test_nobody_starts_while_it_is_limited(told: list[AccountReport], waiters: int, second: int) -> None:
    account = an_account(told, waiters)

    made = granted(account, at(second))

    assert not made.starts or limit_of(account, at(second)) is None


@given(reports(), st.integers(0, 8), SECONDS)
def test_everybody_starts_in_the_end_once_and_apart(told: list[AccountReport], waiters: int, second: int) -> None:
    account, now = an_account(told, waiters), at(second)
    starts = []

    for _ in range(MOST_WAKES):
        made = granted(account, now)
        starts += [(waiter.id, now) for waiter in made.starts]
        account, now = made.account, made.wake_at or now
        if made.wake_at is None:
            break

    assert [name for name, _ in starts] == [f"run/step-{number}" for number in range(waiters)]
    assert all(later - earlier >= SPACING for (_, earlier), (_, later) in pairwise(starts) if earlier != later)


@given(reports(), st.integers(1, 5), SECONDS)
def test_when_to_look_again_lies_ahead_for_as_long_as_somebody_waits(
    told: list[AccountReport], waiters: int, second: int
) -> None:
    made = granted(an_account(told, waiters), at(second))

    assert bool(made.account.waiting) == (made.wake_at is not None)
    assert made.wake_at is None or made.wake_at > at(second)


@given(reports(), SECONDS)
def test_forgetting_what_is_over_changes_no_limit(told: list[AccountReport], second: int) -> None:
    account, now = an_account(told), at(second)

    kept = settled(account, now)

    later = [now + timedelta(seconds=more) for more in (0, 1, 59, 600, 7_200)]
    assert [limit_of(kept, moment) for moment in later] == [limit_of(account, moment) for moment in later]


@given(reports(), st.integers(0, 8), SECONDS)
def test_everybody_in_the_queue_is_told_when_it_will_start(
    told: list[AccountReport], waiters: int, second: int
) -> None:
    account = an_account(told, waiters)

    foreseen = outlook(account, at(second))

    assert list(foreseen) == [waiter.id for waiter in account.waiting]
    assert all(limit_of(account, moment) is None for moment in foreseen.values())
