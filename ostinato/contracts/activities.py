"""Every activity: its name, what goes in, what comes out, and how long it may take."""

from datetime import datetime, timedelta

from temporalio.common import RetryPolicy

from ostinato.contracts.account import ASK_ACCOUNT as ASK_ACCOUNT
from ostinato.contracts.contract import ActivityContract as ActivityContract
from ostinato.contracts.gates import (
    JudgedChange,
    JudgeGate,
    JudgeIntegrity,
    MeasurePerformance,
    ObserveGate,
    PrepareGates,
)
from ostinato.contracts.ledger import LOOK_AFTER_LEASES as LOOK_AFTER_LEASES
from ostinato.contracts.ledger import TAKE_LEASE as TAKE_LEASE
from ostinato.contracts.planning import (
    ActivateResources,
    AskType,
    DraftByModel,
    DraftPlan,
    Evaluate,
    Evaluated,
    ModelDraft,
    PlanDraft,
    ReviewChange,
)
from ostinato.domain.agents.accounts import MetLimit
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.base import Fact
from ostinato.domain.budget.ledger import Balance
from ostinato.domain.classification import Classification
from ostinato.domain.execution import StepResult
from ostinato.domain.gates import GateResult, Observation
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.plan import Step
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunRequest
from ostinato.domain.resources import Activation
from ostinato.domain.staff import Colleague, GivenNote
from ostinato.domain.workspace import Checkout, Integration, Publication, Workspace

LOST_WORKER = "WorkerLost"
"""Error type with which a restarted worker fails what its predecessor left unfinished."""

RETRY_LOST_WORKERS = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=10)
)
"""Without a count limit: our own errors are non-retryable, so only what never came back is tried again."""


class OpenWorkspace(Fact):
    run_id: RunId
    repository: str
    base: str | None = None
    include_dirty: bool = False
    checkpoint_remote: str = ""
    start_from: str = ""
    """A commit that the private clone has: where a fork or a continued run begins; empty: at the base."""


class RunPreflight(Fact):
    request: RunRequest
    workspace: Workspace
    draft: PlanDraft
    spent: Balance | None = None
    """What the run has spent so far, and its limit."""


class Preflight(Fact):
    gates: tuple[GateResult, ...]
    staff: tuple[Colleague, ...] = ()
    """Of the plan's coding agents those that can work here."""


class PrepareStep(Fact):
    """A worktree for a person to work in."""

    workspace: Workspace
    step: Step
    execution: int
    slot: str
    head: str
    """The checkpoint to start from."""
    trusted: bool


class PreparedStep(Fact):
    checkout: Checkout
    recorded: StepResult | None = None
    """This execution already came to a result: nothing is to be run."""


class ExecuteStep(Fact):
    """Prepare the worktree, do the work, take it as one commit."""

    workspace: Workspace
    step: Step
    execution: int
    slot: str
    """Name of the worktree to use; one step at a time holds it."""
    head: str
    """The checkpoint to start from."""
    project: ProjectFacts
    request: str
    trusted: bool
    context: str = ""
    """JSON of what the step receives from others."""
    strict_claims: bool = False
    offline: bool = False
    """Its command has no network."""
    order: AgentOrder | None = None
    """Where a coding agent does it."""


class SteerStep(Fact):
    """For the agent that works on a step, put where it is looked for: a person's note, or that its account is limited."""

    workspace: Workspace
    session: str
    note: GivenNote | None = None
    met: MetLimit | None = None


class Steered(Fact):
    """It lies there."""


class CollectStep(Fact):
    """Take what a person left in the worktree as the step's commit."""

    workspace: Workspace
    step: Step
    execution: int
    checkout: Checkout
    answered_by: str
    note: str = ""
    started_at: datetime


class StepToIntegrate(Fact):
    step_id: StepId
    execution: int
    commit: str


class IntegrateSteps(Fact):
    workspace: Workspace
    steps: tuple[StepToIntegrate, ...]
    """In the order in which they come onto the branch."""
    head: str
    """Where the workflow believes the run's branch to be."""


class Integrated(Fact):
    integrations: tuple[Integration, ...]
    """One for each step, in the same order."""
    head: str
    superseded: bool = False
    """Another worker took the run over: nothing of this counts."""
    note: str = ""
    """Why checkpoints could not be pushed."""


class RunningSibling(Fact):
    step_id: StepId
    slot: str
    head: str
    """The checkpoint it started from."""


class ForecastConflicts(Fact):
    """Would what siblings have written so far merge with the branch?"""

    workspace: Workspace
    head: str
    siblings: tuple[RunningSibling, ...]


class ConflictForecast(Fact):
    step_id: StepId
    paths: tuple[str, ...]
    against: StepId | None = None
    """The sibling in whose way it is; None: the branch."""


class Forecasts(Fact):
    conflicts: tuple[ConflictForecast, ...] = ()


class DescribeConflict(Fact):
    """Both sides of a conflict, as a person or the next execution needs to see them."""

    workspace: Workspace
    step_id: StepId
    execution: int


class ConflictDescription(Fact):
    diff: str


class TakeOver(Fact):
    """Go on elsewhere: whoever answers owns the run's files from now on."""

    workspace: Workspace
    head: str


class TakenOver(Fact):
    workspace: Workspace
    head: str
    """The newest checkpoint that could be restored."""
    missing: tuple[str, ...] = ()
    same_place: bool = False
    """The owner itself came back."""


class FeelPulse(Fact):
    """Asked of the worker that owns the files, apart from its work: is it there?"""

    queue: str


class Alive(Fact):
    owner: str


class RollBackBranch(Fact):
    """The run's branch back to a checkpoint, or some files from it as a commit on top."""

    workspace: Workspace
    head: str
    commit: str
    files: tuple[str, ...] = ()
    label: str = ""
    """Names the commit that restores files."""


class RolledBack(Fact):
    head: str
    kept: str = ""
    """The ref under which what was left behind is kept."""


class SealBranch(Fact):
    """Make the final commit: the user's hooks and signature."""

    workspace: Workspace
    head: str
    trusted: bool


class Sealed(Fact):
    head: str
    gate: GateResult | None = None
    notes: tuple[str, ...] = ()


class PublishBranch(Fact):
    workspace: Workspace
    head: str
    passed_gates: tuple[str, ...] = ()


class StoreReport(Fact):
    snapshot: Snapshot


class StoredReport(Fact):
    path: str
    notes: tuple[str, ...] = ()


class CloseWorkspace(Fact):
    workspace: Workspace


class ClosedWorkspace(Fact):
    saved_refs: tuple[str, ...] = ()
    """Where unfinished work was kept before its worktree was removed."""


class PrepareMerge(Fact):
    run_id: RunId
    repository: str
    head: str
    base_branch: str
    force: bool = False


class MergePlan(Fact):
    workspace: Workspace
    base_now: str
    target: str
    """The commit the base branch is to move to."""
    fast_forward: bool
    project: ProjectFacts
    """As found at the base: gate commands come from there."""
    already_merged: bool = False
    conflicts: tuple[str, ...] = ()


class LandMerge(Fact):
    workspace: Workspace
    base_branch: str
    expected: str
    target: str


class Landed(Fact):
    moved: bool
    message: str


_S = timedelta(seconds=1)
_MIN = timedelta(minutes=1)
STEP_MARGIN = timedelta(hours=1)
"""What a step's activity may take over the step's own time-out: its environment above all, which is several installations
of a quarter of an hour each at most; then to stop the tree, to save and to commit."""

OPEN_WORKSPACE = ActivityContract(
    name="workspace.open", input=OpenWorkspace, output=Workspace, start_to_close=15 * _MIN
)
DRAFT_PLAN = ActivityContract(name="plan.draft", input=DraftPlan, output=PlanDraft, start_to_close=5 * _MIN)
ASK_TYPE = ActivityContract(name="plan.ask_type", input=AskType, output=TypeAnswer, start_to_close=1 * _MIN)
DRAFT_BY_MODEL = ActivityContract(
    name="plan.draft_by_model", input=DraftByModel, output=ModelDraft, start_to_close=5 * _MIN
)
REVIEW_CHANGE = ActivityContract(
    name="plan.review_change", input=ReviewChange, output=Classification, start_to_close=1 * _MIN
)
RUN_PREFLIGHT = ActivityContract(name="gates.preflight", input=RunPreflight, output=Preflight, start_to_close=5 * _MIN)
ACTIVATE_RESOURCES = ActivityContract(
    name="resources.activate", input=ActivateResources, output=Activation, start_to_close=1 * _MIN
)
PREPARE_STEP = ActivityContract(name="step.prepare", input=PrepareStep, output=PreparedStep, start_to_close=20 * _MIN)
EXECUTE_STEP = ActivityContract(
    name="step.execute", input=ExecuteStep, output=StepResult, start_to_close=8 * 24 * 60 * _MIN
)
STEER_STEP = ActivityContract(name="step.steer", input=SteerStep, output=Steered, start_to_close=1 * _MIN)
COLLECT_STEP = ActivityContract(name="step.collect", input=CollectStep, output=StepResult, start_to_close=10 * _MIN)
INTEGRATE_STEPS = ActivityContract(
    name="step.integrate", input=IntegrateSteps, output=Integrated, start_to_close=10 * _MIN
)
FORECAST_CONFLICTS = ActivityContract(
    name="step.forecast", input=ForecastConflicts, output=Forecasts, start_to_close=2 * _MIN
)
DESCRIBE_CONFLICT = ActivityContract(
    name="step.describe_conflict", input=DescribeConflict, output=ConflictDescription, start_to_close=2 * _MIN
)
EVALUATE = ActivityContract(name="plan.evaluate", input=Evaluate, output=Evaluated, start_to_close=10 * _S)
TAKE_OVER = ActivityContract(name="workspace.take_over", input=TakeOver, output=TakenOver, start_to_close=15 * _MIN)
FEEL_PULSE = ActivityContract(name="worker.pulse", input=FeelPulse, output=Alive, start_to_close=10 * _S)
ROLL_BACK_BRANCH = ActivityContract(
    name="workspace.roll_back", input=RollBackBranch, output=RolledBack, start_to_close=10 * _MIN
)
SEAL_BRANCH = ActivityContract(name="workspace.seal", input=SealBranch, output=Sealed, start_to_close=15 * _MIN)
PREPARE_GATES = ActivityContract(name="gates.prepare", input=PrepareGates, output=Checkout, start_to_close=20 * _MIN)
OBSERVE_GATE = ActivityContract(name="gates.observe", input=ObserveGate, output=Observation, start_to_close=45 * _MIN)
JUDGE_GATE = ActivityContract(name="gates.judge", input=JudgeGate, output=GateResult, start_to_close=1 * _MIN)
MEASURE_PERFORMANCE = ActivityContract(
    name="gates.performance", input=MeasurePerformance, output=GateResult, start_to_close=90 * _MIN
)
JUDGE_INTEGRITY = ActivityContract(
    name="gates.integrity", input=JudgeIntegrity, output=JudgedChange, start_to_close=2 * _MIN
)
PUBLISH_BRANCH = ActivityContract(
    name="workspace.publish", input=PublishBranch, output=Publication, start_to_close=10 * _MIN
)
STORE_REPORT = ActivityContract(name="report.store", input=StoreReport, output=StoredReport, start_to_close=2 * _MIN)
CLOSE_WORKSPACE = ActivityContract(
    name="workspace.close", input=CloseWorkspace, output=ClosedWorkspace, start_to_close=10 * _MIN
)
PREPARE_MERGE = ActivityContract(name="merge.prepare", input=PrepareMerge, output=MergePlan, start_to_close=10 * _MIN)
LAND_MERGE = ActivityContract(name="merge.land", input=LandMerge, output=Landed, start_to_close=2 * _MIN)

ALL: tuple[ActivityContract, ...] = (  # type: ignore[type-arg]
    OPEN_WORKSPACE, DRAFT_PLAN, ASK_TYPE, DRAFT_BY_MODEL, REVIEW_CHANGE, RUN_PREFLIGHT, ACTIVATE_RESOURCES, PREPARE_STEP, EXECUTE_STEP, STEER_STEP, COLLECT_STEP, INTEGRATE_STEPS,
    FORECAST_CONFLICTS, DESCRIBE_CONFLICT, EVALUATE, TAKE_OVER, FEEL_PULSE, ROLL_BACK_BRANCH, SEAL_BRANCH, PREPARE_GATES, OBSERVE_GATE, JUDGE_GATE, MEASURE_PERFORMANCE, JUDGE_INTEGRITY, PUBLISH_BRANCH, STORE_REPORT, CLOSE_WORKSPACE, PREPARE_MERGE, LAND_MERGE,
    TAKE_LEASE, LOOK_AFTER_LEASES, ASK_ACCOUNT,
)  # fmt: skip
