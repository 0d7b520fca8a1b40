"""What was spent, in a real file that outlives resets."""

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ostinato.adapters.history import History
from ostinato.adapters.history import schema as schema_module
from ostinato.adapters.history.schema import HEAD, MIGRATIONS
from ostinato.adapters.home import Home
from ostinato.adapters.spending import Meter
from ostinato.domain.budget.amounts import Amount, Limit, Usage
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.prices import Price, Spend, Terms

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
USAGE = Usage(tokens_in=900, cached_read=100, tokens_out=50, requests=2)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(Home(tmp_path / "home"), patience_s=0.3)


def a_spend(
    lease_id: str = "a", usage: Usage | None = USAGE, *, run_id: str = "run-1", micro_usd: int | None = 7
) -> Spend:
    estimate = Amount(tokens=2_000, micro_usd=900, requests=2)
    return Spend(
        lease_id=lease_id, run_id=run_id, what="plan.ask_type", model="anthropic:m", estimate=estimate, usage=usage,
        known_micro_usd=micro_usd if usage else None, at=NOW,
    )  # fmt: skip


def test_what_was_recorded_is_told_of_its_run_alone(history: History) -> None:
    history.record_spend(a_spend("a"))
    history.record_spend(a_spend("b", run_id="run-2"))

    assert history.spend_of("run-1") == ((a_spend("a"),), ())


def test_rows_are_only_added_and_the_first_word_stands(history: History, tmp_path: Path) -> None:
    for spend in (a_spend(usage=None), a_spend(), a_spend(), a_spend(usage=Usage(tokens_in=1)), a_spend(usage=None)):
        assert history.record_spend(spend) == ()

    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "history.db")) as connection:
        rows = connection.execute("SELECT stage, tokens_in FROM spends ORDER BY stage").fetchall()
    assert rows == [("begun", None), ("settled", 900)]
    assert history.spend_of("run-1")[0] == (a_spend(),)


def test_a_call_that_only_began_counts_as_its_estimate(history: History) -> None:
    history.record_spend(a_spend(usage=None))

    found, _ = history.spend_of("run-1")

    assert found[0].amount is None
    assert Ledger().reconciled(found, NOW).balance().spent.tokens == 2_000


def test_a_cost_that_is_not_known_counts_as_the_estimate(history: History) -> None:
    history.record_spend(a_spend(micro_usd=None))

    found, _ = history.spend_of("run-1")

    assert found[0].amount == Amount(tokens=1_050, micro_usd=900, requests=2)


def test_a_run_that_is_reset_finds_what_it_really_spent(history: History) -> None:
    before = Ledger(limit=Limit(tokens=2_500))
    spent, _ = before.grant("a", Amount(tokens=2_000), NOW)
    history.record_spend(a_spend("a"))
    assert spent.settle("a", a_spend("a").amount, NOW).balance().spent.tokens == 1_050

    reset = before.reconciled(history.spend_of("run-1")[0], NOW + timedelta(hours=1))

    assert reset.balance().spent.tokens == 1_050
    assert reset.refusal(Amount(tokens=2_000)) is not None


def test_without_a_file_nothing_is_known_and_none_is_made(history: History, tmp_path: Path) -> None:
    assert history.spend_of("run-1") == ((), ())
    assert not (tmp_path / "home").exists()


def test_a_history_of_the_version_before_keeps_what_it_has(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, older)
    (older / "versions" / "v0002_spends.py").unlink()
    monkeypatch.setattr(schema_module, "MIGRATIONS", older)
    monkeypatch.setattr(schema_module, "HEAD", "0001")
    assert [problem.code for problem in history.record_spend(a_spend())] == ["history_failed"]
    assert history.state().version == "0001"

    monkeypatch.undo()
    problems = history.record_spend(a_spend())

    assert (problems, history.state().version) == ((), HEAD)


PRICE = Price(input=1_000_000, output=5_000_000, cached_read=100_000, cache_write=1_250_000)


def a_meter(history: History, price: Price | None = PRICE) -> Meter:
    return Meter(
        history=history, lease_id="a", run_id="run-1", what="plan.ask_type", terms=Terms(model="m", price=price),
        estimate=Amount(tokens=2_000, micro_usd=900, requests=1),
    )  # fmt: skip


async def test_a_call_is_written_down_before_it_begins(history: History) -> None:
    assert await a_meter(history).begin() == ()

    (spend,) = history.spend_of("run-1")[0]
    assert (spend.usage, spend.amount, spend.estimate.tokens) == (None, None, 2_000)


async def test_a_call_is_settled_with_what_it_came_to(history: History) -> None:
    meter = a_meter(history)
    await meter.begin()

    amount = await meter.end(USAGE)

    assert amount == Amount(tokens=1_050, micro_usd=900 + 10 + 250, requests=2)
    assert [spend.amount for spend in history.spend_of("run-1")[0]] == [amount]


async def test_what_an_attempt_that_was_lost_may_have_spent_counts_besides(history: History) -> None:
    await a_meter(history).begin()
    again = a_meter(history)
    await again.begin()
    amount = await again.end(USAGE)
    ledger, _ = Ledger().grant("a", again.estimate, NOW)

    ledger = ledger.settle("a", amount, NOW).reconciled(history.spend_of("run-1")[0], NOW)

    assert ledger.balance().spent.tokens == 1_050 + 2_000


async def test_what_nobody_can_say_stays_a_call_that_began(history: History) -> None:
    meter = a_meter(history)
    await meter.begin()

    assert await meter.end(None) is None
    assert [spend.amount for spend in history.spend_of("run-1")[0]] == [None]


async def test_without_a_price_the_tokens_are_known_and_the_money_is_as_estimated(history: History) -> None:
    amount = await a_meter(history, price=None).end(Usage(tokens_in=1_000))

    assert amount == Amount(tokens=1_000, micro_usd=900, requests=1)
    assert history.spend_of("run-1")[0][0].amount == amount


async def test_a_history_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    meter = a_meter(History(Home(tmp_path / "home"), patience_s=0.3))

    said = await meter.begin()

    assert "cannot be opened or written" in said[0]
    assert await meter.end(USAGE) is not None
