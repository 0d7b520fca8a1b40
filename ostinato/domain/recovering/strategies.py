"""What can be done about a failure: one class for each strategy, with what the engine needs to carry it out."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ostinato.domain.recovering.classes import StrategyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Its next execution, after a pause."""

    name: ClassVar = StrategyName.RETRY
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForReset:
    """Nothing of that account starts until then; the step's next execution afterwards."""

    name: ClassVar = StrategyName.WAIT_FOR_RESET
    until: datetime
    is_guess: bool = False
    """Nobody said when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackCommand:
    name: ClassVar = StrategyName.FALLBACK_COMMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackAgent:
    name: ClassVar = StrategyName.FALLBACK_AGENT
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class McpFallback:
    name: ClassVar = StrategyName.MCP_FALLBACK
    without: str
    """The server that failed."""
    instead: str = ""
    """Another one that offers the same; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillBypass:
    name: ClassVar = StrategyName.SKILL_BYPASS
    skill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptimization:
    name: ClassVar = StrategyName.TOKEN_OPTIMIZATION
    level: int
    """1: what is idle is unloaded and history compacted; 2: only what the step itself names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IterativeRefinement:
    name: ClassVar = StrategyName.ITERATIVE_REFINEMENT
    number: int
    """1 to 3: of the fix step that is inserted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimplifyAndRetry:
    name: ClassVar = StrategyName.SIMPLIFY_AND_RETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Resequence:
    """On the newest head, when nobody else writes there."""

    name: ClassVar = StrategyName.RESEQUENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseRollBackRetry:
    name: ClassVar = StrategyName.DIAGNOSE_ROLL_BACK_RETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Relax:
    name: ClassVar = StrategyName.RELAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    name: ClassVar = StrategyName.COMPENSATE


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBack:
    name: ClassVar = StrategyName.ROLL_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    name: ClassVar = StrategyName.ESCALATE
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    name: ClassVar = StrategyName.GIVE_UP
    because: str = ""


Strategy = (
    Retry
    | WaitForReset
    | FallbackCommand
    | FallbackAgent
    | McpFallback
    | SkillBypass
    | TokenOptimization
    | IterativeRefinement
    | SimplifyAndRetry
    | Resequence
    | DiagnoseRollBackRetry
    | Relax
    | Compensate
    | RollBack
    | Escalate
    | GiveUp
)
