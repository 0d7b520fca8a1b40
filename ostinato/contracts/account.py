"""The durable workflow of one provider's account: its messages, and the activity that asks it."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from ostinato.contracts.contract import ActivityContract
from ostinato.domain.agents.accounts import Account, AccountLimit
from ostinato.domain.base import Fact

ACCOUNT_WORKFLOW: Final = "OstinatoAccount"

ASK_TO_START: Final = "ask"
"""An update: who asks must hear the answer."""
REPORT: Final = "report"
WITHDRAW: Final = "withdraw"
SEEN: Final = "seen"
GO_AHEAD: Final = "go_ahead"
"""The signal to a run whose step was told to wait."""
END_TURN: Final = "end_turn"
"""The signal to a run whose step works while the account is limited."""


def account_workflow_id(account: str) -> str:
    return f"ostinato-account-{account}"


class OpenAccount(Fact):
    """Input of the account's workflow; started by whoever first asks it."""

    account: Account
    longest_history: Annotated[int, Field(gt=10)] = 1_500
    """Events after which it goes on in a new execution."""
    lingers: timedelta = timedelta(hours=6)
    """Without a word, and with nothing to remember, it ends after that; whoever asks next starts another one."""


class MayStart(Fact):
    """May this step start on the account?"""

    waiter: str
    """<workflow>/<step>/<execution>"""
    since: datetime


class StartAnswer(Fact):
    may_start: bool
    limit: AccountLimit | None = None
    """Why not; None where it only has to wait for its turn."""


class Withdraw(Fact):
    waiters: tuple[str, ...]


class GoAhead(Fact):
    """To the run: this step of it may start now."""

    account: str
    waiter: str


class EndTurn(Fact):
    """To the run: the turn of this step of it is to end, and the step to park."""

    account: str
    waiter: str
    limit: AccountLimit


class AccountSeen(Fact):
    """What the query answers."""

    account: Account
    limit: AccountLimit | None = None


class AskAccount(Fact):
    account: str
    asked: MayStart


ASK_ACCOUNT = ActivityContract(
    name="account.ask", input=AskAccount, output=StartAnswer, start_to_close=timedelta(minutes=1)
)
"""A second execution gets the same answer, or a newer one."""
