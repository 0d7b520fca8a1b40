"""One account of a provider: what was reported of its limits, and who may start when. Pure: every moment is given.

What is kept is a set, so that reports in any order, and twice, come to the same. Of limits that name their end, the latest end
counts. Where nobody names one it is guessed: a minute after the first, twice as long after each that follows, an hour at most.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from ostinato.domain.base import Fact

FIRST_GUESS = timedelta(minutes=1)
LONGEST_GUESS = timedelta(hours=1)
FARTHEST = timedelta(days=32)
"""A reset later than that is a misreading, and so is one that lies before its report."""
SPACING = timedelta(seconds=2)
"""Between two starts after a limit: all at once would run into the next one."""
PROBING = timedelta(seconds=20)
"""After a guess the first goes alone for so long, or until it is answered."""
CALM = timedelta(minutes=5)
"""So long after a limit starts are spaced."""
SHORT = timedelta(seconds=5)
"""A limit that is lifted so soon ends nobody's turn."""
LONGEST_TURN = timedelta(days=2)
"""Who did not say by then that its turn ended is gone."""
MOST_FORESEEN = 1_000
MOST_GUESSED = 100
"""Reports without an end that are kept, the latest."""


class ReportKind(StrEnum):
    LIMITED = "limited"
    ANSWERED = "answered"
    """A request got through; `at` is when it was sent."""
    LIFTED = "lifted"
    """A person says, by a signal to the account's workflow, that it is open again: whatever was reported before does not count."""


class AccountReport(Fact):
    id: str
    """The same for the same report: sent twice, it counts once."""
    at: datetime
    kind: ReportKind = ReportKind.LIMITED
    until: datetime | None = None
    """When it says that the limit is lifted."""
    by: str = ""
    """Who ran into it: run/step."""
    because: str = ""

    @property
    def stated_end(self) -> datetime | None:
        """None where the end has to be guessed."""
        if self.until is None or not timedelta(0) < self.until - self.at <= FARTHEST:
            return None
        return self.until


class Waiter(Fact):
    """A step that would like to start."""

    id: str
    """run/step/execution."""
    since: datetime


class AccountLimit(Fact):
    until: datetime
    is_guess: bool
    by: str = ""
    because: str = ""


class MetLimit(Fact):
    """A limit that an agent's account met while it works: its turn is to end."""

    execution: int
    """Of its step: another one was let start after the limit."""
    limit: AccountLimit


class Account(Fact):
    name: str
    stated: tuple[AccountReport, ...] = ()
    """Limits with an end, by time; of two the one that another outlasts and follows is not kept."""
    guessed: tuple[AccountReport, ...] = ()
    answered: datetime | None = None
    lifted: datetime | None = None
    waiting: tuple[Waiter, ...] = ()
    """In the order in which they start."""
    last_start: datetime | None = None
    running: tuple[Waiter, ...] = ()
    """Who started and did not say that its turn ended; `since` is the start. Nobody waits for them."""


class Granted(Fact):
    account: Account
    starts: tuple[Waiter, ...] = ()
    wake_at: datetime | None = None
    """When to look again; None: when something is reported or asked."""


def reported(account: Account, report: AccountReport) -> Account:
    """The order in which reports come in does not matter."""
    match report.kind:
        case ReportKind.ANSWERED:
            return _kept(account.model_copy(update={"answered": _latest(account.answered, report.at)}))
        case ReportKind.LIFTED:
            return _kept(account.model_copy(update={"lifted": _latest(account.lifted, report.at)}))
        case ReportKind.LIMITED:
            name = "guessed" if report.stated_end is None else "stated"
            known: tuple[AccountReport, ...] = getattr(account, name)
            return account if report in known else _kept(account.model_copy(update={name: (*known, report)}))


def limit_of(account: Account, now: datetime) -> AccountLimit | None:
    """None where it is open, as far as anybody knows."""
    ends = [limit for limit in (_stated_limit(account), _guessed_limit(account)) if limit is not None]
    return max((limit for limit in ends if now < limit.until), key=lambda limit: limit.until, default=None)


def asked(account: Account, waiter: Waiter) -> Account:
    """It stands in the queue; asking again changes nothing. One that ran waits now: its turn ended, or its worker died."""
    if any(other.id == waiter.id for other in account.waiting):
        return account
    queue = sorted((*account.waiting, waiter), key=lambda each: (each.since, each.id))
    running = tuple(each for each in account.running if each.id != waiter.id)
    return account.model_copy(update={"waiting": tuple(queue), "running": running})


def is_let_go(account: Account, waiter_id: str, now: datetime) -> bool:
    """It was told that it may start, and makes sure that this still holds: it has had its turn in the queue."""
    return limit_of(account, now) is None and any(each.id == waiter_id for each in account.running)


def withdrawn(account: Account, ids: Sequence[str]) -> Account:
    """Steps whose turn ended, that were cancelled, or that moved to another agent."""
    gone = frozenset(ids)
    return account.model_copy(
        update={
            "waiting": tuple(each for each in account.waiting if each.id not in gone),
            "running": tuple(each for each in account.running if each.id not in gone),
        }
    )


def to_end(account: Account, now: datetime) -> tuple[Waiter, ...]:
    """Whose turns are to end, because the account is limited while they run."""
    limit = limit_of(account, now)
    return account.running if limit is not None and limit.until - now > SHORT else ()


def outlook(account: Account, now: datetime) -> dict[str, datetime]:
    """When each that waits would start, as far as it is known now; the longest queue is looked at for its first thousand."""
    told: dict[str, datetime] = {}
    for _ in range(MOST_FORESEEN):
        made = granted(account, now)
        told |= dict.fromkeys((each.id for each in made.starts), now)
        if made.wake_at is None:
            break
        account, now = made.account, made.wake_at
    return told


def granted(account: Account, now: datetime) -> Granted:
    """Who starts now. Nobody while it is limited; one after the other for some minutes after that; else all that wait."""
    if not account.waiting:
        return Granted(account=account)
    if (limit := limit_of(account, now)) is not None:
        return Granted(account=account, wake_at=limit.until)
    ended = _felt_end(account, now)
    if ended is None:
        return Granted(account=_started(account, account.waiting, now), starts=account.waiting)
    if (free_at := _next_start(account, ended)) > now:
        return Granted(account=account, wake_at=free_at)
    left = _started(account, account.waiting[:1], now)
    return Granted(account=left, starts=account.waiting[:1], wake_at=_next_start(left, ended) if left.waiting else None)


def settled(account: Account, now: datetime) -> Account:
    """Without what cannot matter any more; for carrying it on for months. Reports older than that are then too late."""
    horizon = now - max(CALM, 2 * LONGEST_GUESS)
    return account.model_copy(
        update={
            "running": tuple(each for each in account.running if each.since > now - LONGEST_TURN),
            "stated": tuple(each for each in account.stated if each.stated_end and each.stated_end > horizon),
            "guessed": tuple(each for each in account.guessed if each.at > horizon),
        }
    )


def guessed_wait(strikes: int) -> timedelta:
    """After so many limits in a row whose end nobody named."""
    doubled: timedelta = FIRST_GUESS * 2 ** min(max(strikes, 1) - 1, 10)
    return min(doubled, LONGEST_GUESS)


def _stated_limit(account: Account) -> AccountLimit | None:
    last = max(account.stated, key=lambda each: (each.stated_end or each.at, each.at, each.id), default=None)
    if last is None or last.stated_end is None:
        return None
    return AccountLimit(until=last.stated_end, is_guess=False, by=last.by, because=last.because)


def _guessed_limit(account: Account) -> AccountLimit | None:
    """Who runs into it while it is known already, because its turn had begun before, does not make it longer."""
    limit: AccountLimit | None = None
    strikes = 0
    for report in account.guessed:
        if limit is None or report.at >= limit.until:
            strikes += 1
            until = report.at + guessed_wait(strikes)
            limit = AccountLimit(until=until, is_guess=True, by=report.by, because=report.because)
    return limit


def _felt_end(account: Account, now: datetime) -> AccountLimit | None:
    """The end of a limit that was just now, or that one of those in the queue waited for."""
    first = account.waiting[0].since
    over = [limit for limit in (_stated_limit(account), _guessed_limit(account)) if limit and limit.until <= now]
    last = max(over, key=lambda limit: limit.until, default=None)
    if last is not None and (now - last.until < CALM or first < last.until):
        return last
    opened = _latest(account.answered, account.lifted)
    return AccountLimit(until=opened, is_guess=False) if opened is not None and first < opened <= now else None


def _next_start(account: Account, ended: AccountLimit) -> datetime:
    if account.last_start is None or account.last_start < ended.until:
        return ended.until
    return account.last_start + (PROBING if ended.is_guess else SPACING)


def _started(account: Account, starts: tuple[Waiter, ...], now: datetime) -> Account:
    left = withdrawn(account, [each.id for each in starts])
    running = (*left.running, *(each.model_copy(update={"since": now}) for each in starts))
    return left.model_copy(update={"last_start": now, "running": running})


def _kept(account: Account) -> Account:
    """In order, and without what other reports make void."""
    counts = [each for each in account.stated if account.lifted is None or each.at > account.lifted]
    opened = _latest(account.answered, account.lifted)
    guessed = sorted((each for each in account.guessed if opened is None or each.at > opened), key=_order)
    return account.model_copy(update={"stated": _front(counts), "guessed": tuple(guessed[-MOST_GUESSED:])})


def _front(stated: Sequence[AccountReport]) -> tuple[AccountReport, ...]:
    """Those that no later report outlasts: whichever moment a person lifts it, what counts then is among them."""
    front: list[AccountReport] = []
    for report in sorted(stated, key=_order, reverse=True):
        if not front or _end(report) > _end(front[-1]):
            front.append(report)
    return tuple(reversed(front))


def _end(report: AccountReport) -> datetime:
    return report.stated_end or report.at


def _order(report: AccountReport) -> tuple[datetime, datetime, str]:
    return report.at, _end(report), report.id


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
