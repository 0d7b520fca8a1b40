"""Activities that the server gave to a worker in the moment of its death: nothing on this side knows of them.

Without this each of them waits for its heartbeat time-out. The server knows to whom it gave them.
"""

import logging
import os
import socket
from collections.abc import Sequence
from typing import Final

import psutil
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import AsyncActivityCancelledError, Client, WorkflowExecution
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

OPEN: Final = 'ExecutionStatus = "Running"'
MOST_RUNS: Final = 500
log = logging.getLogger(__name__)


async def fail_unreceived(client: Client, queue: str, *, error_type: str) -> int:
    """Fail, as retryable, what a dead process of this machine was given from the queues named so or so beginning.

    Returns how many. Call it while no worker polls them and after what is on record was failed. Twice does no harm.
    """
    failed = 0
    async for run in client.list_workflows(OPEN, limit=MOST_RUNS):
        for activity in await _given_to_the_dead(client, run, queue):
            failed += await _fail(client, run, activity.activity_id, error_type)
    return failed


async def _given_to_the_dead(client: Client, run: WorkflowExecution, queue: str) -> Sequence[PendingActivityInfo]:
    try:
        described = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ()
        raise
    return [
        activity
        for activity in described.raw_description.pending_activities
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        and activity.activity_options.task_queue.name.startswith(queue)
        and is_of_the_dead(activity.last_worker_identity)
    ]


def is_of_the_dead(identity: str) -> bool:
    """`<pid>@<host>`, as the SDK names a worker: of this host, and no such process is alive but our own.

    We poll nothing yet: what our pid was given went to its last owner, as in a container that was started again.
    """
    pid, _, host = identity.partition("@")
    if host != socket.gethostname() or not (pid.isascii() and pid.isdigit()):
        return False
    return int(pid) == os.getpid() or not psutil.pid_exists(int(pid))


async def _fail(client: Client, run: WorkflowExecution, activity_id: str, error_type: str) -> bool:
    handle = client.get_async_activity_handle(workflow_id=run.id, run_id=run.run_id, activity_id=activity_id)
    try:
        await handle.fail(ApplicationError("The worker that was given it is gone", type=error_type))
    except AsyncActivityCancelledError:
        pass
    except RPCError as refusal:
        if refusal.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    log.info("unreceived_activity_failed", extra={"workflow_id": run.id, "activity_id": activity_id})
    return True
