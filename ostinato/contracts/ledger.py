"""The durable ledger of a repository and a day: its messages, and the activities of leases."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from ostinato.contracts.contract import ActivityContract
from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount, Limit
from ostinato.domain.budget.fates import Fate
from ostinato.domain.budget.ledger import LEASE_FOR, MOST_ID_CHARS, Balance, Lease, Ledger, Refusal
from ostinato.domain.budget.prices import Spend
from ostinato.domain.ids import RunId

LEDGER_WORKFLOW: Final = "OstinatoLedger"

# An update and a signal `settle` share the name; `grant` is an update only, for who asks must hear the answer.
GRANT: Final = "grant"
SETTLE: Final = "settle"
BALANCE: Final = "balance"

LeaseId = Annotated[str, Field(min_length=1, max_length=MOST_ID_CHARS)]


def ledger_workflow_id(repository_id: str, day: date) -> str:
    """One for each repository and UTC day."""
    return f"ostinato-ledger-{repository_id}-{day.isoformat()}"


def day_of(now: datetime) -> date:
    return now.astimezone(UTC).date()


class OpenLedger(Fact):
    """Input of the ledger's workflow; started by whoever first asks it on a day."""

    repository_id: str
    day: date
    ledger: Ledger = Ledger()
    """What it knew in the execution before."""
    check_every_s: Annotated[float, Field(gt=0)] = 60.0
    """How often the holders of open leases are looked after."""
    longest_history: Annotated[int, Field(gt=10)] = 1_500
    """Events after which it goes on in a new execution; some 300 leases, far from what a server takes."""


class GrantLease(Fact):
    lease_id: LeaseId
    estimate: Amount
    limit: Limit
    """The day's, as the settings of who asks have it; the last one said is shown."""
    what: str = ""
    holder: str
    """The workflow that asks."""
    kept_in: str = ""
    """Whose history would say what became of it."""
    lasts_s: Annotated[float, Field(gt=0, le=86_400)] = LEASE_FOR.total_seconds()


class LeaseAnswer(Fact):
    """A lease or a refusal."""

    lease: Lease | None = None
    refusal: Refusal | None = None
    balance: Balance


class SettleLease(Fact):
    lease_id: LeaseId
    spent: Amount | None = None
    """None: nobody can say, and the estimate counts."""
    unused: bool = False
    """What it was for never began: it is given back."""


class TakeLease(Fact):
    """Before a call that costs money, where the run's files are: what is known of its spending, and the day's word."""

    run_id: RunId
    since: datetime | None = None
    """What was spent before is known; None: all of it is asked for."""
    asked: GrantLease | None = None
    """Of the day's ledger; None where the day is not limited."""
    repository_id: str = ""
    day: date | None = None


class LeaseTaken(Fact):
    spends: tuple[Spend, ...] = ()
    """By the history of whoever answers: the run may have been reset, and spent it all the same."""
    refusal: Refusal | None = None
    """By the day's ledger."""
    notes: tuple[str, ...] = ()


class LookAfterLeases(Fact):
    """Which of these leases' holders still run, and what became of the others."""

    leases: tuple[Lease, ...]


class Fates(Fact):
    fates: tuple[Fate, ...]


TAKE_LEASE = ActivityContract(
    name="ledger.take_lease", input=TakeLease, output=LeaseTaken, start_to_close=timedelta(minutes=1)
)
LOOK_AFTER_LEASES = ActivityContract(
    name="ledger.look_after", input=LookAfterLeases, output=Fates, start_to_close=timedelta(minutes=1)
)
"""A second execution looks again: it changes nothing."""
