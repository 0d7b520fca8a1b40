"""What a report says of the budget. Pure."""

from collections.abc import Iterable

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import USD, Amount, told_usd
from ostinato.domain.budget.context import ContextBalance, Eased
from ostinato.domain.budget.ledger import Lease, LeaseState, Ledger
from ostinato.domain.budget.zones import Zone


class PartCost(Fact):
    """What one part of the run came to: the question about its type, the plan, a step."""

    what: str
    tokens: int = 0
    usd: float = 0.0
    requests: int = 0
    leased_usd: float = 0.0
    """Of calls that are in flight."""
    is_estimated: bool = False

    def __str__(self) -> str:
        unsure = ", partly estimated" if self.is_estimated else ""
        return f"{self.tokens:,} tokens, {told_usd(round(self.usd * USD))}{unsure}"


class BudgetReport(Fact):
    """As `plan`, `status` and `report` show it."""

    tokens_limit: int | None = None
    tokens_used: int = 0
    usd_limit: float | None = None
    usd_used: float = 0.0
    requests_used: int = 0
    zone: Zone = Zone.GREEN
    usd_is_estimated: bool = False
    """Some of it is an estimate: a price or a count was not known."""
    usd_inherited: float = 0.0
    """Spent by the run that this one was forked from."""
    tokens_leased: int = 0
    """That calls in flight may come to."""
    usd_leased: float = 0.0
    parts: tuple[PartCost, ...] = ()
    context_tokens: int | None = None
    context_zone: Zone | None = None
    eased: tuple[Eased, ...] = ()
    """Sessions that were made smaller, with their tokens before and after."""


def budget_report(ledger: Ledger, context: ContextBalance | None = None, eased: tuple[Eased, ...] = ()) -> BudgetReport:
    balance = ledger.balance()
    limit = balance.limit
    return BudgetReport(
        tokens_limit=limit.tokens,
        tokens_used=balance.spent.tokens,
        usd_limit=None if limit.micro_usd is None else limit.micro_usd / USD,
        usd_used=balance.spent.micro_usd / USD,
        requests_used=balance.spent.requests,
        zone=balance.zone,
        usd_is_estimated=balance.unknown_count > 0,
        usd_inherited=balance.inherited.micro_usd / USD,
        tokens_leased=balance.promised.tokens,
        usd_leased=balance.promised.micro_usd / USD,
        parts=tuple(part_costs(ledger.leases.values())),
        context_tokens=context.used if context else None,
        context_zone=context.zone if context else None,
        eased=eased,
    )


def part_costs(leases: Iterable[Lease]) -> list[PartCost]:
    """By what they were for, in the order in which it began."""
    parts: dict[str, list[Lease]] = {}
    for lease in leases:
        parts.setdefault(lease.what or "others", []).append(lease)
    return [_cost(what, found) for what, found in parts.items()]


def part_of_step(step_id: str) -> str:
    """What the leases of a step's executions are for."""
    return f"step {step_id}"


def spent_on(ledger: Ledger | None, what: str) -> Amount:
    return sum((each.spent for each in ledger.leases.values() if each.what == what), Amount()) if ledger else Amount()


def _cost(what: str, leases: list[Lease]) -> PartCost:
    spent = sum((lease.spent for lease in leases), Amount())
    promised = sum((lease.estimate for lease in leases if lease.state is LeaseState.OPEN), Amount())
    closed = [lease for lease in leases if lease.state in (LeaseState.SETTLED, LeaseState.EXPIRED)]
    return PartCost(
        what=what,
        tokens=spent.tokens,
        usd=spent.micro_usd / USD,
        requests=spent.requests,
        leased_usd=promised.micro_usd / USD,
        is_estimated=any(not (lease.is_known and lease.is_priced) for lease in closed),
    )
