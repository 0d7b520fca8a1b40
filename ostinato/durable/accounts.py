"""Before an agent starts: its account's word. What is used up is waited for without a worktree."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from ostinato.contracts.account import (
    ASK_ACCOUNT,
    REPORT,
    WITHDRAW,
    AskAccount,
    GoAhead,
    MayStart,
    StartAnswer,
    Withdraw,
    account_workflow_id,
)
from ostinato.domain.agents.accounts import AccountReport, ReportKind
from ostinato.domain.plan import Step
from ostinato.domain.report import Quota
from ostinato.durable.calls import stop_of
from ostinato.durable.places import in_flight, on_place
from ostinato.durable.record import RunRecord

ASKS_AGAIN = timedelta(minutes=10)
"""After the moment at which it should have been told to start: the account's workflow may have been ended."""


async def may_start(record: RunRecord, step: Step, account: str) -> Quota | None:
    """None: it may. Else what it waits for; `until_told` waits."""
    if not account:
        return None
    if (word := _word(account, waiter_of(record, step))) in record.told_to_start:  # it has had its turn in the queue
        record.told_to_start.discard(word)
        return None
    answer = await _ask(record, step, account)
    if answer is None or answer.may_start:
        record.quotas.pop(account, None)
        return None
    limit, now = answer.limit, workflow.now()
    quota = Quota(
        account=account,
        until=limit.until if limit else now + timedelta(seconds=2),
        step=step.id,
        is_guess=limit.is_guess if limit else True,
        because=limit.because if limit else "others that waited go first",
    )
    if limit is not None:
        record.quotas[account] = quota
    record.stale = True
    return quota


async def until_told(record: RunRecord, step: Step, quota: Quota) -> None:
    """Counts as backing off. Returns also where nobody says anything for long: then it asks again."""
    waiter = waiter_of(record, step)
    word = _word(quota.account, waiter)
    record.backing_off[step.id] = True
    patience = max(quota.until - workflow.now(), timedelta()) + ASKS_AGAIN
    try:
        await workflow.wait_condition(
            lambda: word in record.told_to_start,
            timeout=patience,
            timeout_summary=f"{quota.account} · until its limit is lifted"[:200],
        )
    except TimeoutError:
        pass
    except BaseException:
        record.told_to_start.discard(word)
        raise
    finally:
        record.backing_off.pop(step.id, None)
        record.stale = True
    record.quotas.pop(quota.account, None)  # not where it was stopped: others may wait for the same


def told_to_start(record: RunRecord, word: GoAhead) -> None:
    """Kept until it starts: asking once more would put it at the end of the queue."""
    record.told_to_start.add(_word(word.account, word.waiter))


def _word(account: str, waiter: str) -> str:
    return f"{account} {waiter}"


async def report_limit(record: RunRecord, step: Step, account: str, said: AccountReport) -> None:
    """To everybody who uses the account."""
    await tell(record, account, REPORT, said)


async def report_answer(record: RunRecord, step: Step, account: str, sent_at: datetime) -> None:
    """It got through: a limit whose end was guessed, and that was met before it was sent, is over."""
    if not account:
        return
    said = AccountReport(id=f"{waiter_of(record, step)}/answered", at=sent_at, kind=ReportKind.ANSWERED)
    await tell(record, account, REPORT, said)


async def leave_account(record: RunRecord, account: str, waiter: str) -> None:
    """Its turn is over, it goes elsewhere, or it was stopped."""
    if account:
        await tell(record, account, WITHDRAW, Withdraw(waiters=(waiter,)))


async def tell(record: RunRecord, account: str, signal: str, said: AccountReport | Withdraw) -> None:
    """An account whose workflow has ended knows of no limit: the next who asks starts it again."""
    try:
        async with in_flight(record):
            await workflow.get_external_workflow_handle(account_workflow_id(account)).signal(signal, said)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise


def waiter_of(record: RunRecord, step: Step) -> str:
    progress = record.of(step.id)
    return f"{workflow.info().workflow_id}/{step.id}/{progress.admitted or progress.execution}"


async def _ask(record: RunRecord, step: Step, account: str) -> StartAnswer | None:
    """None where nobody answers: a limit is then met as a failure, which is worse and not wrong."""
    asked = MayStart(waiter=waiter_of(record, step), since=workflow.now())
    try:
        return await on_place(
            record,
            ASK_ACCOUNT,
            lambda _: AskAccount(account=account, asked=asked),
            summary=f"{step.name} · may it start on {account}?",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        record.note(f"the account {account} could not be asked: {stop_of(error).message}")
        return None
