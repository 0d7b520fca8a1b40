"""The coding agents of a run, and what people tell them. Pure."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.budget.prices import Terms

MAX_STEERING_CHARS = 2_000
MOST_STEERING = 10
"""Of one step: they travel with each of its executions."""


WELL_DONE = 3
"""So many of its last attempts at a task type have to have succeeded, and two of three of them all, to be good at it."""


class PastWork(Fact):
    """What became of an agent's last attempts in one repository, by the task types of their runs."""

    by_type: dict[str, tuple[int, int]] = {}
    """Succeeded, and failed."""

    @property
    def succeeded(self) -> int:
        return sum(done for done, _ in self.by_type.values())

    @property
    def failed(self) -> int:
        return sum(failed for _, failed in self.by_type.values())

    @property
    def good_at(self) -> tuple[str, ...]:
        return tuple(
            name
            for name, (done, failed) in sorted(self.by_type.items())
            if name and done >= WELL_DONE and done >= 2 * failed
        )


class Colleague(Fact):
    """A coding agent that works where the run's files are."""

    name: str
    account: str = ""
    """Whose limits it shares; empty: nobody else's."""
    version: str = ""
    capabilities: tuple[str, ...] = ()
    specialities: tuple[str, ...] = ()
    """Task types, domains, languages: as it is described, and task types that it was good at in this repository."""
    succeeded: int = 0
    """Of its last attempts in this repository."""
    failed: int = 0
    described: str = ""
    """By a trusted repository, as JSON; empty: by the user, or built in."""
    terms: Terms | None = None
    """What its model's calls cost; None: it is not known."""

    def with_past(self, past: PastWork) -> "Colleague":
        specialities = tuple(dict.fromkeys((*self.specialities, *past.good_at)))
        counts = {"succeeded": past.succeeded, "failed": past.failed}
        return self.model_copy(update={**counts, "specialities": specialities})


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
