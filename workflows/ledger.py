"""The budget that the runs of one repository share on one day: grants leases, hears what came of them, reclaims the rest."""

from datetime import UTC, datetime, time, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.ledger import (
    BALANCE,
    GRANT,
    LEDGER_WORKFLOW,
    LOOK_AFTER_LEASES,
    SETTLE,
    GrantLease,
    LeaseAnswer,
    LookAfterLeases,
    OpenLedger,
    SettleLease,
)
from ostinato.domain.budget.amounts import told
from ostinato.domain.budget.fates import reclaimed
from ostinato.domain.budget.ledger import Balance, Lease, Refusal
from ostinato.domain.errors import OstinatoError
from ostinato.durable.calls import call

LINGERS = timedelta(hours=1)
"""After its day: what began before midnight may be settled."""
KEPT_LEASES = 1_000
"""Closed ones that are still told apart in the next execution."""
MOST_AT_ONCE = 200
"""Leases that are looked after in one activity."""
PATIENCE = timedelta(minutes=2)
"""For somebody to look after them; expiry does without."""


@workflow.defn(name=LEDGER_WORKFLOW, failure_exception_types=[OstinatoError])
class LedgerWorkflow:
    @workflow.init
    def __init__(self, opened: OpenLedger) -> None:
        self._opened = opened
        self._ledger = opened.ledger
        self._checked_at = workflow.now()
        self._ends_at = datetime.combine(opened.day + timedelta(days=1), time(), UTC) + LINGERS

    @workflow.update(name=GRANT, description="Ask for a lease: tokens, money and requests that may be spent")
    def grant(self, asked: GrantLease) -> LeaseAnswer:
        """The same lease again where the id is known. Refused after the day."""
        now = self._pass_time()
        if now >= self._ends_at:
            return self._answer(Refusal(code="day_over", message=f"{self._opened.day} is over: ask today's ledger"))
        before = self._ledger.open_leases
        self._ledger, answer = self._ledger.raised(asked.limit).grant(
            asked.lease_id,
            asked.estimate,
            now,
            what=asked.what,
            holder=asked.holder,
            kept_in=asked.kept_in,
            lasts=timedelta(seconds=asked.lasts_s),
        )
        if not before:
            self._checked_at = now
        return self._answer(answer)

    @workflow.update(name=SETTLE, description="Say what a lease came to")
    def settle(self, said: SettleLease) -> LeaseAnswer:
        self._settle(said)
        return self._answer(None)

    @workflow.signal(name=SETTLE, description="Say what a lease came to, without waiting for an answer")
    def settle_later(self, said: SettleLease) -> None:
        self._settle(said)

    @workflow.query(name=BALANCE, description="What the day's budget is, and what of it is spent or promised")
    def balance(self) -> Balance:
        return self._ledger.balance()

    @workflow.run
    async def run(self, opened: OpenLedger) -> Balance:
        """Ends after its day, when nothing is open any more."""
        while not self._is_over():
            await self._sleep()
            self._pass_time()
            if self._is_check_due():
                await self._look_after_leases()
            if self._must_continue():
                workflow.continue_as_new(opened.model_copy(update={"ledger": self._ledger.compacted(KEPT_LEASES)}))
        return self._ledger.balance()

    def _settle(self, said: SettleLease) -> None:
        now = self._pass_time()
        if said.unused:
            self._ledger = self._ledger.release(said.lease_id, now)
        else:
            self._ledger = self._ledger.settle(said.lease_id, said.spent, now)

    def _pass_time(self) -> datetime:
        now = workflow.now()
        self._ledger = self._ledger.expire(now)
        return now

    def _answer(self, answer: Lease | Refusal | None) -> LeaseAnswer:
        balance = self._ledger.balance()
        workflow.set_current_details(f"{self._opened.repository_id} on {self._opened.day}: {told(balance.spent)} spent")
        return LeaseAnswer(
            lease=answer if isinstance(answer, Lease) else None,
            refusal=answer if isinstance(answer, Refusal) else None,
            balance=balance,
        )

    async def _sleep(self) -> None:
        """Until something is due, or a new lease makes something due earlier."""
        until = self._wakes_at()
        try:
            await workflow.wait_condition(
                lambda: self._wakes_at() < until or self._must_continue(),
                timeout=max(until - workflow.now(), timedelta(milliseconds=1)),
                timeout_summary="look after leases, or end the day",
            )
        except TimeoutError:
            return

    def _wakes_at(self) -> datetime:
        expiry = self._ledger.next_expiry()
        return self._ends_at if expiry is None else min(expiry, self._checks_at())

    def _checks_at(self) -> datetime:
        return self._checked_at + timedelta(seconds=self._opened.check_every_s)

    def _is_check_due(self) -> bool:
        return bool(self._ledger.open_leases) and workflow.now() >= self._checks_at()

    async def _look_after_leases(self) -> None:
        """Where nobody answers, the leases expire in their time."""
        leases = self._ledger.open_leases[:MOST_AT_ONCE]
        self._checked_at = workflow.now()
        try:
            found = await call(
                LOOK_AFTER_LEASES,
                LookAfterLeases(leases=leases),
                summary=f"do the holders of {len(leases)} leases still run?",
                patience=PATIENCE,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("leases_not_looked_after", extra={"cause": str(error.cause)[:300]})
            return
        self._ledger = reclaimed(self._ledger, found.fates, self._pass_time())

    def _must_continue(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > self._opened.longest_history

    def _is_over(self) -> bool:
        return workflow.now() >= self._ends_at and not self._ledger.open_leases and workflow.all_handlers_finished()
