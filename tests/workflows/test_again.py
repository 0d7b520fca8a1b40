"""Steps that are done again: what they added, what reduces them, what they claim, and what asks about them."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.continuation import Rollback
from ostinato.domain.execution import FailureKind, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, CommandAction, GroupAction, Plan, Step
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import (
    Handle,
    a_plan,
    answer,
    change,
    conflicting,
    overriding,
    resume,
    states_of,
    until_decision,
    until_seen,
)

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_S = 20


def mind(*after: str) -> Step:
    """The run stays open until a person has thought."""
    return Step(
        id=StepId("mind"),
        name="Think",
        action=AgentAction(prompt="Think", expects_changes=False),
        depends_on=tuple(StepId(name) for name in after),
    )


async def thought(handle: Handle, asked: str = "handoff-mind") -> None:
    await answer(handle, await until_decision(handle, asked), "done")


async def roll_back(handle: Handle, checkpoint: str, **fields: Any) -> None:
    order = Rollback(checkpoint=checkpoint, by="ada", **fields)
    await handle.execute_update("roll_back", order, result_type=Acknowledged)


async def rolled_back(handle: Handle, checkpoint: str) -> None:
    """And on again."""
    await roll_back(handle, checkpoint)
    await until_seen(handle, lambda it: it.paused)
    await resume(handle)


def adding(*executions: Any) -> Any:
    """What `think` adds, by its execution."""

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id != "think":
            return succeeded(command)
        return succeeded(command, output={"steps": executions[command.execution - 1]})

    return overriding(step_execute=execute)


def a_command(step_id: str, *after: str, run: str = "make") -> dict[str, Any]:
    return {"id": step_id, "run": run, "depends_on": list(after)}


def thinking(*more: Step) -> Plan:
    return a_plan(tool_step("think", adds_steps=True, critical=False), mind(), *more)


def lines_of(world: World, step_id: str) -> list[str]:
    ran = [it.step for name, it in world.calls if name == "step.execute" and it.step.id == step_id]
    return [step.action.line for step in ran]


async def test_a_last_step_reduces_what_the_parts_left_the_second_time(server: Client, cache: int) -> None:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        await asyncio.sleep(0.2 if command.step.id == "each-0" else 0)
        return succeeded(command, output={"n": command.execution})

    reducing = Step(id=StepId("sum"), name="Sum", action=CommandAction(shell="add {{ parts }}"))
    action = GroupAction(items="[1, 2]", body=(tool_step("part"),), reduce=reducing)
    each = Step(id=StepId("each"), name="Each", action=action, depends_on=(StepId("list"),))
    plan = a_plan(tool_step("list"), each, mind("each"))
    prepare = overriding(step_execute=execute)

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        await until_decision(handle)
        await rolled_back(handle, "list")
        await thought(handle, "handoff-mind-x2")
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert snapshot.outcome is Outcome.COMPLETED
    assert [name for name in world.executed() if name == "each-reduce"] == ["each-reduce"] * 2
    assert set(world.executed()[-3:-1]) == {"each-0", "each-1"}
    assert [line.count('"n": 2') + line.count('"n":2') for line in lines_of(world, "each-reduce")] == [0, 2]


async def test_a_step_that_runs_again_adds_nothing_twice(server: Client, cache: int) -> None:
    plan, new = thinking(), [a_command("new"), a_command("newer", "new")]

    async with running(server, plan, prepare=adding(new, new), max_cached_workflows=cache) as (handle, world, _):
        await until_seen(handle, lambda it: states_of(it).get("newer") == "succeeded")
        await change(handle, "retry", step="think")
        await until_seen(handle, lambda it: states_of(it)["think"] == "succeeded" and world.executed()[-1] == "think")
        await thought(handle)
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert world.executed() == ["think", "new", "newer", "think"]
    assert [made.step for made in snapshot.changes if made.kind == "add"] == ["new", "newer"]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_what_has_not_started_becomes_what_the_second_execution_says(server: Client, cache: int) -> None:
    """It says one step otherwise, and another one not at all."""
    prepare = adding(
        [a_command("kept", "mind", run="make it"), a_command("dropped", "mind")],
        [a_command("kept", "mind", run="make it well")],
    )

    async with running(server, thinking(), prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        await until_seen(handle, lambda it: "dropped" in states_of(it))
        await change(handle, "retry", step="think")
        seen = await until_seen(handle, lambda it: states_of(it)["dropped"] == "skipped")
        await thought(handle)
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    note = next(todo.note for todo in seen.todos if todo.id == "dropped")
    assert note == "left out by step:think, which does not add it any more"
    assert (lines_of(world, "kept"), lines_of(world, "dropped")) == (["make it well"], [])
    assert snapshot.outcome is Outcome.COMPLETED


async def test_after_a_rollback_added_steps_wait_for_the_step_that_adds_them(server: Client, cache: int) -> None:
    new = [a_command("new")]

    async with running(server, thinking(), prepare=adding(new, new), max_cached_workflows=cache) as (handle, world, _):
        seen = await until_seen(handle, lambda it: states_of(it).get("new") == "succeeded")
        await rolled_back(handle, "0-start")
        await thought(handle, "handoff-mind-x2")
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    waits = next(todo.implied for todo in seen.todos if todo.id == "new")
    assert [(found.step, found.because) for found in waits] == [("think", "think adds it")]
    assert world.executed() == ["think", "new"] * 2
    assert [made.step for made in snapshot.changes] == ["new"]
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_circle_with_what_a_person_added_since_fails_the_step_and_is_named(server: Client) -> None:
    prepare = adding([a_command("new", "mind")], [a_command("new", "theirs")])

    async with running(server, thinking(), prepare=prepare) as (handle, _, _):
        await until_seen(handle, lambda it: "new" in states_of(it))
        await change(handle, "add", steps=[tool_step("theirs", "new")])
        await change(handle, "retry", step="think")
        await until_seen(handle, lambda it: states_of(it)["think"] == "failed")
        await thought(handle)
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    failure = next(result.failure for result in snapshot.results if result.step_id == "think")
    assert failure is not None
    assert failure.kind is FailureKind.PLAN
    assert "new → theirs" in failure.message or "theirs → new" in failure.message


async def test_a_part_that_adds_a_step_behind_its_own_group_fails_and_names_the_circle(server: Client) -> None:
    async def execute(command: contracts.ExecuteStep) -> StepResult:
        adds = command.step.id == "each-0"
        return succeeded(command, output={"steps": [a_command("new", "after")]} if adds else {})

    action = GroupAction(items="[1]", body=(tool_step("part", adds_steps=True),))
    each = Step(id=StepId("each"), name="Each", action=action, critical=False)
    plan = a_plan(each, tool_step("after", "each", critical=False))

    async with running(server, plan, prepare=overriding(step_execute=execute)) as (handle, _, _):
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    failure = next(result.failure for result in snapshot.results if result.step_id == "each-0")
    assert failure is not None
    assert "after → each" in failure.message
    assert states_of(snapshot) == {"each": "failed", "each-0": "failed", "after": "blocked"}


async def test_what_was_written_outside_a_claim_is_claimed_after_a_rollback_too(server: Client) -> None:
    together = set[str]()
    now = list[str]()

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        now.append(f"{command.step.id} {command.execution}")
        await asyncio.sleep(0.3)
        if len(now) > 1:
            together.update(now)
        now.remove(f"{command.step.id} {command.execution}")
        return succeeded(command, outside_claim=("src/app.py",) if command.step.id == "sly" else ())

    sly = tool_step("sly").model_copy(update={"writes": ("docs/**",)})
    app = tool_step("app").model_copy(update={"writes": ("src/**",)})
    async with running(server, a_plan(sly, app, mind()), prepare=overriding(step_execute=execute)) as (handle, _, _):
        await until_seen(handle, lambda it: len(it.checkpoints) == 3)
        await rolled_back(handle, "0-start")
        await thought(handle, "handoff-mind-x2")
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert together == {"sly 1", "app 1"}
    assert [result.execution for result in snapshot.results if result.step_id in ("sly", "app")] == [2, 2]


@pytest.mark.parametrize("files", [(), ("a.py",)], ids=["of a step", "of restored files"])
async def test_a_cancelled_run_asks_no_more_about_going_back(server: Client, files: tuple[str, ...]) -> None:
    async def restored(command: contracts.RollBackBranch) -> contracts.RolledBack:
        return contracts.RolledBack(head="f" * 40)

    prepare = overriding(workspace_roll_back=restored)
    async with running(server, a_plan(tool_step("one"), mind("one")), prepare=prepare) as (handle, world, _):
        await until_decision(handle)
        if files:
            await roll_back(handle, "0-start", files=files)
            await until_seen(handle, lambda it: it.paused and len(it.checkpoints) == 3)
        await roll_back(handle, "0-start", progressive=True)
        await until_seen(handle, lambda it: any(one.is_open and "rollback" in one.id for one in it.decisions))
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), PATIENCE_S)

    asked = [one.answer and one.answer.option for one in world.stored[-1].decisions if "rollback" in one.id]
    assert asked == ["withdrawn"]


async def test_two_steps_that_conflict_with_each_other_do_not_wait_for_each_other(server: Client, cache: int) -> None:
    together = asyncio.Barrier(2)

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.execution == 1:
            await together.wait()
        await asyncio.sleep(0.3 if command.execution == 2 else 0)  # the other one waits meanwhile
        return succeeded(command)

    def prepare(world: World) -> None:
        overriding(step_execute=execute, step_integrate=both_conflict(2, b=2))(world)

    plan = a_plan(tool_step("a"), tool_step("b"))
    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert snapshot.outcome is Outcome.COMPLETED
    assert sorted(world.executed()) == ["a"] * 3 + ["b"] * 3


async def test_who_waits_for_room_is_in_nobodys_way(server: Client, cache: int) -> None:
    """b has the only slot and waits for what a claims; a was asked about, and waits for that slot."""
    plan = a_plan(tool_step("a", expected_s=50), tool_step("b"), max_parallel=1)
    prepare = overriding(step_integrate=both_conflict(3, b=1))

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        asked = await until_decision(handle, "conflict-a-3")
        await until_seen(handle, lambda it: any("waits for a" in todo.note for todo in it.todos if todo.id == "b"))
        await answer(handle, asked, "rerun")
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert snapshot.outcome is Outcome.COMPLETED
    assert world.executed()[:4] == ["a", "a", "a", "b"]
    assert sorted(world.executed()[4:]) == ["a", "b"]


def both_conflict(a: int, *, b: int) -> Any:
    """So many executions of each."""
    first, second = conflicting("a", a), conflicting("b", b)

    async def integrate(command: contracts.IntegrateSteps) -> contracts.Integrated:
        done, head = [], command.head
        for step in command.steps:
            alone = command.model_copy(update={"steps": (step,), "head": head})
            came = await (second if step.step_id == "b" else first)(alone)
            done.extend(came.integrations)
            head = came.head
        return contracts.Integrated(integrations=tuple(done), head=head)

    return integrate


async def test_handed_over_work_that_conflicts_is_asked_for_again_on_the_new_head(server: Client, cache: int) -> None:
    plan, prepare = a_plan(mind()), overriding(step_integrate=conflicting("mind", 1))

    async with running(server, plan, prepare=prepare, max_cached_workflows=cache) as (handle, world, _):
        await thought(handle)
        again = await until_decision(handle, "handoff-mind-x2")
        await answer(handle, again, "done")
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert "conflicts with another step's in a.py" in again.question
    assert [it.execution for name, it in world.calls if name == "step.prepare"] == [1, 2]
    assert (snapshot.results[0].execution, snapshot.outcome) == (2, Outcome.COMPLETED)
