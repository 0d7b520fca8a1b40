"""Snapshots of runs in telling states, for tests of what people and programs are shown."""

from datetime import UTC, datetime, timedelta

from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.decisions import APPROVE, REJECT, Decision, DecisionKind
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.gates import GateResult, Stage, Status
from ostinato.domain.ids import DecisionId, RunId, StepId
from ostinato.domain.pipeline import Outcome, Phase
from ostinato.domain.plan import Implied, Plan, Step, ToolAction
from ostinato.domain.report import Snapshot, Todo
from ostinato.domain.request import RunRequest
from ostinato.domain.workspace import Publication, Workspace

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
RUN = RunId("fix-the-lint-errors-1a2b3c4d")
HEAD = "b" * 40


def a_todo(
    name: str,
    state: StepState,
    *,
    active: str = "",
    note: str = "",
    since: int | None = None,
    group: str = "",
    after: str = "",
    implied: tuple[Implied, ...] = (),
) -> Todo:
    begun = START + timedelta(seconds=since) if since is not None else None
    ended = begun + timedelta(seconds=3) if begun and state.is_over else None
    return Todo(
        id=StepId(name.lower().replace(" ", "-")),
        name=name,
        active=active,
        state=state,
        note=note,
        group=group,
        depends_on=(StepId(after),) if after else (),
        implied=implied,
        expected_s=5.0,
        started_at=begun,
        ended_at=ended,
    )


def a_plan() -> Plan:
    steps = (
        Step(id=StepId("map"), name="Map the project", action=ToolAction(tool="map.project")),
        Step(id=StepId("fix"), name="Fix lint", action=ToolAction(tool="lint.fix"), depends_on=(StepId("map"),)),
    )
    return Plan(id="maintenance", source="template:maintenance", steps=steps)


def a_gate(name: str, status: Status, *, stage: Stage = Stage.POST, message: str = "nothing new") -> GateResult:
    return GateResult(gate=name, stage=stage, status=status, message=message, commit=HEAD)


def a_decision() -> Decision:
    return Decision(
        id=DecisionId("approve-plan"),
        kind=DecisionKind.APPROVAL,
        question="Execute this plan?",
        options=(APPROVE, REJECT),
        context="maintenance · risk high: touches the build",
        asked_at=START,
    )


def a_workspace() -> Workspace:
    return Workspace(
        run_id=RUN,
        queue="q",
        repository="/home/ada/shop",
        repository_id="r",
        mirror="/state/mirror",
        root="/state/run",
        base_branch="main",
        base_commit="a" * 40,
        head="a" * 40,
    )


def a_run(**changed: object) -> Snapshot:
    """In the middle of its work."""
    middle = Snapshot(
        run_id=RUN,
        request=RunRequest(
            run_id=RUN, text="fix the lint errors and format", repository="/home/ada/shop", requested_by="ada"
        ),
        phase=Phase.EXECUTING,
        doing="2 of 4 steps done",
        workspace=a_workspace(),
        classification=Classification(task_type=TaskType.MAINTENANCE, confidence=0.9, intent=Intent.FIX),
        plan=a_plan(),
        todos=(
            a_todo("Map the project", StepState.SUCCEEDED, note="41 files, 3 packages", since=1),
            a_todo("Fix lint", StepState.RUNNING, active="Fixing lint findings", since=4),
            a_todo("Format the code", StepState.PENDING, active="Formatting the code"),
        ),
        gates=(a_gate("git state", Status.PASS, stage=Stage.PRE, message="clean, on main"),),
        started_at=START,
    )
    return middle.model_copy(update=changed)


def a_waiting_run() -> Snapshot:
    return a_run(phase=Phase.ESCALATING, decisions=(a_decision(),), todos=(), doing="waiting for a person")


def an_ended_run(outcome: Outcome = Outcome.COMPLETED, **changed: object) -> Snapshot:
    ended = a_run(
        phase=Phase.ENDED,
        outcome=outcome,
        todos=(a_todo("Fix lint", StepState.SUCCEEDED, note="7 fixed", since=1),),
        gates=(
            a_gate("tests", Status.PASS, message="12 passed, coverage 91 %"),
            a_gate("types", Status.WARN, message="2 inherited"),
        ),
        publication=Publication(branch=f"ostinato/{RUN}", commit=HEAD, pushed=True),
        head=HEAD,
        ended_at=START + timedelta(seconds=21),
    )
    return ended.model_copy(update=changed)


def a_failed_step(run: Snapshot) -> Snapshot:
    failure = Failure(kind=FailureKind.EXIT_STATUS, message="exit status 2", recommendation="Read its output")
    result = StepResult(step_id=StepId("fix-lint"), outcome=StepOutcome.FAILED, failure=failure, evidence="sha256:00")
    return run.model_copy(update={"todos": (a_todo("Fix lint", StepState.FAILED, since=1),), "results": (result,)})
