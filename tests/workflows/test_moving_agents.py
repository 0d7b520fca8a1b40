"""Steps that move: to another agent, since the account of the first is used up, or to a new execution of the workflow."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.contracts.account import REPORT, AskAccount, StartAnswer, account_workflow_id
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.agents.accounts import AccountReport
from ostinato.domain.agents.ends import EndKind
from ostinato.domain.agents.limits import LimitKind
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Spent
from ostinato.domain.decisions import Answer
from ostinato.domain.execution import StepResult
from ostinato.domain.pipeline import Outcome
from ostinato.domain.request import RunOptions
from tests.fakes.world import World, tool_step
from tests.workflows.agents import (
    ACCOUNT,
    FakeAccount,
    a_colleague,
    agent_step,
    agents_of,
    by_agents,
    done,
    done_by,
    ended,
    in_hours,
    orders_of,
    really_asked,
    rejected,
    seen_of,
    staffed,
)
from tests.workflows.conftest import running
from tests.workflows.steering import until, until_decision

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

A_LITTLE = Spent(amount=Amount(tokens=1, micro_usd=0, requests=1))
OTHER = a_colleague("codex", account="openai-1")


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def closed(world: World) -> Callable[[AskAccount], Awaitable[StartAnswer]]:
    """Of two accounts the first is used up."""

    async def ask(command: AskAccount) -> Any:
        is_closed = command.account == ACCOUNT
        return await (FakeAccount(in_hours()).ask if is_closed else world.usual("account.ask"))(command)

    return ask


def two_agents(**overrides: Any) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        staffed("claude", OTHER, **overrides)(world)
        world.overrides["account.ask"] = closed(world)

    return prepare


async def test_a_step_that_moved_does_not_wait_for_itself(server: Client) -> None:
    plan = by_agents(agent_step("one"), agents=("claude", "codex"), max_per_agent=1)

    async with running(server, plan, prepare=two_agents(step_execute=done)) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert snapshot.outcome is Outcome.COMPLETED
    assert agents_of(world, "one") == ["codex"]


async def test_a_limit_that_one_step_meets_ends_the_turns_of_the_others_that_run_on_the_account(server: Client) -> None:
    name, told, works = f"acme-{uuid.uuid4().hex[:8]}", asyncio.Event(), asyncio.Event()
    until = in_seconds(8)

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.execution > 1:
            return done_by(command)
        if command.step.id == "two":
            works.set()
            await told.wait()
        await works.wait()
        return ended(command, EndKind.RATE_LIMIT, message="429", until=until, session_id="s")

    async def steered(command: contracts.SteerStep) -> contracts.Steered:
        told.set()
        return contracts.Steered()

    def prepare(world: World) -> None:
        really_asked(server, name)(world)
        world.overrides.update({"step.execute": execute, "step.steer": steered})

    plan = by_agents(agent_step("one"), agent_step("two"), max_parallel=2)
    async with running(server, plan, prepare=prepare) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), 40)
        seen = await seen_of(server, name)
        await server.get_workflow_handle(account_workflow_id(name)).terminate()

    left = [argument for name, argument in world.calls if name == "step.steer"]
    assert [(each.session, each.note, each.met.execution) for each in left] == [("two", None, 1)]
    assert left[0].met.limit.until >= until
    assert snapshot.outcome is Outcome.COMPLETED
    assert seen.account.running == seen.account.waiting == ()


async def test_that_a_request_got_through_lifts_no_limit_that_was_met_after_it_was_sent(server: Client) -> None:
    name, works, release = f"acme-{uuid.uuid4().hex[:8]}", asyncio.Event(), asyncio.Event()
    account = server.get_workflow_handle(account_workflow_id(name))

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.execution == 1:
            return ended(command, EndKind.RATE_LIMIT, message="429", until=in_seconds(2), session_id="s")
        started_at = datetime.now(UTC)
        works.set()
        await release.wait()
        return done_by(command, started_at=started_at)

    def prepare(world: World) -> None:
        really_asked(server, name)(world)
        world.overrides["step.execute"] = execute

    async with running(server, by_agents(agent_step("one")), prepare=prepare) as (handle, _, _):
        await asyncio.wait_for(works.wait(), 30)
        await account.signal(REPORT, AccountReport(id="another's", at=datetime.now(UTC)))
        release.set()
        await asyncio.wait_for(handle.result(), 20)
        seen = await seen_of(server, name)
        await account.terminate()

    assert seen.account.answered is not None
    assert [report.id for report in seen.account.guessed] == ["another's"]


async def test_an_agent_that_waits_for_a_further_lease_goes_on_as_the_same_after_the_workflow_began_anew(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.continuing.SHARDED_FROM_STEPS", 1)
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 60)
    name = f"acme-{uuid.uuid4().hex[:8]}"

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.order is None or command.execution == 3:
            return done_by(command, spent=A_LITTLE)
        if command.execution == 1:
            return rejected(command, "crashed").model_copy(update={"spent": A_LITTLE})
        amount = Amount(tokens=command.order.limits.tokens or 0, micro_usd=0, requests=1)
        used_up = ended(command, EndKind.LIMIT, limit=LimitKind.TOKENS, message="used up", session_id="s")
        return used_up.model_copy(update={"spent": Spent(amount=amount)})

    def prepare(world: World) -> None:
        really_asked(server, name)(world)
        world.overrides["step.execute"] = execute

    plan = by_agents(
        agent_step("one", priority=9, max_attempts=3), *(tool_step(f"t{n}") for n in range(25)), max_parallel=2
    )
    options = RunOptions(max_tokens=60_000, on_red="ask")
    async with running(server, plan, options=options, prepare=prepare) as (handle, world, _):
        decision = await until_decision(handle)
        await until(lambda: len([step for step in world.executed() if step != "one"]) == 25)
        begun = (await handle.describe()).run_id
        more = Answer(decision=decision.id, option="raise", by="ada", note="1m")
        await handle.execute_update("decide", more, result_type=Acknowledged)
        snapshot = await asyncio.wait_for(handle.result(), 20)
        seen = await seen_of(server, name)
        await server.get_workflow_handle(account_workflow_id(name)).terminate()

    told = [bool(command.order.findings) for command in orders_of(world, "one") if command.order]
    assert begun != handle.first_execution_run_id
    assert snapshot.outcome is Outcome.COMPLETED
    assert told == [False, True, False]
    assert seen.account.running == seen.account.waiting == ()
