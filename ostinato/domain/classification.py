"""What a request is about: the vocabulary. The rules that fill it live in `rules`."""

from datetime import datetime
from enum import StrEnum

from ostinato.domain.base import Fact


class TaskType(StrEnum):
    CODE_IMPLEMENTATION = "code_implementation"
    BUG_FIX = "bug_fix"
    REFACTORING = "refactoring"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    CODE_REVIEW = "code_review"
    SECURITY_AUDIT = "security_audit"
    PERFORMANCE_OPTIMIZATION = "performance_optimization"
    DEPLOYMENT = "deployment"
    RESEARCH = "research"
    UI_DESIGN = "ui_design"
    MAINTENANCE = "maintenance"


class Intent(StrEnum):
    CREATE = "create"
    MODIFY = "modify"
    ANALYZE = "analyze"
    FIX = "fix"
    DEPLOY = "deploy"
    MANAGE = "manage"


class Complexity(StrEnum):
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    ENTERPRISE = "enterprise"


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Basis(StrEnum):
    """What a judgement of complexity rests on, weakest first."""

    TEXT = "text"
    REPOSITORY = "repository"
    PLAN = "plan"
    DIFF = "diff"


class Factor(Fact):
    """One of the six factors of complexity, as one basis shows it."""

    value: float
    """0 to 1."""
    because: tuple[str, ...] = ()


class Reading(Fact):
    """What one basis says of the factors; those it cannot judge are left out."""

    basis: Basis
    factors: dict[str, Factor] = {}
    confidence: float
    demanded: Complexity | None = None
    """A band that the request asks for in so many words; the score does not go below it."""


class Estimate(Fact):
    """Seconds that a run takes, without the waits for people."""

    low_s: float
    likely_s: float
    high_s: float
    because: str


class Lowering(Fact):
    """A person took a risk back; kept with the classification."""

    by: str
    at: datetime
    before: Risk
    after: Risk
    why: str

    @property
    def said(self) -> str:
        return f"{self.by} lowered the risk from {self.before} to {self.after}: {self.why}"


class Ranked(Fact):
    task_type: TaskType
    p: float
    """Calibrated, 0 to 1."""


class SettledType(Fact):
    """A type that somebody named where the classifier was not sure."""

    task_type: TaskType
    by: str
    confidence: float


class Classification(Fact):
    task_type: TaskType
    confidence: float
    """0 to 1."""
    secondary: TaskType | None = None
    also: tuple[TaskType, ...] = ()
    """Every other type that is likely enough (p of .20 or more), the likeliest first."""
    top: tuple[Ranked, ...] = ()
    """The three likeliest types, whatever was stated."""
    model: str = ""
    """The classifier: its version and the beginning of its hash."""
    refitted: bool = False
    """Its calibration comes from kept corrections."""
    intent: Intent
    secondary_intent: Intent | None = None
    domains: tuple[str, ...] = ()
    complexity: Complexity = Complexity.SIMPLE
    complexity_score: float = 0.0
    factors: dict[str, float] = {}
    """The six weighted factors of complexity, each 0 to 1."""
    complexity_basis: Basis = Basis.TEXT
    complexity_confidence: float = 0.0
    """0 to 1; never above .5 while it rests on the text alone."""
    readings: tuple[Reading, ...] = ()
    """What each basis said of the factors, and the facts behind it."""
    paths: tuple[str, ...] = ()
    """Files that the request is about, best match first; at most 10."""
    packages: tuple[str, ...] = ()
    """Packages or folders that they lie in."""
    risk: Risk = Risk.MEDIUM
    risk_reasons: tuple[str, ...] = ()
    mitigations: tuple[str, ...] = ()
    success_criteria: tuple[str, ...] = ()
    estimated_s: float = 60.0
    estimate: Estimate | None = None
    lowered: tuple[Lowering, ...] = ()
    """Who took risk back, and why."""
    because: tuple[str, ...] = ()
    """Which words and rules carried it."""
    stated: bool = False
    """The user said the type (--type)."""
