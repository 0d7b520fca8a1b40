"""A call under a lease: written down before it begins and after it ended, so that nothing that was spent is forgotten."""

import asyncio
from collections.abc import Callable
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

    async def begin(self) -> tuple[str, ...]:
        """Before anything is sent; returns what a person should know.

        What an earlier attempt began, or came to, is kept under a name of its own and counts besides.
        """
        for lost in await self._known(lambda name: name == self.lease_id):
            kept = lost.model_copy(update={"lease_id": f"{self.lease_id}#{len(await self.earlier()) + 1}"})
            await self._keep(kept)
        return await self._record(None, None)

    async def end(self, usage: Usage | None) -> Amount | None:
        """What the lease is settled with; None where nobody can say, and its estimate counts."""
        if usage is None:
            return None
        cost = cost_of(usage, self.terms, estimate=self.estimate.micro_usd)
        await self._record(usage, cost.known)
        return amount_of(usage, cost)

    async def earlier(self) -> tuple[Spend, ...]:
        """What attempts before the last one began, or came to."""
        return await self._known(lambda name: name.startswith(f"{self.lease_id}#"))

    async def _known(self, is_wanted: Callable[[str], bool]) -> tuple[Spend, ...]:
        if self.history is None:
            return ()
        spends, _ = await asyncio.to_thread(self.history.spend_of, self.run_id)
        return tuple(spend for spend in spends if is_wanted(spend.lease_id))

    async def _record(self, usage: Usage | None, known_micro_usd: int | None) -> tuple[str, ...]:
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
        return await self._keep(spend)

    async def _keep(self, spend: Spend) -> tuple[str, ...]:
        if self.history is None:
            return ()
        return tuple(map(str, await asyncio.to_thread(self.history.record_spend, spend)))
