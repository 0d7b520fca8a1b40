"""The fields of a definition file. Templates are written in the same model."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ostinato.domain.base import Authored
from ostinato.domain.plan import GateName, StepKey, Text

Duration = StrictInt | StrictFloat | StrictStr
"""Seconds, or a length like "90s", "10m", "1h30m"."""


class InputSpec(Authored):
    type: Literal["string", "integer", "number", "boolean"] = "string"
    default: StrictBool | StrictInt | StrictFloat | StrictStr | None = None
    """Without one the input must be given."""
    description: str = ""


class RetrySpec(Authored):
    max_attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 1


class Reconcile(Authored):
    reconcile: Text
    """A shell line that exits 0 when the effect is already there."""


class AgentNeed(Authored):
    capabilities: tuple[str, ...] = ()


class StepSpec(Authored):
    """One step; exactly one of run, tool, ask, agent says what it does."""

    id: StepKey
    name: Text | None = None
    active: str = ""
    run: Text | tuple[str, ...] | None = None
    tool: str | None = None
    args: dict[str, Any] = Field(default={}, alias="with")
    ask: Text | None = None
    options: tuple[str, ...] = ()
    agent: str | AgentNeed | None = None
    prompt: Text | None = None
    depends_on: tuple[StepKey, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    """Left out: writing tools may change everything; what a command or an agent changes is merged, or redone."""
    critical: StrictBool = True
    timeout: Duration | None = None
    expected: Duration | None = None
    retry: RetrySpec = RetrySpec()
    recovery: Literal["idempotent", "reconcile", "ask"] | Reconcile = "idempotent"


class GatesSpec(Authored):
    post: tuple[GateName, ...] = tuple(GateName)


class Definition(Authored):
    id: StepKey
    version: Annotated[StrictInt, Field(ge=1)] = 1
    description: str = ""
    inputs: dict[str, InputSpec] = {}
    max_parallel: Annotated[StrictInt, Field(ge=1, le=50)] = 5
    steps: Annotated[tuple[StepSpec, ...], Field(min_length=1, max_length=1000)]
    gates: GatesSpec = GatesSpec()
