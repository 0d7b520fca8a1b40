"""Record the histories that later versions must be able to replay: `python -m scripts.record_histories`.

One folder for each release; what a release has recorded is never recorded again.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from ostinato import __version__
from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    ASK_TO_START,
    REPORT,
    WITHDRAW,
    MayStart,
    OpenAccount,
    Withdraw,
)
from ostinato.contracts.activities import ExecuteStep, TakenOver, TakeOver
from ostinato.contracts.workflows import MERGE_WORKFLOW, RUN_WORKFLOW, MergeRun
from ostinato.domain.agents.accounts import Account, AccountReport
from ostinato.domain.continuation import Continuation, ShardState, reopened, with_continuation
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.plan import AgentAction, GroupAction, Plan, Step
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunOptions, RunRequest
from ostinato.domain.staff import Colleague
from ostinato.durable.shards import SHARD_SIZE
from tests.fakes.world import World, a_classification, elsewhere, succeeded, tool_step
from tests.workflows.agents import FakeAccount, let_go
from tests.workflows.conftest import KEYS, binary, queues_of
from tests.workflows.steering import conflicting
from workflows.account import AccountWorkflow
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "replay" / "histories"
IDENTITY = "recorder"
"""Instead of a process id and a machine's name."""
PATIENCE_S = 60.0
STARTED = asyncio.Event()
TWO_STEPS = (tool_step("one"), tool_step("two", "one"))
MIND = Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it"))

CLAUDE = Colleague(name="claude", account="anthropic-1")
ACCOUNT = FakeAccount(datetime(2100, 1, 1, tzinfo=UTC))

Handle = WorkflowHandle[Any, Any]
Steer = Callable[[Handle, World], Awaitable[None]]


async def leave_alone(handle: Handle, world: World) -> None:
    """A run that nobody speaks to."""


async def fail_always(command: ExecuteStep) -> StepResult:
    failure = Failure(kind=FailureKind.EXIT_STATUS, message="exit status 1")
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure)


async def fail_once(command: ExecuteStep) -> StepResult:
    return succeeded(command) if command.execution > 1 else await fail_always(command)


async def work_for_ever(command: ExecuteStep) -> StepResult:
    STARTED.set()
    await asyncio.sleep(600)
    return succeeded(command)


async def approve(handle: Handle, world: World) -> None:
    await pending(handle)
    await handle.signal("approve", {"by": "ada", "note": "go on"})


async def reject(handle: Handle, world: World) -> None:
    await pending(handle)
    await handle.execute_update("reject", {"by": "ada", "note": "not today"})


async def hand_in(handle: Handle, world: World) -> None:
    decision = await pending(handle)
    await handle.execute_update("decide", {"decision": decision["id"], "option": "done", "by": "ada"})


async def pause_and_resume(handle: Handle, world: World) -> None:
    await pending(handle)
    await handle.execute_update("pause", {"by": "ada"})
    await handle.signal("approve", {"by": "ada"})
    await handle.execute_update("resume", {"by": "ada"})


async def cancel(handle: Handle, world: World) -> None:
    await asyncio.wait_for(STARTED.wait(), PATIENCE_S)
    await handle.cancel(reason="changed my mind")


async def rerun(handle: Handle, world: World) -> None:
    decision = await pending(handle)
    await handle.execute_update("decide", {"decision": decision["id"], "option": "rerun", "by": "ada"})


async def change_plan(handle: Handle, world: World) -> None:
    await pending(handle)
    new = tool_step("new", "mind").model_dump(mode="json")
    await handle.execute_update("change_plan", {"kind": "add", "steps": [new], "by": "ada"})
    await handle.execute_update("change_plan", {"kind": "skip", "step": "two", "by": "ada"})
    await handle.execute_update("change_plan", {"kind": "edit", "step": "new", "edit": {"priority": 3}, "by": "ada"})
    await handle.execute_update("change_plan", {"kind": "retry", "step": "one", "by": "ada"})
    await hand_in(handle, world)


async def roll_back(handle: Handle, world: World) -> None:
    await pending(handle)
    await handle.execute_update("roll_back", {"checkpoint": "0-start", "by": "ada"})
    for _ in range(int(PATIENCE_S / 0.02)):
        if (await handle.query("progress"))["paused"]:
            break
        await asyncio.sleep(0.02)
    await handle.execute_update("resume", {"by": "ada"})
    await hand_in(handle, world)


async def take_over(command: TakeOver) -> TakenOver:
    return elsewhere(command, command.workspace.queue.replace("-home", "-other"))


async def steer_and_let_go(handle: Handle, world: World) -> None:
    """The agent's account is used up: it is told a note meanwhile, and then that it may start."""
    for _ in range(int(PATIENCE_S / 0.02)):
        if any(todo["state"] == "waiting" for todo in (await handle.query("progress"))["todos"]):
            break
        await asyncio.sleep(0.02)
    await handle.execute_update("steer", {"step": "mind", "note": "use the other module", "by": "ada"})
    ACCOUNT.is_open = True
    await let_go(handle, "mind")


async def pending(handle: Handle) -> dict[str, Any]:
    """The first decision that waits for an answer."""
    for _ in range(int(PATIENCE_S / 0.02)):
        found: list[dict[str, Any]] = await handle.query("pending_decisions")
        if found:
            return found[0]
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{handle.id} asked nothing")


@dataclass(frozen=True, kw_only=True)
class Scene:
    world: World
    is_lost: bool = False
    """Nobody takes up what is to be done at the place where the run begins."""


def a_world(
    *steps: Step, risk: str = "low", is_lost: bool = False, staff: tuple[Colleague, ...] = (), **overrides: Any
) -> Scene:
    world = World(
        queue="",
        plan=Plan(id="kept", steps=steps or TWO_STEPS, agents=tuple(each.name for each in staff)),
        staff=staff,
        classification=a_classification(risk=risk),
        overrides={name.replace("_", ".", 1): behaviour for name, behaviour in overrides.items()},
    )
    return Scene(world=world, is_lost=is_lost)


EACH = Step(id=StepId("each"), name="Each", action=GroupAction(items="[1, 2]", body=(tool_step("part"),)))
WAITING = (tool_step("one"), MIND.model_copy(update={"depends_on": ("one",)}), tool_step("two", "mind"))
RUNS: dict[str, tuple[Scene, Steer]] = {
    "happy": (a_world(), leave_alone),
    "side-by-side": (a_world(*(tool_step(f"s{number}") for number in range(4))), leave_alone),
    "failure": (a_world(step_execute=fail_always), leave_alone),
    "retry": (a_world(tool_step("flaky", max_attempts=2), step_execute=fail_once), leave_alone),
    "condition": (a_world(tool_step("one"), tool_step("two", "one", when="false")), leave_alone),
    "group": (a_world(EACH), leave_alone),
    "conflict": (a_world(step_integrate=conflicting("one", 1)), leave_alone),
    "conflict-decided": (a_world(tool_step("one"), step_integrate=conflicting("one", 3)), rerun),
    "hand-off": (a_world(MIND), hand_in),
    "surgery": (a_world(*WAITING), change_plan),
    "rollback": (a_world(*WAITING), roll_back),
    "takeover": (a_world(is_lost=True, workspace_take_over=take_over), leave_alone),
    "approval-by-signal": (a_world(risk="high"), approve),
    "reject": (a_world(risk="high"), reject),
    "pause": (a_world(risk="high"), pause_and_resume),
    "agent": (
        a_world(MIND, staff=(CLAUDE,), account_ask=ACCOUNT.ask, step_integrate=conflicting("mind", 1)),
        steer_and_let_go,
    ),
    "cancel": (a_world(step_execute=work_for_ever), cancel),
}


async def record_run(client: Client, name: str, scene: Scene, steer: Steer) -> str:
    """The history of a run in this world, as JSON."""
    scene.world.queue = f"kept-{name}"
    async with workers(client, scene):
        handle = await start(client, scene.world, a_request(name))
        await steer(handle, scene.world)
        return await ended(handle)


async def record_continued(client: Client, name: str, reason: Literal["retry", "size"]) -> tuple[str, list[str]]:
    """A run that failed is taken up again, for `size` by shards; its history and those of its shards."""
    scene = a_world(tool_step("one"), step_execute=fail_once)
    scene.world.queue = f"kept-{name}"
    request = a_request(name)
    async with workers(client, scene):
        before: Snapshot = await (await start(client, scene.world, request)).result()
        shards = (ShardState(name=f"kept-{name}/gone", given=SHARD_SIZE),) if reason == "size" else ()
        continuation = Continuation(reason=reason, snapshot=reopened(before, ()), shards=shards, by="ada")
        history = await ended(await start(client, scene.world, with_continuation(request, continuation)))
        listed = client.list_workflows(f'WorkflowId STARTS_WITH "kept-{name}/shard-"')
        return history, [await ended(client.get_workflow_handle(it.id)) async for it in listed]


def a_request(name: str) -> RunRequest:
    return RunRequest(
        run_id=RunId(f"kept-{name}"),
        text="tidy up",
        repository="/repository",
        requested_by="ada",
        options=RunOptions(takeover_after_s=1),
    )


async def start(client: Client, world: World, request: RunRequest) -> Handle:
    return await client.start_workflow(
        RUN_WORKFLOW, request, id=request.run_id, task_queue=world.queue, result_type=Snapshot
    )


async def record_merge(client: Client) -> str:
    scene = a_world()
    scene.world.queue = "kept-merge"
    command = MergeRun(
        run_id=RunId("kept-merge"),
        repository="/repository",
        head="c" * 40,
        base_branch="main",
        requested_by="ada",
        trusted=True,
    )
    async with workers(client, scene):
        return await ended(
            await client.start_workflow(MERGE_WORKFLOW, command, id="kept-merge", task_queue=scene.world.queue)
        )


async def record_account(client: Client) -> str:
    """A limit is met and lifted, and nobody needs the account any more."""
    opened = OpenAccount(account=Account(name="kept"), lingers=timedelta(seconds=1))
    said = AccountReport(id="r1", at=datetime.now(UTC), until=datetime.now(UTC) + timedelta(seconds=2), by="kept-run")
    async with Worker(client, task_queue="kept-account", workflows=[AccountWorkflow], identity=IDENTITY):
        handle: Handle = await client.start_workflow(
            ACCOUNT_WORKFLOW, opened, id="kept-account", task_queue="kept-account"
        )
        for step in ("one", "two"):
            await handle.execute_update(ASK_TO_START, MayStart(waiter=f"kept-run/{step}/1", since=said.at))
            await handle.signal(REPORT, said)
        await handle.signal(WITHDRAW, Withdraw(waiters=("kept-run/one/1",)))
        await asyncio.sleep(3)
        await handle.signal(WITHDRAW, Withdraw(waiters=("kept-run/two/1",)))
        return await ended(handle)


@asynccontextmanager
async def workers(client: Client, scene: Scene) -> AsyncIterator[None]:
    """One for the workflows, and those of two places."""
    world = scene.world
    home, steps, pulse = queues_of(world.place)
    places = [home, *(() if scene.is_lost else (steps, pulse)), *queues_of(f"{world.queue}-other")]
    async with AsyncExitStack() as stack:
        for queue in (world.queue, *places):
            workflows = [RunWorkflow, MergeWorkflow, ShardWorkflow] if queue == world.queue else []
            await stack.enter_async_context(
                Worker(client, task_queue=queue, workflows=workflows, activities=world.activities(), identity=IDENTITY)
            )
        yield


async def ended(handle: Handle) -> str:
    try:
        await asyncio.wait_for(handle.result(), PATIENCE_S)
    except WorkflowFailureError as error:
        sys.stderr.write(f"{handle.id} ended with {error.cause!r}\n")
    history = await handle.fetch_history()
    return json.dumps(json.loads(history.to_json()), separators=(",", ":"), sort_keys=True)


async def record_all(client: Client) -> dict[str, str]:
    histories = {name: await record_run(client, name, scene, steer) for name, (scene, steer) in RUNS.items()}
    histories["merge"] = await record_merge(client)
    histories["account"] = await record_account(client)
    histories["continued"], _ = await record_continued(client, "continued", "retry")
    histories["sharded"], shards = await record_continued(client, "sharded", "size")
    return {**histories, "shard": shards[0]}


async def main() -> None:
    folder = FOLDER / __version__
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as payloads:
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=binary("temporal"),
            search_attributes=KEYS,
            dev_server_log_level="error",
            dev_server_extra_args=["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"],
            identity=IDENTITY,
            plugins=[ostinato_plugin(Path(payloads))],
        ) as environment:
            histories = await record_all(environment.client)
        if any(Path(payloads).rglob("*.*")):
            raise SystemExit("a payload was too large for its history: keep the plans small")
    new = {name: history for name, history in histories.items() if not (folder / f"{name}.json").exists()}
    for name, history in new.items():
        (folder / f"{name}.json").write_text(history + "\n")
    sys.stderr.write(f"recorded {', '.join(new) or 'nothing new'} in {folder}\n")


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # the native runtime's threads may outlive the interpreter and abort it
