"""Leases of one paid call: from the run's ledger and from the day's, and what became of them."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from ostinato.contracts.activities import TAKE_LEASE
from ostinato.contracts.ledger import SETTLE, GrantLease, LeaseTaken, SettleLease, TakeLease, day_of, ledger_workflow_id
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.judging import day_limit_of
from ostinato.domain.budget.ledger import LEASE_FOR, Lease, LeaseState, Refusal
from ostinato.domain.budget.metering import Metered, Spent
from ostinato.durable.calls import stop_of, uninterrupted
from ostinato.durable.places import in_flight, on_place
from ostinato.durable.record import RunRecord

LOOKS_BACK = timedelta(minutes=5)
"""Beyond the newest call that a ledger knows: clocks differ."""
SILENT = "ledger_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A call that costs money."""

    what: str
    """Names its part of the report: type, plan, `step <id>`."""
    estimate: Amount
    """The most that it can be expected to come to."""
    is_optional: bool = False
    """The run can do without it."""
    lasts: timedelta = LEASE_FOR
    begun: Metered | None = None
    """By an execution of the workflow before this one, under the same lease if that is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    lease_id: str
    day: date | None
    """Whose ledger gave a lease too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    refusal: Refusal
    of_day: bool = False


async def take_lease(record: RunRecord, buying: Purchase) -> Held | Refused:
    """From the run's ledger at once, so that nobody else is given it meanwhile; then from the day's."""
    now, holder = workflow.now(), workflow.info().workflow_id
    lease_id = f"{record.request.run_id}/{workflow.uuid4().hex}"
    known_until = max((lease.closed_at for lease in record.spending.leases.values() if lease.closed_at), default=None)
    record.spending, lease = record.spending.grant(
        lease_id, buying.estimate, now, what=buying.what, holder=holder, lasts=buying.lasts
    )
    if isinstance(lease, Refusal):
        return Refused(refusal=lease)
    take = _order(record, lease, since=known_until - LOOKS_BACK if known_until else None)
    held = Held(lease_id=lease_id, day=take.day)
    summary = f"may {buying.estimate.tokens:,} tokens be spent for {buying.what}?"
    try:
        taken = await on_place(record, TAKE_LEASE, lambda _: take, summary=summary)
    except ActivityError as error:
        if take.day is None and not is_cancelled_exception(error):  # only the history did not answer
            record.note(f"what was spent before could not be looked up: {stop_of(error).message}")
            return held
        await uninterrupted(_give_back(record, held))
        if is_cancelled_exception(error):
            raise
        return Refused(refusal=Refusal(code=SILENT, message=stop_of(error).message), of_day=True)
    except asyncio.CancelledError:
        await uninterrupted(_give_back(record, held))
        raise
    return await _accepted(record, buying, held, taken)


def held_before(record: RunRecord, begun: Metered | None) -> Held | None:
    """What is still to be settled; None: nothing is."""
    lease = record.spending.leases.get(begun.lease_id) if begun else None
    if begun is None or lease is None or lease.state is not LeaseState.OPEN:
        return None
    return Held(lease_id=begun.lease_id, day=begun.day)


def _order(record: RunRecord, lease: Lease, *, since: datetime | None) -> TakeLease:
    daily, now = day_limit_of(record.request.options), workflow.now()
    asked = GrantLease(
        lease_id=lease.id,
        estimate=lease.estimate,
        limit=daily,
        what=lease.what,
        holder=lease.holder,
        lasts_s=(lease.expires_at - now).total_seconds(),
    )
    return TakeLease(
        run_id=record.request.run_id,
        since=since,
        asked=asked if daily.is_set else None,
        repository_id=record.place.repository_id,
        day=day_of(now) if daily.is_set else None,
    )


async def _accepted(record: RunRecord, buying: Purchase, held: Held, taken: LeaseTaken) -> Held | Refused:
    """What was spent and forgotten, by a reset say, may leave nothing for it."""
    for note in taken.notes:
        record.note(note)
    if taken.refusal is not None:
        await _give_back(record, Held(lease_id=held.lease_id, day=None))
        return Refused(refusal=taken.refusal, of_day=True)
    record.spending = record.spending.reconciled(taken.spends, workflow.now())
    balance = record.spending.balance()
    if balance.limit.lacking(balance.committed):
        await _give_back(record, held)
        refusal = record.spending.refusal(buying.estimate)
        assert refusal is not None
        return Refused(refusal=refusal)
    record.stale = True
    return held


async def _give_back(record: RunRecord, held: Held) -> None:
    record.spending = record.spending.release(held.lease_id, workflow.now())
    if held.day is not None:
        await _tell_day(record, held.day, SettleLease(lease_id=held.lease_id, unused=True))


async def settle(record: RunRecord, held: Held, spent: Spent) -> None:
    """With what it came to; calls under the same lease whose worker was lost count besides."""
    now = workflow.now()
    record.spending = record.spending.settle(held.lease_id, spent.amount, now, priced=spent.priced)
    record.spending = record.spending.reconciled(spent.earlier, now)
    for note in spent.notes:
        record.note(note)
    if held.day is not None:
        for each in spent.earlier:
            said = SettleLease(lease_id=each.lease_id, spent=each.amount or each.estimate)
            await _tell_day(record, held.day, said)
        await _tell_day(record, held.day, SettleLease(lease_id=held.lease_id, spent=spent.amount))


async def _tell_day(record: RunRecord, day: date, said: SettleLease) -> None:
    """Nobody waits for the word: a ledger that is gone, or silent, counts the estimate."""
    ledger = workflow.get_external_workflow_handle(ledger_workflow_id(record.place.repository_id, day))
    try:
        async with in_flight(record):
            await ledger.signal(SETTLE, said)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        record.note(f"the budget of {day} counts an estimate, as it could not be told: {error.message}")
