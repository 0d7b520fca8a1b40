"""Asking a workflow that is started by whoever asks it first."""

import asyncio
from datetime import timedelta
from typing import Final, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from ostinato.domain.base import Fact

Out = TypeVar("Out", bound=Fact)

PATIENCE_S: Final = 10.0


async def ask_with_start(
    client: Client,
    start: Fact,
    argument: Fact,
    *,
    workflow: str,
    workflow_id: str,
    task_queue: str,
    update: str,
    update_id: str,
    answer: type[Out],
    reuse: WorkflowIDReusePolicy,
    summary: str,
    patience_s: float = PATIENCE_S,
) -> Out:
    """The update's answer; the same again for the same update id. Raises what Temporal raises, and TimeoutError."""
    operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
        workflow,
        start,
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=reuse,
        static_summary=summary,
    )
    async with asyncio.timeout(patience_s):
        found = await client.execute_update_with_start_workflow(
            update,
            argument,
            start_workflow_operation=operation,
            id=update_id,
            result_type=answer,
            rpc_timeout=timedelta(seconds=patience_s),
        )
    assert isinstance(found, answer)
    return found
