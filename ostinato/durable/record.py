"""The state of one run inside its workflow, and the snapshot it is read by."""

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
)
from ostinato.domain.classification import Classification
from ostinato.domain.decisions import Decision
from ostinato.domain.execution import Frontier, StepState
from ostinato.domain.gates import GateResult
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.monitoring import details_markdown
from ostinato.domain.pipeline import Outcome, Phase, Transition, Trigger, transition
from ostinato.domain.plan import Plan
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Recovered, Snapshot, Stop, Todo
from ostinato.domain.request import RunRequest
from ostinato.domain.resources import Activation
from ostinato.domain.workspace import Checkpoint, Publication, Workspace


@dataclass(slots=True, kw_only=True)
class StepTimes:
    started_at: datetime | None = None
    ended_at: datetime | None = None
    execution: int = 1
    note: str = ""


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
    frontier: Frontier | None = None
    times: dict[StepId, StepTimes] = field(default_factory=dict)
    backing_off: dict[StepId, bool] = field(default_factory=dict)
    head: str = ""
    gates: list[GateResult] = field(default_factory=list)
    decisions: dict[DecisionId, Decision] = field(default_factory=dict)
    recoveries: list[Recovered] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stop: Stop | None = None
    publication: Publication | None = None
    ended_at: datetime | None = None

    @property
    def plan(self) -> Plan | None:
        return self.frontier.plan if self.frontier else None

    @property
    def place(self) -> Workspace:
        """The workspace; only asked for after it was opened."""
        assert self.workspace is not None
        return self.workspace

    @property
    def facts(self) -> ProjectFacts:
        assert self.project is not None
        return self.project

    def move(self, trigger: Trigger, target: Phase, note: str = "") -> None:
        """A checked transition, shown at once."""
        self.transitions.append(transition(self.phase, trigger, target, at=workflow.now(), note=note))
        self.phase = target
        self.show()
        workflow.upsert_search_attributes([PHASE.value_set(target.value[:MAX_ATTRIBUTE_CHARS])])

    def say(self, doing: str) -> None:
        self.doing = doing
        self.show()

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.show()

    def set_state(self, step_id: StepId, state: StepState, note: str = "") -> None:
        assert self.frontier is not None
        self.frontier = self.frontier.moved(step_id, state)
        times = self.times[step_id]
        times.note = note
        if state.is_active and times.started_at is None:
            times.started_at = workflow.now()
        self.show()

    def checkpoint(self, commit: str, step_id: StepId | None = None) -> None:
        self.head = commit
        name = f"{len(self.checkpoints)}-{step_id or 'start'}"
        self.checkpoints.append(Checkpoint(id=name, step_id=step_id, commit=commit, at=workflow.now()))

    def show(self) -> None:
        workflow.set_current_details(details_markdown(self.snapshot()))

    def publish_plan_facts(self) -> None:
        assert self.frontier is not None
        assert self.classification is not None
        workflow.upsert_search_attributes(
            [
                TASK_TYPE.value_set(self.classification.task_type.value),
                STEPS_TOTAL.value_set(len(self.frontier.plan.steps)),
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
        states = self.frontier.states.values() if self.frontier else ()
        workflow.upsert_search_attributes(
            [
                OUTCOME.value_set(outcome.value),
                NEEDS_HUMAN.value_set(False),
                STEPS_FAILED.value_set(sum(1 for state in states if state is StepState.FAILED)),
            ]
        )

    def snapshot(self) -> Snapshot:
        return Snapshot(
            run_id=self.request.run_id,
            request=self.request,
            phase=self.phase,
            outcome=self.outcome,
            paused=self.paused,
            doing=self.doing,
            workspace=self.workspace,
            classification=self.classification,
            activation=self.activation,
            plan=self.plan,
            todos=self._todos(),
            results=tuple(self.frontier.results.values()) if self.frontier else (),
            gates=tuple(self.gates),
            decisions=tuple(self.decisions.values()),
            recoveries=tuple(self.recoveries),
            checkpoints=tuple(self.checkpoints),
            transitions=tuple(self.transitions),
            notes=tuple(self.notes),
            stop=self.stop,
            publication=self.publication,
            head=self.head,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )

    def _todos(self) -> tuple[Todo, ...]:
        if self.frontier is None:
            return ()
        return tuple(self._todo(self.frontier, step.id) for step in self.frontier.plan.steps)

    def _todo(self, frontier: Frontier, step_id: StepId) -> Todo:
        step = frontier.plan.step(step_id)
        result = frontier.results.get(step_id)
        times = self.times.get(step_id, StepTimes())
        return Todo(
            id=step_id,
            name=step.name,
            active=step.active_form,
            state=frontier.states[step_id],
            agent=result.agent if result else "",
            depends_on=step.depends_on,
            critical=step.critical,
            expected_s=step.expected_s,
            started_at=times.started_at,
            ended_at=times.ended_at,
            execution=times.execution,
            note=(result.failure.message if result.failure else result.summary) if result else times.note,
        )
