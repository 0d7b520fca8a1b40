"""Workflows, their messages, queues and search attributes."""

from typing import Annotated, Final

from pydantic import Field
from temporalio.common import SearchAttributeKey

from ostinato.domain.base import Fact
from ostinato.domain.decisions import MAX_NAME_CHARS, MAX_NOTE_CHARS
from ostinato.domain.gates import GateResult
from ostinato.domain.ids import RunId

TASK_QUEUE: Final = "ostinato"
"""Workflows and whatever any worker can do."""

RUN_WORKFLOW: Final = "OstinatoRun"
MERGE_WORKFLOW: Final = "OstinatoMerge"

# Updates and signals share their names: updates validate and answer, signals work from any Temporal client.
DECIDE: Final = "decide"
APPROVE: Final = "approve"
REJECT: Final = "reject"
PAUSE: Final = "pause"
RESUME: Final = "resume"
# Queries
PROGRESS: Final = "progress"
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


class Verdict(Fact):
    """What `approve` and `reject` take; without a decision it answers the pending approval."""

    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


class Control(Fact):
    """What `pause` and `resume` take."""

    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""


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


class MergeResult(Fact):
    merged: bool
    code: str
    message: str
    commit: str = ""
    gates: tuple[GateResult, ...] = ()
