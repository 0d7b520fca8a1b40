"""What a step states for the time when it fails, and what its processes may use."""

from typing import Annotated

from pydantic import Field, StringConstraints

from ostinato.domain.base import Fact

Line = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class Fallback(Fact):
    """What does the step's work where the step itself cannot."""

    run: str = ""
    """A shell line."""
    agent: str = ""
    prompt: str = ""
    """For the agent; empty: what the step says itself."""


class Deployment(Fact):
    """The step puts something into service: when that fails, what was there before is brought back first."""

    roll_back: Line
    """A shell line."""
    diagnose: str = ""
    """A shell line whose output is kept before anything is rolled back."""


class Limits(Fact):
    """What its processes may use together; over it they are ended. None: no limit."""

    memory_bytes: Annotated[int, Field(gt=0)] | None = None
    disk_bytes: Annotated[int, Field(gt=0)] | None = None
    """By which its worktree may grow while it runs."""
    processes: Annotated[int, Field(gt=0)] | None = None

    @property
    def is_stated(self) -> bool:
        return any(limit is not None for limit in (self.memory_bytes, self.disk_bytes, self.processes))


class Usage(Fact):
    """What a step's processes use together, or used at most."""

    memory_bytes: Annotated[int, Field(ge=0)] = 0
    disk_bytes: Annotated[int, Field(ge=0)] = 0
    """By which its worktree grew."""
    processes: Annotated[int, Field(ge=0)] = 0

    def most(self, other: "Usage") -> "Usage":
        return Usage(
            memory_bytes=max(self.memory_bytes, other.memory_bytes),
            disk_bytes=max(self.disk_bytes, other.disk_bytes),
            processes=max(self.processes, other.processes),
        )
