"""A run's files have an owner: one that falls silent is waited for or replaced, and nobody works twice."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import pulse_queue, step_queue
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.request import RunOptions
from ostinato.domain.workspace import Integration
from tests.fakes.world import BASE, World, elsewhere, succeeded, tool_step
from tests.workflows.conftest import queues_of, running
from tests.workflows.steering import a_plan, answer, overriding, snapshot_of, states_of, until, until_decision

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


MIND = Step(id=StepId("mind"), name="Think", action=AgentAction(prompt="Think"))
AT_ONCE = RunOptions(takeover_after_s=1)


def superseded(*stay_behind: str) -> Any:
    """Before it brings anything in, the owner learns that another one took over; these steps' commits stay with it."""

    def prepare(world: World) -> None:
        async def integrate(command: contracts.IntegrateSteps) -> contracts.Integrated:
            if command.workspace.epoch == 1:
                return contracts.Integrated(integrations=(), head=command.head, superseded=True)
            done = tuple(brought(it, command.head) for it in command.steps)
            return contracts.Integrated(integrations=done, head=done[-1].head)

        def brought(it: contracts.StepToIntegrate, head: str) -> Integration:
            if it.step_id in behind:
                behind.remove(it.step_id)
                return Integration(head=head, missing=True)
            return Integration(head=it.commit, commit=it.commit)

        behind = list(stay_behind)
        taken_by_another()(world)
        world.overrides["step.integrate"] = integrate

    return prepare


async def test_a_commit_that_stayed_with_the_lost_worker_is_made_again(server: Client, cache: int) -> None:
    async with running(
        server,
        a_plan(tool_step("one"), tool_step("two", "one")),
        options=AT_ONCE,
        prepare=superseded("one"),
        max_cached_workflows=cache,
        absent=lambda world: (pulse_queue(world.place),),
    ) as (handle, world, places):
        await places.open(*queues_of(f"{world.queue}-other"))
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert executions(world) == [("one", "home", 1), ("one", "other", 2), ("two", "other", 2)]
    assert (snapshot.outcome, [result.execution for result in snapshot.results]) == (Outcome.COMPLETED, [1, 1])


async def test_handed_over_work_that_stayed_with_the_lost_worker_is_asked_for_again(server: Client) -> None:
    async with running(
        server,
        a_plan(MIND),
        options=AT_ONCE,
        prepare=superseded("mind"),
        absent=lambda world: (pulse_queue(world.place),),
    ) as (handle, world, places):
        await places.open(*queues_of(f"{world.queue}-other"))
        await answer(handle, await until_decision(handle), "done")
        again = await until_decision(handle, "handoff-mind-x2")
        await answer(handle, again, "done")
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert "another worker took the run over before your work came in" in again.question
    assert [it.workspace.epoch for name, it in world.calls if name == "step.collect"] == [1, 2]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_commit_that_is_gone_from_its_own_place_ends_the_run_and_says_so(server: Client) -> None:
    async def gone(command: contracts.IntegrateSteps) -> contracts.Integrated:
        missing = tuple(Integration(head=command.head, missing=True) for _ in command.steps)
        return contracts.Integrated(integrations=missing, head=command.head)

    async with running(server, a_plan(tool_step("one")), prepare=overriding(step_integrate=gone)) as (handle, _, _):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert "of step one is gone" in snapshot.stop.message


async def test_what_an_owner_answers_after_another_took_over_does_not_count(server: Client, cache: int) -> None:
    """Its worktree for a person is ready only when the other one works already."""

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "two":
            taken.set()
        return succeeded(command)

    def prepare(world: World) -> None:
        async def late(command: contracts.PrepareStep) -> contracts.PreparedStep:
            if command.workspace.epoch == 1:
                await taken.wait()
            made: contracts.PreparedStep = await world.usual("step.prepare")(command)
            there = made.checkout.model_copy(update={"worktree": f"/epoch-{command.workspace.epoch}"})
            return made.model_copy(update={"checkout": there})

        superseded()(world)
        world.overrides.update({"step.prepare": late, "step.execute": execute})

    taken = asyncio.Event()
    async with running(
        server,
        a_plan(MIND, tool_step("one"), tool_step("two", "one")),
        options=AT_ONCE,
        prepare=prepare,
        max_cached_workflows=cache,
        absent=lambda world: (pulse_queue(world.place),),
    ) as (handle, world, places):
        await places.open(*queues_of(f"{world.queue}-other"))
        asked = await until_decision(handle)
        await answer(handle, asked, "done")
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert asked.worktree == "/epoch-2"
    assert [it.workspace.epoch for name, it in world.calls if name == "step.prepare"] == [1, 2]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_worker_that_has_too_much_to_do_is_given_more_time(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.stepping.MOST_PATIENCE", timedelta(seconds=1.5))

    async with running(
        server,
        a_plan(tool_step("one"), post_gates=()),
        options=AT_ONCE,
        absent=lambda world: (step_queue(world.place),),
    ) as (handle, world, places):
        await until(lambda: world.names().count("worker.pulse") == 2)
        await places.open(step_queue(world.place))
        snapshot = await asyncio.wait_for(handle.result(), 20)
        history = await handle.fetch_history()

    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    asked = [it for it in scheduled if it.activity_type.name == "step.execute"]
    waits = [it.schedule_to_start_timeout.ToMilliseconds() for it in asked]
    assert waits == [1000, 1500, 1500]
    assert (executions(world), snapshot.outcome) == ([("one", "home", 1)], Outcome.COMPLETED)
