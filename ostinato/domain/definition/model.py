"""The fields of a definition file. Templates are written in the same model."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ostinato.domain.base import Authored
from ostinato.domain.plan import USUAL_GATES, GateName, StepKey, Text

Duration = StrictInt | StrictFloat | StrictStr
"""Seconds, or a length like "90s", "10m", "1h30m"."""
Size = StrictInt | StrictStr
"""Bytes, or a size like "512M", "2G"."""
VARIABLE_PATTERN = r"^[a-z][a-z0-9_]{0,30}$"


class InputSpec(Authored):
    """A value that is given when a run starts."""

    type: Literal["string", "path", "integer", "number", "boolean", "list"] = "string"
    """A path stays inside of the repository; a list is one of texts."""
    default: StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...] | None = None
    """Without one the input must be given."""
    options: Annotated[tuple[StrictStr | StrictInt | StrictFloat, ...], Field(max_length=100)] = ()
    """The only values that it may have; of a list, the only items."""
    description: str = ""


class RetrySpec(Authored):
    max_attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 1


class Reconcile(Authored):
    reconcile: Text
    """A shell line that exits 0 when the effect is already there."""


class FallbackSpec(Authored):
    """What does the work where the step cannot: one of both."""

    run: Text | None = None
    agent: Text | None = None
    prompt: Text | None = None
    """For the agent; left out: what the step says."""


class CompensateSpec(Authored):
    run: Text
    """A shell line that undoes its effects outside of git, once it has failed for good."""


class DeploymentSpec(Authored):
    """When it fails, what was there before is brought back; then it is tried once more."""

    roll_back: Text
    """A shell line."""
    diagnose: Text | None = None
    """A shell line whose output is kept first."""


class LimitsSpec(Authored):
    """What its processes may use together; over it they are ended."""

    memory: Size | None = None
    disk: Size | None = None
    """By which its worktree may grow."""
    processes: Annotated[StrictInt, Field(ge=1, le=100_000)] | None = None


class AgentNeed(Authored):
    capabilities: tuple[str, ...] = ()
    """Without these it cannot be done."""
    helps: tuple[str, ...] = ()
    """These are of use: of several agents, the one that has more of them."""


class Quorum(Authored):
    quorum: Annotated[StrictInt, Field(ge=1, le=1000)]


class ForEachSpec(Authored):
    """A step for each item of a list: its own action, or `steps`."""

    items: Text
    """CEL; gives a list of at most 1,000 items."""
    name: Annotated[str, Field(alias="as", pattern=VARIABLE_PATTERN)] = "item"
    steps: Annotated[tuple["StepSpec", ...], Field(max_length=100)] = ()
    merge: Literal["all", "any", "first"] | Quorum = "all"
    reduce: "StepSpec | None" = None
    """Runs after the parts and sees `parts`."""


class StepSpec(Authored):
    """One step; exactly one of run, tool, ask, agent, workflow, if and for_each says what it does.

    With for_each also one of the others, which is then done for each item.
    """

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
    checks: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Of an agent: shell lines that have to succeed on what it left before its word counts."""
    workflow: Text | None = None
    """The path of another definition, relative to this one."""
    inputs: dict[str, Any] = {}
    """Of that definition."""
    for_each: ForEachSpec | None = None
    condition: Annotated[Text | None, Field(alias="if")] = None
    """CEL; which of the two branches is taken."""
    then: Annotated[tuple["StepSpec", ...], Field(max_length=100)] = ()
    otherwise: Annotated[tuple["StepSpec", ...], Field(alias="else", max_length=100)] = ()
    when: Text | None = None
    """CEL; where it is false the step is skipped."""
    depends_on: tuple[StepKey, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    """Left out: writing tools may change everything; what a command or an agent changes is merged, or redone."""
    holds: tuple[Text, ...] = ()
    """Named things that one step at a time may hold."""
    account: str = ""
    """Whose quota it uses up: when that is used up, no step of the same account starts until it is lifted."""
    adds_steps: StrictBool = False
    """Its output `steps`, a list of steps, joins the running plan."""
    context: tuple[Text, ...] | None = None
    """Names of what it receives; left out: relevance selects."""
    priority: Annotated[StrictInt, Field(ge=-1000, le=1000)] = 0
    critical: StrictBool = True
    timeout: Duration | None = None
    expected: Duration | None = None
    retry: RetrySpec = RetrySpec()
    recovery: Literal["idempotent", "reconcile", "ask"] | Reconcile = "idempotent"
    fallback: Text | FallbackSpec | None = None
    """A shell line, or more: what does the work where the step cannot."""
    compensate: Text | CompensateSpec | None = None
    deployment: DeploymentSpec | None = None
    relax: StrictBool = False
    """It may be left undone: where it fails for good, the run goes on without it, with a warning."""
    on_failure: Literal["recover", "roll_back", "ask", "give_up"] = "recover"
    """What else is done: the run goes back to before it; a person decides; nothing."""
    limits: LimitsSpec = LimitsSpec()


ForEachSpec.model_rebuild()


class ValueSpec(Authored):
    """A value that several steps add to, each by an output of that name."""

    merge: Literal["append", "union", "sum", "max", "min", "last"] = "append"


class GateSpec(Authored):
    """A command that is content with the final commit, or is not."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    run: Text | tuple[Text, ...]
    """A shell line, or a list of words. Needs a trusted repository."""
    timeout: Duration = "10m"
    severity: Literal["critical", "major", "minor", "informational"] = "major"
    """Critical and major fail the run, minor warns, informational only tells."""


class GatesSpec(Authored):
    post: tuple[GateName, ...] = USUAL_GATES
    """Judge the final commit."""
    custom: Annotated[tuple[GateSpec, ...], Field(max_length=20)] = ()
    """Commands that judge it, too, one after the other."""


class TriggerSpec(Authored):
    """When runs start by themselves, once it is applied: `ostinato trigger apply`."""

    schedule: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    """Cron: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly."""
    timezone: Annotated[StrictStr, Field(min_length=1, max_length=100)] = "UTC"
    """A name of the IANA database, like Europe/Berlin."""
    overlap: Literal["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"] = "skip"
    """What becomes of a start while the run before it is still going on."""
    jitter: Duration = 0
    """Each start is later by a random time up to this."""
    catchup: Duration = "10m"
    """Starts that were missed while the server was down are made up for as long as this."""
    paused: StrictBool = False
    inputs: dict[str, Any] = {}
    """Of its runs; over the defaults, under --param."""


class Definition(Authored):
    schema_: Annotated[StrictStr, Field(alias="$schema", max_length=500)] = ""
    """Where editors find the JSON Schema; `ostinato schema` prints it."""
    id: StepKey
    version: Annotated[StrictInt, Field(ge=1)] = 1
    description: str = ""
    inputs: dict[str, InputSpec] = {}
    values: dict[str, ValueSpec] = {}
    max_parallel: Annotated[StrictInt, Field(ge=1, le=50)] = 5
    max_per_agent: Annotated[StrictInt, Field(ge=1, le=50)] = 3
    strict_claims: StrictBool = False
    """A step that writes outside of `writes` fails."""
    steps: Annotated[tuple[StepSpec, ...], Field(min_length=1, max_length=10_000)]
    gates: GatesSpec = GatesSpec()
    triggers: Annotated[tuple[TriggerSpec, ...], Field(max_length=20)] = ()
