"""Plans that no single history could hold: shards carry their steps, the run begins anew when its history has grown."""

import asyncio
import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.worker import Replayer

from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts import activities as contracts
from ostinato.domain.continuation import RunInput
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AskAction, Plan, Step
from ostinato.domain.request import RunOptions
from tests.fakes.world import succeeded, tool_step
from tests.workflows.conftest import PAYLOADS, running
from tests.workflows.steering import (
    Handle,
    a_plan,
    answer,
    failed,
    now_at,
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
@pytest.mark.heavy
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
    monkeypatch.setattr("ostinato.domain.recovering.deciding.BACKOFF_S", (3.0,))

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

    assert (still.id, still.question, still.is_open) == (question.id, question.question, True)
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


ASK = Step(id=StepId("ask"), name="Ask", action=AskAction(question="Which way?"))


@pytest.fixture
def sharded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the smallest plan is carried by shards."""
    monkeypatch.setattr("ostinato.durable.continuing.SHARDED_FROM_STEPS", 0)


def shards_opened(history: WorkflowHistory) -> list[str]:
    opened = EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    found = [it for it in history.events if it.event_type == opened]
    return [it.start_child_workflow_execution_initiated_event_attributes.workflow_id for it in found]


async def test_what_a_shard_carried_that_somebody_ended_is_carried_by_another(
    server: Client, sharded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is full, so that nothing would be said to it any more."""
    monkeypatch.setattr("ostinato.durable.shards.SHARD_SIZE", 1)
    monkeypatch.setattr("ostinato.durable.shards.FEEL_EVERY", timedelta(seconds=0.5))

    async def first_hangs(command: contracts.ExecuteStep) -> StepResult:
        if not started.is_set():
            started.set()
            await asyncio.sleep(60)
        return await no_op(command)

    started = asyncio.Event()
    async with running(server, a_plan(tool_step("one")), prepare=overriding(step_execute=first_hangs)) as (
        handle,
        world,
        _,
    ):
        await asyncio.wait_for(started.wait(), 10)
        (shard,) = shards_opened(await handle.fetch_history())
        await server.get_workflow_handle(shard).terminate()
        snapshot = await asyncio.wait_for(handle.result(), 20)
        opened = shards_opened(await handle.fetch_history())

    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed() == ["one", "one"]
    assert len(opened) == 2


async def test_a_shard_asks_for_its_run_less_and_less_often(skipping: Client, sharded: None) -> None:
    options = RunOptions(deadline=await now_at(skipping) + timedelta(hours=90))

    async with running(
        skipping, a_plan(tool_step("one"), ASK), options=options, prepare=overriding(step_execute=no_op)
    ) as (
        handle,
        _,
        _,
    ):
        await asyncio.wait_for(handle.result(), 30)
        (shard,) = shards_opened(await handle.fetch_history())
        history = await skipping.get_workflow_handle(shard).fetch_history()

    timers = [
        it.timer_started_event_attributes for it in history.events if it.HasField("timer_started_event_attributes")
    ]
    minutes = [it.start_to_fire_timeout.ToSeconds() / 60 for it in timers]
    assert list(dict.fromkeys(minutes)) == [10, 20, 40, 80, 160, 320, 640, 1280, 1440]


async def test_a_run_whose_history_grows_while_it_only_waits_goes_on_in_a_new_execution(
    server: Client, sharded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 150)

    async with running(server, a_plan(ASK)) as (handle, _, _):
        question = await until_decision(handle)
        await until_continued(server, handle)
        await answer(handle, await until_decision(handle), "continue")
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert question.id in [decision.id for decision in snapshot.decisions]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_new_execution_knows_claims_and_asks_no_condition_of_what_has_begun(
    server: Client, sharded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a shard carries a step, the run goes on elsewhere."""
    monkeypatch.setattr("ostinato.durable.continuing.LONGEST_HISTORY", 150)

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "long":
            await go.wait()
            return await no_op(command)
        return succeeded(command, outside_claim=("src/app.py",))

    go = asyncio.Event()
    plan = a_plan(tool_step("sly"), tool_step("long", "sly", when="true"))
    async with running(server, plan, prepare=overriding(step_execute=execute)) as (handle, world, _):
        await until(lambda: "long" in world.executed())
        await until_continued(server, handle)
        went_on = await started_with(server, handle.id)
        go.set()
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert went_on.continuation is not None
    assert went_on.continuation.claimed == {"sly": ("src/app.py",)}
    assert (world.executed(), world.names().count("plan.evaluate")) == (["sly", "long"], 1)
    assert snapshot.outcome is Outcome.COMPLETED


async def until_continued(client: Client, handle: Handle) -> None:
    """Its history grows by a signal and what it leads to each time, and by several at once where the machine is busy."""
    for _ in range(600):
        await handle.signal("decide", {"decision": "nothing"})
        if (await client.get_workflow_handle(handle.id).describe()).run_id != handle.first_execution_run_id:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never went on")


async def started_with(client: Client, workflow_id: str) -> RunInput:
    """What the newest execution was given."""
    run_id = (await client.get_workflow_handle(workflow_id).describe()).run_id
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    given: list[RunInput] = await client.data_converter.decode(payloads, [RunInput])
    return given[0]
