"""What a request is about: the vocabulary. The rules that fill it live in `rules`."""

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


class Classification(Fact):
    task_type: TaskType
    confidence: float
    """0 to 1."""
    secondary: TaskType | None = None
    intent: Intent
    secondary_intent: Intent | None = None
    domains: tuple[str, ...] = ()
    complexity: Complexity = Complexity.SIMPLE
    complexity_score: float = 0.0
    factors: dict[str, float] = {}
    """The six weighted factors of complexity, each 0 to 1."""
    risk: Risk = Risk.MEDIUM
    risk_reasons: tuple[str, ...] = ()
    mitigations: tuple[str, ...] = ()
    success_criteria: tuple[str, ...] = ()
    estimated_s: float = 60.0
    because: tuple[str, ...] = ()
    """Which words and rules carried it."""
    stated: bool = False
    """The user said the type (--type)."""
