"""What a run came to: derived from facts, never stored twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.budget.context import Eased
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.metering import Metered
from ostinato.domain.classification import Classification
from ostinato.domain.critical_path import expected_duration_s
from ostinato.domain.decisions import Decision
from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.gates import GateResult, Observation, Stage, Status, failed_gates, unproven_gates
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.pipeline import Outcome, Phase, Transition
from ostinato.domain.plan import Implied, Plan
from ostinato.domain.project import ProjectFacts
from ostinato.domain.recovering.deciding import Tried
from ostinato.domain.request import RunRequest
from ostinato.domain.resources import Activation
from ostinato.domain.staff import Colleague, GivenNote
from ostinato.domain.workspace import Checkout, Checkpoint, Publication, Workspace

GATES_S = 5.0
"""A share of the expected time for the gates."""


class Stop(Fact):
    """Why a run ended early."""

    outcome: Outcome
    code: str
    """rejected, aborted, cancelled, terminated, deadline, step_failed, preflight_failed, bad_input, invariant …"""
    message: str
    cure: str = ""
    diagnosis: Diagnosis | None = None
    """Of what failed, where that was no step and no gate."""


class Recovered(Fact):
    """A failure that was dealt with."""

    step: StepId
    error_class: str
    severity: str
    strategy: str
    result: str
    code: str = ""
    """Of the failure: disk_full, tests_failed …"""
    signature: str = ""
    execution: int = 0
    at: datetime | None = None


class Quota(Fact):
    """An account used up what it may use: none of its steps starts until then."""

    account: str
    until: datetime
    step: StepId
    """That ran into the limit."""
    is_guess: bool = False
    """Nobody said when it is lifted."""
    because: str = ""

    def __str__(self) -> str:
        whose = self.account.removeprefix("agent:").removeprefix("step:")
        guess = ", a guess" if self.is_guess else ""
        return f"{whose} waits until {self.until:%Y-%m-%d %H:%M:%S} UTC{guess}: {self.because or 'a limit was reached'}"


class Conflict(Fact):
    """Two parallel changes of the same lines: seen coming while both ran, or met when the second was integrated."""

    step: StepId
    execution: int
    paths: tuple[str, ...]
    forecast: bool = False
    against: StepId | None = None
    """The running step in whose way it is; None: the run's branch."""
    resolution: str = ""
    """redone, taken by <person>, left out …; empty while it is open."""


class Changed(Fact):
    """What a person, or a step's result, changed in the running plan."""

    at: datetime
    by: str
    kind: str
    """add, skip, edit, retry."""
    step: StepId
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    note: str = ""


class Todo(Fact):
    """One step as a person follows it."""

    id: StepId
    name: str
    active: str
    state: StepState
    agent: str = ""
    depends_on: tuple[StepId, ...] = ()
    critical: bool = True
    expected_s: float = 0.0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    execution: int = 1
    failures: int = 0
    """Executions that failed and count against its attempts."""
    conflicts: int = 0
    history: tuple[Tried, ...] = ()
    """Failures of its executions, and what was done about each."""
    form: str = ""
    """How it is done since it failed."""
    retry_at: datetime | None = None
    """It backs off until then."""
    slot: str = ""
    """The worktree that it holds."""
    checkout: Checkout | None = None
    """Where a person works on it."""
    working: str = ""
    """The coding agent that its session is with."""
    assigned: str = ""
    """Why that one, in one line."""
    why: str = ""
    anew: bool = False
    level: int = 0
    without: tuple[str, ...] = ()
    """Servers and skills that failed its agent."""
    instead: tuple[str, ...] = ()
    given: tuple[GivenNote, ...] = ()
    """What people told its agent."""
    admitted: int = 0
    """The execution that its agent's account let start; those after it go on under the same word."""
    lease: Metered | None = None
    """Of the execution that is carried now, by an agent."""
    group: str = ""
    implied: tuple[Implied, ...] = ()
    note: str = ""
    """The summary, the failure, or what it waits for."""
    doing: str = ""
    """What its worker last said of it: only clients know that, and only while it runs."""


class Snapshot(Fact):
    """The run at this moment: what the `progress` query answers."""

    run_id: RunId
    request: RunRequest
    phase: Phase
    outcome: Outcome | None = None
    paused: bool = False
    doing: str = ""
    """One line: what is going on now."""
    workspace: Workspace | None = None
    classification: Classification | None = None
    project: ProjectFacts | None = None
    activation: Activation | None = None
    plan: Plan | None = None
    todos: tuple[Todo, ...] = ()
    results: tuple[StepResult, ...] = ()
    gates: tuple[GateResult, ...] = ()
    decisions: tuple[Decision, ...] = ()
    recoveries: tuple[Recovered, ...] = ()
    quotas: tuple[Quota, ...] = ()
    """Accounts that are waited for."""
    conflicts: tuple[Conflict, ...] = ()
    changes: tuple[Changed, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    transitions: tuple[Transition, ...] = ()
    notes: tuple[str, ...] = ()
    stop: Stop | None = None
    publication: Publication | None = None
    baseline: tuple[Observation, ...] = ()
    """What the gates' tools saw at the base, once they have."""
    head: str = ""
    counts: dict[StepState, int] = {}
    """Steps by state; where not everything is here, the todos are those worth showing."""
    is_whole: bool = True
    planned_s: float | None = None
    """Expected seconds of the whole plan, where the plan itself is not here."""
    percent_done: int | None = None
    spending: Ledger | None = None
    """What the run may spend and has spent."""
    staff: tuple[Colleague, ...] = ()
    """Coding agents that its steps may be given to, as they were found."""
    eased: tuple[Eased, ...] = ()
    """Sessions of steps that were made smaller before they were given them."""
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def pending_decisions(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if decision.is_open)

    @property
    def percent(self) -> int:
        """Share of the expected time of all steps that is done; 100 only when the run has ended."""
        if self.phase is Phase.ENDED:
            return 100
        if self.percent_done is not None:
            return self.percent_done
        total = sum(todo.expected_s for todo in self.todos)
        done = sum(todo.expected_s for todo in self.todos if todo.state.is_over)
        return min(99, int(5 + 75 * done / total)) if total else 2

    @property
    def expected_s(self) -> float:
        """For the whole run: steps on the critical path and a share for the gates."""
        if self.planned_s is not None:
            return self.planned_s
        return expected_duration_s(self.plan) + GATES_S if self.plan else 0.0


class Stored(Fact):
    """A closed run as it is kept: enough for list, status and report without its history."""

    schema_version: int = 1
    snapshot: Snapshot
    artifacts: dict[str, str] = {}
    """Name → artifact reference."""


def judge_outcome(
    *, stop: Stop | None, states: Sequence[StepState], gates: Sequence[GateResult], preliminary: bool = False
) -> Outcome:
    """completed never hides a failed step, a failed gate or a gate that could not judge. What gates said while steps
    ran shows in what became of the steps.
    """
    if stop is not None:
        return stop.outcome
    if failed_gates(gate for gate in gates if gate.stage is not Stage.MID):
        return Outcome.FAILED
    if StepState.FAILED in states or StepState.BLOCKED in states or unproven_gates(gates):
        return Outcome.DEGRADED
    return Outcome.COMPLETED


def is_proven(snapshot: Snapshot) -> str:
    """Empty when the head passed its gates; else why it may not be merged."""
    if snapshot.outcome not in (Outcome.COMPLETED, Outcome.DEGRADED):
        return f"the run ended {snapshot.outcome or 'not yet'}"
    post = [gate for gate in snapshot.gates if gate.stage == "post"]
    if failing := failed_gates(post):
        return "gates failed: " + ", ".join(gate.gate for gate in failing)
    if unproven := unproven_gates(post):
        return "gates could not judge: " + ", ".join(gate.gate for gate in unproven)
    if not any(gate.status in (Status.PASS, Status.WARN) for gate in post):
        return "no gate judged the commit"
    if other := [gate.gate for gate in post if gate.commit and gate.commit != snapshot.head]:
        return f"gates judged another commit: {', '.join(other)}"
    return ""
