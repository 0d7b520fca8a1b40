"""The coding agents of a run, and what people tell them. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.budget.prices import Terms

MAX_STEERING_CHARS = 2_000
MOST_STEERING = 10
"""Of one step: they travel with each of its executions."""


class Colleague(Fact):
    """A coding agent that works where the run's files are."""

    name: str
    account: str = ""
    """Whose limits it shares; empty: nobody else's."""
    version: str = ""
    capabilities: tuple[str, ...] = ()
    specialities: tuple[str, ...] = ()
    succeeded: int = 0
    """Of its last attempts in this repository."""
    failed: int = 0
    described: str = ""
    """By a trusted repository, as JSON; empty: by the user, or built in."""
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
