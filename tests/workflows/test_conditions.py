"""Conditions, branches, groups and steps that steps add, through a real server."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client

from ostinato.contracts import activities as contracts
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AskAction, ChooseAction, CommandAction, GroupAction, Merge, Step
from ostinato.domain.report import Snapshot
from tests.fakes.world import succeeded, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, failed, overriding, states_of

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


ASK = AskAction(question="Which?", options=("this", "that"))


def giving(outputs: dict[str, dict[str, Any]], *fails: str) -> Any:
    """Steps leave these outputs; the named ones fail."""

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id in fails:
            return failed(command)
        return succeeded(command, output=outputs.get(command.step.id, {}))

    return overriding(step_execute=execute)


def for_each(items: str, *body: Step, merge: str = "all", count: int = 0, **fields: Any) -> Step:
    action = GroupAction(items=items, body=body, merge=Merge.model_validate({"strategy": merge, "count": count}))
    given = {"depends_on": (StepId("list"),), "critical": False, **fields}
    return Step(id=StepId("each"), name="For each", action=action, **given)


def result_of(snapshot: Snapshot, step_id: str) -> StepResult:
    return next(result for result in snapshot.results if result.step_id == step_id)


async def test_a_step_whose_condition_is_false_is_left_out_and_what_follows_goes_on(server: Client, cache: int) -> None:
    plan = a_plan(
        tool_step("scan"),
        tool_step("fix", "scan", when="steps.scan.found > 0"),
        tool_step("after", "fix", when="steps.scan.found == 0"),
    )

    async with running(server, plan, prepare=giving({"scan": {"found": 0}}), max_cached_workflows=cache) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    assert states_of(snapshot) == {"scan": "succeeded", "fix": "skipped", "after": "succeeded"}
    assert world.executed() == ["scan", "after"]
    assert result_of(snapshot, "fix").summary == "not needed: steps.scan.found > 0"


async def test_a_condition_that_cannot_be_evaluated_fails_its_step_and_says_where(server: Client) -> None:
    plan = a_plan(tool_step("scan"), tool_step("fix", "scan", when="steps.scan.nothing > 0", critical=False))

    async with running(server, plan) as (handle, world, _):
        snapshot = await handle.result()

    failure = result_of(snapshot, "fix").failure
    assert failure is not None
    assert failure.kind is FailureKind.CONDITION
    assert "nothing" in failure.message
    assert snapshot.outcome is Outcome.DEGRADED
    assert world.executed() == ["scan"]


@pytest.mark.parametrize(("found", "taken"), [(3, ["scan", "yes"]), (0, ["scan", "no"])])
async def test_one_branch_is_taken_and_the_other_left_out(server: Client, found: int, taken: list[str]) -> None:
    chosen = 'has(steps["which"].chosen) && steps["which"].chosen'
    plan = a_plan(
        tool_step("scan"),
        Step(
            id=StepId("which"),
            name="Any?",
            action=ChooseAction(condition="steps.scan.found > 0"),
            depends_on=(StepId("scan"),),
        ),
        tool_step("yes", "which", when=chosen),
        tool_step("no", "which", when=chosen.replace("&& ", "&& !")),
    )

    async with running(server, plan, prepare=giving({"scan": {"found": found}})) as (handle, world, _):
        snapshot = await handle.result()

    assert world.executed() == taken
    assert result_of(snapshot, "which").output == {"chosen": found > 0}


async def test_a_group_is_made_from_a_list_that_a_step_left_and_collects_what_its_parts_leave(
    server: Client, cache: int
) -> None:
    body = Step(id=StepId("part"), name="Do {{ item }}", action=CommandAction(shell="make {{ item }}"))
    plan = a_plan(tool_step("list"), for_each("steps.list.names", body))
    outputs: dict[str, dict[str, Any]] = {"list": {"names": ["a", "b"]}, "each-0": {"n": 1}, "each-1": {"n": 2}}

    async with running(server, plan, prepare=giving(outputs), max_cached_workflows=cache) as (handle, world, _):
        snapshot = await handle.result()

    parts = [argument.step for name, argument in world.calls if name == "step.execute"][1:]
    lines = [part.action.line for part in parts]
    assert sorted(lines) == ["make a", "make b"]
    assert result_of(snapshot, "each").output["parts"] == [{"n": 1}, {"n": 2}]
    assert [changed.by for changed in snapshot.changes] == ["step:each", "step:each"]
    assert snapshot.outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("merge", "count", "fails", "outcome"),
    [
        ("all", 0, ("each-1",), "failed"),
        ("any", 0, ("each-1", "each-2"), "succeeded"),
        ("any", 0, ("each-0", "each-1", "each-2"), "failed"),
        ("quorum", 2, ("each-0",), "succeeded"),
        ("quorum", 2, ("each-0", "each-1"), "failed"),
    ],
)
async def test_the_strategy_decides_what_a_group_comes_to(
    server: Client, merge: str, count: int, fails: tuple[str, ...], outcome: str
) -> None:
    plan = a_plan(tool_step("list"), for_each("[1, 2, 3]", tool_step("part"), merge=merge, count=count))

    async with running(server, plan, prepare=giving({}, *fails)) as (handle, _, _):
        snapshot = await handle.result()

    assert states_of(snapshot)["each"] == outcome
    assert [name for name, state in states_of(snapshot).items() if state == "failed" and name != "each"] == [*fails]


async def test_a_failed_group_fails_the_run_where_it_is_critical(server: Client) -> None:
    plan = a_plan(tool_step("list"), for_each("[1, 2]", tool_step("part"), critical=True), tool_step("after", "each"))

    async with running(server, plan, prepare=giving({}, "each-0")) as (handle, _, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.FAILED
    assert snapshot.stop is not None
    assert snapshot.stop.message == "“For each” failed: 1 of 2 parts succeeded, 1 failed"


async def test_the_first_success_cancels_the_other_parts(server: Client, cache: int) -> None:
    stopped: list[str] = []

    async def execute(command: contracts.ExecuteStep) -> StepResult:
        if command.step.id in ("list", "each-1"):
            return succeeded(command)
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append(command.step.id)
        raise AssertionError("never cancelled")

    plan = a_plan(tool_step("list"), for_each("[1, 2, 3, 4]", tool_step("part"), merge="first"), max_parallel=3)
    async with running(server, plan, prepare=overriding(step_execute=execute), max_cached_workflows=cache) as (
        handle,
        _,
        _,
    ):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    states = states_of(snapshot)
    assert (states["each"], states["each-1"], snapshot.outcome) == ("succeeded", "succeeded", Outcome.COMPLETED)
    assert {states["each-0"], states["each-2"], states["each-3"]} == {"cancelled"}
    assert "each-0" in stopped


async def test_parts_that_are_not_needed_any_more_ask_nobody(server: Client) -> None:
    parts = (tool_step("quick", when="item == 1"), Step(id=StepId("mind"), name="Think", action=ASK, when="item == 2"))
    plan = a_plan(tool_step("list"), for_each("[1, 2]", *parts, merge="first"))

    async with running(server, plan) as (handle, _, _):
        snapshot = await asyncio.wait_for(handle.result(), 20)

    assert snapshot.outcome is Outcome.COMPLETED
    assert not [decision for decision in snapshot.decisions if decision.is_open]


async def test_a_last_step_reduces_what_the_parts_left(server: Client) -> None:
    reducing = Step(id=StepId("sum"), name="Sum", action=CommandAction(shell="add {{ parts }}"))
    action = GroupAction(items="[1, 2]", body=(tool_step("part"),), reduce=reducing)
    plan = a_plan(Step(id=StepId("each"), name="For each", action=action), tool_step("after", "each"))
    outputs = {"each-0": {"n": 1}, "each-1": {"n": 2}, "each-reduce": {"total": 3}}

    async with running(server, plan, prepare=giving(outputs)) as (handle, world, _):
        snapshot = await handle.result()

    assert world.executed()[-2:] == ["each-reduce", "after"]
    assert result_of(snapshot, "each").output["total"] == 3
    assert result_of(snapshot, "each").output["parts"] == [{"n": 1}, {"n": 2}]


async def test_groups_within_groups_come_to_one_result(server: Client, cache: int) -> None:
    inner = Step(
        id=StepId("inner"), name="Inner", action=GroupAction(items="item", name="one", body=(tool_step("leaf"),))
    )
    plan = a_plan(tool_step("list"), for_each("[[1, 2], [3]]", inner))

    async with running(server, plan, max_cached_workflows=cache) as (handle, world, _):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert len(world.executed()) == 1 + 3
    assert result_of(snapshot, "each").summary == "2 of 2 parts succeeded"


async def test_an_empty_list_makes_an_empty_group_that_succeeds(server: Client) -> None:
    plan = a_plan(tool_step("list"), for_each("[]", tool_step("part")), tool_step("after", "each"))

    async with running(server, plan) as (handle, world, _):
        snapshot = await handle.result()

    assert world.executed() == ["list", "after"]
    assert result_of(snapshot, "each").summary == "the list is empty"


async def test_a_list_that_is_none_fails_the_group(server: Client) -> None:
    plan = a_plan(tool_step("list"), for_each("steps.list.nothing", tool_step("part")))

    async with running(server, plan) as (handle, _, _):
        snapshot = await handle.result()

    result = result_of(snapshot, "each")
    assert result.outcome is StepOutcome.FAILED
    assert result.failure is not None
    assert result.failure.kind is FailureKind.CONDITION


async def test_steps_that_a_result_adds_are_carried_out_and_said_to_be_added(server: Client, cache: int) -> None:
    plan = a_plan(tool_step("think", adds_steps=True), tool_step("after", "think"))
    new = [{"id": "new", "run": "make new"}, {"id": "newer", "run": "make newer", "depends_on": ["new"]}]

    async with running(server, plan, prepare=giving({"think": {"steps": new}}), max_cached_workflows=cache) as (
        handle,
        world,
        _,
    ):
        snapshot = await handle.result()

    assert snapshot.outcome is Outcome.COMPLETED
    assert sorted(world.executed()) == ["after", "new", "newer", "think"]
    assert [(changed.kind, changed.step, changed.by) for changed in snapshot.changes] == [
        ("add", "new", "step:think"),
        ("add", "newer", "step:think"),
    ]


@pytest.mark.parametrize(
    "new",
    [
        [{"id": "think", "run": "make"}],
        [{"id": "new", "run": "make", "depends_on": ["nobody"]}],
        [{"id": "a", "run": "x", "depends_on": ["b"]}, {"id": "b", "run": "x", "depends_on": ["a"]}],
        [{"id": "new", "runs": "make"}],
        "make me a sandwich",
    ],
    ids=["taken", "unknown", "cycle", "no field", "no list"],
)
async def test_steps_that_are_no_plan_fail_the_step_that_adds_them_and_change_nothing(server: Client, new: Any) -> None:
    plan = a_plan(tool_step("think", adds_steps=True, critical=False), tool_step("other"))

    async with running(server, plan, prepare=giving({"think": {"steps": new}})) as (handle, _, _):
        snapshot = await handle.result()

    failure = result_of(snapshot, "think").failure
    assert failure is not None
    assert failure.kind is FailureKind.PLAN
    assert states_of(snapshot) == {"think": "failed", "other": "succeeded"}
    assert snapshot.outcome is Outcome.DEGRADED
