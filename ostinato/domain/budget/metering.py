"""What a paid call is told before it begins, and what it answers of its cost. Pure."""

from datetime import date

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.prices import Spend


class Metered(Fact):
    """The lease under which a call is made."""

    lease_id: str
    run_id: str
    what: str
    estimate: Amount
    day: date | None = None
    """Whose ledger gave a lease too."""


class Spent(Fact):
    """What a call came to."""

    amount: Amount | None = None
    """None: nobody can say, and the lease's estimate counts."""
    priced: bool = True
    """Else its money is an estimate: the model has no price."""
    earlier: tuple[Spend, ...] = ()
    """Calls under the same lease whose worker was lost; they count besides."""
    notes: tuple[str, ...] = ()
