"""Steps in motion: their states, and what one execution of a step came to."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.budget.metering import Spent
from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.gates import Finding
from ostinato.domain.ids import StepId
from ostinato.domain.precautions import Usage
from ostinato.domain.turns import Turn


class StepOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """An attempt ended without a known outcome and its step asks a person (recovery: ask)."""


class FailureKind(StrEnum):
    EXIT_STATUS = "exit_status"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    MISSING_COMMAND = "missing_command"
    ENVIRONMENT_MISSING = "environment_missing"
    NOT_TRUSTED = "not_trusted"
    TOOL = "tool"
    OUTSIDE = "outside"
    CONFLICT = "conflict"
    ABORTED = "aborted"
    SECRET = "secret"
    CONDITION = "condition"
    """A condition or a list could not be evaluated."""
    CLAIM = "claim"
    """It wrote outside what it claimed, and the plan's claims are strict."""
    PARTS = "parts"
    """Not enough of a group's parts succeeded."""
    PLAN = "plan"
    """The steps that it wanted to add are no plan."""
    RESOURCES = "resources"
    """Its processes used more than its limits."""
    AGENT = "agent"
    """A coding agent did not do it, or what it left does not prove that it did."""


class Failure(Fact):
    kind: FailureKind
    message: str
    details: str = ""
    """The tail of the output, redacted."""
    recommendation: str = ""
    server: str = ""
    """The MCP server that it is due to."""
    skill: str = ""
    """The skill that it is due to."""
    diagnosis: Diagnosis | None = None
    """What it is; None where nobody looked."""


class StepResult(Fact):
    """What one execution of a step came to."""

    step_id: StepId
    execution: int = 1
    attempt: int = 1
    outcome: StepOutcome
    summary: str = ""
    agent: str = ""
    """Who did it: tool:lint.fix, command, person:<name>."""
    commit: str = ""
    """The step's commit on the run's branch; empty when it changed nothing."""
    files_changed: int = 0
    outside_claim: tuple[str, ...] = ()
    """Paths it wrote although it claimed to write elsewhere (at most 20)."""
    prepared_s: float = 0.0
    """Seconds until its worktree and environment were ready."""
    output: dict[str, Any] = {}
    """Small values that later steps may refer to: exit_code, findings_count, stdout_tail …"""
    findings: tuple[Finding, ...] = ()
    """At most 20; all of them are in the evidence."""
    findings_count: int = 0
    used: Usage | None = None
    """What its processes were seen to use at most."""
    evidence: str = ""
    """Artifact reference."""
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    """Invocations of the coding agent that did it, in their order (at most 20)."""
    spent: Spent | None = None
    """Where it was billed: what its lease is settled with. Commands, tools and people bill nothing."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


class StepState(StrEnum):
    PENDING = "pending"
    PREPARING = "preparing"
    RUNNING = "running"
    WAITING = "waiting"
    """For a person."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    """Something it depends on failed."""
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in _OVER

    @property
    def is_active(self) -> bool:
        return self in (StepState.PREPARING, StepState.RUNNING, StepState.WAITING)


STATE_OF = {
    StepOutcome.SUCCEEDED: StepState.SUCCEEDED,
    StepOutcome.FAILED: StepState.FAILED,
    StepOutcome.SKIPPED: StepState.SKIPPED,
    StepOutcome.CANCELLED: StepState.CANCELLED,
    StepOutcome.UNKNOWN: StepState.FAILED,
}
_OVER = (StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.BLOCKED, StepState.CANCELLED)
