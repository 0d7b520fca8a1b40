"""Each activity in turn raises, or falls silent and answers late: the run still ends in a declared outcome."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from ostinato.contracts import activities as contracts
from ostinato.contracts.workflows import Acknowledged, pulse_queue, step_queue
from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.continuation import Rollback
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import AgentAction, GateName, GroupAction, Plan, Step
from ostinato.domain.request import RunOptions
from ostinato.domain.staff import Colleague, Steering
from tests.fakes.world import World, succeeded, tool_step
from tests.workflows.agents import agent_step, by_agents
from tests.workflows.conftest import Places, running
from tests.workflows.steering import Handle, a_plan, answer, ask, conflicting, resume, until, until_decision, until_seen

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]

OF_A_RUN = [contract for contract in contracts.ALL if not contract.name.startswith(("merge.", "ledger.look"))]
every_activity = pytest.mark.parametrize("contract", OF_A_RUN, ids=lambda contract: str(contract.name))

USUAL = (
    "workspace.open", "plan.draft", "gates.preflight", "step.execute", "step.integrate", "account.ask", "ledger.take_lease",
    "workspace.take_over", "gates.observe", "workspace.publish", "report.store",
)  # fmt: skip
each_kind = pytest.mark.parametrize(
    "contract",
    [pytest.param(each, id=each.name, marks=() if each.name in USUAL else pytest.mark.heavy) for each in OF_A_RUN],
)
"""All of them where there is time."""


async def nothing_more(handle: Handle, world: World, places: Places) -> None:
    """The run goes its way."""


async def back_to_the_start(handle: Handle, world: World, places: Places) -> None:
    """Rolled back while the last step is a question, then on again."""
    question = await until_decision(handle, "handoff-mind")
    await handle.execute_update("roll_back", Rollback(checkpoint="0-start", by="ada"), result_type=Acknowledged)
    await until_seen(handle, lambda it: it.paused)
    await resume(handle)
    assert question.is_open


async def told_a_note(handle: Handle, world: World, places: Places) -> None:
    """While its agent works."""
    await until(lambda: "long" in world.executed())
    note = Steering(step="long", note="use the other module", by="ada")
    await handle.execute_update("steer", note, result_type=Acknowledged)


async def found_by_pulse(handle: Handle, world: World, places: Places) -> None:
    """Its steps wait for a busy worker, which has room when it was asked whether it is there."""
    await until(lambda: "worker.pulse" in world.names())
    await places.open(step_queue(world.place))


async def found_by_takeover(handle: Handle, world: World, places: Places) -> None:
    """Nobody answers; then the run is taken over, by the same worker as it happens."""
    await until(lambda: "workspace.take_over" in world.names())
    await places.open(step_queue(world.place), pulse_queue(world.place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What brings an activity about, and the outcome when it fails for good."""

    plan: Plan
    steer: Callable[[Handle, World, Places], Coroutine[Any, Any, None]] = nothing_more
    options: RunOptions | None = None
    absent: Callable[[World], tuple[str, ...]] = lambda world: ()
    when_it_raises: Outcome = Outcome.FAILED
    has_model: bool = False
    """And the type is a guess, so that it is asked."""
    staff: tuple[Colleague, ...] = ()


A_GUESS = Escalation(next=Next.ASK_MODEL, gate_types=(TaskType.BUG_FIX,), reason="20 % sure")
LONG_S = 1.0
MIND = Step(id=StepId("mind"), name="Think", action=AgentAction(prompt="Think"), depends_on=(StepId("one"),))
PARTS = GroupAction(items="[1, 2]", body=(tool_step("part"),))
EVERYTHING = a_plan(
    tool_step("one", when="true"),
    tool_step("conflicting", "one"),
    tool_step("long", "one"),
    Step(id=StepId("each"), name="Each", action=PARTS, depends_on=(StepId("one"),)),
    MIND,
    post_gates=tuple(GateName),
)
CLAUDE = Colleague(name="claude", account="anthropic-1")
BY_AN_AGENT = by_agents(agent_step("one"), agent_step("long", "one"), agents=("claude",))
IMPATIENT = RunOptions(takeover_after_s=2)
SCENES = {
    "workspace.roll_back": Scene(
        plan=a_plan(tool_step("one"), MIND), steer=back_to_the_start, when_it_raises=Outcome.COMPLETED
    ),
    "worker.pulse": Scene(
        plan=a_plan(tool_step("one")),
        steer=found_by_pulse,
        options=IMPATIENT,
        absent=lambda world: (step_queue(world.place),),
    ),
    "workspace.take_over": Scene(
        plan=a_plan(tool_step("one")),
        steer=found_by_takeover,
        options=IMPATIENT,
        absent=lambda world: (step_queue(world.place), pulse_queue(world.place)),
    ),
    "plan.ask_type": Scene(plan=EVERYTHING, when_it_raises=Outcome.COMPLETED, has_model=True),
    "plan.draft_by_model": Scene(plan=EVERYTHING, when_it_raises=Outcome.COMPLETED, has_model=True),
    "ledger.take_lease": Scene(plan=EVERYTHING, when_it_raises=Outcome.COMPLETED, has_model=True),
    "account.ask": Scene(plan=BY_AN_AGENT, staff=(CLAUDE,), when_it_raises=Outcome.COMPLETED),
    "step.steer": Scene(plan=BY_AN_AGENT, staff=(CLAUDE,), steer=told_a_note, when_it_raises=Outcome.COMPLETED),
    "step.forecast": Scene(plan=EVERYTHING, when_it_raises=Outcome.COMPLETED),
    "report.store": Scene(plan=EVERYTHING, when_it_raises=Outcome.COMPLETED),
}


def scene_of(contract: contracts.ActivityContract[Any, Any]) -> Scene:
    return SCENES.get(contract.name, Scene(plan=EVERYTHING))


@asynccontextmanager
async def acted(server: Client, scene: Scene, prepare: Callable[[World], None]) -> AsyncIterator[tuple[Handle, World]]:
    """The scene with a person who does whatever is asked of them."""

    def prepared(world: World) -> None:
        world.overrides["step.integrate"] = conflicting("conflicting", 1)
        world.overrides["step.execute"] = _long_is_long
        if scene.has_model:
            world.has_model, world.escalation = True, A_GUESS
        world.staff = scene.staff
        prepare(world)

    async with running(server, scene.plan, options=scene.options, prepare=prepared, absent=scene.absent) as (
        handle,
        world,
        places,
    ):
        steering = asyncio.create_task(scene.steer(handle, world, places))
        person = asyncio.create_task(_do_what_is_asked(handle, steering))
        try:
            yield handle, world
        finally:
            for task in (steering, person):
                task.cancel()
            await asyncio.gather(steering, person, return_exceptions=True)


@every_activity
async def test_whichever_activity_raises_the_run_ends_in_a_declared_outcome(
    server: Client, monkeypatch: pytest.MonkeyPatch, contract: contracts.ActivityContract[Any, Any]
) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))
    scene = scene_of(contract)

    async def broken(_: object) -> None:
        raise ApplicationError("it broke", type="broken", non_retryable=True)

    def prepare(world: World) -> None:
        world.overrides[contract.name] = broken

    async with acted(server, scene, prepare) as (handle, world):
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert contract.name in world.names()
    assert (snapshot.outcome, snapshot.phase) == (scene.when_it_raises, Phase.ENDED)
    assert bool(world.stored) is (contract.name != "report.store")


@pytest.mark.slow
@each_kind
async def test_whichever_activity_falls_silent_is_tried_again_and_its_late_answer_changes_nothing(
    server: Client, monkeypatch: pytest.MonkeyPatch, contract: contracts.ActivityContract[Any, Any]
) -> None:
    monkeypatch.setattr("ostinato.durable.integrating.FORECAST_AFTER", timedelta(0))
    monkeypatch.setattr("ostinato.durable.calls.heartbeat_of", lambda contract: timedelta(seconds=1))
    monkeypatch.setattr("tests.workflows.test_every_activity.LONG_S", 4.0)
    scene, tries, late = scene_of(contract), list[int](), asyncio.Event()

    def prepare(world: World) -> None:
        usual = world.overrides.get(contract.name) or world.usual(contract.name)

        async def silent_at_first(argument: Any) -> Any:
            tries.append(1)
            if len(tries) > 1:
                return await usual(argument)
            world.silence()
            await asyncio.sleep(2)
            late.set()
            return await usual(argument)

        world.overrides[contract.name] = silent_at_first

    async with acted(server, scene, prepare) as (handle, world):
        snapshot = await asyncio.wait_for(handle.result(), 40)
        await asyncio.wait_for(late.wait(), 10)

    assert snapshot.outcome is Outcome.COMPLETED
    assert len(tries) >= 2
    assert len(snapshot.results) == len(snapshot.todos)
    assert world.stored[-1].outcome is Outcome.COMPLETED


async def _long_is_long(command: contracts.ExecuteStep) -> StepResult:
    if command.step.id == "long":
        await asyncio.sleep(LONG_S)
    return succeeded(command)


async def _do_what_is_asked(handle: Handle, steering: "asyncio.Task[None]") -> None:
    await steering
    while True:
        with contextlib.suppress(Exception):  # the run may end meanwhile
            for decision in await ask(handle, "pending_decisions", list[Decision]):
                await answer(handle, decision, "done")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["step.execute", "ledger.take_lease", "step.describe_conflict"])
async def test_whichever_activity_of_an_agents_step_raises_the_run_ends_in_a_declared_outcome(
    server: Client, name: str
) -> None:
    async def broken(_: object) -> None:
        raise ApplicationError("it broke", type="broken", non_retryable=True)

    def prepare(world: World) -> None:
        world.overrides["step.integrate"] = conflicting("one", 1)
        world.overrides[name] = broken

    scene = Scene(plan=BY_AN_AGENT, staff=(CLAUDE,))
    async with acted(server, scene, prepare) as (handle, world):
        snapshot = await asyncio.wait_for(handle.result(), 30)

    assert name in world.names()
    assert snapshot.outcome is (Outcome.COMPLETED if name == "ledger.take_lease" else Outcome.FAILED)
    assert snapshot.spending is not None
    assert snapshot.spending.balance().open_count == 0
