"""What one execution of a step asks of a coding agent, and what is kept of who did it. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ostinato.domain.agents.limits import AgentLimits
from ostinato.domain.base import Fact
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.prompting.composing import Item
from ostinato.domain.prompting.templates import TurnName
from ostinato.domain.relevance import StepContext
from ostinato.domain.resources import Activation

MAX_STEERING_CHARS = 4_000
MOST_STEERING = 20


class Colleague(Fact):
    """A coding agent that works where the run's files are."""

    name: str
    account: str = ""
    """Whose limits it shares; empty: nobody else's."""
    version: str = ""
    capabilities: tuple[str, ...] = ()
    specialities: tuple[str, ...] = ()
    terms: Terms | None = None
    """What its model's calls cost; None: it is not known."""


class Steering(Fact):
    """What a person tells an agent while it works."""

    step: str
    note: Annotated[str, Field(min_length=1, max_length=MAX_STEERING_CHARS)]
    by: Annotated[str, Field(max_length=100)] = "unknown"


class GivenNote(Fact):
    """A note under its id, so that it reaches the agent once."""

    id: str
    note: str
    by: str
    at: datetime


class Permitted(Fact):
    """Of what an agent asks permission for."""

    commands: tuple[str, ...] = ("*",)
    """Patterns of command lines; empty: none."""
    network: bool = True


class AgentOrder(Fact):
    agent: str
    session: str
    """Whose session it is: the step's own id, or that of the step it continues."""
    limits: AgentLimits = AgentLimits()
    metered: Metered | None = None
    account: str = ""
    model: str = ""
    turn: TurnName = TurnName.FIRST
    """What a session that is there is gone on with."""
    received: StepContext = StepContext()
    """What others left for it."""
    activation: Activation | None = None
    """Mode and skills; their texts are read where the files are."""
    criteria: tuple[str, ...] = ()
    findings: tuple[Item, ...] = ()
    """Why it is done once more."""
    level: int = 0
    """Of the prompt's shares: how much of what is not the task itself is left out."""
    notes: tuple[GivenNote, ...] = ()
    anew: bool = False
    """In a fresh worktree at the checkpoint, in the same session where there is one."""
    allowed: Permitted = Permitted()
