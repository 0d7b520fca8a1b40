"""The sandbox at work: a worker with our plugin refuses a workflow that reaches outside, and names what it reached."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from ostinato.adapters.temporal.plugin import ostinato_plugin
from tests.architecture.offenders import ReachesOutside
from tests.workflows.conftest import binary
from workflows.account import AccountWorkflow
from workflows.ledger import LedgerWorkflow
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

NOWHERE = Path("/nonexistent")
pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


@activity.defn
async def nothing() -> None:
    """So that a worker has something to do."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), dev_server_log_level="error", plugins=[ostinato_plugin(NOWHERE)]
    ) as environment:
        yield environment.client


async def test_a_workflow_that_imports_an_adapter_stops_the_worker_and_is_named(client: Client) -> None:
    with pytest.raises(RuntimeError) as refused:
        Worker(client, task_queue="refused", workflows=[ReachesOutside], activities=[nothing])

    assert "ostinato.adapters" in story_of(refused.value)
    assert "ReachesOutside" in story_of(refused.value)


async def test_our_own_workflows_are_accepted(client: Client) -> None:
    ours = [RunWorkflow, MergeWorkflow, ShardWorkflow, LedgerWorkflow, AccountWorkflow]

    worker = Worker(client, task_queue="accepted", workflows=ours, activities=[nothing])

    assert worker.is_running is False


def story_of(error: BaseException | None) -> str:
    """An error and its causes, as the log of a worker that stops shows them."""
    told = []
    while error is not None:
        told.append(str(error))
        error = error.__cause__
    return "\n".join(told)
