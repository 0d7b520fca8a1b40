"""Record the histories that later versions must be able to replay: `python -m scripts.record_histories`.

One folder for each release; what a release has recorded is never recorded again.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from ostinato import __version__
from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts.activities import ExecuteStep, IntegrateStep
from ostinato.contracts.workflows import MERGE_WORKFLOW, RUN_WORKFLOW, MergeRun
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.plan import AgentAction, Plan, Step
from ostinato.domain.request import RunRequest
from ostinato.domain.workspace import Integration
from tests.fakes.world import World, a_classification, succeeded, tool_step
from tests.workflows.conftest import KEYS, binary
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "replay" / "histories"
IDENTITY = "recorder"
"""Instead of a process id and a machine's name."""
PATIENCE_S = 60.0
STARTED = asyncio.Event()
TWO_STEPS = (tool_step("one"), tool_step("two", "one"))
MIND = Step(id=StepId("mind"), name="Fix the crash", action=AgentAction(prompt="Fix it"))

Handle = WorkflowHandle[Any, Any]
Steer = Callable[[Handle, World], Awaitable[None]]


async def leave_alone(handle: Handle, world: World) -> None:
    """A run that nobody speaks to."""


async def fail_always(command: ExecuteStep) -> StepResult:
    failure = Failure(kind=FailureKind.EXIT_STATUS, message="exit status 1")
    return StepResult(step_id=command.step.id, execution=command.execution, outcome=StepOutcome.FAILED, failure=failure)


async def fail_once(command: ExecuteStep) -> StepResult:
    return succeeded(command) if command.execution > 1 else await fail_always(command)


async def conflict_once(command: IntegrateStep) -> Integration:
    if command.execution == 1:
        return Integration(head=command.head, conflicts=("a.py",))
    return Integration(head=command.commit, commit=command.commit)


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


async def pending(handle: Handle) -> dict[str, Any]:
    """The first decision that waits for an answer."""
    for _ in range(int(PATIENCE_S / 0.02)):
        found: list[dict[str, Any]] = await handle.query("pending_decisions")
        if found:
            return found[0]
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{handle.id} asked nothing")


def a_world(*steps: Step, risk: str = "low", **overrides: Any) -> World:
    return World(
        queue="",
        plan=Plan(id="kept", steps=steps or TWO_STEPS),
        classification=a_classification(risk=risk),
        overrides={name.replace("_", ".", 1): behaviour for name, behaviour in overrides.items()},
    )


RUNS: dict[str, tuple[World, Steer]] = {
    "happy": (a_world(), leave_alone),
    "side-by-side": (a_world(*(tool_step(f"s{number}") for number in range(4))), leave_alone),
    "failure": (a_world(step_execute=fail_always), leave_alone),
    "retry": (a_world(tool_step("flaky", max_attempts=2), step_execute=fail_once), leave_alone),
    "conflict": (a_world(step_integrate=conflict_once), leave_alone),
    "hand-off": (a_world(MIND), hand_in),
    "approval-by-signal": (a_world(risk="high"), approve),
    "reject": (a_world(risk="high"), reject),
    "pause": (a_world(risk="high"), pause_and_resume),
    "cancel": (a_world(step_execute=work_for_ever), cancel),
}


async def record_run(client: Client, name: str, world: World, steer: Steer) -> str:
    """The history of a run in this world, as JSON."""
    world.queue = f"kept-{name}"
    request = RunRequest(run_id=RunId(f"kept-{name}"), text="tidy up", repository="/repository", requested_by="ada")
    async with a_worker(client, world):
        handle = await client.start_workflow(RUN_WORKFLOW, request, id=request.run_id, task_queue=world.queue)
        await steer(handle, world)
        return await ended(handle)


async def record_merge(client: Client) -> str:
    world = a_world()
    world.queue = "kept-merge"
    command = MergeRun(
        run_id=RunId("kept-merge"),
        repository="/repository",
        head="c" * 40,
        base_branch="main",
        requested_by="ada",
        trusted=True,
    )
    async with a_worker(client, world):
        return await ended(
            await client.start_workflow(MERGE_WORKFLOW, command, id="kept-merge", task_queue=world.queue)
        )


def a_worker(client: Client, world: World) -> Worker:
    return Worker(
        client,
        task_queue=world.queue,
        workflows=[RunWorkflow, MergeWorkflow],
        activities=world.activities(),
        identity=IDENTITY,
    )


async def ended(handle: Handle) -> str:
    try:
        await asyncio.wait_for(handle.result(), PATIENCE_S)
    except WorkflowFailureError as error:
        sys.stderr.write(f"{handle.id} ended with {error.cause!r}\n")
    history = await handle.fetch_history()
    return json.dumps(json.loads(history.to_json()), separators=(",", ":"), sort_keys=True)


async def main() -> None:
    folder = FOLDER / __version__
    folder.mkdir(parents=True, exist_ok=True)
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        search_attributes=KEYS,
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"],
        identity=IDENTITY,
        plugins=[ostinato_plugin()],
    ) as environment:
        for name, (world, steer) in RUNS.items():
            (folder / f"{name}.json").write_text(await record_run(environment.client, name, world, steer) + "\n")
        (folder / "merge.json").write_text(await record_merge(environment.client) + "\n")
    sys.stderr.write(f"recorded {len(RUNS) + 1} histories in {folder}\n")


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # the native runtime's threads may outlive the interpreter and abort it
