"""Plans that no single history could hold: shards carry their steps, the run begins anew when its history has grown."""

import asyncio
import random
import time
from collections import Counter
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.worker import Replayer

from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts import activities as contracts
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AskAction, Plan, Step
from tests.fakes.world import tool_step
from tests.workflows.conftest import PAYLOADS, running
from tests.workflows.steering import (
    a_plan,
    answer,
    failed,
    overriding,
    pause,
    resume,
    until,
    until_decision,
)
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

LONGEST = 2_000


def a_wide_plan(count: int, *more: Step, **fields: Any) -> Plan:
    """Steps that wait for three of those some places before them."""
    chance = random.Random(7)
    steps = []
    for n in range(count):
        before = sorted(chance.sample(range(max(0, n - 60), n), min(n, 3)))
        steps.append(tool_step(f"s{n}", *(f"s{b}" for b in before)))
    return a_plan(*steps, *more, max_parallel=16, **fields)


async def no_op(command: contracts.ExecuteStep) -> StepResult:
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.SUCCEEDED)


async def chain_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """The histories of all executions of a workflow."""
    listed = client.list_workflows(f'WorkflowId = "{workflow_id}"')
    return [await client.get_workflow_handle(it.id, run_id=it.run_id).fetch_history() async for it in listed]


async def shards_of(client: Client, run_id: str) -> list[WorkflowHistory]:
    listed = client.list_workflows(f'WorkflowId STARTS_WITH "{run_id}/shard-"')
    return [await client.get_workflow_handle(it.id, run_id=it.run_id).fetch_history() async for it in listed]


async def replayed_in_s(history: WorkflowHistory) -> float:
    replayer = Replayer(workflows=[RunWorkflow, ShardWorkflow], plugins=[ostinato_plugin(PAYLOADS)])
    began = time.perf_counter()
    await replayer.replay_workflow(history)
    return time.perf_counter() - began


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_two_thousand_steps_run_once_each_and_no_history_grows_beyond_its_limit(server: Client) -> None:
    async with running(server, a_wide_plan(2_000), prepare=overriding(step_execute=no_op)) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), 500)
        parents, shards = await chain_of(server, handle.id), await shards_of(server, handle.id)

    largest = max(parents, key=lambda it: len(it.events))
    largest_shard = max(shards, key=lambda it: len(it.events))
    assert snapshot.outcome is Outcome.COMPLETED
    assert len(world.executed()) == len(set(world.executed())) == 2_000
    assert (len(parents) > 1, len(shards)) == (True, 20)
    assert max(len(largest.events), len(largest_shard.events)) <= LONGEST
    assert await replayed_in_s(largest) < 2 * 1.0
    assert await replayed_in_s(largest_shard) < 2 * 2.0


async def test_a_question_a_back_off_and_a_pause_survive_a_new_execution(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 250)
    monkeypatch.setattr("ostinato.domain.recovery.BACKOFF_S", (3.0,))

    async def flaky(command: contracts.ExecuteStep) -> StepResult:
        return failed(command) if command.step.id == "flaky" and command.execution == 1 else await no_op(command)

    ask = Step(id=StepId("ask"), name="Ask", action=AskAction(question="Which way?"))
    plan = a_wide_plan(300, tool_step("flaky", max_attempts=2, priority=9), ask)
    async with running(server, plan, prepare=overriding(step_execute=flaky)) as (handle, world, _):
        question = await until_decision(handle)
        await until(lambda: len(world.executed()) > 100)
        await pause(handle)
        await resume(handle)
        await until(lambda: len(world.executed()) > 280, 60)
        still = await until_decision(handle)
        await answer(handle, still, "continue")
        snapshot = await asyncio.wait_for(handle.result(), 60)
        parents = await chain_of(server, handle.id)

    assert still == question
    assert snapshot.outcome is Outcome.COMPLETED
    assert len(parents) > 1
    assert [name for name, times in Counter(world.executed()).items() if times > 1] == ["flaky"]


async def test_cancelling_a_large_run_stops_whatever_its_shards_carry(server: Client) -> None:
    stopped: list[str] = []

    async def long(command: contracts.ExecuteStep) -> StepResult:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(str(command.step.id))
        raise AssertionError("never cancelled")

    plan = a_plan(*(tool_step(f"s{n}") for n in range(210)), max_parallel=8)
    async with running(server, plan, prepare=overriding(step_execute=long)) as (handle, world, _):
        await until(lambda: len(world.executed()) == 8)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 30)
        shards = await shards_of(server, handle.id)

    assert sorted(stopped) == sorted(world.executed())
    assert world.stored[-1].outcome is Outcome.CANCELLED
    assert shards
