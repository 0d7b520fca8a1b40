"""Who is told to stop stops, also where what it waits for is done before it hears of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import MergeResult, MergeRun
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import AgentAction, GateName, GroupAction, Step
from ostinato.domain.staff import Colleague
from tests.fakes.world import World, tool_step
from tests.workflows.agents import agent_step, by_agents
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, failed, overriding, states_of

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_S = 20
LONGER_S = 1.0
"""Than a worker takes to hear that it is to stop."""
OF_A_RUN = (
    "workspace.open", "plan.draft", "gates.preflight", "resources.activate", "plan.evaluate", "step.prepare",
    "gates.prepare", "gates.observe", "workspace.seal", "plan.review_change", "gates.judge", "gates.integrity",
)  # fmt: skip
AT_THE_END = ("workspace.close", "workspace.publish", "report.store")
_STEPS = ("plan.evaluate", "step.execute", "step.integrate")
BESIDE = {
    "plan.evaluate": ("gates.prepare", "gates.observe"),
    "gates.prepare": ("gates.prepare", *_STEPS),
    "gates.observe": ("gates.observe", *_STEPS),
    "gates.judge": ("gates.judge",),
}
"""What was under way already when the run was cancelled."""
MIND = Step(id=StepId("mind"), name="Think", action=AgentAction(prompt="Think"), depends_on=(StepId("one"),))


class Deaf:
    """An activity that ends as usual although it was told to stop."""

    def __init__(self, world: World, name: str, then: Callable[[Any], Any] | None = None) -> None:
        self.begun = asyncio.Event()
        self._usual = world.overrides.get(name) or world.usual(name)
        self._then = then
        world.overrides[name] = self

    async def __call__(self, argument: Any) -> Any:
        self.begun.set()
        ends = asyncio.get_running_loop().time() + LONGER_S
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return self._then(argument) if self._then else await self._usual(argument)


@pytest.mark.parametrize("name", OF_A_RUN)
async def test_a_cancelled_run_begins_nothing_more_whatever_was_done_meanwhile(server: Client, name: str) -> None:
    two = tool_step("two", "one") if name != "step.prepare" else MIND
    plan = a_plan(tool_step("one", when="true"), two, post_gates=tuple(GateName))
    deaf: list[Deaf] = []

    async with running(server, plan, prepare=lambda world: deaf.append(Deaf(world, name))) as (handle, world, _):
        await asyncio.wait_for(deaf[0].begun.wait(), PATIENCE_S)
        before = len(world.calls)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert isinstance(ended.value.cause, CancelledError)
    assert set(world.names()[before:]) <= {*AT_THE_END, *BESIDE.get(name, ())}
    assert "workspace.close" in world.names()[before:]
    assert world.stored[-1].outcome is Outcome.CANCELLED


async def test_a_group_that_is_made_while_the_run_fails_does_not_hold_it(server: Client) -> None:
    """Its items are there just when nothing is to start any more: its parts would be waited for in vain."""
    parts = GroupAction(items="[1, 2]", body=(tool_step("part"),))
    plan = a_plan(tool_step("bad"), Step(id=StepId("each"), name="Each", action=parts))
    deaf: list[Deaf] = []

    async def bad(command: contracts.ExecuteStep) -> StepResult:
        await deaf[0].begun.wait()
        return failed(command)

    def prepare(world: World) -> None:
        overriding(step_execute=bad)(world)
        deaf.append(Deaf(world, "plan.evaluate"))

    async with running(server, plan, prepare=prepare) as (handle, world, _):
        snapshot = await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert snapshot.outcome is Outcome.FAILED
    assert states_of(snapshot) == {"bad": "failed", "each": "cancelled"}
    assert world.executed() == ["bad"]


async def test_a_step_that_fails_while_it_is_told_to_stop_is_not_tried_again(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.domain.recovering.deciding.BACKOFF_S", (0.0,))
    plan = a_plan(tool_step("one", max_attempts=4))
    deaf: list[Deaf] = []

    def prepare(world: World) -> None:
        deaf.append(Deaf(world, "step.execute", then=failed))

    async with running(server, plan, prepare=prepare) as (handle, world, _):
        await asyncio.wait_for(deaf[0].begun.wait(), PATIENCE_S)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert world.executed() == ["one"]
    assert world.stored[-1].outcome is Outcome.CANCELLED


async def test_a_step_that_succeeds_while_it_is_told_to_stop_is_brought_in(server: Client) -> None:
    deaf: list[Deaf] = []

    async with running(
        server, a_plan(tool_step("one")), prepare=lambda world: deaf.append(Deaf(world, "step.execute"))
    ) as (handle, world, _):
        await asyncio.wait_for(deaf[0].begun.wait(), PATIENCE_S)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert states_of(world.stored[-1]) == {"one": "succeeded"}
    assert [point.step_id for point in world.stored[-1].checkpoints] == [None, "one"]
    assert world.stored[-1].outcome is Outcome.CANCELLED


@pytest.mark.parametrize("name", ["ledger.take_lease", "account.ask", "step.execute"])
async def test_an_agent_is_not_set_to_work_again_by_who_was_told_to_stop(
    server: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("ostinato.domain.recovering.deciding.BACKOFF_S", (0.0,))
    plan = by_agents(agent_step("one", max_attempts=4), agents=("claude",))
    deaf: list[Deaf] = []

    def prepare(world: World) -> None:
        world.staff = (Colleague(name="claude", account="anthropic-1"),)
        deaf.append(Deaf(world, name, then=failed if name == "step.execute" else None))

    async with running(server, plan, prepare=prepare) as (handle, world, _):
        await asyncio.wait_for(deaf[0].begun.wait(), PATIENCE_S)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), PATIENCE_S)

    assert world.executed() == (["one"] if name == "step.execute" else [])
    assert world.stored[-1].outcome is Outcome.CANCELLED
    assert world.stored[-1].spending is not None
    assert world.stored[-1].spending.balance().open_count == 0


@pytest.mark.parametrize(("name", "is_merged"), [("merge.prepare", False), ("merge.land", True)])
async def test_a_cancelled_merge_has_landed_or_has_not_and_says_so(server: Client, name: str, is_merged: bool) -> None:
    deaf: list[Deaf] = []
    request = MergeRun(
        run_id=RunId("merged"),
        repository="/repository",
        head="c" * 40,
        base_branch="main",
        requested_by="ada",
        trusted=True,
    )

    async with running(server, a_plan(tool_step("one")), prepare=lambda world: deaf.append(Deaf(world, name))) as (
        run,
        world,
        _,
    ):
        await run.result()
        merge = await server.start_workflow(
            "OstinatoMerge", request, id=f"merge-{run.id}", task_queue=world.queue, result_type=MergeResult
        )
        await asyncio.wait_for(deaf[0].begun.wait(), PATIENCE_S)
        await merge.cancel()
        outcome = (await asyncio.gather(asyncio.wait_for(merge.result(), PATIENCE_S), return_exceptions=True))[0]

    assert isinstance(outcome, MergeResult) is is_merged
    assert ("merge.land" in world.names()) is is_merged
    assert world.names()[-1] == "workspace.close"
