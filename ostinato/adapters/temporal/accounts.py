"""Asking the workflow of an account. Whoever gets no answer meets a limit as a failure, and not before."""

from typing import TypeVar

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from ostinato.adapters.temporal.asking import PATIENCE_S, ask_with_start
from ostinato.domain.base import Fact
from ostinato.domain.errors import ExternalError

Out = TypeVar("Out", bound=Fact)


async def ask_account(
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
    patience_s: float = PATIENCE_S,
) -> Out:
    """Starts the account's workflow where there is none. Raises ExternalError account_silent."""
    try:
        return await ask_with_start(
            client,
            start,
            argument,
            workflow=workflow,
            workflow_id=workflow_id,
            task_queue=task_queue,
            update=update,
            update_id=update_id,
            answer=answer,
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            summary="the limits of a provider's account",
            patience_s=patience_s,
        )
    except (TemporalError, RPCError, TimeoutError, WorkflowUpdateFailedError) as error:
        message = f"The account {workflow_id} gave no answer: {str(error) or type(error).__name__}"
        raise ExternalError(message, code="account_silent") from error
