"""The spend ledger: leases are granted before something is spent and settled after it. Immutable and pure.

What is granted and what was spent never exceed the limit together when a lease is granted, so that parallel calls cannot
overshoot together; a call may come to more than its estimate, and the ledger is over its limit by that at most.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import NOTHING, Amount, Limit, told, told_usd, total
from ostinato.domain.budget.prices import Spend
from ostinato.domain.budget.zones import Zone, zone_of

LEASE_FOR: Final = timedelta(minutes=15)
"""How long a lease stays open without a word, unless it says otherwise."""
MOST_ID_CHARS: Final = 200


class LeaseState(StrEnum):
    OPEN = "open"
    SETTLED = "settled"
    EXPIRED = "expired"
    """Nobody said in time what it came to: its estimate counts until somebody does."""
    RELEASED = "released"
    """It was never used."""


class Lease(Fact):
    id: str
    what: str = ""
    """What it is for: plan.draft_by_model, a step's execution."""
    holder: str = ""
    """The workflow that was given it."""
    kept_in: str = ""
    """Whose history says what became of it."""
    state: LeaseState = LeaseState.OPEN
    estimate: Amount
    spent: Amount = NOTHING
    """What it counts as: what it came to, or its estimate where nobody knows."""
    is_known: bool = False
    """Somebody said what it came to."""
    is_priced: bool = True
    """Of what is known, also the money; else it is an estimate."""
    expires_at: AwareDatetime
    closed_at: AwareDatetime | None = None

    @property
    def claims(self) -> Amount:
        """What it takes of the limit now."""
        return self.estimate if self.state is LeaseState.OPEN else self.spent


class Refusal(Fact):
    """Why no lease was granted."""

    code: str
    """budget_exhausted, lease_closed."""
    lacking: str = ""
    """tokens, money, requests."""
    message: str
    cure: str = ""


class Folded(Fact):
    """Old closed leases that are no longer told apart."""

    count: int = 0
    settled: Amount = NOTHING
    """Of the estimates of those that were settled."""
    expired: Amount = NOTHING
    released: Amount = NOTHING
    spent: Amount = NOTHING
    unknown_count: int = 0


class Balance(Fact):
    """The ledger at one moment. Granted = settled + promised (open leases) + expired + released, each in what was granted."""

    limit: Limit
    granted: Amount
    settled: Amount
    promised: Amount
    expired: Amount
    released: Amount
    spent: Amount
    """What counts as spent, with the estimates of what nobody knows."""
    committed: Amount
    """Spent, and what open leases may still spend."""
    inherited: Amount = NOTHING
    open_count: int = 0
    unknown_count: int = 0
    """Closed leases of which tokens or money are estimates."""
    zone: Zone = Zone.GREEN

    @property
    def is_balanced(self) -> bool:
        return self.granted == self.settled + self.promised + self.expired + self.released


class Ledger(Fact):
    """Travels in the run's record: through restarts, continue-as-new and retries."""

    limit: Limit = Limit()
    leases: dict[str, Lease] = {}
    granted: Amount = NOTHING
    """Of all that were ever granted."""
    folded: Folded = Folded()
    inherited: Amount = NOTHING
    """What the run spent that this one was forked from: told, not counted against this one's limit."""

    def grant(
        self,
        lease_id: str,
        estimate: Amount,
        now: datetime,
        *,
        what: str = "",
        holder: str = "",
        kept_in: str = "",
        lasts: timedelta = LEASE_FOR,
    ) -> "tuple[Ledger, Lease | Refusal]":
        """The same id again gets the same lease while that is open."""
        known = self.leases.get(lease_id)
        if known is not None:
            return self, known if known.state is LeaseState.OPEN else _closed(known)
        if refusal := self.refusal(estimate):
            return self, refusal
        lease = Lease(id=lease_id, what=what, holder=holder, kept_in=kept_in, estimate=estimate, expires_at=now + lasts)
        return self._with(lease, granted=self.granted + estimate), lease

    def refusal(self, estimate: Amount) -> Refusal | None:
        """Why so much would not be granted now. What is used up grants nothing, not even what asks for nothing."""
        committed = self.balance().committed
        lacking = self.limit.lacking(committed + estimate)
        if not lacking:
            used_up = (name for name, used, most in self.limit.pairs(committed) if used >= most)
            lacking = next(used_up, "")
        return _exhausted(lacking, self.limit, committed, estimate) if lacking else None

    def settle(
        self, lease_id: str, spent: Amount | None, now: datetime, *, what: str = "", priced: bool = True
    ) -> "Ledger":
        """What it came to; None where nobody can say, and its estimate counts. The first word that is known stands.

        A lease that nobody here knows was spent all the same, before a reset say, and counts.
        """
        lease = self.leases.get(lease_id)
        if lease is None:
            if spent is None:
                return self
            lease = Lease(id=lease_id, what=what, estimate=NOTHING, expires_at=now)
        if lease.is_known or (spent is None and lease.state is not LeaseState.OPEN):
            return self
        said = lease.model_copy(update={"is_priced": priced})
        return self._closed_as(
            said, LeaseState.SETTLED, now, spent=lease.estimate if spent is None else spent, known=spent is not None
        )

    def release(self, lease_id: str, now: datetime) -> "Ledger":
        """It was never used: nothing of it counts. Whoever says so must know."""
        lease = self.leases.get(lease_id)
        if lease is None or lease.state not in (LeaseState.OPEN, LeaseState.EXPIRED):
            return self
        return self._closed_as(lease, LeaseState.RELEASED, now, spent=NOTHING, known=False)

    def expire(self, now: datetime) -> "Ledger":
        """Leases whose time is over count by their estimates, until a late settlement says better."""
        return self._expired([lease for lease in self.open_leases if lease.expires_at <= now], now)

    def abandoned(self, holders: Collection[str], now: datetime) -> "Ledger":
        """The open leases of workflows that are gone expire at once."""
        return self._expired([lease for lease in self.open_leases if lease.holder in holders], now)

    def given_up(self, lease_id: str, now: datetime) -> "Ledger":
        """Nobody will say what it came to: it expires at once."""
        return self._expired([lease for lease in self.open_leases if lease.id == lease_id], now)

    def prolonged(self, lease_id: str, until: datetime) -> "Ledger":
        """It is still at work."""
        lease = self.leases.get(lease_id)
        if lease is None or lease.state is not LeaseState.OPEN or until <= lease.expires_at:
            return self
        return self._with(lease.model_copy(update={"expires_at": until}))

    def raised(self, limit: Limit) -> "Ledger":
        """A person set another limit; what was spent stays."""
        return self.model_copy(update={"limit": limit})

    def forked(self, limit: Limit) -> "Ledger":
        """For a run of its own: an empty ledger that tells what was spent before it."""
        return Ledger(limit=limit, inherited=self.inherited + self.balance().spent)

    def reconciled(self, spends: Iterable[Spend], now: datetime) -> "Ledger":
        """With what the history says was really spent: after a reset the ledger may have forgotten it."""
        ledger = self
        for spend in spends:
            known = ledger.leases.get(spend.lease_id)
            if spend.usage is not None:
                priced = spend.known_micro_usd is not None
                ledger = ledger.settle(spend.lease_id, spend.amount, now, what=spend.what, priced=priced)
            elif known is None:  # it began and nobody knows what it came to
                ledger = ledger._closed_as(
                    Lease(id=spend.lease_id, what=spend.what, estimate=NOTHING, expires_at=now),
                    LeaseState.SETTLED,
                    now,
                    spent=spend.estimate,
                    known=False,
                )
        return ledger

    def compacted(self, keep: int) -> "Ledger":
        """Without the details of closed leases but the newest `keep`: their sums stay, a second word on them is lost."""
        closed = [lease for lease in self.leases.values() if lease.state is not LeaseState.OPEN]
        old = sorted(closed, key=lambda lease: (lease.closed_at or lease.expires_at, lease.id))[: -keep or None]
        if not old:
            return self
        gone = {lease.id for lease in old}
        folded = Folded(
            count=self.folded.count + len(old),
            settled=self.folded.settled + _granted(old, LeaseState.SETTLED),
            expired=self.folded.expired + _granted(old, LeaseState.EXPIRED),
            released=self.folded.released + _granted(old, LeaseState.RELEASED),
            spent=total([self.folded.spent, *(lease.spent for lease in old)]),
            unknown_count=self.folded.unknown_count + sum(map(_is_unknown, old)),
        )
        kept = {name: lease for name, lease in self.leases.items() if name not in gone}
        return self.model_copy(update={"leases": kept, "folded": folded})

    def balance(self) -> Balance:
        leases = tuple(self.leases.values())
        spent = total([self.folded.spent, *(lease.spent for lease in leases)])
        outstanding = _granted(leases, LeaseState.OPEN)
        return Balance(
            limit=self.limit,
            granted=self.granted,
            settled=self.folded.settled + _granted(leases, LeaseState.SETTLED),
            promised=outstanding,
            expired=self.folded.expired + _granted(leases, LeaseState.EXPIRED),
            released=self.folded.released + _granted(leases, LeaseState.RELEASED),
            spent=spent,
            committed=spent + outstanding,
            inherited=self.inherited,
            open_count=sum(1 for lease in leases if lease.state is LeaseState.OPEN),
            unknown_count=self.folded.unknown_count + sum(map(_is_unknown, leases)),
            zone=zone_of(self.limit.share(spent + outstanding)),
        )

    @property
    def open_leases(self) -> tuple[Lease, ...]:
        return tuple(lease for lease in self.leases.values() if lease.state is LeaseState.OPEN)

    def next_expiry(self) -> datetime | None:
        return min((lease.expires_at for lease in self.open_leases), default=None)

    def _expired(self, leases: Iterable[Lease], now: datetime) -> "Ledger":
        ledger = self
        for lease in leases:
            ledger = ledger._closed_as(lease, LeaseState.EXPIRED, now, spent=lease.estimate, known=False)
        return ledger

    def _closed_as(self, lease: Lease, state: LeaseState, now: datetime, *, spent: Amount, known: bool) -> "Ledger":
        update: Mapping[str, object] = {"state": state, "closed_at": now, "spent": spent, "is_known": known}
        return self._with(lease.model_copy(update=update))

    def _with(self, lease: Lease, *, granted: Amount | None = None) -> "Ledger":
        return self.model_copy(update={"leases": {**self.leases, lease.id: lease}, "granted": granted or self.granted})


def _granted(leases: Iterable[Lease], state: LeaseState) -> Amount:
    return total([lease.estimate for lease in leases if lease.state is state])


def _is_unknown(lease: Lease) -> bool:
    return lease.state in (LeaseState.SETTLED, LeaseState.EXPIRED) and not (lease.is_known and lease.is_priced)


def _closed(lease: Lease) -> Refusal:
    return Refusal(code="lease_closed", message=f"the lease {lease.id} is {lease.state}; a new call needs a new one")


def _exhausted(lacking: str, limit: Limit, committed: Amount, estimate: Amount) -> Refusal:
    most = {name: most for name, _, most in limit.pairs(committed)}[lacking]
    shown = told_usd(most) if lacking == "money" else f"{most:,} {lacking}"
    option = {"tokens": "--max-tokens", "money": "--max-usd"}.get(lacking, "the limit")
    return Refusal(
        code="budget_exhausted",
        lacking=lacking,
        message=f"{shown} are the limit, {told(committed)} are spent or promised, and the next call may take {told(estimate)}",
        cure=f"Raise {option}, or let the run go on without what needs a model",
    )
