"""What a person asks for, checked at the door."""

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.errors import UserError
from ostinato.domain.ids import RunId, fired_run_id
from ostinato.domain.permissions import Policy
from ostinato.domain.plan import GateName, Plan
from ostinato.domain.run_context import RunContext

MAX_REQUEST_CHARS = 20_000
_KEPT_CONTROLS = "\n\t"


class Interaction(StrEnum):
    MINIMAL = "minimal"
    CHECKPOINT = "checkpoint"
    COLLABORATIVE = "collaborative"


class RunOptions(Fact):
    interaction: Interaction = Interaction.MINIMAL
    max_parallel: Annotated[int, Field(ge=1, le=50)] = 5
    deadline: datetime | None = None
    base: str | None = None
    include_dirty: bool = False
    trusted: bool = False
    """The user trusts the repository: its own commands and code may run."""
    approve_in_advance: bool = False
    task_type: TaskType | None = None
    risk: Risk | None = None
    """What the user says the risk is: it only counts below the assessed one with a reason."""
    risk_because: str = ""
    mode: str | None = None
    plan: Plan | None = None
    """Given where a workflow definition was compiled; else the plan comes from a template."""
    checkpoint_remote: str = ""
    """A repository that receives the run's refs after each step; empty: the user's own."""
    takeover_after_s: Annotated[float, Field(ge=1)] = 120.0
    """How long the worker that owns the files may stay silent before another one takes the run over."""
    context: RunContext | None = None
    """What other runs left, given at the start."""
    post_gates: tuple[GateName, ...] | None = None
    """What the repository's configuration asks for; None leaves the choice to the template."""
    custom_gates: tuple[CustomGate, ...] = ()
    """Commands of the repository's configuration that judge the final commit, too."""
    agents: tuple[str, ...] = ()
    """Coding agents that steps may be given to; empty: people do what only a mind can do."""
    policy: Policy = Policy()
    """What the run may write and start: the stricter of the user's and the repository's."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """That the run may spend; None: as many as it takes."""
    max_micro_usd: Annotated[int, Field(ge=0)] | None = None
    daily_micro_usd: Annotated[int, Field(ge=0)] | None = None
    """That all runs of the repository may spend on one UTC day."""
    on_red: Literal["ask", "stop"] | None = None
    """What happens when the budget is nearly used up; None: ask, unless the run asks as little as it can."""


class RunRequest(Fact):
    run_id: RunId
    text: str
    repository: str
    """Absolute path of the user's repository on the machine of the worker."""
    requested_by: str
    options: RunOptions = RunOptions()


def named_by(request: RunRequest, workflow: str) -> RunRequest:
    """As the workflow of this id knows it: each start of a schedule is a run of its own."""
    run_id = fired_run_id(request.run_id, workflow)
    return request if run_id == request.run_id else request.model_copy(update={"run_id": run_id})


def without_plan(request: RunRequest) -> RunRequest:
    """For a run that has taken the plan: it would travel with everything a second time."""
    return request.model_copy(update={"options": request.options.model_copy(update={"plan": None})})


def clean_request(text: str) -> str:
    """The request in any language, without control characters; raises UserError when it is empty or too long."""
    cleaned = "".join(
        char
        for char in text.replace("\r\n", "\n")
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in ("Cc", "Cs")
    ).strip()
    if not cleaned:
        raise UserError.of(
            "request_empty",
            "REQUEST",
            "the request is empty",
            'Say what you want, like: ostinato run "fix the lint errors"',
        )
    if len(cleaned) > MAX_REQUEST_CHARS:
        raise UserError.of(
            "request_too_long",
            "REQUEST",
            f"the request has {len(cleaned):,} characters, more than {MAX_REQUEST_CHARS:,}",
            "Put the details into a file of the repository and name the file in the request",
        )
    return cleaned


def headline(text: str, width: int = 80) -> str:
    """The first line, cut to a width."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"
