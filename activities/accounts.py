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
from ostinato.domain.agents.accounts import Account, AccountLimit


class AccountActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(ASK_ACCOUNT)
    async def ask(self, command: AskAccount, pulse: Pulse) -> StartAnswer:
        """A second execution hears the same: who waits keeps its turn, and is told by signal."""
        answer = await ask_account(
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
        self._pass_on(command.account, answer.limit)
        return answer

    def _pass_on(self, account: str, limit: AccountLimit | None) -> None:
        """To the agents that run here, unless it is a guess: they find out for themselves whether that is right."""
        gateway = self._desk.agency.gateway if self._desk.agency else None
        if gateway is not None and limit is not None and not limit.is_guess:
            gateway.limit(account, limit.until)
