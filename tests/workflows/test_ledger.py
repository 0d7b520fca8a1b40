"""The day's ledger on a real server: parallel grants, lost and killed holders, restarts, the end of the day."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, Worker

from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.ledgers import ask_ledger, fates_of, tell_ledger
from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts import ledger as contracts
from ostinato.contracts.ledger import GrantLease, LeaseAnswer, OpenLedger, SettleLease
from ostinato.domain.budget.amounts import Amount, Limit, Usage
from ostinato.domain.budget.ledger import Balance
from ostinato.domain.budget.prices import Spend
from ostinato.domain.errors import ExternalError
from tests.workflows.conftest import PAYLOADS
from workflows.ledger import LedgerWorkflow

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]
TODAY = datetime.now(UTC).date()
PLACE = "here"


@dataclass
class Day:
    """One repository's ledger of one day, as runs meet it."""

    client: Client
    queue: str
    opened: OpenLedger
    history: History

    @property
    def id(self) -> str:
        return contracts.ledger_workflow_id(self.opened.repository_id, self.opened.day)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.id)

    async def grant(self, lease: str, tokens: int, *, limit: int = 1_000, holder: str = "", **more: Any) -> LeaseAnswer:
        asked = GrantLease(
            lease_id=lease, estimate=Amount(tokens=tokens), limit=Limit(tokens=limit), holder=holder or lease, **more
        )
        return await self.ask(contracts.GRANT, asked)

    async def settle(self, lease: str, tokens: int | None) -> LeaseAnswer:
        spent = None if tokens is None else Amount(tokens=tokens)
        return await self.ask(contracts.SETTLE, SettleLease(lease_id=lease, spent=spent))

    async def ask(self, update: str, argument: Any, *, patience_s: float = 20.0) -> LeaseAnswer:
        return await ask_ledger(
            self.client, self.opened, argument, workflow=contracts.LEDGER_WORKFLOW, workflow_id=self.id,
            task_queue=self.queue, update=update, update_id=uuid.uuid4().hex, answer=LeaseAnswer, patience_s=patience_s,
        )  # fmt: skip

    async def balance(self) -> Balance:
        found: Balance = await self.handle.query(contracts.BALANCE, result_type=Balance)
        return found

    async def a_run(self) -> str:
        """A workflow that nobody carries: it runs until it is terminated."""
        name = f"ostinato-run-{uuid.uuid4().hex[:8]}"
        await self.client.start_workflow("Nobody", id=name, task_queue=f"nobody-{name}")
        return name

    @asynccontextmanager
    async def worker(self, cached: int) -> AsyncIterator[None]:
        look_after = self._look_after()
        async with Worker(
            self.client, task_queue=self.queue, workflows=[LedgerWorkflow], activities=[look_after],
            max_cached_workflows=cached,
        ):  # fmt: skip
            yield

    def _look_after(self) -> Callable[[contracts.LookAfterLeases], Awaitable[contracts.Fates]]:
        @activity.defn(name=contracts.LOOK_AFTER_LEASES.name)
        async def look_after(command: contracts.LookAfterLeases) -> contracts.Fates:
            return contracts.Fates(fates=await fates_of(self.client, command.leases, history=self.history, place=PLACE))

        return look_after


def a_day(client: Client, folder: Path, *, day: date = TODAY, **fields: Any) -> Day:
    opened = OpenLedger(repository_id=uuid.uuid4().hex[:8], day=day, **{"check_every_s": 0.3, **fields})
    return Day(client=client, queue=f"ledger-{uuid.uuid4().hex[:8]}", opened=opened, history=History(Home(folder)))


async def until(day: Day, holds: Callable[[Balance], bool]) -> Balance:
    for _ in range(100):
        balance = await day.balance()
        if holds(balance):
            return balance
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came to that: {balance}")


async def test_twenty_runs_at_once_never_get_more_than_the_day_has(server: Client, tmp_path: Path, cache: int) -> None:
    day = a_day(server, tmp_path, check_every_s=3_600)

    async with day.worker(cache):
        answers = await asyncio.gather(*(day.grant(f"lease-{n}", 100) for n in range(20)))
        balance = await day.balance()
        await day.handle.terminate()

    assert sum(1 for answer in answers if answer.lease is not None) == 10
    assert {answer.refusal.code for answer in answers if answer.refusal} == {"budget_exhausted"}
    assert (balance.committed.tokens, balance.is_balanced) == (1_000, True)


async def test_what_calls_left_over_is_granted_to_others(server: Client, tmp_path: Path, cache: int) -> None:
    day = a_day(server, tmp_path, check_every_s=3_600)

    async with day.worker(cache):
        await day.grant("a", 900)
        refused = await day.grant("b", 900)
        await day.settle("a", 50)
        granted = await day.grant("c", 900)
        await day.handle.terminate()

    assert refused.refusal is not None
    assert granted.lease is not None
    assert granted.balance.committed.tokens == 950


async def test_the_same_lease_asked_for_twice_is_one_lease(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path, check_every_s=3_600)

    async with day.worker(10):
        first, second = await asyncio.gather(day.grant("a", 600), day.grant("a", 600))
        await day.handle.terminate()

    assert first.lease == second.lease
    assert second.balance.granted.tokens == 600


async def test_without_an_answer_there_is_no_lease(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)
    asked = GrantLease(lease_id="a", estimate=Amount(tokens=1), limit=Limit(), holder="r")

    with pytest.raises(ExternalError, match="nothing may be spent") as caught:
        await day.ask(contracts.GRANT, asked, patience_s=1.0)
    await day.handle.terminate()

    assert caught.value.code == "ledger_silent"


async def test_a_ledger_that_was_terminated_grants_nothing_more_on_its_day(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(10):
        await day.grant("a", 1)
        await day.handle.terminate()
        with pytest.raises(ExternalError, match="nothing may be spent"):
            await day.grant("b", 1)


async def test_the_lease_of_a_run_that_was_killed_before_its_call_began_is_given_back(
    server: Client, tmp_path: Path, cache: int
) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(cache):
        holder = await day.a_run()
        await day.grant("a", 1_000, holder=holder, kept_in=PLACE)
        assert (await day.grant("b", 500)).refusal is not None
        await server.get_workflow_handle(holder).terminate()
        balance = await until(day, lambda it: it.open_count == 0)
        again = await day.grant("c", 500, holder=await day.a_run())
        await day.handle.terminate()

    assert (balance.released.tokens, balance.spent.tokens) == (1_000, 0)
    assert again.lease is not None


async def test_what_a_killed_run_had_spent_is_read_from_the_history(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(10):
        holder = await day.a_run()
        run_id = holder.removeprefix("ostinato-")
        for lease in ("settled", "begun"):
            await day.grant(lease, 300, holder=holder, kept_in=PLACE)
            day.history.record_spend(a_spend(lease, run_id, None))
        day.history.record_spend(a_spend("settled", run_id, Usage(tokens_in=40)))
        await server.get_workflow_handle(holder).terminate()
        balance = await until(day, lambda it: it.open_count == 0)
        await day.handle.terminate()

    assert balance.spent.tokens == 40 + 300
    assert balance.unknown_count == 1


async def test_of_a_run_that_another_worker_saw_the_estimate_counts(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(10):
        holder = await day.a_run()
        await day.grant("a", 300, holder=holder, kept_in="elsewhere")
        await server.get_workflow_handle(holder).terminate()
        balance = await until(day, lambda it: it.open_count == 0)
        late = await day.settle("a", 20)
        await day.handle.terminate()

    assert balance.expired.tokens == balance.spent.tokens == 300
    assert late.balance.spent.tokens == 20


async def test_the_lease_of_a_run_that_is_alive_is_kept_until_it_expires(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(10):
        holder = await day.a_run()
        await day.grant("long", 300, holder=holder)
        await day.grant("short", 200, holder=holder, lasts_s=1.0)
        balance = await until(day, lambda it: it.expired.tokens > 0)
        await server.get_workflow_handle(holder).terminate()
        await day.handle.terminate()

    assert (balance.promised.tokens, balance.expired.tokens) == (300, 200)


async def test_it_goes_on_in_new_executions_and_forgets_nothing(server: Client, tmp_path: Path, cache: int) -> None:
    day = a_day(server, tmp_path, check_every_s=3_600, longest_history=40)

    async with day.worker(cache):
        for number in range(30):
            await day.grant(f"lease-{number}", 10)
            await tell_ledger(
                server, day.id, contracts.SETTLE, SettleLease(lease_id=f"lease-{number}", spent=Amount(tokens=7))
            )
        balance = await until(day, lambda it: it.open_count == 0)
        described = await day.handle.describe()
        await day.handle.terminate()

    assert described.raw_description.workflow_execution_info.first_run_id != described.run_id
    assert (balance.spent.tokens, balance.granted.tokens, balance.is_balanced) == (210, 300, True)


async def test_a_ledger_whose_day_is_over_ends_and_grants_nothing(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path, day=date(2020, 1, 1))

    async with day.worker(10):
        refused = await day.grant("a", 1)
        balance = await day.client.get_workflow_handle(day.id, result_type=Balance).result()
        told = await tell_ledger(server, day.id, contracts.SETTLE, SettleLease(lease_id="a"))

    assert refused.refusal is not None
    assert refused.refusal.code == "day_over"
    assert (balance.granted.tokens, told) == (0, False)


async def test_a_kept_history_replays(server: Client, tmp_path: Path) -> None:
    day = a_day(server, tmp_path)

    async with day.worker(10):
        holder = await day.a_run()
        await day.grant("a", 300, holder=holder, kept_in=PLACE)
        await day.grant("b", 300, holder=holder, lasts_s=0.5)
        await server.get_workflow_handle(holder).terminate()
        await until(day, lambda it: it.open_count == 0)
        await day.settle("b", 30)
        history = await day.handle.fetch_history()
        await day.handle.terminate()

    await Replayer(workflows=[LedgerWorkflow], plugins=[ostinato_plugin(PAYLOADS)]).replay_workflow(history)


def a_spend(lease_id: str, run_id: str, usage: Usage | None) -> Spend:
    estimate = Amount(tokens=300)
    return Spend(
        lease_id=lease_id, run_id=run_id, estimate=estimate, usage=usage, known_micro_usd=0 if usage else None,
        at=datetime.now(UTC),
    )  # fmt: skip
