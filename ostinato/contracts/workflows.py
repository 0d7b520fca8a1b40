"""Workflows, their messages, queues and search attributes."""

from typing import Annotated, Final

from pydantic import Field
from temporalio.common import SearchAttributeKey

from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.base import Fact
from ostinato.domain.classification import Classification
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.decisions import MAX_NAME_CHARS, MAX_NOTE_CHARS
from ostinato.domain.execution import StepResult
from ostinato.domain.gates import GateResult
from ostinato.domain.ids import RunId, StepId
from ostinato.domain.plan import USUAL_GATES, GateName, Step
from ostinato.domain.project import ProjectFacts
from ostinato.domain.report import Stop
from ostinato.domain.workspace import Workspace

TASK_QUEUE: Final = "ostinato"
"""Workflows and whatever any worker can do."""

RUN_WORKFLOW: Final = "OstinatoRun"
MERGE_WORKFLOW: Final = "OstinatoMerge"
SHARD_WORKFLOW: Final = "OstinatoShard"

# Updates and signals share their names: updates validate and answer, signals work from any Temporal client.
DECIDE: Final = "decide"
APPROVE: Final = "approve"
REJECT: Final = "reject"
PAUSE: Final = "pause"
RESUME: Final = "resume"
CHANGE_PLAN: Final = "change_plan"
ROLL_BACK: Final = "roll_back"
STEER: Final = "steer"
# Signals between a run and its shards
CARRY: Final = "carry"
CARRIED: Final = "carried"
# Queries
PROGRESS: Final = "progress"
SNAPSHOT: Final = "snapshot"
PENDING_DECISIONS: Final = "pending_decisions"

PHASE: Final = SearchAttributeKey.for_keyword("OstinatoPhase")
OUTCOME: Final = SearchAttributeKey.for_keyword("OstinatoOutcome")
TASK_TYPE: Final = SearchAttributeKey.for_keyword("OstinatoTaskType")
REPOSITORY: Final = SearchAttributeKey.for_keyword("OstinatoRepo")
NEEDS_HUMAN: Final = SearchAttributeKey.for_bool("OstinatoNeedsHuman")
STEPS_TOTAL: Final = SearchAttributeKey.for_int("OstinatoStepsTotal")
STEPS_FAILED: Final = SearchAttributeKey.for_int("OstinatoStepsFailed")
SEARCH_ATTRIBUTES: Final = {
    PHASE.name: "Keyword",
    OUTCOME.name: "Keyword",
    TASK_TYPE.name: "Keyword",
    REPOSITORY.name: "Keyword",
    NEEDS_HUMAN.name: "Bool",
    STEPS_TOTAL.name: "Int",
    STEPS_FAILED.name: "Int",
}
MAX_ATTRIBUTE_CHARS: Final = 255
"""A value over 2,048 bytes would terminate the workflow; 255 characters of four bytes stay under it."""


def step_queue(queue: str) -> str:
    """Where the work of steps and gates is taken up: however long it takes, what is short does not wait behind it."""
    return f"{queue}-steps"


def pulse_queue(queue: str) -> str:
    """Where the worker of a queue answers that it is there, whatever else it does."""
    return f"{queue}-pulse"


class Verdict(Fact):
    """What `approve` and `reject` take; without a decision it answers the pending approval."""

    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


class Control(Fact):
    """What `pause` and `resume` take."""

    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


class CarryStep(Fact):
    """One execution of a step, for a shard to carry."""

    step: Step
    execution: int
    slot: str
    head: str
    workspace: Workspace
    context: str = ""
    """JSON of what the step receives from others."""
    order: AgentOrder | None = None
    """Where a coding agent does it."""
    patience_s: float = 120.0
    """How long it may wait to be taken up."""


class CarryBatch(Fact):
    """What a run tells a shard."""

    start: tuple[CarryStep, ...] = ()
    cancel: tuple[str, ...] = ()
    """`<step>/<execution>` of what is to be stopped."""
    close: bool = False
    """Nothing more will come; the shard ends when it carries nothing."""


class Carried(Fact):
    """What became of one execution."""

    step_id: StepId
    execution: int
    result: StepResult | None = None
    lost_place: bool = False
    """Nobody took up the work: the worker that owns the files did not answer."""
    error: Stop | None = None
    """The activity failed in a way that is no result."""


class CarriedBatch(Fact):
    """What a shard tells its run; empty, it only asks whether the run is still there."""

    shard: str
    done: tuple[Carried, ...] = ()


class StartShard(Fact):
    """Input of a shard."""

    run_workflow: str
    name: str
    project: ProjectFacts
    request: str
    trusted: bool
    strict_claims: bool = False
    offline: bool = False


class Acknowledged(Fact):
    """What an update answers."""

    message: str


class MergeRun(Fact):
    run_id: RunId
    repository: str
    head: str
    base_branch: str
    requested_by: str
    trusted: bool
    force: bool = False
    gates: tuple[GateName, ...] = USUAL_GATES
    custom_gates: tuple[CustomGate, ...] = ()
    classification: Classification | None = None
    """Of the run, and its request: where they are about the gates' configuration, the new one counts."""
    request: str = ""
    offline: bool = False


class MergeResult(Fact):
    merged: bool
    code: str
    message: str
    commit: str = ""
    gates: tuple[GateResult, ...] = ()
