"""An activity that was given to a worker in the moment of its death goes on at once."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueRequest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

from ostinato.adapters.home import Home
from ostinato.adapters.temporal.embedded import ensure_server, stop_server
from ostinato.adapters.unreceived import fail_unreceived, is_of_the_dead

WORK_QUEUE, STEP_QUEUE = "unreceived-workflows", "unreceived-steps"


@activity.defn(name="step")
async def step() -> int:
    return activity.info().attempt


@workflow.defn(name="Unreceived", sandboxed=False)
class UnreceivedWorkflow:
    @workflow.run
    async def run(self) -> int:
        attempt: int = await workflow.execute_activity(
            "step", result_type=int, task_queue=STEP_QUEUE, start_to_close_timeout=timedelta(hours=1),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
        )  # fmt: skip
        return attempt


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Home(tmp_path_factory.mktemp("server"))
    yield ensure_server(home, {}).address
    stop_server(home)


@pytest.fixture(scope="module")
def dead() -> str:
    """The identity of a worker whose process is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{process.pid}@{socket.gethostname()}"


async def take_and_die(client: Client, identity: str) -> None:
    """What a worker does whose last poll is answered as it dies."""
    await client.workflow_service.poll_activity_task_queue(
        PollActivityTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=STEP_QUEUE), identity=identity)
    )


@pytest.mark.server
async def test_what_a_dead_worker_was_given_is_tried_again_at_once(address: str, dead: str) -> None:
    client = await Client.connect(address)
    async with Worker(client, task_queue=WORK_QUEUE, workflows=[UnreceivedWorkflow]):
        handle = await client.start_workflow(UnreceivedWorkflow.run, id="given", task_queue=WORK_QUEUE)
        await take_and_die(client, dead)
        failed = await until_listed(client)
        async with Worker(client, task_queue=STEP_QUEUE, activities=[step]):
            attempt = await asyncio.wait_for(handle.result(), 20)

    assert (failed, attempt) == (1, 2)


@pytest.mark.server
async def test_what_a_living_worker_was_given_is_left_alone(address: str) -> None:
    client = await Client.connect(address)
    async with Worker(client, task_queue=WORK_QUEUE, workflows=[UnreceivedWorkflow]):
        handle = await client.start_workflow(UnreceivedWorkflow.run, id="alive", task_queue=WORK_QUEUE)
        await take_and_die(client, f"{os.getppid()}@{socket.gethostname()}")
        failed = await fail_unreceived(client, STEP_QUEUE, error_type="WorkerLost")
        await handle.terminate()

    assert failed == 0


async def until_listed(client: Client) -> int:
    """Visibility may lag behind the run's start."""
    for _ in range(50):
        if failed := await fail_unreceived(client, STEP_QUEUE, error_type="WorkerLost"):
            return failed
        await asyncio.sleep(0.1)
    return 0


@pytest.mark.parametrize("identity", ["", "worker-1", "7@elsewhere", "x@" + socket.gethostname()])
def test_only_processes_of_this_machine_are_judged(identity: str) -> None:
    assert not is_of_the_dead(identity)


def test_a_dead_process_of_this_machine_is_dead(dead: str) -> None:
    assert is_of_the_dead(dead)


def test_who_had_our_pid_before_us_is_dead() -> None:
    assert is_of_the_dead(f"{os.getpid()}@{socket.gethostname()}")
