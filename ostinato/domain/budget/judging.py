"""The gates of the budget, what red means, and what a report says of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from ostinato.domain.budget.amounts import USD, Amount, Limit, parse_tokens, parse_usd, told
from ostinato.domain.budget.context import ContextBalance
from ostinato.domain.budget.ledger import Balance, Refusal
from ostinato.domain.budget.zones import Zone, zone_of
from ostinato.domain.decisions import ABORT, Option
from ostinato.domain.gates import GateResult, Severity, Stage, Status
from ostinato.domain.request import Interaction, RunOptions

STOP_CODE: Final = "budget"
"""Of a run that its budget stopped: exit code 6."""
PRE_GATE: Final = "budget"
MID_GATE: Final = "token_usage"
STOP_CURE: Final = "Start the rest with `ostinato retry RUN --max-tokens N` or `--max-usd X`, higher than before"
_LESS: Final = "Raise the limit, or switch off what the step does not need"


class OnRed(StrEnum):
    ASK = "ask"
    STOP = "stop"


GO_ON = Option(name="go-on", effect="use the rest of the limit too; nothing is granted beyond it")
RAISE = Option(name="raise", effect='double the limit and go on; by another amount with --note, as "2.50" or "100k"')
WITHOUT = Option(name="without-model", effect="go on with what needs no model")
STOP = Option(name="stop", effect="end the run, with exit code 6; what was committed is kept on its branch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """The call may be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A person decides."""

    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopForBudget:
    """The run ends with the stop code `budget`."""

    message: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOut:
    """The run goes on without the call."""

    note: str


Verdict = Proceed | Ask | LeaveOut | StopForBudget


def red_policy(options: RunOptions) -> OnRed:
    """What was said, else by how much the run may ask."""
    if options.on_red is not None:
        return OnRed(options.on_red)
    return OnRed.STOP if options.interaction is Interaction.MINIMAL else OnRed.ASK


def limit_of(options: RunOptions) -> Limit:
    """Of the run itself."""
    return Limit(tokens=options.max_tokens, micro_usd=options.max_micro_usd)


def day_limit_of(options: RunOptions) -> Limit:
    """Of the repository's day; not set: no ledger is asked."""
    return Limit(micro_usd=options.daily_micro_usd)


def on_red(
    policy: OnRed, balance: Balance, refusal: Refusal | None = None, *, allowed: bool = False, of_day: bool = False
) -> Verdict:
    """What happens when spending is red, or a lease was refused. `allowed`: a person let it use the rest.

    `of_day`: the day's ledger refused, which no run can raise.
    """
    if refusal is None and (balance.zone is not Zone.RED or allowed):
        return Proceed()
    why = refusal.message if refusal else f"more than 85 % of the budget is used: {_told(balance)}"
    match policy:
        case OnRed.STOP:
            return StopForBudget(message=why, cure=(refusal.cure if refusal and of_day else "") or STOP_CURE)
        case OnRed.ASK:
            options = (WITHOUT if refusal else GO_ON, *(() if of_day else (RAISE,)), STOP, ABORT)
            return Ask(question=f"The budget is nearly used up: {why}", options=options)
    assert_never(policy)


def on_optional(
    options: RunOptions,
    balance: Balance,
    refusal: Refusal | None = None,
    *,
    allowed: bool = False,
    of_day: bool = False,
) -> Verdict:
    """As `on_red` for what a run can do without: nobody is asked, and no run ends, unless the settings say so of red."""
    is_red = balance.zone is Zone.RED and not allowed
    if options.on_red is not None and is_red:
        return on_red(OnRed(options.on_red), balance, refusal, of_day=of_day)
    if refusal is not None:
        return LeaveOut(note=refusal.message)
    return LeaveOut(note=f"more than 85 % of the budget is used: {_told(balance)}") if is_red else Proceed()


def doubled(limit: Limit) -> Limit:
    """What RAISE does: each limit that is set, twice; one of nothing becomes a dollar, or a thousand."""
    return Limit(
        tokens=None if limit.tokens is None else max(2 * limit.tokens, 1_000),
        micro_usd=None if limit.micro_usd is None else max(2 * limit.micro_usd, USD),
        requests=None if limit.requests is None else max(2 * limit.requests, 10),
    )


def raised_by(limit: Limit, note: str) -> Limit:
    """By the amount that a person wrote, tokens or dollars, to what is limited; twice as much where they wrote none."""
    said = note.strip()
    usd, tokens = parse_usd(said), parse_tokens(said)
    if limit.micro_usd is not None and usd is not None:
        return limit.model_copy(update={"micro_usd": limit.micro_usd + usd})
    if limit.tokens is not None and tokens is not None:
        return limit.model_copy(update={"tokens": limit.tokens + tokens})
    return doubled(limit)


def budget_gate(
    limit: Limit,
    expected: Amount,
    *,
    least: Amount | None = None,
    spent: Balance | None = None,
    day: Balance | None = None,
) -> GateResult:
    """Before anything runs: what the plan may take against the run's limit and the day's.

    `least`: what it can begin with, where what is expected is only a guess.
    """
    if expected.is_nothing:
        return _nothing_more(limit, spent)
    if not limit.is_set and (day is None or not day.limit.is_set):
        message = f"no limit is set; up to {told(expected)} are expected"
        return _gate(PRE_GATE, Status.PASS, "budget_unlimited", message)
    own = expected + (spent.committed if spent else Amount())
    today = expected + (day.committed if day else Amount())
    if short := limit.lacking(own):
        if least is not None and not limit.lacking(least + (spent.committed if spent else Amount())):
            message = (
                f"the plan may take {told(own)}, more {short} than the run's limit: it may be asked for in the middle"
            )
            return _gate(PRE_GATE, Status.WARN, "budget_tight", message, "Raise --max-tokens or --max-usd")
        return _short(
            f"the plan may take {told(own)}: more {short} than the run's limit", "Raise --max-tokens or --max-usd"
        )
    if day is not None and (short := day.limit.lacking(today)):
        cure = "Go on tomorrow, or raise budget.daily_usd"
        return _short(
            f"with the plan {told(today)} would be used today: more {short} than this repository's limit", cure
        )
    zone = zone_of(max(limit.share(own), day.limit.share(today) if day else 0.0))
    if zone is not Zone.GREEN:
        message = f"the plan may take {told(own)}, which leaves little"
        cure = "Raise the limit if it should not stop in the middle"
        return _gate(PRE_GATE, Status.WARN, "budget_tight", message, cure)
    return _gate(PRE_GATE, Status.PASS, "budget_fits", f"up to {told(expected)} are expected")


def _nothing_more(limit: Limit, spent: Balance | None) -> GateResult:
    """A limit that is nearly used up stops nothing that is free."""
    used = spent.committed if spent else Amount()
    message = f"nothing more is expected to be spent; {told(used)} so far"
    if used.is_nothing:
        message = "nothing is expected to be spent"
    if used.is_nothing or zone_of(limit.share(used)) is Zone.GREEN:
        return _gate(PRE_GATE, Status.PASS, "budget_fits" if limit.is_set else "budget_unlimited", message)
    return _gate(PRE_GATE, Status.WARN, "budget_tight", message, "Raise the limit if a step is to be paid for")


def token_usage_gate(balance: Balance, context: ContextBalance | None = None) -> GateResult:
    """While it runs: how near the limits are, of spending and of the session."""
    zone = max((balance.zone, context.zone if context else Zone.GREEN), key=list(Zone).index)
    metrics = {"tokens": float(balance.spent.tokens), "usd": balance.spent.micro_usd / USD}
    if context is not None:
        metrics["context_tokens"] = float(context.used)
    filled = f"; the session's {context.fullest.part} part is {context.fullest.share:.0%} full" if context else ""
    message = f"{_told(balance)}{filled}"
    match zone:
        case Zone.GREEN:
            found = _gate(MID_GATE, Status.PASS, "usage_green", message)
        case Zone.YELLOW:
            found = _gate(MID_GATE, Status.WARN, "usage_yellow", message, _LESS)
        case Zone.RED:
            found = _gate(MID_GATE, Status.FAIL, "usage_red", message, _LESS)
    return found.model_copy(update={"metrics": metrics})


def _told(balance: Balance) -> str:
    shares = [f"{used / most:.0%} of the {name}" for name, used, most in balance.limit.pairs(balance.committed) if most]
    return f"{told(balance.committed)} used" + (f" ({', '.join(shares)})" if shares else "")


def _short(message: str, cure: str) -> GateResult:
    found = _gate(PRE_GATE, Status.FAIL, "budget_short", message, cure)
    return found.model_copy(update={"severity": Severity.CRITICAL})


def _gate(gate: str, status: Status, code: str, message: str, cure: str = "") -> GateResult:
    stage = Stage.PRE if gate == PRE_GATE else Stage.MID
    return GateResult(gate=gate, stage=stage, status=status, code=code, message=message, recommendation=cure)
