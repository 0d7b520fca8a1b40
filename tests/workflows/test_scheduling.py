"""What runs beside what, what is tried again and what is redone, through a real server."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.domain.execution import FailureKind, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import AgentAction, Step
from tests.fakes.world import succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import (
    a_plan,
    answer,
    conflicting,
    failed,
    overriding,
    snapshot_of,
    states_of,
    until_decision,
    until_seen,
)

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


class Together:
    """Which steps were ever at work at the same time."""

    def __init__(self) -> None:
        self.pairs: set[tuple[str, str]] = set()
        self.now: list[str] = []
        self.most = 0

    async def __call__(self, command: contracts.ExecuteStep) -> StepResult:
        mine = str(command.step.id)
        self.pairs.update((min(mine, other), max(mine, other)) for other in self.now)
        self.now.append(mine)
        self.most = max(self.most, len(self.now))
        await asyncio.sleep(0.3)
        self.now.remove(mine)
        return succeeded(command)


async def test_what_is_held_is_held_by_one_step_at_a_time_and_others_go_on(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("a", holds=("port",)), tool_step("b", holds=("port",)), tool_step("c"))
    seen = Together()

    async with running(server, plan, prepare=overriding(step_execute=seen), max_cached_workflows=cache) as (
        handle,
        _,
        _,
    ):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert ("a", "b") not in seen.pairs
    assert ("a", "c") in seen.pairs


async def test_steps_that_write_the_same_never_run_at_once(server: Client) -> None:
    places = {"a": "src/**", "b": "src/app.py", "c": "docs/**", "d": "**/*.py"}
    plan = a_plan(*(tool_step(name).model_copy(update={"writes": (glob,)}) for name, glob in places.items()))
    seen = Together()

    async with running(server, plan, prepare=overriding(step_execute=seen)) as (handle, _, _):
        await handle.result()

    assert seen.pairs.isdisjoint({("a", "b"), ("a", "d"), ("b", "d")})
    assert ("a", "c") in seen.pairs


async def test_one_agent_is_asked_for_so_many_things_at_once(server: Client) -> None:
    agent = AgentAction(agent="claude", prompt="Think")
    plan = a_plan(*(Step(id=StepId(f"m{n}"), name="Think", action=agent) for n in range(3)), max_per_agent=2)

    async with running(server, plan) as (handle, _, _):
        first = await until_seen(handle, lambda it: list(states_of(it).values()).count("waiting") == 2)
        await answer(handle, await until_decision(handle, "handoff-m0"), "skip")
        await answer(handle, await until_decision(handle, "handoff-m1"), "skip")
        await answer(handle, await until_decision(handle, "handoff-m2"), "skip")
        await handle.result()

    assert states_of(first)["m2"] == "pending"


async def test_a_conflict_is_redone_on_the_new_head_with_both_sides_as_context(server: Client, cache: int) -> None:
    prepare = overriding(step_integrate=conflicting("edit", 1))

    async with running(server, a_plan(tool_step("edit")), prepare=prepare, max_cached_workflows=cache) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    first, second = [argument for name, argument in world.calls if name == "step.execute"]
    assert (first.context, json.loads(second.context)) == ("", {"conflict": "both sides of edit"})
    assert (snapshot.outcome, snapshot.results[0].execution) == (Outcome.COMPLETED, 2)
    assert [(met.step, met.paths, met.resolution) for met in snapshot.conflicts] == [("edit", ("a.py",), "redone")]
    assert snapshot.recoveries[0].strategy == "resequence"


@pytest.mark.parametrize(("option", "outcome", "executions"), [("rerun", "succeeded", 4), ("skip", "skipped", 3)])
async def test_after_two_redos_a_person_decides_with_the_difference_in_view(
    server: Client, cache: int, option: str, outcome: str, executions: int
) -> None:
    prepare = overriding(step_integrate=conflicting("edit", 3))

    async with running(server, a_plan(tool_step("edit")), prepare=prepare, max_cached_workflows=cache) as (
        handle,
        world,
        _,
    ):
        decision = await until_decision(handle)
        waiting = await snapshot_of(handle)
        await answer(handle, decision, option)
        snapshot = await handle.result()

    assert (decision.id, waiting.phase) == ("conflict-edit-3", Phase.ESCALATING)
    assert "both sides of edit" in decision.context
    assert states_of(snapshot)["edit"] == outcome
    assert len(world.executed()) == executions


async def test_aborting_a_conflict_ends_the_run_as_cancelled(server: Client) -> None:
    prepare = overriding(step_integrate=conflicting("edit", 9))

    async with running(server, a_plan(tool_step("edit")), prepare=prepare) as (handle, _, _):
        await answer(handle, await until_decision(handle), "abort")
        snapshot = await handle.result()

    assert (snapshot.outcome, snapshot.stop and snapshot.stop.code) == (Outcome.CANCELLED, "aborted")


async def test_who_waits_for_a_decision_leaves_the_slot_to_others(server: Client) -> None:
    plan = a_plan(tool_step("edit", expected_s=50), tool_step("other"), tool_step("more"), max_parallel=1)

    async with running(server, plan, prepare=overriding(step_integrate=conflicting("edit", 3))) as (handle, world, _):
        decision = await until_decision(handle)
        await until_seen(handle, lambda it: states_of(it)["more"] == states_of(it)["other"] == "succeeded")
        await answer(handle, decision, "rerun")
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed() == ["edit"] * 3 + ["other", "more", "edit"]


async def test_a_step_whose_outcome_nobody_knows_asks_and_may_be_left_out(server: Client) -> None:
    async def unknown(command: contracts.ExecuteStep) -> StepResult:
        return failed(command).model_copy(update={"outcome": "unknown", "failure": None})

    async with running(server, a_plan(tool_step("pay")), prepare=overriding(step_execute=unknown)) as (handle, _, _):
        decision = await until_decision(handle)
        await answer(handle, decision, "skip")
        snapshot = await handle.result()

    assert decision.id == "unknown-pay-1"
    assert states_of(snapshot) == {"pay": "skipped"}


async def test_pauses_between_tries_grow(skipping: Client) -> None:
    times: list[Any] = []

    async def always_fails(command: contracts.ExecuteStep) -> StepResult:
        times.append((await snapshot_of(handles[0])).todos[0].retry_at)
        result = failed(command)
        assert result.failure is not None  # each time for another reason: the same one three times is no progress
        other = result.failure.model_copy(update={"message": f"exit status 1: {'abc'[: command.execution]}"})
        return result.model_copy(update={"failure": other})

    handles: list[Any] = []
    plan = a_plan(tool_step("flaky", max_attempts=4, critical=False))
    async with running(skipping, plan, prepare=overriding(step_execute=always_fails)) as (handle, world, _):
        handles.append(handle)
        snapshot = await handle.result()

    pauses = [float(found.result.split()[1]) for found in snapshot.recoveries]
    assert [round(pause) for pause in pauses] == [1, 2, 4]
    assert (len(world.executed()), snapshot.outcome) == (4, Outcome.DEGRADED)
    assert times == [None] * 4


async def test_what_wrote_outside_its_claim_keeps_others_away_when_it_runs_again(server: Client) -> None:
    """It said docs and wrote src: its second try waits for who writes src."""
    order: list[str] = []

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        order.append(f"{command.step.id} {command.execution}")
        if command.step.id == "sly":
            return succeeded(command, outside_claim=("src/app.py",))
        await asyncio.sleep(0.5)
        order.append("app done")
        return succeeded(command)

    sly = tool_step("sly").model_copy(update={"writes": ("docs/**",)})
    app = tool_step("app").model_copy(update={"writes": ("src/**",)})
    prepare = overriding(step_execute=execute, step_integrate=conflicting("sly", 1))

    async with running(server, a_plan(sly, app), prepare=prepare) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert order.index("sly 2") > order.index("app done")


async def test_a_conflict_seen_coming_is_said_while_both_still_run(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        await asyncio.sleep(1.0 if command.step.id == "slow" else 0)
        return succeeded(command)

    async def forecast(command: contracts.ForecastConflicts) -> contracts.Forecasts:
        seen = tuple(contracts.ConflictForecast(step_id=it.step_id, paths=("a.py",)) for it in command.siblings)
        return contracts.Forecasts(conflicts=seen)

    prepare = overriding(step_execute=execute, step_forecast=forecast)
    async with running(server, a_plan(tool_step("fast"), tool_step("slow")), prepare=prepare) as (handle, _, _):
        seen = await until_seen(handle, lambda it: it.conflicts)
        await handle.result()

    assert (seen.conflicts[0].step, seen.conflicts[0].forecast) == ("slow", True)
    assert "to be redone" in next(todo.note for todo in seen.todos if todo.id == "slow")


async def test_steps_that_run_for_long_side_by_side_are_compared_with_each_other(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))
    monkeypatch.setattr("ostinato.durable.integrating.WATCH_EVERY", timedelta(seconds=0.2))

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        await asyncio.sleep(1.5)
        return succeeded(command)

    async def forecast(command: contracts.ForecastConflicts) -> contracts.Forecasts:
        first, second = (it.step_id for it in command.siblings)
        seen = contracts.ConflictForecast(step_id=second, paths=("a.py",), against=first)
        return contracts.Forecasts(conflicts=(seen,))

    prepare = overriding(step_execute=execute, step_forecast=forecast)
    async with running(server, a_plan(tool_step("left"), tool_step("right")), prepare=prepare) as (handle, _, _):
        seen = await until_seen(handle, lambda it: it.conflicts)
        await handle.result()

    assert (seen.conflicts[0].step, seen.conflicts[0].against) == ("right", "left")
    assert states_of(seen) == {"left": "running", "right": "running"}


async def test_an_activity_that_fails_without_a_result_fails_its_step_only(server: Client) -> None:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id == "bad":
            raise ValueError("a bug")
        return succeeded(command)

    from temporalio.exceptions import ApplicationError

    async def broken(command: contracts.ExecuteStep) -> StepResult:
        try:
            return await execute(command)
        except ValueError as error:
            raise ApplicationError(str(error), type="unexpected", non_retryable=True) from error

    plan = a_plan(tool_step("bad", critical=False), tool_step("good"))
    async with running(server, plan, prepare=overriding(step_execute=broken)) as (handle, _, _):
        snapshot = await handle.result()

    failure = next(result.failure for result in snapshot.results if result.step_id == "bad")
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.OUTSIDE, "a bug (no strategy applies)")
    assert snapshot.outcome is Outcome.DEGRADED
