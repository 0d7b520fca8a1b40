"""An account on a real server: who may start, limits that several runs met, the queue, new executions, the end."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer, Worker

from activities.accounts import AccountActivities
from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.port import CodingAgent
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.gateway import Gateway, upstreams_of
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.accounts import ask_account
from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    ASK_TO_START,
    REPORT,
    SEEN,
    WITHDRAW,
    AccountSeen,
    AskAccount,
    MayStart,
    OpenAccount,
    StartAnswer,
    Withdraw,
    account_workflow_id,
)
from ostinato.domain.agents.accounts import Account, AccountReport, ReportKind
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import ExternalError, UserError
from tests.workflows.conftest import PAYLOADS
from tests.workflows.listener import Listener
from workflows.account import AccountWorkflow

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Asked:
    """One account, as runs meet it."""

    client: Client
    name: str = field(default_factory=lambda: f"acme-{uuid.uuid4().hex[:8]}")
    queue: str = field(default_factory=lambda: f"account-{uuid.uuid4().hex[:8]}")
    longest_history: int = 1_500
    lingers: timedelta = timedelta(hours=6)

    @property
    def id(self) -> str:
        return account_workflow_id(self.name)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.id)

    async def ask(self, waiter: str, *, since: datetime | None = None) -> StartAnswer:
        wish = MayStart(waiter=waiter, since=since or datetime.now(UTC))
        account = Account(name=self.name)
        opened = OpenAccount(account=account, longest_history=self.longest_history, lingers=self.lingers)
        return await ask_account(
            self.client, opened, wish, workflow=ACCOUNT_WORKFLOW, workflow_id=self.id, task_queue=self.queue, update=ASK_TO_START,
            update_id=uuid.uuid4().hex, answer=StartAnswer,
        )  # fmt: skip

    async def report(self, by: str, until: datetime | None = None, **fields: Any) -> None:
        at = datetime.now(UTC)
        said = AccountReport(id=f"{by}-{uuid.uuid4().hex[:6]}", at=at, until=until, by=by, **fields)
        await self.handle.signal(REPORT, said)

    async def seen(self) -> AccountSeen:
        found: AccountSeen = await self.handle.query(SEEN, result_type=AccountSeen)
        return found

    async def until(self, holds: Any) -> AccountSeen:
        for _ in range(200):
            if holds(seen := await self.seen()):
                return seen
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never came to that: {seen}")

    async def a_run(self) -> "WorkflowHandle[Any, Any]":
        return await self.client.start_workflow("Listener", id=f"run-{uuid.uuid4().hex[:8]}", task_queue=self.queue)

    @asynccontextmanager
    async def worker(self, cached: int = 100) -> AsyncIterator[None]:
        async with Worker(
            self.client, task_queue=self.queue, workflows=[AccountWorkflow, Listener], max_cached_workflows=cached
        ):
            yield
            for name in (self.id,):
                await self.client.get_workflow_handle(name).terminate()


async def told(run: "WorkflowHandle[Any, Any]", count: int, *, within_s: float = 20) -> list[str]:
    for _ in range(int(within_s / 0.1)):
        found: list[str] = await run.query("told", result_type=list[str])
        if len(found) >= count:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"told only {found}")


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_a_worker_that_asks_and_hears_of_a_limit_answers_the_agents_that_run_there_itself(
    server: Client, tmp_path: Path
) -> None:
    account = Asked(server)
    gateway = Gateway(
        upstreams=upstreams_of({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}),
        ledger_folder=tmp_path,
        prices=PriceTable(),
    )
    desk = Desk(Home(tmp_path), ArtifactStore(tmp_path), agency=Agency(find=_nobody, environ={}, gateway=gateway))
    asking = AskAccount(account=account.name, asked=MayStart(waiter="run-2/a/1", since=datetime.now(UTC)))
    async with account.worker(), gateway.serving():
        await account.ask("run-1/a/1")
        await account.report("run-1/a/1", soon(600))
        heard = await ActivityEnvironment(client=server).run(AccountActivities(desk).ask, asking)
        given = gateway.open("run-1/a", Limit(), account.name)
        async with httpx.AsyncClient(trust_env=False) as agent:
            url, key = f"{given.base_urls[Wire.ANTHROPIC]}/v1/messages", {"x-api-key": given.key}
            answer = await agent.post(url, json={}, headers=key)

    assert not heard.may_start
    assert answer.status_code == 429
    assert 590 <= int(answer.headers["retry-after"]) <= 600


def _nobody(name: str) -> CodingAgent:
    raise UserError.of("agent_unknown", name, "nobody", "Name another")


async def test_the_first_who_asks_starts_it_and_all_may_while_nobody_met_a_limit(server: Client, cache: int) -> None:
    account = Asked(server)

    async with account.worker(cache):
        answers = await asyncio.gather(*(account.ask(f"r{n}/s/1") for n in range(10)))
        seen = await account.seen()

    assert all(answered.may_start for answered in answers)
    assert (len(seen.account.running), seen.account.waiting, seen.limit) == (10, (), None)


async def test_a_limit_that_one_run_met_stops_all_until_it_is_lifted_and_they_go_on_in_their_order(
    server: Client, cache: int
) -> None:
    account, until = Asked(server), soon(3)

    async with account.worker(cache):
        await account.ask("first/s/1")
        await account.report("first", until, because="weekly limit")
        await account.until(lambda it: it.limit)
        runs = [await account.a_run() for _ in range(2)]
        since = datetime.now(UTC)
        late = await account.ask(f"{runs[1].id}/s/1", since=since)
        early = await account.ask(f"{runs[0].id}/s/1", since=since - timedelta(seconds=5))
        waiting = (await account.seen()).account.waiting
        first = await told(runs[0], 1)
        at_first = datetime.now(UTC)
        before = await runs[1].query("told", result_type=list[str])
        await told(runs[1], 1)

    assert (late.may_start, early.may_start) == (False, False)
    assert early.limit is not None
    assert (early.limit.until, early.limit.because, early.limit.is_guess) == (until, "weekly limit", False)
    assert [each.id for each in waiting] == [f"{runs[0].id}/s/1", f"{runs[1].id}/s/1"]
    assert first == [f"{runs[0].id}/s/1"]
    assert at_first >= until
    assert before == []


async def test_of_limits_from_several_runs_the_latest_counts(server: Client) -> None:
    account, latest = Asked(server), soon(900)

    async with account.worker():
        await account.ask("a/s/1")
        await asyncio.gather(account.report("a", soon(60)), account.report("b", latest), account.report("c", soon(300)))
        seen = await account.until(lambda it: it.limit and it.limit.until == latest)

    assert seen.limit is not None
    assert seen.limit.by == "b"


async def test_a_person_lifts_a_limit_before_its_time(server: Client) -> None:
    account = Asked(server)

    async with account.worker():
        await account.ask("a/s/1")
        await account.report("a", soon(3_600))
        run = await account.a_run()
        asked = await account.ask(f"{run.id}/s/1")
        await account.report("ada", kind=ReportKind.LIFTED)
        await told(run, 1)

    assert not asked.may_start


async def test_who_withdrew_is_not_told(server: Client) -> None:
    account = Asked(server)

    async with account.worker():
        await account.ask("a/s/1")
        await account.report("a", soon(2))
        await account.until(lambda it: it.limit)
        gone, stays = await account.a_run(), await account.a_run()
        await account.ask(f"{gone.id}/s/1")
        await account.ask(f"{stays.id}/s/1")
        await account.handle.signal(WITHDRAW, Withdraw(waiters=(f"{gone.id}/s/1",)))
        await told(stays, 1)
        seen = await account.seen()
        heard = await gone.query("told", result_type=list[str])

    assert heard == []
    assert seen.account.waiting == ()


async def test_asking_twice_takes_one_place(server: Client) -> None:
    account = Asked(server)

    async with account.worker():
        await account.ask("a/s/1")
        await account.report("a", soon(600))
        await account.until(lambda it: it.limit)
        await asyncio.gather(account.ask("b/s/1"), account.ask("b/s/1"))
        seen = await account.seen()

    assert [each.id for each in seen.account.waiting] == ["b/s/1"]


async def test_who_was_told_and_makes_sure_of_it_starts_at_once(server: Client, cache: int) -> None:
    account = Asked(server)

    async with account.worker(cache):
        await account.ask("a/s/1")
        await account.report("a", soon(1.5))
        await account.until(lambda it: it.limit)
        run = await account.a_run()
        waiting = await account.ask(f"{run.id}/s/1")
        await told(run, 1)
        again = await account.ask(f"{run.id}/s/1")

    assert (waiting.may_start, again.may_start) == (False, True)


async def test_who_was_told_before_another_limit_waits_for_that(server: Client) -> None:
    account = Asked(server)

    async with account.worker():
        await account.ask("a/s/1")
        await account.report("b", soon(600))
        await account.until(lambda it: it.limit)
        again = await account.ask("a/s/1")

    assert not again.may_start


async def test_a_run_that_has_ended_holds_nobody_up(server: Client) -> None:
    account = Asked(server)

    async with account.worker():
        await account.ask("a/s/1")
        await account.report("a", soon(1.5))
        await account.until(lambda it: it.limit)
        await account.ask("nobody/s/1", since=soon(-60))
        run = await account.a_run()
        await account.ask(f"{run.id}/s/1")
        heard = await told(run, 1)

    assert heard == [f"{run.id}/s/1"]


async def test_it_goes_on_in_new_executions_and_forgets_neither_limit_nor_queue(server: Client, cache: int) -> None:
    account, until = Asked(server, longest_history=40), soon(3_600)

    async with account.worker(cache):
        await account.ask("first/s/1")
        await account.report("first", until)
        for number in range(20):
            await account.ask(f"r{number}/s/1")
        described = await account.handle.describe()
        seen = await account.until(lambda it: len(it.account.waiting) == 20)

    info = described.raw_description.workflow_execution_info
    assert info.first_run_id != described.run_id
    assert seen.limit is not None
    assert seen.limit.until == until
    assert [each.id for each in seen.account.waiting] == [f"r{number}/s/1" for number in range(20)]


async def test_without_an_answer_it_is_said(server: Client) -> None:
    account = Asked(server)

    with pytest.raises(ExternalError) as caught:
        await ask_account(
            server, OpenAccount(account=Account(name=account.name)), MayStart(waiter="a/s/1", since=soon(0)),
            workflow=ACCOUNT_WORKFLOW, workflow_id=account.id, task_queue="nobody", update=ASK_TO_START,
            update_id="one", answer=StartAnswer, patience_s=1.0,
        )  # fmt: skip
    await account.handle.terminate()

    assert caught.value.code == "account_silent"


async def test_nothing_is_done_while_a_limit_outlasts_the_time_that_it_stays(server: Client) -> None:
    account = Asked(server, lingers=timedelta(seconds=0.5))

    async with account.worker():
        await account.ask("a/s/1")
        await account.handle.signal(WITHDRAW, Withdraw(waiters=("a/s/1",)))
        await account.report("a", soon(600))
        await account.until(lambda it: it.limit)
        await asyncio.sleep(2)
        before = len((await account.handle.fetch_history()).events)
        await asyncio.sleep(2)
        after = len((await account.handle.fetch_history()).events)

    assert before == after < 40


async def test_it_ends_when_nobody_has_needed_it_for_long_and_its_history_replays(server: Client) -> None:
    account = Asked(server, lingers=timedelta(seconds=1))

    async with Worker(server, task_queue=account.queue, workflows=[AccountWorkflow, Listener]):
        run = await account.a_run()
        await account.ask("a/s/1")
        await account.report("a", soon(1.5))
        await account.ask(f"{run.id}/s/1")
        await told(run, 1)
        gone = Withdraw(waiters=("a/s/1", f"{run.id}/s/1"))
        await account.handle.signal(WITHDRAW, gone)
        last: AccountSeen = await asyncio.wait_for(
            server.get_workflow_handle(account.id, result_type=AccountSeen).result(), 20
        )
        history = await account.handle.fetch_history()
        again = await account.ask("b/s/1")
        await account.handle.terminate()
        await run.terminate()

    assert last.account.waiting == last.account.running == ()
    assert again.may_start
    await Replayer(workflows=[AccountWorkflow], plugins=[ostinato_plugin(PAYLOADS)]).replay_workflow(history)
