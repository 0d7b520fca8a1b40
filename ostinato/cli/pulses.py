"""What the workers of a run's steps are doing now: it travels with their heartbeats, and is in no history."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from temporalio.service import RPCError

from ostinato.contracts.workflows import SHARD_WORKFLOW
from ostinato.domain.execution import StepState
from ostinato.domain.ids import workflow_id
from ostinato.domain.report import Snapshot

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecutionDescription

LONGEST = 200
_WORKING = (StepState.PREPARING, StepState.RUNNING)


async def with_pulses(client: "Client", seen: Snapshot) -> Snapshot:
    """The same run, with what is being done; as it was where the server does not say."""
    if seen.outcome is not None or not any(todo.state in _WORKING for todo in seen.todos):
        return seen
    try:
        said = {name: text async for name, text in _pulses(client, seen)}
    except RPCError:
        return seen
    todos = (
        todo.model_copy(update={"doing": said.get(f"{todo.id}-{todo.execution}-execute", "")})
        if todo.state in _WORKING
        else todo
        for todo in seen.todos
    )
    return seen.model_copy(update={"todos": tuple(todos)})


async def _pulses(client: "Client", seen: Snapshot) -> AsyncIterator[tuple[str, str]]:
    """(the activity's id, what it said last), also of the shards that carry a large plan's steps"""
    described = await client.get_workflow_handle(workflow_id(seen.run_id)).describe()
    async for each in _said(client, described):
        yield each
    for child in described.raw_description.pending_children:
        if child.workflow_type_name == SHARD_WORKFLOW:
            async for each in _said(client, await client.get_workflow_handle(child.workflow_id).describe()):
                yield each


async def _said(client: "Client", described: "WorkflowExecutionDescription") -> AsyncIterator[tuple[str, str]]:
    for pending in described.raw_description.pending_activities:
        if pending.HasField("heartbeat_details"):
            found = await client.data_converter.decode(pending.heartbeat_details.payloads)
            if found and isinstance(found[0], str) and found[0]:
                yield pending.activity_id, found[0][:LONGEST]
