"""A real dev server for the session, and one function that runs a workflow against fake activities."""

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
from workflows.account import AccountWorkflow
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


@dataclass
class Places:
    """The workers of homes: each answers for short work, for steps and for its pulse, as a home's worker does."""

    client: Client
    world: World
    _open: dict[str, Worker] = field(default_factory=dict)

    async def open(self, *queues: str) -> None:
        for queue in queues:
            self._open[queue] = worker_for(self.client, self.world, queue)
            await self._open[queue].__aenter__()

    async def close(self, *queues: str) -> None:
        """What they do is cancelled, and nothing is taken up any more."""
        for queue in queues:
            await self._open.pop(queue).__aexit__(None, None, None)

    async def close_all(self) -> None:
        await self.close(*self._open)


def queues_of(place: str) -> tuple[str, str, str]:
    return place, names.step_queue(place), names.pulse_queue(place)


def worker_for(client: Client, world: World, queue: str, *, cached: int | None = None) -> Worker:
    """With a cache it carries workflows too."""
    return Worker(
        client,
        task_queue=queue,
        workflows=[] if cached is None else [RunWorkflow, MergeWorkflow, ShardWorkflow, AccountWorkflow],
        activities=world.activities(),
        max_cached_workflows=cached or 0,
        max_heartbeat_throttle_interval=timedelta(seconds=0.3),
        default_heartbeat_throttle_interval=timedelta(seconds=0.3),
    )


Running = tuple[WorkflowHandle[Any, Snapshot], World, Places]


@asynccontextmanager
async def running(
    client: Client,
    plan: Plan,
    *,
    options: RunOptions | None = None,
    prepare: Callable[[World], None] = lambda world: None,
    max_cached_workflows: int = CACHED_WORKFLOWS,
    absent: Callable[[World], Collection[str]] = lambda world: (),
) -> AsyncIterator[Running]:
    """A run of `plan` in progress, with its world. `absent`: queues of the place that nobody answers yet."""
    world = World(queue=f"q-{uuid.uuid4().hex[:10]}", plan=plan)
    prepare(world)
    request = a_request(options)
    places = Places(client, world)
    async with worker_for(client, world, world.queue, cached=max_cached_workflows):
        await places.open(*(queue for queue in queues_of(world.place) if queue not in absent(world)))
        try:
            handle = await client.start_workflow(
                names.RUN_WORKFLOW, request, id=request.run_id, task_queue=world.queue, result_type=Snapshot
            )
            yield handle, world, places
        finally:
            await places.close_all()


def a_request(options: RunOptions | None = None) -> RunRequest:
    return RunRequest(
        run_id=RunId(f"run-{uuid.uuid4().hex[:8]}"),
        text="tidy up",
        repository="/repository",
        requested_by="tester",
        options=options or RunOptions(),
    )


@pytest.fixture
def cache() -> int:
    """Workflows that the worker keeps. `make test` runs everything once more with none: each task replays the history."""
    return CACHED_WORKFLOWS
