"""Steps in motion: their states, what may start next, and what a failure does to the rest. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.gates import Finding
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Step, remaining_path_s


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


class Failure(Fact):
    kind: FailureKind
    message: str
    details: str = ""
    """The tail of the output, redacted."""
    recommendation: str = ""


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
    output: dict[str, Any] = {}
    """Small values that later steps may refer to: exit_code, findings_count, stdout_tail …"""
    findings: tuple[Finding, ...] = ()
    """At most 20; all of them are in the evidence."""
    findings_count: int = 0
    evidence: str = ""
    """Artifact reference."""
    failure: Failure | None = None
    warnings: tuple[str, ...] = ()
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


_OVER = (StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.BLOCKED, StepState.CANCELLED)
_SATISFIES = (StepState.SUCCEEDED, StepState.SKIPPED)
_STATE_OF = {
    StepOutcome.SUCCEEDED: StepState.SUCCEEDED,
    StepOutcome.FAILED: StepState.FAILED,
    StepOutcome.SKIPPED: StepState.SKIPPED,
    StepOutcome.CANCELLED: StepState.CANCELLED,
    StepOutcome.UNKNOWN: StepState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The state of every step of a plan. Values in, new values out."""

    plan: Plan
    states: Mapping[StepId, StepState]
    results: Mapping[StepId, StepResult] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "Frontier":
        return cls(plan=plan, states={step.id: StepState.PENDING for step in plan.steps})

    def moved(self, step_id: StepId, state: StepState) -> "Frontier":
        return replace(self, states={**self.states, step_id: state})

    def settled(self, result: StepResult) -> "Frontier":
        """The step is over; whatever waits for a step that cannot succeed any more is blocked with it."""
        states = {**self.states, result.step_id: _STATE_OF[result.outcome]}
        return replace(self, states=_with_blocked(self.plan, states), results={**self.results, result.step_id: result})

    def stopped(self) -> "Frontier":
        """Nothing more starts: what has not begun is cancelled."""
        return replace(
            self,
            states={
                name: StepState.CANCELLED if state is StepState.PENDING else state
                for name, state in self.states.items()
            },
        )

    @property
    def is_over(self) -> bool:
        return all(state.is_over for state in self.states.values())

    @property
    def active(self) -> tuple[StepId, ...]:
        return tuple(name for name, state in self.states.items() if state.is_active)

    @property
    def only_people_are_awaited(self) -> bool:
        """Something waits for a person and nothing else moves."""
        active = [state for state in self.states.values() if state.is_active]
        return bool(active) and all(state is StepState.WAITING for state in active)

    def critical_failure(self) -> StepResult | None:
        """The first failed step that the plan calls critical."""
        return next(
            (
                result
                for name, result in self.results.items()
                if self.states[name] is StepState.FAILED and self.plan.step(name).critical
            ),
            None,
        )

    def ready(self, *, cap: int) -> tuple[Step, ...]:
        """What may start now, longest remaining path first. Steps that wait for a person take no slot."""
        busy = sum(1 for name in self.active if not self.plan.step(name).needs_person)
        remaining = remaining_path_s(self.plan)
        free = sorted(
            (
                step
                for step in self.plan.steps
                if self.states[step.id] is StepState.PENDING
                and all(self.states[name] in _SATISFIES for name in step.depends_on)
            ),
            key=lambda step: -remaining[step.id],
        )
        started: list[Step] = []
        for step in free:
            if step.needs_person:
                started.append(step)
            elif busy < cap:
                started.append(step)
                busy += 1
        return tuple(started)


def _with_blocked(plan: Plan, states: dict[StepId, StepState]) -> dict[StepId, StepState]:
    dead = {StepState.FAILED, StepState.BLOCKED, StepState.CANCELLED}
    changed = True
    while changed:
        changed = False
        for step in plan.steps:
            if states[step.id] is StepState.PENDING and any(states[name] in dead for name in step.depends_on):
                states[step.id] = StepState.BLOCKED
                changed = True
    return states
