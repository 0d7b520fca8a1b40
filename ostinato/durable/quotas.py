"""Accounts that used up what they may use: nothing of theirs starts until their limit is lifted."""

from datetime import datetime, timedelta

from temporalio import workflow

from ostinato.domain.plan import Step
from ostinato.domain.report import Quota
from ostinato.durable.record import RunRecord

AT_ONCE = timedelta(milliseconds=1)


def close_account(record: RunRecord, step: Step, until: datetime, *, is_guess: bool, because: str) -> None:
    """Of several limits the one that is lifted last counts."""
    account, known = _account(step), quota_of(record, step)
    if known is None or known.until < until:
        record.quotas[account] = Quota(account=account, until=until, step=step.id, is_guess=is_guess, because=because)
    record.steps.closed.add(account)
    record.stale = True


def quota_of(record: RunRecord, step: Step) -> Quota | None:
    return record.quotas.get(_account(step))


async def until_open(record: RunRecord, step: Step) -> None:
    """Counts as backing off: it goes on by itself."""
    if quota_of(record, step) is None:
        return
    record.backing_off[step.id] = True
    try:
        await workflow.wait_condition(lambda: quota_of(record, step) is None)
    finally:
        record.backing_off.pop(step.id, None)


async def open_accounts(record: RunRecord) -> None:
    """For as long as steps run: one timer for all that wait, up to the first limit that is lifted."""
    while True:
        await workflow.wait_condition(lambda: bool(record.quotas))
        await _until_lifted(record, min(record.quotas.values(), key=lambda quota: quota.until))
        _open(record)


async def _until_lifted(record: RunRecord, first: Quota) -> None:
    """Or until another is lifted earlier, or an account said so itself."""
    try:
        await workflow.wait_condition(
            lambda: min((quota.until for quota in record.quotas.values()), default=None) != first.until,
            timeout=max(first.until - workflow.now(), AT_ONCE),
            timeout_summary=f"{first.account} · until its limit is lifted"[:200],
        )
    except TimeoutError:
        return


def _open(record: RunRecord) -> None:
    lifted = [account for account, quota in record.quotas.items() if quota.until <= workflow.now()]
    for account in lifted:
        del record.quotas[account]
        record.steps.closed.discard(account)
    if lifted:
        record.wake()
        record.stale = True


def _account(step: Step) -> str:
    return step.quota or f"step:{step.id}"
