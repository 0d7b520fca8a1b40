"""What an agent's invocations under one lease came to: kept in the history before they begin and after they end."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from ostinato.adapters.history import History
from ostinato.domain.agents.events import TokenUse
from ostinato.domain.budget.amounts import Amount, Usage
from ostinato.domain.budget.metering import Metered, Spent
from ostinato.domain.budget.prices import Spend, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Of one lease; all attempts under it together, so that whoever is called last tells the whole."""

    history: History | None
    metered: Metered
    model: str

    async def begin(self) -> tuple[str, ...]:
        """Before anything is asked; returns what a person should know."""
        return await self._keep(None, None)

    async def end(self, use: TokenUse | None, micro_usd: int | None, *, priced: bool) -> Spent:
        """`micro_usd` is an estimate where it is not `priced`. Without any use the lease's own estimate counts."""
        if use is None:
            return Spent(amount=None)
        notes = await self._keep(use, micro_usd if priced else None)
        money = self.metered.estimate.micro_usd if micro_usd is None else micro_usd
        amount = Amount(tokens=use.tokens, micro_usd=money, requests=use.requests)
        return Spent(amount=amount, priced=priced and micro_usd is not None, notes=notes)

    async def _keep(self, use: TokenUse | None, micro_usd: int | None) -> tuple[str, ...]:
        if self.history is None:
            return ()
        spend = Spend(
            lease_id=self.metered.lease_id,
            run_id=self.metered.run_id,
            what=self.metered.what,
            model=self.model,
            estimate=self.metered.estimate,
            usage=usage_of(use) if use is not None else None,
            known_micro_usd=micro_usd,
            at=datetime.now(UTC),
        )
        return tuple(map(str, await asyncio.to_thread(self.history.record_spend, spend)))


def usage_of(use: TokenUse) -> Usage:
    return Usage(
        tokens_in=use.input,
        cached_read=use.cache_read,
        cache_write=use.cache_write,
        tokens_out=use.output,
        requests=use.requests,
    )


def reckoned(use: TokenUse, terms: Terms | None) -> TokenUse:
    """The same with money: what its tokens cost by these terms where nobody said what they did."""
    if use.micro_usd is not None or terms is None:
        return use
    return use.model_copy(update={"micro_usd": terms.estimating.of(usage_of(use))})


def added(one: TokenUse, other: TokenUse) -> TokenUse:
    """Money is known where both say it."""
    known = one.micro_usd is not None and other.micro_usd is not None
    return TokenUse(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_write=one.cache_write + other.cache_write,
        reasoning=one.reasoning + other.reasoning,
        requests=one.requests + other.requests,
        micro_usd=(one.micro_usd or 0) + (other.micro_usd or 0) if known else None,
    )
