"""What the gateway saw comes before what an agent makes of it."""

from datetime import timedelta
from typing import Any

import pytest

from ostinato.adapters.agents.by_wire import by_wire, is_stopped
from ostinato.adapters.gateway import Used
from ostinato.domain.agents import AgentEnd, EndKind, LimitKind, TokenUse
from ostinato.domain.agents.outcomes import failure_of
from ostinato.domain.agents.troubles import Trouble, TroubleKind
from ostinato.domain.budget.amounts import NOTHING, Limit
from tests.builders import NOON, at

CRASH = AgentEnd(kind=EndKind.CRASH, message="exit 1", session_id="s")
LATER = at(3_600)


def used(**fields: Any) -> Used:
    return Used(use=TokenUse(), committed=NOTHING, caps=Limit(), **fields)


def limited(**fields: Any) -> Used:
    return used(trouble=Trouble(kind=TroubleKind.RATE_LIMIT, status=429, message="weekly limit", **fields))


@pytest.mark.parametrize(
    ("stopped", "limit"),
    [("tokens", LimitKind.TOKENS), ("money", LimitKind.MONEY), ("requests", LimitKind.REQUESTS)],
)
def test_a_cap_of_the_lease_is_a_limit_whatever_the_agent_calls_it(stopped: str, limit: LimitKind) -> None:
    end = by_wire(CRASH, used(stopped=stopped, message="used up"))

    assert (end.kind, end.limit, end.message, end.session_id) == (EndKind.LIMIT, limit, "used up", "s")


def test_spending_that_cannot_be_written_down_is_a_failure_that_says_so() -> None:
    words = "What is spent cannot be written down: [Errno 28] No space left on device."
    interrupted = AgentEnd(kind=EndKind.INTERRUPTED, message="it was interrupted", session_id="s")

    end = by_wire(interrupted, used(stopped="ledger", message=words))
    failure = failure_of(end, now=NOON)

    assert (end.message, end.session_id) == (words, "s")
    assert failure is not None
    assert failure.diagnosis is not None
    assert (failure.diagnosis.code, words in failure.message) == ("disk_full", True)


def test_a_limit_of_the_account_is_one_with_its_reset() -> None:
    end = by_wire(CRASH, limited(until=LATER))

    assert (end.kind, end.until, end.status, end.message) == (EndKind.RATE_LIMIT, LATER, 429, "weekly limit")


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (TroubleKind.QUOTA, EndKind.RATE_LIMIT),
        (TroubleKind.AUTH, EndKind.AUTH),
        (TroubleKind.CONTEXT_OVERFLOW, EndKind.CONTEXT_OVERFLOW),
        (TroubleKind.OVERLOADED, EndKind.CRASH),
    ],
)
def test_a_provider_that_said_why_is_believed(trouble: TroubleKind, kind: EndKind) -> None:
    assert by_wire(CRASH, used(trouble=Trouble(kind=trouble))).kind is kind


@pytest.mark.parametrize("kind", [EndKind.DONE, EndKind.MISSING])
def test_an_agent_that_got_over_it_did(kind: EndKind) -> None:
    end = AgentEnd(kind=kind)

    assert by_wire(end, limited(until=LATER)) is end


def test_without_a_gateway_the_agents_word_stands() -> None:
    assert by_wire(CRASH, None) is CRASH
    assert not is_stopped(None, NOON)


@pytest.mark.parametrize(
    ("seen", "stops"),
    [
        (used(), False),
        (used(stopped="money"), True),
        (limited(until=NOON + timedelta(seconds=3)), False),
        (limited(until=LATER), True),
        (limited(), True),
        (used(trouble=Trouble(kind=TroubleKind.OVERLOADED)), False),
    ],
)
def test_a_turn_that_can_come_to_nothing_is_ended(seen: Used, stops: bool) -> None:
    assert is_stopped(seen, NOON) is stops
