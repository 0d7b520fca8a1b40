"""What one execution of a step asks of a coding agent, and what is kept of who did it. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ostinato.domain.agents.events import TokenUse
from ostinato.domain.agents.limits import AgentLimits
from ostinato.domain.base import Fact
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.prompting import Item, TurnName

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
    items: tuple[Item, ...] = ()
    """Of the prompt, as far as the run knows them; the worker adds what stands in files."""
    mode: str = ""
    skills: tuple[str, ...] = ()
    level: int = 0
    """Of the prompt's shares: how much of what is not the task itself is left out."""
    notes: tuple[GivenNote, ...] = ()
    anew: bool = False
    """In a fresh worktree at the checkpoint, in the same session where there is one."""
    allowed_commands: tuple[str, ...] = ("*",)


class Turn(Fact):
    """One invocation of an agent, as the report tells it."""

    agent: str
    session_id: str = ""
    resumed: bool = False
    end: str
    """Its kind."""
    message: str = ""
    proved: str = ""
    """What its claim came to: empty where it held, else why not."""
    use: TokenUse = TokenUse()
    by_gateway: bool = False
    """The tokens were counted on the wire; else it says so itself."""
    prompt: str = ""
    """Artifact reference of the record of what it was given."""
    prompt_tokens: int = 0
    """As estimated."""
    evidence: str = ""
    """Artifact reference of the transcript, redacted."""
    denied: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Ids of a person's notes that it was given."""
    duration_s: float = 0.0
