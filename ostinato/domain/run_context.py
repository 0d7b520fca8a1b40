"""What a run leaves for others, as it travels and as it stands in a context file."""

from typing import Annotated, Any

from pydantic import AwareDatetime, StringConstraints

from ostinato.domain.base import Fact

CONTEXT_VERSION = 1

ItemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=200)]


class ContextItem(Fact):
    """One thing that is known, under a name such as steps.build, values.total, decisions.plan or notes."""

    name: ItemName
    value: Any
    """JSON."""
    source: str
    """Who said it: the run, and what in it."""
    at: AwareDatetime | None = None


class RunContext(Fact):
    """What a run leaves; also the content of a context file."""

    version: int = CONTEXT_VERSION
    from_run: str
    facts: tuple[ContextItem, ...] = ()

    def named(self, name: str) -> ContextItem | None:
        return next((item for item in self.facts if item.name == name), None)
