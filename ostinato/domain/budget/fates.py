"""What became of leases whose holders may be gone. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.ledger import Lease, LeaseState, Ledger
from ostinato.domain.budget.prices import Spend, latest_spends


class FateKind(StrEnum):
    HELD = "held"
    """Its holder still runs."""
    SPENT = "spent"
    UNUSED = "unused"
    """Its holder is gone, and what it was for never began."""
    UNKNOWN = "unknown"
    """Its holder is gone, and nobody can say."""


class Fate(Fact):
    lease_id: str
    kind: FateKind
    spent: Amount | None = None


def fate_of(lease: Lease, spends: Sequence[Spend], *, is_running: bool, is_witness: bool) -> Fate:
    """`spends` is what a history says; `is_witness`: it is the one that would know of every call that began."""
    if is_running:
        return Fate(lease_id=lease.id, kind=FateKind.HELD)
    said = latest_spends(list(spends)).get(lease.id)
    if said is not None and said.amount is not None:
        return Fate(lease_id=lease.id, kind=FateKind.SPENT, spent=said.amount)
    unused = said is None and is_witness
    return Fate(lease_id=lease.id, kind=FateKind.UNUSED if unused else FateKind.UNKNOWN)


def reclaimed(ledger: Ledger, fates: Iterable[Fate], now: datetime) -> Ledger:
    """Open leases of holders that are gone: settled, given back, or counted by their estimates."""
    for fate in fates:
        lease = ledger.leases.get(fate.lease_id)
        if lease is None or lease.state is not LeaseState.OPEN:
            continue
        match fate.kind:
            case FateKind.HELD:
                pass
            case FateKind.SPENT:
                ledger = ledger.settle(lease.id, fate.spent, now)
            case FateKind.UNUSED:
                ledger = ledger.release(lease.id, now)
            case FateKind.UNKNOWN:
                ledger = ledger.given_up(lease.id, now)
    return ledger
