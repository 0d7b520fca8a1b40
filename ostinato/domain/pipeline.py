"""The phases of a run, its outcomes, and the transitions between them, as data."""

from datetime import datetime
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.errors import InvariantError


class Phase(StrEnum):
    ANALYZING = "analyzing"
    PLANNING = "planning"
    PREFLIGHT = "preflight"
    ACTIVATING = "activating"
    EXECUTING = "executing"
    VALIDATING = "validating"
    COMPLETING = "completing"
    RECOVERING = "recovering"
    ESCALATING = "escalating"
    ENDED = "ended"


class Outcome(StrEnum):
    COMPLETED = "completed"
    DEGRADED = "degraded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


class Trigger(StrEnum):
    CLASSIFIED = "classified"
    PLANNED = "planned"
    GATES_PASSED = "gates_passed"
    ACTIVATED = "activated"
    STEPS_FINISHED = "steps_finished"
    VALIDATED = "validated"
    REPORTED = "reported"
    STEP_FAILED = "step_failed"
    RECOVERED = "recovered"
    PERSON_NEEDED = "person_needed"
    ANSWERED = "answered"
    CONTINUED = "continued"
    """A finished or forked run goes on from what was done."""
    STOPPED = "stopped"
    """Something ended the run early: a failure, a refusal, a cancellation. The report is still written."""


_FORWARD = (
    (Phase.ANALYZING, Trigger.CLASSIFIED, Phase.PLANNING),
    (Phase.PLANNING, Trigger.PLANNED, Phase.PREFLIGHT),
    (Phase.PREFLIGHT, Trigger.GATES_PASSED, Phase.ACTIVATING),
    (Phase.ACTIVATING, Trigger.ACTIVATED, Phase.EXECUTING),
    (Phase.EXECUTING, Trigger.STEPS_FINISHED, Phase.VALIDATING),
    (Phase.VALIDATING, Trigger.VALIDATED, Phase.COMPLETING),
    (Phase.COMPLETING, Trigger.REPORTED, Phase.ENDED),
)
_DETOURS = (
    (Phase.ANALYZING, Trigger.CONTINUED, Phase.EXECUTING),
    (Phase.EXECUTING, Trigger.STEP_FAILED, Phase.RECOVERING),
    (Phase.VALIDATING, Trigger.STEP_FAILED, Phase.RECOVERING),
    (Phase.RECOVERING, Trigger.RECOVERED, Phase.EXECUTING),
    (Phase.RECOVERING, Trigger.RECOVERED, Phase.VALIDATING),
    *(
        (phase, Trigger.PERSON_NEEDED, Phase.ESCALATING)
        for phase in (Phase.PLANNING, Phase.PREFLIGHT, Phase.EXECUTING, Phase.VALIDATING, Phase.RECOVERING)
    ),
    *(
        (Phase.ESCALATING, Trigger.ANSWERED, phase)
        for phase in (Phase.PLANNING, Phase.PREFLIGHT, Phase.EXECUTING, Phase.VALIDATING, Phase.RECOVERING)
    ),
)
_STOPS = tuple(
    (phase, Trigger.STOPPED, Phase.COMPLETING) for phase in Phase if phase not in (Phase.COMPLETING, Phase.ENDED)
)

TRANSITIONS: frozenset[tuple[Phase, Trigger, Phase]] = frozenset((*_FORWARD, *_DETOURS, *_STOPS))
"""Every legal move. Whatever is not here is a bug."""


class Transition(Fact):
    """A move that was made."""

    source: Phase
    trigger: Trigger
    target: Phase
    at: datetime
    note: str = ""


def transition(source: Phase, trigger: Trigger, target: Phase, *, at: datetime, note: str = "") -> Transition:
    """The checked move; raises InvariantError where the table does not know it."""
    if (source, trigger, target) not in TRANSITIONS:
        raise InvariantError(f"no transition from {source} to {target} on {trigger}", code="illegal_transition")
    return Transition(source=source, trigger=trigger, target=target, at=at, note=note)


def moves_from(phase: Phase) -> tuple[tuple[Trigger, Phase], ...]:
    return tuple(sorted((trigger, target) for source, trigger, target in TRANSITIONS if source == phase))
