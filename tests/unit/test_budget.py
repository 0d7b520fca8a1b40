"""Money, prices and the spend ledger by examples."""

from datetime import UTC, datetime, timedelta

import pytest

from ostinato.domain.budget.amounts import Amount, Limit, Usage, parse_tokens, parse_usd, told_usd
from ostinato.domain.budget.ledger import Lease, LeaseState, Ledger, Refusal
from ostinato.domain.budget.prices import Price, PriceTable, Spend, Terms, amount_of, cost_of, estimate_of
from ostinato.domain.budget.zones import Zone, zone_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRICE = Price(input=3_000_000, output=15_000_000, cached_read=300_000, cache_write=3_750_000)
TERMS = Terms(model="anthropic:m", price=PRICE)


def an_amount(tokens: int = 100, micro_usd: int = 0, requests: int = 1) -> Amount:
    return Amount(tokens=tokens, micro_usd=micro_usd, requests=requests)


def a_ledger(tokens: int | None = 1000, *granted: tuple[str, int]) -> Ledger:
    ledger = Ledger(limit=Limit(tokens=tokens))
    for name, estimate in granted:
        ledger, lease = ledger.grant(name, an_amount(estimate), NOW)
        assert isinstance(lease, Lease)
    return ledger


def a_spend(lease_id: str, usage: Usage | None) -> Spend:
    return Spend(lease_id=lease_id, run_id="r", estimate=an_amount(500), usage=usage, at=NOW)


@pytest.mark.parametrize(("text", "micro_usd"), [("5", 5_000_000), ("$0.25", 250_000), ("0.000001", 1), ("0", 0)])
def test_dollars_are_read_exactly(text: str, micro_usd: int) -> None:
    assert parse_usd(text) == micro_usd


@pytest.mark.parametrize("text", ["", "-1", "1.0000001", "1e3", "nan", "10000001", "٣", "1,5"])
def test_what_is_no_amount_of_dollars_is_refused(text: str) -> None:
    assert parse_usd(text) is None


def test_tokens_may_be_written_short() -> None:
    assert [parse_tokens(text) for text in ("200k", "2M", "1_500", "0", "x")] == [200_000, 2_000_000, 1_500, None, None]


def test_dollars_are_told_with_as_many_places_as_they_need() -> None:
    assert [told_usd(value) for value in (12_500_000, 1, 1_234_000_000)] == ["$12.50", "$0.000001", "$1,234.00"]


def test_each_kind_of_token_has_its_own_price_and_fractions_are_rounded_up() -> None:
    usage = Usage(tokens_in=1_000_000, cached_read=1_000_000, cache_write=1_000_000, tokens_out=1)

    assert PRICE.of(usage) == 3_000_000 + 300_000 + 3_750_000 + 15
    assert PRICE.of(Usage(cached_read=1)) == 1


def test_an_unknown_cost_counts_as_the_estimate_and_never_as_nothing() -> None:
    unpriced = cost_of(Usage(tokens_in=1_000), Terms(model="other:m"))
    unsaid = cost_of(None, TERMS, estimate=700)

    assert (unpriced.known, unpriced.counted) == (None, 30_000)
    assert (unsaid.known, unsaid.counted) == (None, 700)
    assert cost_of(Usage(tokens_in=1_000), TERMS).known == 3_000


def test_a_dated_model_has_the_price_of_its_family_and_an_unknown_one_has_none() -> None:
    table = PriceTable(prices={"anthropic:claude-x": PRICE})

    assert table.price("anthropic:claude-x-20260101") == table.price("anthropic:claude-x-2026-01-01") == PRICE
    assert table.price("anthropic:claude-xl") is None


def test_an_estimate_takes_every_answer_for_as_long_as_it_may_be() -> None:
    found = estimate_of(TERMS, prompt_tokens=1_000, max_tokens=2_000, requests=3)

    assert found == Amount(tokens=9_000, micro_usd=3 * (3_000 + 30_000), requests=3)


def test_parallel_leases_cannot_overshoot_together() -> None:
    ledger = a_ledger(1000, ("a", 400), ("b", 400))

    ledger, answer = ledger.grant("c", an_amount(400), NOW)

    assert isinstance(answer, Refusal)
    assert (answer.code, answer.lacking) == ("budget_exhausted", "tokens")
    assert ledger.balance().committed.tokens == 800


def test_what_a_call_did_not_need_is_free_again() -> None:
    ledger = a_ledger(1000, ("a", 900)).settle("a", an_amount(100), NOW)

    _, answer = ledger.grant("b", an_amount(900), NOW)

    assert isinstance(answer, Lease)


def test_the_same_id_gets_the_same_lease_and_a_closed_one_none() -> None:
    ledger = a_ledger(1000, ("a", 400))

    again, lease = ledger.grant("a", an_amount(999), NOW)
    _, late = ledger.settle("a", an_amount(1), NOW).grant("a", an_amount(1), NOW)

    assert again == ledger
    assert isinstance(lease, Lease)
    assert lease.estimate.tokens == 400
    assert isinstance(late, Refusal)
    assert late.code == "lease_closed"


def test_a_lost_settlement_counts_as_the_estimate_until_it_arrives_late() -> None:
    later = NOW + timedelta(hours=1)
    lost = a_ledger(1000, ("a", 400)).expire(later)
    found = lost.settle("a", an_amount(150), later)

    assert lost.leases["a"].state is LeaseState.EXPIRED
    assert lost.balance().spent.tokens == 400
    assert found.balance().spent.tokens == 150
    assert found.settle("a", an_amount(999), later) == found


def test_a_settlement_without_a_figure_counts_as_the_estimate() -> None:
    balance = a_ledger(1000, ("a", 400)).settle("a", None, NOW).balance()

    assert (balance.spent.tokens, balance.unknown_count) == (400, 1)


def test_what_was_spent_before_a_reset_is_found_in_the_history() -> None:
    usage = Usage(tokens_in=600, tokens_out=50)
    ledger = a_ledger(1000).reconciled([a_spend("gone", usage), a_spend("begun", None)], NOW)

    assert ledger.balance().spent.tokens == 650 + 500
    assert ledger.reconciled([a_spend("gone", usage), a_spend("begun", None)], NOW) == ledger


def test_a_call_in_flight_is_not_counted_twice_by_what_the_history_says_of_its_beginning() -> None:
    ledger = a_ledger(1000, ("a", 400))

    assert ledger.reconciled([a_spend("a", None)], NOW) == ledger


def test_a_fork_tells_what_was_spent_before_it_and_counts_only_its_own() -> None:
    parent = a_ledger(1000, ("a", 400)).settle("a", an_amount(400), NOW)

    child = parent.forked(Limit(tokens=500))

    assert child.balance().inherited.tokens == 400
    assert child.balance().spent.tokens == 0


def test_the_leases_of_a_workflow_that_is_gone_do_not_stay_open() -> None:
    ledger, _ = Ledger(limit=Limit(tokens=1000)).grant("a", an_amount(400), NOW, holder="run-1")

    reclaimed = ledger.abandoned(("run-1",), NOW)

    assert reclaimed.balance().expired.tokens == 400
    assert reclaimed.release("a", NOW).balance().committed.tokens == 0


def test_a_folded_ledger_has_the_same_balance() -> None:
    ledger = a_ledger(None, ("a", 10), ("b", 20), ("c", 30), ("d", 40))
    ledger = ledger.settle("a", an_amount(7), NOW).settle("b", None, NOW).release("c", NOW)

    folded = ledger.compacted(1)

    assert len(folded.leases) == 2
    assert folded.balance().model_copy(update={"unknown_count": 0}) == ledger.balance().model_copy(
        update={"unknown_count": 0}
    )


def test_a_limit_of_nothing_grants_nothing() -> None:
    _, answer = Ledger(limit=Limit(micro_usd=0)).grant("a", Amount(), NOW)

    assert isinstance(answer, Refusal)


@pytest.mark.parametrize(
    ("share", "zone"), [(0.7499, Zone.GREEN), (0.75, Zone.YELLOW), (0.85, Zone.YELLOW), (0.8501, Zone.RED)]
)
def test_zones_begin_where_they_are_said_to(share: float, zone: Zone) -> None:
    assert zone_of(share) is zone


def test_what_a_call_is_settled_with_has_all_its_tokens() -> None:
    usage = Usage(tokens_in=1, cached_read=2, cache_write=3, tokens_out=4, requests=2)

    assert amount_of(usage, cost_of(usage, TERMS)).tokens == 10
