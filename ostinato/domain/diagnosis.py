"""What kind of failure it is: the classes, and what a diagnosis says."""

from datetime import datetime
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.gates import Severity


class ErrorClass(StrEnum):
    """Sixteen in four families, and rate limiting (features, F9)."""

    FAILURE = "failure"
    PARTIAL_COMPLETION = "partial_completion"
    TIMEOUT = "timeout"
    RESOURCE_EXHAUSTION = "resource_exhaustion"
    DEPENDENCY_VIOLATION = "dependency_violation"
    STATE_SYNC = "state_sync"
    CONTENTION = "contention"
    COORDINATION_TIMEOUT = "coordination_timeout"
    GATE_FAILURE = "gate_failure"
    COMPLIANCE = "compliance"
    SECURITY = "security"
    PERFORMANCE = "performance"
    CONTEXT_OVERFLOW = "context_overflow"
    NETWORK = "network"
    STORAGE = "storage"
    EXTERNAL_SERVICE = "external_service"
    RATE_LIMIT = "rate_limit"


class Diagnosis(Fact):
    """What a failure is, from facts alone."""

    error_class: ErrorClass
    severity: Severity
    code: str
    """Stable, finer than the class: disk_full, out_of_memory, merge_conflict, missing_command …"""
    cure: str = ""
    """What a person can do about it."""
    reset_at: datetime | None = None
    """UTC; when a limit is lifted, where that was said."""
    signature: str = ""
    """The same for the same failure: numbers, times, addresses and folders are left out of it."""
    because: str = ""
    """The line, the status or the event that it was known by."""
