"""The client side of a merge."""

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError

from ostinato.cli.runs import raise_rpc
from ostinato.contracts.workflows import MERGE_WORKFLOW, TASK_QUEUE, MergeResult, MergeRun
from ostinato.domain.errors import ExternalError, OstinatoError, Problem, UserError
from ostinato.domain.ids import RunId, merge_workflow_id


async def merge_run(client: Client, message: MergeRun) -> MergeResult:
    """Joins a merge of the same run that is already going on."""
    try:
        handle: WorkflowHandle[object, MergeResult] = await client.start_workflow(
            MERGE_WORKFLOW,
            message,
            id=merge_workflow_id(message.run_id),
            task_queue=TASK_QUEUE,
            result_type=MergeResult,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"Merge {message.run_id} into {message.base_branch}"[:200],
        )
        return await handle.result()
    except WorkflowFailureError as error:
        raise _merge_failure(message.run_id, error) from error
    except RPCError as error:
        raise_rpc(error, message.run_id)


def _merge_failure(run_id: RunId, error: WorkflowFailureError) -> OstinatoError:
    """What the activity said, as the error it was there."""
    cause = error.cause.__cause__ if isinstance(error.cause, ActivityError) else error.cause
    if isinstance(cause, ApplicationError):
        if cause.details and isinstance(cause.details[0], list):
            return UserError([Problem.model_validate(item) for item in cause.details[0]])
        return ExternalError(f"the merge of {run_id} failed: {cause.message}", code=cause.type or "merge_failed")
    return ExternalError(f"the merge of {run_id} failed: {cause}", code="merge_failed")
