"""The classes of errors as a table: family, severity, response time, and the strategies in the order they are tried."""

from collections.abc import Mapping
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.gates import Severity


class Family(StrEnum):
    STEP_EXECUTION = "step execution"
    COORDINATION = "coordination"
    QUALITY = "quality"
    INFRASTRUCTURE = "infrastructure"
    RATE_LIMITING = "rate limiting"


class StrategyName(StrEnum):
    RETRY = "retry"
    WAIT_FOR_RESET = "wait_for_reset"
    FALLBACK_COMMAND = "fallback_command"
    FALLBACK_AGENT = "fallback_agent"
    MCP_FALLBACK = "mcp_fallback"
    SKILL_BYPASS = "skill_bypass"
    TOKEN_OPTIMIZATION = "token_optimization"
    ITERATIVE_REFINEMENT = "iterative_refinement"
    SIMPLIFY_AND_RETRY = "simplify_and_retry"
    RESEQUENCE = "resequence"
    DIAGNOSE_ROLL_BACK_RETRY = "diagnose_roll_back_retry"
    RELAX = "relax"
    COMPENSATE = "compensate"
    ROLL_BACK = "roll_back"
    ESCALATE = "escalate"
    GIVE_UP = "give_up"


MEANS: Mapping[StrategyName, str] = {
    StrategyName.RETRY: "run it again after 1, 2, 4 s with jitter",
    StrategyName.WAIT_FOR_RESET: "wait durably until the limit is lifted; no other step of that account starts meanwhile",
    StrategyName.FALLBACK_COMMAND: "run the step's `fallback` instead",
    StrategyName.FALLBACK_AGENT: "give it to another agent",
    StrategyName.MCP_FALLBACK: "go on with another MCP server that offers the same, or with none",
    StrategyName.SKILL_BYPASS: "go on without the skill that failed",
    StrategyName.TOKEN_OPTIMIZATION: "make its context smaller, and run it again",
    StrategyName.ITERATIVE_REFINEMENT: "insert a step that fixes what was found, then run it again",
    StrategyName.SIMPLIFY_AND_RETRY: "split it into smaller steps; a person where it cannot be split",
    StrategyName.RESEQUENCE: "run it again on the newest head, when nobody else writes there",
    StrategyName.DIAGNOSE_ROLL_BACK_RETRY: "a deployment: keep the diagnosis, roll back, deploy once more",
    StrategyName.RELAX: "the step said that it may be left undone (`relax: true`): go on without it, with a warning",
    StrategyName.COMPENSATE: "undo its effects with the step's `compensate` command",
    StrategyName.ROLL_BACK: "return the run to the checkpoint before it",
    StrategyName.ESCALATE: "a person decides",
    StrategyName.GIVE_UP: "its failure stands",
}

LIMITS: Mapping[StrategyName, int] = {
    StrategyName.RETRY: 3,
    StrategyName.WAIT_FOR_RESET: 20,
    StrategyName.FALLBACK_COMMAND: 1,
    StrategyName.FALLBACK_AGENT: 2,
    StrategyName.MCP_FALLBACK: 1,
    StrategyName.SKILL_BYPASS: 1,
    StrategyName.TOKEN_OPTIMIZATION: 2,
    StrategyName.ITERATIVE_REFINEMENT: 3,
    StrategyName.SIMPLIFY_AND_RETRY: 1,
    StrategyName.RESEQUENCE: 2,
    StrategyName.DIAGNOSE_ROLL_BACK_RETRY: 1,
    StrategyName.RELAX: 1,
    StrategyName.COMPENSATE: 1,
    StrategyName.ROLL_BACK: 1,
}
"""How often each is used for one step; a stated `retry` is a limit of its own."""

RESPONSE_S: Mapping[Severity, float | None] = {
    Severity.CRITICAL: 5.0,
    Severity.MAJOR: 30.0,
    Severity.MINOR: 120.0,
    Severity.INFORMATIONAL: None,
}
"""Seconds until something is done about it; None: at the end of the run."""


class ClassPolicy(Fact):
    family: Family
    severity: Severity
    meaning: str
    strategies: tuple[StrategyName, ...]
    """In order; the first that applies to the step and has not been used up is taken. Then give up."""
    passes_by_itself: bool = False
    """Time alone may cure it: it is retried though nobody asked for it, and the same again is no loop."""


_S, _F, _C = StrategyName, Family, Severity
_LAST = (_S.RELAX, _S.COMPENSATE, _S.ROLL_BACK, _S.ESCALATE)
"""What ends every list: each applies only where the step, or the class, says so."""

POLICY: Mapping[ErrorClass, ClassPolicy] = {
    ErrorClass.FAILURE: ClassPolicy(
        family=_F.STEP_EXECUTION, severity=_C.MAJOR, meaning="it ran, and ended with an error",
        strategies=(
            _S.DIAGNOSE_ROLL_BACK_RETRY, _S.RETRY, _S.FALLBACK_COMMAND, _S.MCP_FALLBACK, _S.SKILL_BYPASS,
            _S.FALLBACK_AGENT, _S.ITERATIVE_REFINEMENT, *_LAST,
        ),
    ),
    ErrorClass.PARTIAL_COMPLETION: ClassPolicy(
        family=_F.STEP_EXECUTION, severity=_C.MINOR, meaning="some of it was done, and some was not",
        strategies=(
            _S.DIAGNOSE_ROLL_BACK_RETRY, _S.RETRY, _S.FALLBACK_COMMAND, _S.FALLBACK_AGENT, _S.ITERATIVE_REFINEMENT,
            _S.SIMPLIFY_AND_RETRY, *_LAST,
        ),
    ),
    ErrorClass.TIMEOUT: ClassPolicy(
        family=_F.STEP_EXECUTION, severity=_C.MAJOR, meaning="it did not end within its time",
        strategies=(
            _S.DIAGNOSE_ROLL_BACK_RETRY, _S.RETRY, _S.FALLBACK_COMMAND, _S.FALLBACK_AGENT, _S.SIMPLIFY_AND_RETRY, *_LAST,
        ),
    ),
    ErrorClass.RESOURCE_EXHAUSTION: ClassPolicy(
        family=_F.STEP_EXECUTION, severity=_C.CRITICAL,
        meaning="memory, processes or open files ran out, or it went over its limit",
        strategies=(_S.RETRY, _S.FALLBACK_COMMAND, _S.SIMPLIFY_AND_RETRY, *_LAST),
    ),
    ErrorClass.DEPENDENCY_VIOLATION: ClassPolicy(
        family=_F.COORDINATION, severity=_C.CRITICAL, meaning="something that it needs is not there",
        strategies=(_S.FALLBACK_COMMAND, _S.MCP_FALLBACK, _S.SKILL_BYPASS, _S.FALLBACK_AGENT, *_LAST),
    ),
    ErrorClass.STATE_SYNC: ClassPolicy(
        family=_F.COORDINATION, severity=_C.MAJOR, meaning="what it worked on is no longer what is there",
        strategies=(_S.RESEQUENCE, _S.RETRY, *_LAST),
    ),
    ErrorClass.CONTENTION: ClassPolicy(
        family=_F.COORDINATION, severity=_C.MINOR, meaning="another one changed, held or locked the same",
        strategies=(_S.RESEQUENCE, _S.RETRY, *_LAST),
    ),
    ErrorClass.COORDINATION_TIMEOUT: ClassPolicy(
        family=_F.COORDINATION, severity=_C.MINOR, meaning="it waited too long for another step, agent or lock",
        strategies=(_S.RESEQUENCE, _S.RETRY, _S.FALLBACK_AGENT, *_LAST), passes_by_itself=True,
    ),
    ErrorClass.GATE_FAILURE: ClassPolicy(
        family=_F.QUALITY, severity=_C.MAJOR, meaning="tests fail, or lint, types or another check object",
        strategies=(_S.DIAGNOSE_ROLL_BACK_RETRY, _S.RETRY, _S.ITERATIVE_REFINEMENT, _S.FALLBACK_AGENT, *_LAST),
    ),
    ErrorClass.COMPLIANCE: ClassPolicy(
        family=_F.QUALITY, severity=_C.CRITICAL, meaning="it did, or asked for, what policy does not allow",
        strategies=(_S.COMPENSATE, _S.ROLL_BACK, _S.ESCALATE),
    ),
    ErrorClass.SECURITY: ClassPolicy(
        family=_F.QUALITY, severity=_C.CRITICAL, meaning="a secret, or insecure code",
        strategies=(_S.COMPENSATE, _S.ROLL_BACK, _S.ESCALATE),
    ),
    ErrorClass.PERFORMANCE: ClassPolicy(
        family=_F.QUALITY, severity=_C.MINOR, meaning="slower than before the run",
        strategies=(_S.RETRY, _S.ITERATIVE_REFINEMENT, *_LAST),
    ),
    ErrorClass.CONTEXT_OVERFLOW: ClassPolicy(
        family=_F.INFRASTRUCTURE, severity=_C.MAJOR, meaning="more than the model can read at once",
        strategies=(_S.TOKEN_OPTIMIZATION, _S.SIMPLIFY_AND_RETRY, _S.FALLBACK_AGENT, *_LAST),
    ),
    ErrorClass.NETWORK: ClassPolicy(
        family=_F.INFRASTRUCTURE, severity=_C.MAJOR, meaning="a host could not be found, reached or kept",
        strategies=(_S.RETRY, _S.FALLBACK_COMMAND, _S.MCP_FALLBACK, _S.FALLBACK_AGENT, *_LAST), passes_by_itself=True,
    ),
    ErrorClass.STORAGE: ClassPolicy(
        family=_F.INFRASTRUCTURE, severity=_C.CRITICAL, meaning="a disk is full, read-only or broken, or a file may not be used",
        strategies=(_S.RETRY, _S.FALLBACK_COMMAND, *_LAST),
    ),
    ErrorClass.EXTERNAL_SERVICE: ClassPolicy(
        family=_F.INFRASTRUCTURE, severity=_C.MAJOR, meaning="a service answered with an error of its own",
        strategies=(_S.RETRY, _S.FALLBACK_COMMAND, _S.MCP_FALLBACK, _S.FALLBACK_AGENT, *_LAST), passes_by_itself=True,
    ),
    ErrorClass.RATE_LIMIT: ClassPolicy(
        family=_F.RATE_LIMITING, severity=_C.MINOR, meaning="an account used up what it may use until later",
        strategies=(_S.WAIT_FOR_RESET, _S.FALLBACK_AGENT, _S.FALLBACK_COMMAND, *_LAST), passes_by_itself=True,
    ),
}  # fmt: skip
