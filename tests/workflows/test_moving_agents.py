"""Steps that move to another agent, since the account of the first is used up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts.account import AskAccount, StartAnswer
from ostinato.domain.pipeline import Outcome
from tests.fakes.world import World
from tests.workflows.agents import (
    ACCOUNT,
    FakeAccount,
    a_colleague,
    agent_step,
    agents_of,
    by_agents,
    done,
    in_hours,
    staffed,
)
from tests.workflows.conftest import running

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

OTHER = a_colleague("codex", account="openai-1")


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
