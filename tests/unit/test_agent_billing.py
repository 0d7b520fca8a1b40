"""What an agent's invocations come to, in the history and for the lease."""

from pathlib import Path

from ostinato.adapters.agents.billing import Bill, added, usage_of
from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.domain.agents import TokenUse
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Metered

METERED = Metered(lease_id="run/1", run_id="run", what="step edit", estimate=Amount(tokens=900, micro_usd=500))
USE = TokenUse(input=100, output=20, cache_read=30, requests=2)


def a_bill(history: History | None = None) -> Bill:
    return Bill(history=history, metered=METERED, model="claude")


async def test_what_is_known_is_what_counts() -> None:
    spent = await a_bill().end(USE, 70, priced=True)

    assert (spent.amount, spent.priced) == (Amount(tokens=150, micro_usd=70, requests=2), True)


async def test_tokens_count_though_their_price_is_not_known() -> None:
    spent = await a_bill().end(USE, None, priced=False)

    assert (spent.amount, spent.priced) == (Amount(tokens=150, micro_usd=500, requests=2), False)


async def test_what_the_wire_reckons_counts_as_an_estimate() -> None:
    spent = await a_bill().end(USE, 90, priced=False)

    assert (spent.amount, spent.priced) == (Amount(tokens=150, micro_usd=90, requests=2), False)


async def test_without_any_use_the_lease_counts() -> None:
    assert (await a_bill().end(None, None, priced=False)).amount is None


async def test_all_attempts_under_a_lease_are_one_entry_of_the_history(tmp_path: Path) -> None:
    history = History(Home(tmp_path))
    bill = a_bill(history)

    await bill.begin()
    await bill.begin()  # its worker died meanwhile
    await bill.end(added(USE, USE), 140, priced=True)

    spends, _ = history.spend_of("run")
    assert [(spend.lease_id, spend.usage) for spend in spends] == [("run/1", usage_of(added(USE, USE)))]


def test_money_is_known_where_both_say_it() -> None:
    said, unsaid = TokenUse(input=1, micro_usd=5), TokenUse(input=2)

    assert added(said, said).micro_usd == 10
    assert added(said, unsaid).micro_usd is None
    assert added(said, unsaid).input == 3
