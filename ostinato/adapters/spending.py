"""A call under a lease: written down before it begins and after it ended, so that nothing that was spent is forgotten."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from ostinato.adapters.history import History
from ostinato.domain.budget.amounts import Amount, Usage
from ostinato.domain.budget.prices import Spend, Terms, amount_of, cost_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Of one lease. What the history cannot take is no reason to fail: the workflow is told all the same."""

    history: History | None
    lease_id: str
    run_id: str
    what: str
    terms: Terms
    estimate: Amount
    attempt: int = 1
    """Of the activity: an earlier one that was lost may have spent as well."""

    async def begin(self) -> tuple[str, ...]:
        """Before anything is sent; returns what a person should know.

        What an earlier attempt began, or came to, is kept under a name of its own and counts besides.
        """
        if self.attempt > 1 and self.history is not None:
            spends, _ = await asyncio.to_thread(self.history.spend_of, self.run_id)
            for lost in (spend for spend in spends if spend.lease_id == self.lease_id):
                kept = lost.model_copy(update={"lease_id": f"{self.lease_id}#{self.attempt - 1}"})
                await asyncio.to_thread(self.history.record_spend, kept)
        return await self._record(None, None)

    async def end(self, usage: Usage | None) -> Amount | None:
        """What the lease is settled with; None where nobody can say, and its estimate counts."""
        if usage is None:
            return None
        cost = cost_of(usage, self.terms, estimate=self.estimate.micro_usd)
        await self._record(usage, cost.known)
        return amount_of(usage, cost)

    async def _record(self, usage: Usage | None, known_micro_usd: int | None) -> tuple[str, ...]:
        if self.history is None:
            return ()
        spend = Spend(
            lease_id=self.lease_id,
            run_id=self.run_id,
            what=self.what,
            model=self.terms.model,
            estimate=self.estimate,
            usage=usage,
            known_micro_usd=known_micro_usd,
            at=datetime.now(UTC),
        )
        return tuple(map(str, await asyncio.to_thread(self.history.record_spend, spend)))
