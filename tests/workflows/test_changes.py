"""What people change in a running plan, and going back to a checkpoint, through a real server."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from ostinato.contracts import activities as contracts
from ostinato.contracts import planning
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.continuation import Rollback
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, Plan, Step
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import (
    Handle,
    a_plan,
    answer,
    change,
    overriding,
    pause,
    resume,
    snapshot_of,
    states_of,
    until_decision,
    until_seen,
)

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

MIND = Step(id=StepId("mind"), name="Think", action=AgentAction(prompt="Think"), depends_on=(StepId("one"),))


def waiting_plan(*more: Step) -> Plan:
    """The run stands still at `mind` until a person has thought."""
    return a_plan(tool_step("one"), MIND, tool_step("after", "mind"), *more)


async def thought(handle: Handle, asked: str = "handoff-mind") -> None:
    await answer(handle, await until_decision(handle, asked), "done")


async def refusal(handle: Handle, kind: str, **fields: Any) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await change(handle, kind, **fields)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.type or ""


async def updates_accepted(handle: Handle) -> int:
    history = await handle.fetch_history()
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return [event.event_type for event in history.events].count(accepted)


async def test_a_step_can_be_added_while_the_run_runs(server: Client, cache: int) -> None:
    async with running(server, waiting_plan(), max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        said = await change(handle, "add", steps=[tool_step("new", "mind")], note="forgotten")
        await thought(handle)
        snapshot = await handle.result()

    assert said == "added: new"
    assert set(world.executed()) == {"one", "after", "new"}
    assert [(made.kind, made.step, made.by, made.note) for made in snapshot.changes] == [
        ("add", "new", "ada", "forgotten")
    ]


async def test_a_step_can_be_left_out_and_what_waits_for_it_goes_on(server: Client, cache: int) -> None:
    plan = waiting_plan(tool_step("last", "after"))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await change(handle, "skip", step="after")
        await thought(handle)
        snapshot = await handle.result()

    assert world.executed() == ["one", "last"]
    assert states_of(snapshot)["after"] == "skipped"
    assert next(todo.note for todo in snapshot.todos if todo.id == "after") == "left out by ada"


async def test_an_edit_counts_when_the_step_starts_and_both_sides_of_it_are_kept(server: Client, cache: int) -> None:
    async with running(server, waiting_plan(), max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await change(handle, "edit", step="after", edit={"name": "Do it well", "timeout_s": 9})
        await thought(handle)
        snapshot = await handle.result()

    executed = next(argument.step for name, argument in reversed(world.calls) if name == "step.execute")
    assert (executed.name, executed.timeout_s) == ("Do it well", 9)
    assert snapshot.changes[0].before == {"name": "Do after", "timeout_s": 300.0}
    assert snapshot.changes[0].after == {"name": "Do it well", "timeout_s": 9.0}


async def test_steps_can_be_put_into_another_order(server: Client) -> None:
    plan = a_plan(tool_step("one"), MIND, *(tool_step(name, "mind") for name in "abc"), max_parallel=1)

    async with running(server, plan) as (handle, world, _):
        await until_decision(handle)
        await change(handle, "edit", step="c", edit={"priority": 5})
        await change(handle, "edit", step="a", edit={"depends_on": ["b"]})
        await thought(handle)
        await handle.result()

    assert world.executed() == ["one", "c", "b", "a"]


async def test_a_failed_step_can_be_run_again_while_others_go_on(server: Client, cache: int) -> None:
    async def fails_once(command: contracts.ExecuteStep) -> StepResult:
        fails = command.step.id == "shaky" and command.execution == 1
        return succeeded(command, **({"failure": None} if fails else {})).model_copy(
            update={"outcome": "failed", "commit": ""} if fails else {}
        )

    plan = waiting_plan(tool_step("shaky", critical=False), tool_step("behind", "shaky"))
    async with running(server, plan, prepare=overriding(step_execute=fails_once), max_cached_workflows=cache) as (
        handle,
        _,
        _,
    ):
        await until_seen(handle, lambda it: states_of(it).get("behind") == "blocked")
        said = await change(handle, "retry", step="shaky")
        await thought(handle)
        snapshot = await handle.result()

    assert said == "shaky runs again, as execution 2"
    assert set(states_of(snapshot).values()) == {"succeeded"}
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_change_that_is_refused_says_why_and_leaves_no_event(server: Client) -> None:
    async with running(server, waiting_plan()) as (handle, _, _):
        await until_decision(handle)
        refused = [
            await refusal(handle, "skip", step="one"),
            await refusal(handle, "skip", step="nobody"),
            await refusal(handle, "edit", step="mind", edit={"priority": 1}),
            await refusal(handle, "edit", step="after"),
            await refusal(handle, "add", steps=[tool_step("new", "nobody")]),
            await refusal(handle, "add", steps=[tool_step("one")]),
            await refusal(handle, "retry", step="mind"),
        ]
        accepted = await updates_accepted(handle)
        await thought(handle)
        snapshot = await handle.result()

    assert refused == [
        "step_started", "step_unknown", "step_started", "edit_empty", "dependency_unknown", "step_duplicate", "step_not_over",
    ]  # fmt: skip
    assert (accepted, snapshot.changes) == (0, ())


async def test_before_it_executes_and_after_it_ended_a_plan_cannot_be_changed(server: Client) -> None:
    async def patient(command: planning.DraftPlan) -> planning.PlanDraft:
        await go.wait()
        return await World._plan_draft(worlds[0], command)

    go, worlds = asyncio.Event(), list[World]()
    async with running(server, waiting_plan(), prepare=overriding(plan_draft=patient)) as (handle, world, _):
        worlds.append(world)
        early = await refusal(handle, "skip", step="after")
        go.set()
        await thought(handle)
        await handle.result()

    assert early == "plan_missing"


async def test_a_paused_run_starts_nothing_finishes_what_runs_and_goes_on(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"), MIND, tool_step("after", "mind"))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await pause(handle)
        await thought(handle)
        seen = await until_seen(handle, lambda it: states_of(it)["mind"] == "succeeded")
        while_paused = world.executed()
        await resume(handle)
        snapshot = await handle.result()

    assert (seen.paused, while_paused) == (True, ["one"])
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_run_that_is_paused_behind_its_last_step_can_still_be_changed(server: Client, cache: int) -> None:
    async with running(server, a_plan(tool_step("one"), MIND), max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await pause(handle)
        await thought(handle)
        await until_seen(handle, lambda it: states_of(it)["mind"] == "succeeded")
        await change(handle, "add", steps=[tool_step("new", "mind")])
        await resume(handle)
        snapshot = await handle.result()

    assert world.executed() == ["one", "new"]
    assert snapshot.outcome is Outcome.COMPLETED


async def roll_back(handle: Handle, checkpoint: str, **fields: Any) -> None:
    order = Rollback(checkpoint=checkpoint, by="ada", **fields)
    await handle.execute_update("roll_back", order, result_type=Acknowledged)


async def test_rolled_back_a_run_is_paused_and_does_what_came_later_again(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("one"), tool_step("two", "one"), MIND.model_copy(update={"depends_on": ("two",)}))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await roll_back(handle, "one")
        paused = await until_seen(handle, lambda it: it.paused)
        await resume(handle)
        await thought(handle, "handoff-mind-x2")
        snapshot = await handle.result()

    assert states_of(paused) == {"one": "succeeded", "two": "pending", "mind": "pending"}
    assert [decision.answer.option for decision in snapshot.decisions if decision.answer] == ["withdrawn", "done"]
    assert world.executed() == ["one", "two", "two"]
    assert next(result.execution for result in snapshot.results if result.step_id == "two") == 2
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_rollback_of_some_files_is_a_checkpoint_on_top(server: Client) -> None:
    async def restored(command: contracts.RollBackBranch) -> contracts.RolledBack:
        return contracts.RolledBack(head="f" * 40)

    async with running(server, waiting_plan(), prepare=overriding(workspace_roll_back=restored)) as (handle, world, _):
        await until_decision(handle)
        await roll_back(handle, "0-start", files=("a.py",))
        paused = await until_seen(handle, lambda it: it.paused)
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)

    command = next(argument for name, argument in world.calls if name == "workspace.roll_back")
    assert (command.files, command.label) == (("a.py",), "0-start")
    assert (paused.head, paused.checkpoints[-1].commit) == ("f" * 40, "f" * 40)
    assert states_of(paused)["one"] == "succeeded"


async def test_going_back_step_by_step_asks_before_each_and_stops_when_told(server: Client, cache: int) -> None:
    plan = a_plan(
        *(tool_step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(3)),
        MIND.model_copy(update={"depends_on": ("s2",)}),
    )

    async with running(server, plan, max_cached_workflows=cache) as (handle, _, _):
        await until_decision(handle)
        await roll_back(handle, "0-start", progressive=True)
        for option in ("undo", "stop"):
            await answer(handle, await _question(handle), option)
        paused = await until_seen(handle, lambda it: it.paused)
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)

    assert [states_of(paused)[f"s{n}"] for n in range(3)] == ["succeeded", "succeeded", "pending"]


async def test_a_rollback_to_nowhere_is_refused_with_the_checkpoints_there_are(server: Client) -> None:
    async with running(server, waiting_plan()) as (handle, world, _):
        await until_decision(handle)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await roll_back(handle, "nowhere")
        await thought(handle)
        await handle.result()

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "checkpoint_unknown"
    assert "0-start, 1-one" in str(refused.value.cause)
    assert "workspace.roll_back" not in world.names()


async def _question(handle: Handle) -> Decision:
    """The open question of a rollback."""
    found: list[Decision] = []

    async def look() -> None:
        for _ in range(400):
            found[:] = [one for one in (await snapshot_of(handle)).decisions if one.is_open and "rollback" in one.id]
            if found:
                return
            await asyncio.sleep(0.05)

    await look()
    return found[0]
