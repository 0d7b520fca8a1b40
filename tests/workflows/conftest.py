"""A real dev server for the session, and one function that runs a workflow against fake activities."""

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from ostinato.adapters.temporal.plugin import ostinato_plugin
from ostinato.contracts import workflows as names
from ostinato.domain.ids import RunId
from ostinato.domain.plan import Plan
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunOptions, RunRequest
from tests.fakes.world import World
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

CACHED_WORKFLOWS = int(os.environ.get("OSTINATO_TEST_CACHE", "1000"))
"""0: every workflow task replays its whole history, the cheapest test of determinism."""
PAYLOADS = Path(tempfile.mkdtemp(prefix="ostinato-payloads-"))
KEYS: list[SearchAttributeKey[Any]] = [
    names.PHASE,
    names.OUTCOME,
    names.TASK_TYPE,
    names.REPOSITORY,
    names.NEEDS_HUMAN,
    names.STEPS_TOTAL,
    names.STEPS_FAILED,
]


def binary(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is not installed"
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def server() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        search_attributes=KEYS,
        dev_server_extra_args=["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"],
        dev_server_log_level="error",
        plugins=[ostinato_plugin(PAYLOADS)],
    ) as environment:
        yield environment.client


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def skipping() -> AsyncIterator[Client]:
    """A server that skips time whenever everything waits for a timer."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"), plugins=[ostinato_plugin(PAYLOADS)]
    ) as environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace="default",
                search_attributes={key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in KEYS},
            )
        )
        yield environment.client


Running = tuple[WorkflowHandle[object, Snapshot], World]


@asynccontextmanager
async def running(
    client: Client,
    plan: Plan,
    *,
    options: RunOptions | None = None,
    prepare: Callable[[World], None] = lambda world: None,
    max_cached_workflows: int = CACHED_WORKFLOWS,
) -> AsyncIterator[Running]:
    """A run of `plan` in progress, with its world."""
    queue = f"q-{uuid.uuid4().hex[:10]}"
    world = World(queue=queue, plan=plan)
    prepare(world)
    request = RunRequest(
        run_id=RunId(f"run-{uuid.uuid4().hex[:8]}"),
        text="tidy up",
        repository="/repository",
        requested_by="tester",
        options=options or RunOptions(),
    )
    activities = world.activities()

    def worker(task_queue: str, workflows: Sequence[type] = ()) -> Worker:
        return Worker(
            client,
            task_queue=task_queue,
            workflows=workflows,
            activities=activities,
            max_cached_workflows=max_cached_workflows if workflows else 0,
            max_heartbeat_throttle_interval=timedelta(seconds=0.3),
            default_heartbeat_throttle_interval=timedelta(seconds=0.3),
        )

    of_runs = worker(queue, [RunWorkflow, MergeWorkflow, ShardWorkflow])
    async with of_runs, worker(names.step_queue(queue)), worker(names.pulse_queue(queue)):
        handle = await client.start_workflow(
            names.RUN_WORKFLOW, request, id=request.run_id, task_queue=queue, result_type=Snapshot
        )
        yield handle, world


@pytest.fixture(params=[1000, 0], ids=["cached", "replayed"])
def cache(request: pytest.FixtureRequest) -> int:
    """Every workflow test runs once with no workflow cache: each task replays the whole history."""
    size: int = request.param
    return size
