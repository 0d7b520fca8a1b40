"""Accounts of providers: may a step start?"""

from temporalio import activity

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.temporal.accounts import ask_account
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


class AccountActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(ASK_ACCOUNT)
    async def ask(self, command: AskAccount, pulse: Pulse) -> StartAnswer:
        """A second execution hears the same: who waits keeps its turn, and is told by signal."""
        return await ask_account(
            activity.client(),
            OpenAccount(account=Account(name=command.account)),
            command.asked,
            workflow=ACCOUNT_WORKFLOW,
            workflow_id=account_workflow_id(command.account),
            task_queue=TASK_QUEUE,
            update=ASK_TO_START,
            update_id=f"ask-{command.asked.since:%Y%m%d%H%M%S%f}-{command.asked.waiter}"[:200],
            answer=StartAnswer,
        )
