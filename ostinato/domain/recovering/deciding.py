"""`decide`: a failure, what was tried before and what may still be spent, to one strategy. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ostinato.domain.base import Fact
from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import StepOutcome
from ostinato.domain.plan import Step
from ostinato.domain.recovering.classes import LIMITS, POLICY, StrategyName
from ostinato.domain.recovering.codes import passes_by_itself, policy_of
from ostinato.domain.recovering.strategies import (
    Compensate,
    DiagnoseRollBackRetry,
    Escalate,
    FallbackAgent,
    FallbackCommand,
    GiveUp,
    IterativeRefinement,
    McpFallback,
    Relax,
    Resequence,
    Retry,
    RollBack,
    SimplifyAndRetry,
    SkillBypass,
    Strategy,
    TokenOptimization,
    WaitForReset,
)

BACKOFF_S = (1.0, 2.0, 4.0)
"""Retry delays (features, F9)."""
BACKOFF_CAP_S = 30.0
LOOP_LENGTH = 3
"""The same failure so often is no progress."""
RESET_GUESS_S = (60.0, 120.0, 300.0, 900.0, 3600.0)
"""Where a limit does not say when it is lifted."""
RESET_MARGIN = timedelta(seconds=1)
"""Clocks differ."""


class Tried(Fact):
    """A failure of the step before this one, and what was done about it. Survives restarts with the run's record."""

    error_class: ErrorClass
    code: str
    signature: str
    strategy: StrategyName
    detail: str = ""
    """The agent, the server or the skill."""


class Allowance(Fact):
    """What may still be spent."""

    is_exhausted: bool = False
    """Tokens, money or requests: what costs any is not begun."""
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A failed execution, and what there is to help it."""

    step: Step
    diagnosis: Diagnosis
    now: datetime
    outcome: StepOutcome = StepOutcome.FAILED
    agents: tuple[str, ...] = ()
    """Others that could do it, the best first."""
    server: str = ""
    """The MCP server that failed."""
    servers: tuple[str, ...] = ()
    """Others that offer the same."""
    skill: str = ""
    """The skill that it worked with."""
    can_refine: bool = False
    """Somebody or something could fix what was found."""
    can_split: bool = False
    """It has parts, or somebody who would take it apart."""


def decide(failing: Failing, history: Sequence[Tried], allowance: Allowance, *, jitter: float) -> Strategy:
    """The first of its class's strategies that applies and is not used up. `jitter` is 0 to 1, adds up to a tenth."""
    if failing.outcome is StepOutcome.UNKNOWN:
        return Escalate(because="nobody knows whether it took effect")
    if failing.outcome is not StepOutcome.FAILED:
        return GiveUp()
    stopped = _stopped(failing, allowance)
    looping = f"the same failure {LOOP_LENGTH} times: no progress" if is_loop(failing.diagnosis, history) else ""
    moment = _Moment(failing=failing, history=history, allowance=allowance, jitter=jitter, stopped=stopped or looping)
    for name in _candidates(failing, _ENDINGS if stopped else _WAYS_OUT if looping else _ALL):
        if (strategy := _MAKE[name](moment)) is not None:
            return strategy
    return GiveUp(because=moment.stopped or _used_up(history))


def tried(failing: Failing, strategy: Strategy) -> Tried:
    """For the history."""
    detail = getattr(strategy, "agent", "") or getattr(strategy, "without", "") or getattr(strategy, "skill", "")
    found = failing.diagnosis
    return Tried(
        error_class=found.error_class, code=found.code, signature=found.signature, strategy=strategy.name, detail=detail
    )


def after_rerun(history: Sequence[Tried]) -> tuple[Tried, ...]:
    """A person said: once more. What came before counts no longer, but for the last."""
    return tuple(history[-1:])


def is_loop(diagnosis: Diagnosis, history: Sequence[Tried]) -> bool:
    """The same failure for the third time, and time alone does not cure it."""
    same = sum(1 for entry in history if entry.signature == diagnosis.signature)
    return bool(diagnosis.signature) and same + 1 >= LOOP_LENGTH and not passes_by_itself(diagnosis.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    failing: Failing
    history: Sequence[Tried]
    allowance: Allowance
    jitter: float
    stopped: str

    @property
    def step(self) -> Step:
        return self.failing.step

    def count(self, name: StrategyName) -> int:
        return sum(1 for entry in self.history if entry.strategy is name)

    def is_open(self, name: StrategyName) -> bool:
        return self.count(name) < LIMITS[name]

    def has_time(self, until: datetime) -> bool:
        return self.allowance.deadline is None or until < self.allowance.deadline


_ALL = frozenset(StrategyName)
_ENDINGS = frozenset((StrategyName.RELAX, StrategyName.COMPENSATE, StrategyName.ROLL_BACK, StrategyName.ESCALATE))
_WAYS_OUT = _ENDINGS | {
    StrategyName.FALLBACK_COMMAND, StrategyName.FALLBACK_AGENT, StrategyName.MCP_FALLBACK, StrategyName.SKILL_BYPASS,
}  # fmt: skip
"""Of a loop: what is done otherwise, not once more."""


def _candidates(failing: Failing, allowed: frozenset[StrategyName]) -> tuple[StrategyName, ...]:
    policy = policy_of(failing.diagnosis.code)
    if policy.is_final or failing.step.on_failure == "give_up":
        return (StrategyName.COMPENSATE,)
    first = (StrategyName.ESCALATE,) if failing.step.on_failure == "ask" else ()
    return tuple(name for name in (*first, *POLICY[failing.diagnosis.error_class].strategies) if name in allowed)


def _stopped(failing: Failing, allowance: Allowance) -> str:
    """Why nothing more is begun."""
    if allowance.is_exhausted:
        return "the budget is used up"
    if allowance.deadline is not None and failing.now >= allowance.deadline:
        return "the deadline has passed"
    return ""


def _used_up(history: Sequence[Tried]) -> str:
    counts = {name: sum(1 for entry in history if entry.strategy is name) for name in StrategyName}
    done = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    return f"everything that applies was tried: {done}" if done else "no strategy applies"


def _retry(moment: _Moment) -> Retry | None:
    """As often as the step states; what passes by itself three times, unless its effects forbid it."""
    step, count = moment.step, moment.count(StrategyName.RETRY)
    is_own = passes_by_itself(moment.failing.diagnosis.code) and step.recovery.kind != "ask"
    if count >= max(step.max_attempts - 1, LIMITS[StrategyName.RETRY] if is_own else 0):
        return None
    pause = BACKOFF_S[min(count, len(BACKOFF_S) - 1)] * (1 + moment.jitter / 10)
    return Retry(after_s=min(pause, BACKOFF_CAP_S))


def _wait_for_reset(moment: _Moment) -> WaitForReset | None:
    count, said = moment.count(StrategyName.WAIT_FOR_RESET), moment.failing.diagnosis.reset_at
    guess = moment.failing.now + timedelta(seconds=RESET_GUESS_S[min(count, len(RESET_GUESS_S) - 1)])
    until = said + RESET_MARGIN if said is not None else guess
    if not moment.is_open(StrategyName.WAIT_FOR_RESET) or not moment.has_time(until):
        return None
    return WaitForReset(until=until, is_guess=said is None)


def _fallback_command(moment: _Moment) -> FallbackCommand | None:
    has_one = moment.step.fallback is not None and bool(moment.step.fallback.run)
    return FallbackCommand() if has_one and moment.is_open(StrategyName.FALLBACK_COMMAND) else None


def _fallback_agent(moment: _Moment) -> FallbackAgent | None:
    """The one that the step names, then others that could do it; each once."""
    step = moment.step
    named = (step.fallback.agent,) if step.fallback is not None and step.fallback.agent else ()
    others = moment.failing.agents if step.action.kind == "agent" else ()
    used = {entry.detail for entry in moment.history if entry.strategy is StrategyName.FALLBACK_AGENT}
    agent = next((name for name in (*named, *others) if name not in used), "")
    return FallbackAgent(agent=agent) if agent and moment.is_open(StrategyName.FALLBACK_AGENT) else None


def _mcp_fallback(moment: _Moment) -> McpFallback | None:
    failing = moment.failing
    if not failing.server or not moment.is_open(StrategyName.MCP_FALLBACK):
        return None
    return McpFallback(without=failing.server, instead=next(iter(failing.servers), ""))


def _skill_bypass(moment: _Moment) -> SkillBypass | None:
    skill = moment.failing.skill if moment.failing.diagnosis.code == "skill_failed" else ""
    return SkillBypass(skill=skill) if skill and moment.is_open(StrategyName.SKILL_BYPASS) else None


def _token_optimization(moment: _Moment) -> TokenOptimization | None:
    is_helped = moment.step.action.kind == "agent" and moment.is_open(StrategyName.TOKEN_OPTIMIZATION)
    return TokenOptimization(level=moment.count(StrategyName.TOKEN_OPTIMIZATION) + 1) if is_helped else None


def _iterative_refinement(moment: _Moment) -> IterativeRefinement | None:
    is_helped = moment.failing.can_refine and moment.is_open(StrategyName.ITERATIVE_REFINEMENT)
    return IterativeRefinement(number=moment.count(StrategyName.ITERATIVE_REFINEMENT) + 1) if is_helped else None


def _simplify(moment: _Moment) -> SimplifyAndRetry | None:
    is_helped = moment.failing.can_split and moment.is_open(StrategyName.SIMPLIFY_AND_RETRY)
    return SimplifyAndRetry() if is_helped else None


def _resequence(moment: _Moment) -> Resequence | None:
    """Only a conflict with what came in meanwhile is another one on a newer head."""
    is_helped = moment.failing.diagnosis.code in ("conflict", "commit_gone")
    return Resequence() if is_helped and moment.is_open(StrategyName.RESEQUENCE) else None


def _redeploy(moment: _Moment) -> DiagnoseRollBackRetry | None:
    is_helped = moment.step.deployment is not None and moment.is_open(StrategyName.DIAGNOSE_ROLL_BACK_RETRY)
    return DiagnoseRollBackRetry() if is_helped else None


def _relax(moment: _Moment) -> Relax | None:
    return Relax() if moment.step.relax else None


def _compensate(moment: _Moment) -> Compensate | None:
    is_helped = bool(moment.step.compensate) and moment.is_open(StrategyName.COMPENSATE)
    return Compensate() if is_helped else None


def _roll_back(moment: _Moment) -> RollBack | None:
    is_asked = moment.step.on_failure == "roll_back" and moment.is_open(StrategyName.ROLL_BACK)
    return RollBack() if is_asked else None


def _escalate(moment: _Moment) -> Escalate | None:
    if moment.step.on_failure == "ask":
        return Escalate(because=moment.stopped or "the step says so")
    is_due = policy_of(moment.failing.diagnosis.code).asks
    return Escalate(because=moment.stopped or _used_up(moment.history)) if is_due else None


_MAKE: Mapping[StrategyName, Callable[[_Moment], Strategy | None]] = {
    StrategyName.RETRY: _retry,
    StrategyName.WAIT_FOR_RESET: _wait_for_reset,
    StrategyName.FALLBACK_COMMAND: _fallback_command,
    StrategyName.FALLBACK_AGENT: _fallback_agent,
    StrategyName.MCP_FALLBACK: _mcp_fallback,
    StrategyName.SKILL_BYPASS: _skill_bypass,
    StrategyName.TOKEN_OPTIMIZATION: _token_optimization,
    StrategyName.ITERATIVE_REFINEMENT: _iterative_refinement,
    StrategyName.SIMPLIFY_AND_RETRY: _simplify,
    StrategyName.RESEQUENCE: _resequence,
    StrategyName.DIAGNOSE_ROLL_BACK_RETRY: _redeploy,
    StrategyName.RELAX: _relax,
    StrategyName.COMPENSATE: _compensate,
    StrategyName.ROLL_BACK: _roll_back,
    StrategyName.ESCALATE: _escalate,
}
