"""The state of one run inside its workflow, and the snapshot it is read by."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from ostinato.contracts.workflows import (
    MAX_ATTRIBUTE_CHARS,
    NEEDS_HUMAN,
    OUTCOME,
    PHASE,
    STEPS_FAILED,
    STEPS_TOTAL,
    TASK_TYPE,
    CarriedBatch,
)
from ostinato.domain.budget.context import Eased
from ostinato.domain.budget.judging import limit_of
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.budget.metering import Metered
from ostinato.domain.classification import Classification
from ostinato.domain.continuation import Rollback, ShardState
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.gates import GateResult, Observation
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.monitoring import details_markdown, percent_done, worth_showing
from ostinato.domain.pipeline import Outcome, Phase, Transition, Trigger, transition
from ostinato.domain.plan import Plan, Step
from ostinato.domain.project import ProjectFacts
from ostinato.domain.recovering.deciding import Tried
from ostinato.domain.report import GATES_S, Changed, Conflict, Quota, Recovered, Snapshot, Stop, Todo
from ostinato.domain.request import RunRequest
from ostinato.domain.resources import Activation
from ostinato.domain.schedule import Schedule
from ostinato.domain.staff import Colleague, GivenNote
from ostinato.domain.workspace import Checkout, Checkpoint, Publication, Workspace


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where one step is, besides its state: enough to take it up again in another execution of the workflow."""

    execution: int = 1
    failures: int = 0
    conflicts: int = 0
    history: tuple[Tried, ...] = ()
    """Failures of its executions, and what was done about each."""
    form: str = ""
    """How it is done since it failed: by its fallback command, or by somebody else."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    retry_at: datetime | None = None
    slot: str = ""
    checkout: Checkout | None = None
    note: str = ""
    agent: str = ""
    """That its session is with."""
    assigned: str = ""
    """Why that one, in one line."""
    why: str = ""
    """Its last failure, in words for the agent that tries again."""
    anew: bool = False
    """Its session goes on in a fresh worktree."""
    level: int = 0
    """How much of its prompt is left out, since its context was too full."""
    without: tuple[str, ...] = ()
    """Servers and skills that it is not given any more, since they failed."""
    instead: tuple[str, ...] = ()
    """Servers in their place."""
    given: tuple[GivenNote, ...] = ()
    """What people told its agent."""
    admitted: int = 0
    """The execution that its agent's account let start; those with further leases go on under the same word. 0: none."""
    lease: Metered | None = None
    """Of the execution that is carried now, by an agent; also after the workflow began anew meanwhile."""

    def tree_of(self, step_id: StepId) -> str:
        """The folder of its worktree. An agent's is its own until the step is over: what it has begun waits in it."""
        return f"agent-{step_id}" if self.agent else self.slot


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """Facts of the run, in the order in which they become known."""

    request: RunRequest
    started_at: datetime
    phase: Phase = Phase.ANALYZING
    outcome: Outcome | None = None
    paused: bool = False
    doing: str = ""
    workspace: Workspace | None = None
    classification: Classification | None = None
    project: ProjectFacts | None = None
    activation: Activation | None = None
    schedule: Schedule | None = None
    results: dict[StepId, StepResult] = field(default_factory=dict)
    progress: dict[StepId, Progress] = field(default_factory=dict)
    backing_off: dict[StepId, bool] = field(default_factory=dict)
    head: str = ""
    gates: list[GateResult] = field(default_factory=list)
    baseline: tuple[Observation, ...] = ()
    decisions: dict[DecisionId, Decision] = field(default_factory=dict)
    recoveries: list[Recovered] = field(default_factory=list)
    quotas: dict[str, Quota] = field(default_factory=dict)
    """Accounts that wait until their limit is lifted."""
    conflicts: list[Conflict] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shards: list[ShardState] = field(default_factory=list)
    brought: list[CarriedBatch] = field(default_factory=list)
    """By shards, and not yet taken."""
    spending: Ledger = field(default_factory=Ledger)
    """What the run may spend and has spent; changed by `durable.spending` alone."""
    staff: tuple[Colleague, ...] = ()
    """Coding agents of the run that are there, as its worker found them."""
    engaged: dict[StepId, str] = field(default_factory=dict)
    """Steps that agents work on now, or are let start with: by whom."""
    told_to_start: set[str] = field(default_factory=set)
    """Those who waited for an account, and may go on."""
    eased: list[Eased] = field(default_factory=list)
    """Sessions of steps that were made smaller."""
    stop: Stop | None = None
    publication: Publication | None = None
    ended_at: datetime | None = None
    rollback: Rollback | None = None
    """Asked for and not yet begun."""
    rolling_back: bool = False
    held: bool = False
    """Too much fails: nothing more starts."""
    woken: bool = False
    """A message changed something that the loop has to look at."""
    calls_in_flight: int = 0
    """Activities of this execution that have not come back."""
    long_calls: int = 0
    """Those of them that may take hours."""
    stale: bool = False
    """The details that people see are older than the facts."""
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking_for_money: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        if not self.spending.limit.is_set:
            self.spending = self.spending.raised(limit_of(self.request.options))

    @property
    def plan(self) -> Plan | None:
        return self.schedule.plan if self.schedule else None

    @property
    def place(self) -> Workspace:
        """The workspace; only asked for after it was opened."""
        assert self.workspace is not None
        return self.workspace

    @property
    def facts(self) -> ProjectFacts:
        """What steps need of the project."""
        assert self.project is not None
        return self.project.without_survey

    @property
    def steps(self) -> Schedule:
        """The schedule; only asked for once there is a plan."""
        assert self.schedule is not None
        return self.schedule

    @property
    def is_going_back(self) -> bool:
        return self.rollback is not None or self.rolling_back

    def of(self, step_id: StepId) -> Progress:
        return self.progress.setdefault(step_id, Progress())

    def move(self, trigger: Trigger, target: Phase, note: str = "") -> None:
        """A checked transition, shown at once."""
        self.transitions.append(transition(self.phase, trigger, target, at=workflow.now(), note=note))
        self.phase = target
        self.show()
        workflow.upsert_search_attributes([PHASE.value_set(target.value[:MAX_ATTRIBUTE_CHARS])])

    def say(self, doing: str) -> None:
        self.doing = doing
        self.stale = True

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.stale = True

    def set_state(self, step_id: StepId, state: StepState, note: str = "") -> None:
        self.steps.move(step_id, state)
        progress = self.of(step_id)
        progress.note = note
        if state.is_active and progress.started_at is None:
            progress.started_at = workflow.now()
        self.stale = True

    def settle(self, step: StepId, state: StepState, result: StepResult | None = None) -> None:
        """The step is over, with its result if it came to one."""
        if result is not None:
            self.results[step] = result
        progress = self.of(step)
        progress.ended_at = workflow.now() if progress.started_at else None
        progress.slot, progress.retry_at, progress.checkout = "", None, None
        self.steps.settle(step, state)
        self.stale = True

    def checkpoint(self, commit: str, step_id: StepId | None = None) -> None:
        self.head = commit
        name = f"{len(self.checkpoints)}-{step_id or 'start'}"
        self.checkpoints.append(Checkpoint(id=name, step_id=step_id, commit=commit, at=workflow.now()))

    def wake(self) -> None:
        self.woken = True

    def show(self) -> None:
        """What the Web UI shows: bounded, however large the plan."""
        self.stale = False
        workflow.set_current_details(details_markdown(self._page(), percent=self._percent()))

    def publish_plan_facts(self) -> None:
        assert self.classification is not None
        workflow.upsert_search_attributes(
            [
                TASK_TYPE.value_set(self.classification.task_type.value),
                STEPS_TOTAL.value_set(len(self.steps.plan.steps)),
            ]
        )

    def publish_needs_human(self) -> None:
        waiting = any(decision.is_open for decision in self.decisions.values())
        workflow.upsert_search_attributes([NEEDS_HUMAN.value_set(waiting)])

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.ended_at = workflow.now()
        self.doing = ""
        self.move(Trigger.REPORTED, Phase.ENDED)
        failed = self.schedule.count(StepState.FAILED) if self.schedule else 0
        workflow.upsert_search_attributes(
            [
                OUTCOME.value_set(outcome.value),
                NEEDS_HUMAN.value_set(False),
                STEPS_FAILED.value_set(failed),
            ]
        )

    def snapshot(self) -> Snapshot:
        return self._with_todos(self.schedule.plan.steps if self.schedule else ()).model_copy(
            update={
                "workspace": self.workspace,
                "classification": self.classification,
                "project": self.project,
                "activation": self.activation,
                "plan": self.plan,
                "results": tuple(self.results.values()),
                "decisions": tuple(self.decisions.values()),
                "recoveries": tuple(self.recoveries),
                "conflicts": tuple(self.conflicts),
                "changes": tuple(self.changes),
                "checkpoints": tuple(self.checkpoints),
                "transitions": tuple(self.transitions),
                "notes": tuple(self.notes),
                "baseline": self.baseline,
                "spending": self.spending,
                "eased": tuple(self.eased),
                "staff": self.staff,
            }
        )

    def glance(self) -> Snapshot:
        """What people follow a run by, small whatever the size of the plan: no results, no plan, no findings."""
        return self._page().model_copy(
            update={
                "is_whole": False,
                "workspace": self.workspace,
                "classification": self.classification,
                "activation": self.activation,
                "planned_s": self._planned_s(),
                "spending": self.spending.compacted(0),
                "percent_done": self._percent(),
            }
        )

    def _page(self) -> Snapshot:
        """What fits on a page: open decisions, the steps worth showing, the last notes."""
        return self._with_todos(worth_showing(self.schedule) if self.schedule else ())

    def _planned_s(self) -> float | None:
        if self.schedule is None:
            return None
        schedule = self.schedule
        return max(schedule.longest_s, schedule.work_s / schedule.plan.max_parallel) + GATES_S

    def _with_todos(self, steps: tuple[Step, ...]) -> Snapshot:
        return Snapshot(
            run_id=self.request.run_id,
            request=self.request,
            phase=self.phase,
            outcome=self.outcome,
            paused=self.paused,
            doing=self.doing,
            todos=tuple(self._todo(step) for step in steps),
            counts=self.steps.counts if self.schedule else {},
            gates=tuple(self.gates),
            decisions=tuple(decision for decision in self.decisions.values() if decision.is_open),
            notes=tuple(self.notes[-5:]),
            quotas=tuple(self.quotas.values()),
            stop=self.stop,
            publication=self.publication,
            head=self.head,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )

    def _percent(self) -> int:
        if self.phase is Phase.ENDED:
            return 100
        return percent_done(self.schedule) if self.schedule else 2

    def _todo(self, step: Step) -> Todo:
        result = self.results.get(step.id)
        progress = self.progress.get(step.id) or Progress()
        return Todo(
            id=step.id,
            name=step.name,
            active=step.active_form,
            state=self.steps.states[step.id],
            agent=result.agent if result else "",
            depends_on=step.depends_on,
            implied=step.implied,
            group=step.group,
            critical=step.critical,
            expected_s=step.expected_s,
            started_at=progress.started_at,
            ended_at=progress.ended_at,
            execution=progress.execution,
            failures=progress.failures,
            conflicts=progress.conflicts,
            history=progress.history,
            form=progress.form,
            retry_at=progress.retry_at,
            slot=progress.slot,
            checkout=progress.checkout,
            working=progress.agent,
            assigned=progress.assigned,
            why=progress.why,
            anew=progress.anew,
            level=progress.level,
            without=progress.without,
            instead=progress.instead,
            given=progress.given,
            admitted=progress.admitted,
            lease=progress.lease,
            note=(result.failure.message if result.failure else result.summary) if result else progress.note,
        )
