"""One account of a provider: hears of its limits from every run, and says who may start."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    ASK_TO_START,
    END_TURN,
    GO_AHEAD,
    REPORT,
    SEEN,
    WITHDRAW,
    AccountSeen,
    EndTurn,
    GoAhead,
    MayStart,
    OpenAccount,
    StartAnswer,
    Withdraw,
)
from ostinato.domain.agents.accounts import (
    LONGEST_TURN,
    Account,
    AccountReport,
    ReportKind,
    Waiter,
    asked,
    granted,
    is_let_go,
    limit_of,
    reported,
    settled,
    to_end,
    withdrawn,
)
from ostinato.domain.errors import OstinatoError


@workflow.defn(name=ACCOUNT_WORKFLOW, failure_exception_types=[OstinatoError])
class AccountWorkflow:
    @workflow.init
    def __init__(self, opened: OpenAccount) -> None:
        self._opened = opened
        self._account = opened.account
        self._heard_at = workflow.now()
        self._changes = 0
        self._to_tell: list[str] = []
        self._to_end: list[str] = []
        self._told_to_end: set[str] = set()

    @workflow.update(name=ASK_TO_START, description="May a step start on this account?")
    def ask(self, wish: MayStart) -> StartAnswer:
        """Where it may not, its run is told by signal as soon as it may."""
        now = self._note_change()
        if is_let_go(self._account, wish.waiter, now):
            return StartAnswer(may_start=True)
        self._account = asked(self._account, Waiter(id=wish.waiter, since=wish.since))
        self._grant(now)
        may_start = wish.waiter in self._to_tell
        if may_start:
            self._to_tell.remove(wish.waiter)
        return StartAnswer(may_start=may_start, limit=None if may_start else limit_of(self._account, now))

    @workflow.signal(name=REPORT, description="Say that a limit was met, lifted, or that a request got through")
    def report(self, said: AccountReport) -> None:
        self._account = reported(self._account, said)
        now = self._note_change()
        self._show(now)
        if said.kind is ReportKind.LIMITED:
            self._end_turns(now)

    @workflow.signal(name=WITHDRAW, description="These steps no longer wait")
    def withdraw(self, gone: Withdraw) -> None:
        self._account = withdrawn(self._account, gone.waiters)
        self._note_change()

    @workflow.query(name=SEEN, description="What is known of the account's limits, and who waits")
    def seen(self) -> AccountSeen:
        return AccountSeen(account=self._account, limit=limit_of(self._account, workflow.now()))

    @workflow.run
    async def run(self, opened: OpenAccount) -> AccountSeen:
        """Ends when nobody has asked for long and nothing is remembered."""
        while True:
            changes, wake_at = self._changes, self._grant(workflow.now())
            await self._tell()
            if self._must_continue() and workflow.all_handlers_finished():
                workflow.continue_as_new(opened.model_copy(update={"account": self._settled()}))
            if self._is_idle():
                return self.seen()
            await self._until_changed(changes, wake_at)

    def _note_change(self) -> datetime:
        self._changes += 1
        self._heard_at = workflow.now()
        return self._heard_at

    def _grant(self, now: datetime) -> datetime | None:
        found = granted(self._account, now)
        self._account = found.account
        self._to_tell.extend(each.id for each in found.starts)
        self._show(now)
        return found.wake_at

    def _end_turns(self, now: datetime) -> None:
        """Once each: whoever goes on after the limit is let start anew."""
        running = tuple(each.id for each in to_end(self._account, now))
        self._to_end.extend(waiter for waiter in running if waiter not in self._told_to_end)
        self._told_to_end = set(running)

    async def _tell(self) -> None:
        name = self._account.name
        while self._to_tell or self._to_end:
            if self._to_tell:
                waiter = self._to_tell.pop(0)
                await _say(waiter, GO_AHEAD, GoAhead(account=name, waiter=waiter))
                continue
            waiter, limit = self._to_end.pop(0), limit_of(self._account, workflow.now())
            if limit is not None:
                await _say(waiter, END_TURN, EndTurn(account=name, waiter=waiter, limit=limit))

    async def _until_changed(self, changes: int, wake_at: datetime | None) -> None:
        until = wake_at or self._ends_at()
        try:
            await workflow.wait_condition(
                lambda: self._changes != changes,
                timeout=max(until - workflow.now(), timedelta(milliseconds=1)),
                timeout_summary="until the limit is lifted" if wake_at else "until nobody needs it any more",
            )
        except TimeoutError:
            return

    def _settled(self) -> Account:
        return settled(self._account, workflow.now())

    def _show(self, now: datetime) -> None:
        limit = limit_of(self._account, now)
        said = f"limited until {limit.until:%Y-%m-%d %H:%M:%S} UTC: {limit.because}" if limit else "open"
        workflow.set_current_details(f"{self._account.name}: {said}; {len(self._account.waiting)} steps wait")

    def _is_idle(self) -> bool:
        nobody = not self._account.waiting and workflow.all_handlers_finished()
        return nobody and workflow.now() >= self._ends_at()

    def _ends_at(self) -> datetime:
        """Not before its limit is lifted, nor while a turn is on that may still meet one."""
        now = workflow.now()
        limit, running = limit_of(self._account, now), self._settled().running
        ends = [self._heard_at + self._opened.lingers, *(each.since + LONGEST_TURN for each in running)]
        return max(*ends, limit.until) if limit else max(ends)

    def _must_continue(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > self._opened.longest_history


async def _say(waiter: str, signal: str, word: GoAhead | EndTurn) -> None:
    """A run that has ended is not missed."""
    try:
        await workflow.get_external_workflow_handle(holder_of(waiter)).signal(signal, word)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise


def holder_of(waiter: str) -> str:
    """The workflow that a step belongs to."""
    return waiter.rsplit("/", 2)[0]
