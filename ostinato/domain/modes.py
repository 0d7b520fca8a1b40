"""Which mode a run is given."""

from collections.abc import Mapping

from ostinato.domain.classification import Classification, Complexity, TaskType

_MODE_OF: Mapping[TaskType, str] = {
    **dict.fromkeys(TaskType, "implementation"),
    TaskType.CODE_REVIEW: "review",
    TaskType.SECURITY_AUDIT: "analysis",
    TaskType.PERFORMANCE_OPTIMIZATION: "analysis",
    TaskType.RESEARCH: "research",
    TaskType.DEPLOYMENT: "orchestration",
    TaskType.MAINTENANCE: "token-efficient",
}


def mode_for(classification: Classification) -> str:
    """Large work is divided; else the type decides."""
    usual = _MODE_OF[classification.task_type]
    is_large = classification.complexity in (Complexity.COMPLEX, Complexity.ENTERPRISE)
    return "orchestration" if is_large and usual == "implementation" else usual
