"""An account is limited: whether a step waits for it, in its own session, or moves to another agent. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ostinato.domain.agents.accounts import Account, AccountLimit, limit_of
from ostinato.domain.agents.assignment import Job, Mind, MindKind, assign
from ostinato.domain.base import Fact


class OnLimit(StrEnum):
    WAIT = "wait"
    """However long it takes: the session goes on where it was."""
    MOVE = "move"
    """As soon as another could do it."""
    PATIENT = "patient"
    """Wait for a while, move where it takes longer."""


class LimitPolicy(Fact):
    on_limit: OnLimit = OnLimit.PATIENT
    patience: timedelta = timedelta(minutes=15)
    """What another agent would need to find its way into what this one knows already is not worth less."""
    persons: bool = False
    """Whether a person is somebody to move to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """The account is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Ask the account, and go on in the same session when it says so."""

    until: datetime
    is_guess: bool
    because: str
    misses_deadline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Withdraw from the account, and begin a new session with another."""

    to: str
    because: str


Course = Go | Stay | Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A step that ran into a limit, or is about to start under one."""

    agent: str
    job: Job
    deadline: datetime | None = None
    has_session: bool = True
    """False: it has not begun; nothing is lost by moving."""


def choose_course(
    parked: Parked, account: Account, pool: Sequence[Mind], policy: LimitPolicy, *, now: datetime
) -> Course:
    """`pool`: everybody, with `closed_until` set where their accounts are limited."""
    limit = limit_of(account, now)
    if limit is None:
        return Go()
    other = _other(parked, pool, policy)
    if other and _is_worth_moving(parked, limit, policy, now):
        return Move(to=other, because=f"{parked.agent} is limited until {limit.until.isoformat()}")
    late = parked.deadline is not None and limit.until >= parked.deadline
    told = "nobody else can do it now" if not other else "waiting is shorter than beginning anew"
    return Stay(until=limit.until, is_guess=limit.is_guess, because=told, misses_deadline=late)


def closed(pool: Sequence[Mind], accounts: Sequence[tuple[str, Account]], now: datetime) -> tuple[Mind, ...]:
    """The pool, with those closed whose account (agent's name, account) is limited."""
    limits = {name: limit for name, account in accounts if (limit := limit_of(account, now)) is not None}
    return tuple(
        mind.model_copy(update={"closed_until": limits[mind.name].until}) if mind.name in limits else mind
        for mind in pool
    )


def _other(parked: Parked, pool: Sequence[Mind], policy: LimitPolicy) -> str:
    """Who could do it now. One who is named in the plan is not replaced but by the step's own fallback."""
    job = parked.job.model_copy(update={"failed": (*parked.job.failed, parked.agent), "persons": policy.persons})
    made = assign(job, [mind for mind in pool if policy.persons or mind.kind is MindKind.AGENT])
    is_bound = parked.job.named == parked.agent
    return made.chosen if not is_bound or made.chosen == parked.job.fallback else ""


def _is_worth_moving(parked: Parked, limit: AccountLimit, policy: LimitPolicy, now: datetime) -> bool:
    if parked.deadline is not None and limit.until >= parked.deadline:
        return True
    match policy.on_limit:
        case OnLimit.WAIT:
            return False
        case OnLimit.MOVE:
            return True
        case OnLimit.PATIENT:
            return not parked.has_session or limit.until - now > policy.patience
