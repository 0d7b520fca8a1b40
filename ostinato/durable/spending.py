"""Whatever costs money goes through here: leased from the run's budget and the day's before, settled after.

What is granted at once never exceeds the limit; what nobody can say counts as its estimate.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, assert_never

from temporalio import workflow

from ostinato.domain.budget.judging import (
    GO_ON,
    MID_GATE,
    RAISE,
    STOP,
    STOP_CODE,
    WITHOUT,
    Ask,
    LeaveOut,
    OnRed,
    Proceed,
    StopForBudget,
    Verdict,
    limit_of,
    on_optional,
    on_red,
    raised_by,
    red_policy,
    token_usage_gate,
)
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.metering import Metered, Spent
from ostinato.domain.budget.zones import Zone
from ostinato.domain.continuation import Continuation
from ostinato.domain.decisions import ABORT, DecisionKind
from ostinato.domain.gates import Status
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Stop
from ostinato.domain.request import RunRequest
from ostinato.durable.calls import StopRun, uninterrupted
from ostinato.durable.leasing import Held, Purchase, Refused, held_before, settle, take_lease
from ostinato.durable.people import ask
from ostinato.durable.record import RunRecord

DECISION = "budget"


class Costly(Protocol):
    """What a paid call answers."""

    @property
    def spent(self) -> Spent | None: ...


Out = TypeVar("Out", bound=Costly)


async def paid(record: RunRecord, buying: Purchase, work: Callable[[Metered], Awaitable[Out]]) -> Out | None:
    """What the work answers; None where the run goes on without it. Raises StopRun where the budget ends the run."""
    held = held_before(record, buying.begun) or await _leased(record, buying)
    if held is None:
        return None
    spent: Spent | None = None
    order = Metered(
        lease_id=held.lease_id, run_id=record.request.run_id, what=buying.what, estimate=buying.estimate, day=held.day
    )
    try:
        answer = await work(order)
        spent = answer.spent
    finally:
        await uninterrupted(settle(record, held, spent or Spent()))
        _judge_usage(record)
    if record.request.options.on_red == "stop" and record.spending.balance().zone is Zone.RED:
        _stop_where_red(record)
    return answer


def spending_after(request: RunRequest, continuation: Continuation) -> Ledger:
    """Of an execution that goes on from another: the same ledger; a fork's is its own, and tells what was spent before.

    A limit that the request says anew counts from now on.
    """
    was = continuation.snapshot
    ledger = was.spending or Ledger(limit=limit_of(was.request.options))
    said, before = limit_of(request.options), limit_of(was.request.options)
    match continuation.reason:
        case "size":
            return ledger
        case "fork":
            return ledger.forked(said)
        case "retry" | "rollback":
            holders = {lease.holder for lease in ledger.open_leases}
            ledger = ledger.abandoned(holders, workflow.now())
            return ledger.raised(said) if said != before else ledger
    assert_never(continuation.reason)


async def _leased(record: RunRecord, buying: Purchase) -> Held | None:
    while True:
        found: Held | Refused | None = None
        verdict = _verdict(record, buying, _own_refusal(record, buying))
        if isinstance(verdict, Proceed):
            found = await take_lease(record, buying)
            if isinstance(found, Held):
                return found
            verdict = _verdict(record, buying, found)
        match verdict:
            case Proceed():
                continue
            case LeaveOut(note=note):
                record.note(f"{buying.what}: left out by the budget: {note}")
                return None
            case StopForBudget(message=message, cure=cure):
                raise StopRun(_stop(message, cure))
            case Ask():
                refused = found if isinstance(found, Refused) and found.of_day else None
                if not await _allowed_by_person(record, buying, refused):
                    record.note(f"{buying.what}: left out, as somebody decided about the budget")
                    return None
            case _:
                assert_never(verdict)


def _verdict(record: RunRecord, buying: Purchase, refused: Refused | None) -> Verdict:
    options, balance, allowed = record.request.options, record.spending.balance(), _may_use_the_rest(record)
    refusal, of_day = (refused.refusal, refused.of_day) if refused else (None, False)
    if buying.is_optional:
        return on_optional(options, balance, refusal, allowed=allowed, of_day=of_day)
    return on_red(red_policy(options), balance, refusal, allowed=allowed, of_day=of_day)


def _own_refusal(record: RunRecord, buying: Purchase) -> Refused | None:
    refusal = record.spending.refusal(buying.estimate)
    return Refused(refusal=refusal) if refusal else None


def _judge_usage(record: RunRecord, *, stops: bool = False) -> None:
    """The gate's last word stands. Red is a failure where it ends the run, and else what a person should know."""
    found = token_usage_gate(record.spending.balance())
    if found.status is Status.FAIL and not stops:
        found = found.model_copy(update={"status": Status.WARN})
    record.gates = [*(gate for gate in record.gates if gate.gate != MID_GATE), found]
    record.stale = True


def _stop_where_red(record: RunRecord) -> None:
    """At once, as the settings say: the rest is a reserve."""
    verdict = on_red(OnRed.STOP, record.spending.balance(), allowed=_may_use_the_rest(record))
    if isinstance(verdict, StopForBudget):
        _judge_usage(record, stops=True)
        raise StopRun(_stop(verdict.message, verdict.cure))


def _may_use_the_rest(record: RunRecord) -> bool:
    """Whether a person said so."""
    answers = (decision.answer for name, decision in record.decisions.items() if name.startswith(DECISION))
    return any(answer is not None and answer.option == GO_ON.name for answer in answers)


async def _allowed_by_person(record: RunRecord, buying: Purchase, refused: Refused | None) -> bool:
    """Whether the call may be tried again; False: the run goes on without it. Several that wait ask once."""
    async with record.asking_for_money:
        verdict = _verdict(record, buying, refused or _own_refusal(record, buying))
        if not isinstance(verdict, Ask):
            return True
        count = sum(1 for name, known in record.decisions.items() if name.startswith(DECISION) and not known.is_open)
        answer = await ask(
            record,
            f"{DECISION}-{count + 1}",
            DecisionKind.QUESTION,
            verdict.question[:500],
            verdict.options,
            context=f"It is needed for: {buying.what}",
        )
    if answer.option == RAISE.name:
        record.spending = record.spending.raised(raised_by(record.spending.limit, answer.note))
    elif answer.option == STOP.name:
        raise StopRun(_stop(f"{answer.by} stopped the run, as its budget is nearly used up", ""))
    elif answer.option == ABORT.name:
        message = f"{answer.by} aborted the run over its budget" + (f": {answer.note}" if answer.note else "")
        raise StopRun(Stop(outcome=Outcome.CANCELLED, code="aborted", message=message))
    return answer.option != WITHOUT.name


def _stop(message: str, cure: str) -> Stop:
    return Stop(outcome=Outcome.FAILED, code=STOP_CODE, message=message, cure=cure)
