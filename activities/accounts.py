"""Accounts of providers: may a step start?"""

from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.temporal.asking import ask_with_start
from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    ASK_ACCOUNT,
    ASK_TO_START,
    AskAccount,
    OpenAccount,
    StartAnswer,
    account_workflow_id,
)
from ostinato.contracts.workflows import TASK_QUEUE
from ostinato.domain.agents.accounts import Account
from ostinato.domain.errors import ExternalError


class AccountActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(ASK_ACCOUNT)
    async def ask(self, command: AskAccount, pulse: Pulse) -> StartAnswer:
        """A second execution asks again: who waits already keeps its turn."""
        workflow_id = account_workflow_id(command.account)
        try:
            return await ask_with_start(
                activity.client(),
                OpenAccount(account=Account(name=command.account)),
                command.asked,
                workflow=ACCOUNT_WORKFLOW,
                workflow_id=workflow_id,
                task_queue=TASK_QUEUE,
                update=ASK_TO_START,
                update_id=f"ask-{command.asked.waiter}-{command.asked.since:%H%M%S%f}"[:200],
                answer=StartAnswer,
                reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                summary=f"the limits of the account {command.account}",
            )
        except (TemporalError, RPCError, TimeoutError, WorkflowUpdateFailedError) as error:
            message = f"The account {workflow_id} gave no answer: {str(error) or type(error).__name__}"
            raise ExternalError(message, code="account_silent") from error
