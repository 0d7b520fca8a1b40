"""Leases: what is known of a run's spending, what the day's ledger says, and whose holders are gone."""

import asyncio
from datetime import datetime

from temporalio import activity

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.models import LanguageModel
from ostinato.adapters.spending import Meter
from ostinato.adapters.temporal.ledgers import ask_ledger, fates_of
from ostinato.contracts.ledger import (
    GRANT,
    LEDGER_WORKFLOW,
    LOOK_AFTER_LEASES,
    TAKE_LEASE,
    Fates,
    LeaseAnswer,
    LeaseTaken,
    LookAfterLeases,
    OpenLedger,
    TakeLease,
    ledger_workflow_id,
)
from ostinato.contracts.workflows import TASK_QUEUE
from ostinato.domain.budget.amounts import NOTHING, Usage
from ostinato.domain.budget.ledger import Refusal
from ostinato.domain.budget.metering import Metered, Spent
from ostinato.domain.budget.prices import Spend


class BudgetActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(TAKE_LEASE)
    async def take(self, command: TakeLease, pulse: Pulse) -> LeaseTaken:
        """A second execution gets the same lease again. Without an answer of the day's ledger it fails: no lease."""
        spends, notes = await self._spends(command.run_id, command.since)
        return LeaseTaken(spends=spends, notes=notes, refusal=await self._refusal(command))

    @edge(LOOK_AFTER_LEASES)
    async def look_after(self, command: LookAfterLeases, pulse: Pulse) -> Fates:
        """Reads only: a second execution looks again."""
        desk = self._desk
        found = await fates_of(activity.client(), command.leases, history=desk.history, place=desk.home.queue)
        return Fates(fates=found)

    async def _spends(self, run_id: str, since: datetime | None) -> tuple[tuple[Spend, ...], tuple[str, ...]]:
        if self._desk.history is None:
            return (), ()
        spends, problems = await asyncio.to_thread(self._desk.history.spend_of, run_id)
        return tuple(spend for spend in spends if since is None or spend.at >= since), tuple(map(str, problems))

    async def _refusal(self, command: TakeLease) -> Refusal | None:
        asked = command.asked
        if asked is None or command.day is None:
            return None
        answer = await ask_ledger(
            activity.client(),
            OpenLedger(repository_id=command.repository_id, day=command.day),
            asked.model_copy(update={"kept_in": self._desk.home.queue}),
            workflow=LEDGER_WORKFLOW,
            workflow_id=ledger_workflow_id(command.repository_id, command.day),
            task_queue=TASK_QUEUE,
            update=GRANT,
            update_id=f"grant-{asked.lease_id}",
            answer=LeaseAnswer,
        )
        return answer.refusal


async def never_asked(desk: Desk, order: Metered | None) -> Spent:
    """Where nobody is here to be asked: an attempt before this one may have asked."""
    if order is None or desk.history is None:
        return Spent(amount=NOTHING)
    spends, _ = await asyncio.to_thread(desk.history.spend_of, order.run_id)
    began = any(spend.lease_id == order.lease_id for spend in spends)
    return Spent(amount=None if began else NOTHING)


class Purse:
    """Of one paid call: written down before it begins, and what it came to. Without a lease nothing is kept."""

    def __init__(self, desk: Desk, model: LanguageModel, order: Metered | None) -> None:
        self._notes: tuple[str, ...] = ()
        self._meter = None
        if order is not None:
            terms = desk.prices.terms(model.name)
            self._meter = Meter(
                history=desk.history,
                lease_id=order.lease_id,
                run_id=order.run_id,
                what=order.what,
                terms=terms,
                estimate=order.estimate,
            )

    async def open(self) -> None:
        if self._meter is not None:
            self._notes = await self._meter.begin()

    async def close(self, usage: Usage | None) -> Spent | None:
        if self._meter is None:
            return None
        amount = await self._meter.end(usage)
        priced = self._meter.terms.price is not None
        return Spent(amount=amount, priced=priced, earlier=await self._meter.earlier(), notes=self._notes)
