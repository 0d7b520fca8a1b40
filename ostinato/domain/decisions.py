"""A decision is a question with options that a person answers, once."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.errors import Problem
from ostinato.domain.ids import DecisionId, StepId

MAX_NOTE_CHARS: Final = 4_000
MAX_NAME_CHARS: Final = 200


class DecisionKind(StrEnum):
    APPROVAL = "approval"
    HANDOFF = "handoff"
    QUESTION = "question"
    UNKNOWN_OUTCOME = "unknown_outcome"
    CONFLICT = "conflict"


class Option(Fact):
    name: str
    effect: str
    """What choosing it does, in one line."""


class Answer(Fact):
    """What `decide` takes, as update or as signal."""

    decision: Annotated[DecisionId, Field(max_length=MAX_NAME_CHARS)]
    option: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARS)] = ""
    by: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = "unknown"


class Decision(Fact):
    id: DecisionId
    kind: DecisionKind
    question: str
    options: tuple[Option, ...]
    context: str = ""
    """Markdown: what a person needs to know to answer."""
    step_id: StepId | None = None
    worktree: str = ""
    """Where a hand-off's work is to be done."""
    asked_at: datetime
    answer: Answer | None = None
    answered_at: datetime | None = None
    autonomous: bool = False
    """Answered by policy (approved in advance), not by a person at that moment."""

    @property
    def is_open(self) -> bool:
        return self.answer is None


def answer_problem(decisions: dict[DecisionId, Decision], answer: Answer) -> Problem | None:
    """Why this answer is refused: unknown decision, second answer, unknown option; None when it is good."""
    decision = decisions.get(answer.decision)
    if decision is None:
        pending = ", ".join(name for name, known in decisions.items() if known.is_open) or "none is waiting"
        return Problem(
            code="decision_unknown",
            field="decision",
            message=f"there is no decision {answer.decision!r}",
            cure=f"Waiting for an answer: {pending}",
        )
    if decision.answer is not None:
        return Problem(
            code="decision_answered",
            field="decision",
            message=f"{answer.decision!r} was already answered with {decision.answer.option!r} by {decision.answer.by}",
            cure="Nothing is left to do for it",
        )
    names = [option.name for option in decision.options]
    if answer.option not in names:
        return Problem(
            code="option_unknown",
            field="option",
            message=f"{answer.option!r} is no option of {answer.decision!r}",
            cure=f"Choose one of: {', '.join(names)}",
        )
    return None


APPROVE = Option(name="approve", effect="go on and execute the plan")
REJECT = Option(name="reject", effect="end the run as cancelled; nothing is executed")
DONE = Option(name="done", effect="take what was changed in the worktree as the step's commit")
SAID = Option(name="done", effect='take what you found, given with --note "…", as the step\'s result')
SKIP = Option(name="skip", effect="leave the step out and go on")
ABORT = Option(name="abort", effect="end the run as cancelled; what was committed is kept on its branch")
GO_ON = Option(name="continue", effect="go on with the steps that have not started")
RERUN = Option(name="rerun", effect="run the step again from its start")
