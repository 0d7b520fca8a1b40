"""A run's files have an owner: one that falls silent is waited for or replaced, and nobody works twice."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import pulse_queue, step_queue
from ostinato.domain.execution import StepResult
from ostinato.domain.pipeline import Outcome
from ostinato.domain.request import RunOptions
from tests.fakes.world import BASE, World, elsewhere, succeeded, tool_step
from tests.workflows.conftest import queues_of, running
from tests.workflows.steering import a_plan, overriding, snapshot_of, states_of, until

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

IMPATIENT = RunOptions(takeover_after_s=2)


def taken_by_another(**fields: Any) -> Any:
    """The worker of the place `<queue>-other` takes the run over."""

    def prepare(world: World) -> None:
        async def take_over(command: contracts.TakeOver) -> contracts.TakenOver:
            return elsewhere(command, f"{world.queue}-other", **fields)

        world.overrides["workspace.take_over"] = take_over

    return prepare


def executions(world: World) -> list[tuple[str, str, int]]:
    """Step, the place it ran at, and its epoch."""
    ran = [argument for name, argument in world.calls if name == "step.execute"]
    return [(str(it.step.id), it.workspace.queue.removeprefix(f"{world.queue}-"), it.workspace.epoch) for it in ran]


async def test_a_worker_that_is_only_busy_is_waited_for(server: Client, cache: int) -> None:
    async with running(
        server,
        a_plan(tool_step("one")),
        options=IMPATIENT,
        max_cached_workflows=cache,
        absent=lambda world: (step_queue(world.place),),
    ) as (handle, world, places):
        await until(lambda: "worker.pulse" in world.names())
        await places.open(step_queue(world.place))
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert snapshot.outcome is Outcome.COMPLETED
    assert "workspace.take_over" not in world.names()
    assert executions(world) == [("one", "home", 1)]


async def test_what_a_lost_worker_was_doing_is_done_by_the_one_that_takes_over(server: Client, cache: int) -> None:
    async def lost_at_first(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "two" and command.workspace.epoch == 1:
            started.set()
            await asyncio.sleep(30)
        return succeeded(command)

    def prepare(world: World) -> None:
        taken_by_another()(world)
        overriding(step_execute=lost_at_first)(world)

    started = asyncio.Event()
    plan = a_plan(tool_step("one"), tool_step("two", "one"), tool_step("three", "two"))
    async with running(server, plan, options=IMPATIENT, prepare=prepare, max_cached_workflows=cache) as (
        handle,
        world,
        places,
    ):
        await asyncio.wait_for(started.wait(), 10)
        await places.close(*queues_of(world.place))
        await places.open(*queues_of(f"{world.queue}-other"))
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert executions(world) == [("one", "home", 1), ("two", "home", 1), ("two", "other", 2), ("three", "other", 2)]
    assert [result.execution for result in snapshot.results] == [1, 1, 1]
    assert (snapshot.outcome, snapshot.recoveries[-1].strategy) == (Outcome.COMPLETED, "takeover")
    assert snapshot.workspace is not None
    assert (snapshot.workspace.epoch, snapshot.workspace.queue) == (2, f"{world.queue}-other")


async def test_what_was_never_pushed_is_done_again_after_a_takeover(server: Client) -> None:
    async def third_is_lost(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "three" and command.workspace.epoch == 1:
            started.set()
            await asyncio.sleep(30)
        return succeeded(command)

    def prepare(world: World) -> None:
        taken_by_another(head=BASE, missing=("one",))(world)
        overriding(step_execute=third_is_lost)(world)

    started = asyncio.Event()
    plan = a_plan(tool_step("one"), tool_step("two", "one"), tool_step("three", "two"))
    async with running(server, plan, options=IMPATIENT, prepare=prepare) as (handle, world, places):
        await asyncio.wait_for(started.wait(), 10)
        await places.close(*queues_of(world.place))
        await places.open(*queues_of(f"{world.queue}-other"))
        snapshot = await asyncio.wait_for(handle.result(), 30)

    again = [name for name, place, _ in executions(world) if place == "other"]
    assert again[0] in ("one", "three")
    assert {"one", "two"} <= set(again)
    assert snapshot.outcome is Outcome.COMPLETED
    assert any("done again: one, two" in note for note in snapshot.notes)


async def test_with_nobody_to_take_over_a_run_waits_and_does_not_fail(server: Client) -> None:
    async def nobody(command: contracts.TakeOver) -> contracts.TakenOver:
        asked.set()
        await go.wait()
        return contracts.TakenOver(workspace=command.workspace, head=command.head, same_place=True)

    asked, go = asyncio.Event(), asyncio.Event()
    async with running(
        server,
        a_plan(tool_step("one")),
        options=IMPATIENT,
        prepare=overriding(workspace_take_over=nobody),
        absent=lambda world: (step_queue(world.place), pulse_queue(world.place)),
    ) as (handle, world, places):
        await asyncio.wait_for(asked.wait(), 20)
        waiting = await snapshot_of(handle)
        await places.open(step_queue(world.place), pulse_queue(world.place))
        go.set()
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert (states_of(waiting)["one"], waiting.outcome) == ("running", None)
    assert "waiting for it or for another one" in waiting.doing
    assert snapshot.outcome is Outcome.COMPLETED
