"""A plan is a DAG of steps. Models, and the pure questions asked of the graph."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ostinato.domain.base import Fact
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.errors import Problem
from ostinato.domain.globs import matches
from ostinato.domain.ids import ID_PATTERN, StepId
from ostinato.domain.precautions import Deployment, Fallback, Limits

COMMAND_TIMEOUT_S = 300.0
"""Default for command and tool steps (features, F5)."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
StepKey = Annotated[StepId, StringConstraints(pattern=ID_PATTERN)]


class CommandAction(Fact):
    """A process: an argv, or a shell line run by /bin/sh."""

    kind: Literal["command"] = "command"
    argv: tuple[str, ...] = ()
    shell: str = ""

    @property
    def line(self) -> str:
        return self.shell or " ".join(self.argv)


class ToolAction(Fact):
    """A built-in deterministic tool; `args` are its own."""

    kind: Literal["tool"] = "tool"
    tool: str
    args: dict[str, Any] = {}


class AskAction(Fact):
    """A question to a person. Some options may stop the run."""

    kind: Literal["ask"] = "ask"
    question: Text
    options: tuple[str, ...] = ("continue", "abort")
    stops_on: tuple[str, ...] = ("abort",)


class AgentAction(Fact):
    """Work that needs a mind: a coding agent, or a person where none is configured."""

    kind: Literal["agent"] = "agent"
    agent: str = "any"
    prompt: Text
    expects_changes: bool = True
    needs: tuple[str, ...] = ()
    """Capabilities without which it cannot be done."""
    helps: tuple[str, ...] = ()
    """Capabilities that are of use."""
    pool: tuple[str, ...] = ()
    """The coding agents of the run that may do it; empty: a person does."""
    continues: str = ""
    """A step whose session it goes on in, where that one's agent still has it."""


class ChooseAction(Fact):
    """A condition (CEL) that later steps branch on; its output is `chosen`."""

    kind: Literal["choose"] = "choose"
    condition: Text


class Merge(Fact):
    """When a group of parallel parts is done, and whether it succeeded."""

    strategy: Literal["all", "any", "first", "quorum"] = "all"
    """all: every part must succeed; any: at least one, all are run; first: the first success cancels the others;
    quorum: `count` successes, then the others are cancelled."""
    count: Annotated[int, Field(ge=0)] = 0


class GroupAction(Fact):
    """Steps that are made when it starts: one set for each item of a list, or a whole definition once."""

    kind: Literal["group"] = "group"
    items: str = ""
    """CEL, gives a list; empty: the body once."""
    name: str = "item"
    """What an item is called in the body's references and conditions."""
    body: "tuple[Step, ...]"
    merge: Merge = Merge()
    reduce: "Step | None" = None
    """Runs after the parts; its references see `parts`, a list of their outputs."""
    definition: str = ""
    """Id of the nested definition, where it is one."""
    inputs: dict[str, Any] | None = None
    """Of the nested definition; its steps see these and not the plan's."""


Action = Annotated[
    CommandAction | ToolAction | AskAction | AgentAction | ChooseAction | GroupAction, Field(discriminator="kind")
]


class Implied(Fact):
    """A dependency that nobody wrote down, and what it was found from."""

    step: StepKey
    because: str


class Scope(Fact):
    """What a step that a group made sees besides the plan: its item, and its siblings by their short names."""

    prefix: str
    """`<group>-<index>-`; a step's short name is its id without it."""
    names: dict[str, Any] = {}
    """The item under its name, `index`, and those of enclosing groups."""
    outer: tuple[str, ...] = ()
    """The prefixes of the enclosing groups, innermost first: their steps have short names here too."""


class Recovery(Fact):
    """What to do when an attempt ended without a known outcome (its worker died): effects outside git are at stake."""

    kind: Literal["idempotent", "reconcile", "ask"] = "idempotent"
    check: str = ""
    """For reconcile: a shell line that exits 0 when the effect is already there."""


class Step(Fact):
    id: StepKey
    name: Text
    active: str = ""
    """The active form: "Generate tests" → "Generating tests"."""
    action: Action
    depends_on: tuple[StepKey, ...] = ()
    implied: tuple[Implied, ...] = ()
    """Found from what steps read and write; shown as such."""
    reads: tuple[str, ...] = ()
    """Path globs, relative to the repository. Empty: not stated."""
    writes: tuple[str, ...] | None = None
    """Path globs it claims. Empty: it leaves no change behind. None: not stated, what it writes is merged or redone."""
    holds: tuple[str, ...] = ()
    """Named things that one step at a time may hold, such as "port 5432"."""
    account: str = ""
    """Whose quota it uses up; empty: its agent's, where it names one."""
    when: str = ""
    """A condition (CEL); where it is false the step is skipped."""
    adds_steps: bool = False
    """Its output `steps` joins the running plan."""
    context: tuple[str, ...] | None = None
    """Names of what it receives; None: relevance selects."""
    priority: int = 0
    """A person's wish; higher starts first."""
    phase: str = ""
    """Of the plan's phases (look, think, build, prove, close); for reading."""
    group: str = ""
    """The group that made it."""
    scope: Scope | None = None
    critical: bool = True
    timeout_s: Annotated[float, Field(gt=0, le=7 * 24 * 3600)] = COMMAND_TIMEOUT_S
    expected_s: Annotated[float, Field(ge=0)] = 5.0
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 1
    recovery: Recovery = Recovery()
    fallback: Fallback | None = None
    checks: tuple[str, ...] = ()
    """Shell lines that have to succeed on what an agent left, before its word counts."""
    compensate: str = ""
    """A shell line that undoes its effects outside of git, once it has failed for good."""
    deployment: Deployment | None = None
    relax: bool = False
    """What it does may be left undone: where it fails for good, the run goes on without it, with a warning."""
    on_failure: Literal["recover", "roll_back", "ask", "give_up"] = "recover"
    limits: Limits = Limits()

    @property
    def needs(self) -> tuple[StepId, ...]:
        """Everything it waits for, stated and implied, each once."""
        return tuple(dict.fromkeys((*self.depends_on, *(found.step for found in self.implied))))

    @property
    def needs_person(self) -> bool:
        return self.action.kind == "ask" or (self.action.kind == "agent" and not self.action.pool)

    @property
    def takes_slot(self) -> bool:
        """Whether it works on the machine: people, conditions and groups do not count against the cap."""
        return self.action.kind in ("command", "tool") or (self.action.kind == "agent" and bool(self.action.pool))

    @property
    def lane(self) -> str:
        """Who carries it out, where that one has a cap of their own; else empty."""
        if self.action.kind != "agent":
            return ""
        names = self.action.pool or (self.action.agent,)
        return f"agent:{names[0]}" if len(names) == 1 and names[0] not in ("any", "person") else ""

    @property
    def quota(self) -> str:
        """What a limit that it runs into closes to others; empty: nothing."""
        return self.account or self.lane

    @property
    def active_form(self) -> str:
        return self.active or self.name


GroupAction.model_rebuild()


class Strategy(StrEnum):
    DIRECT = "direct"
    PROGRESSIVE = "progressive"
    PHASED = "phased"
    SYSTEMATIC = "systematic"


class Shape(StrEnum):
    """How the work itself is taken apart."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    HIERARCHICAL = "hierarchical"
    ADAPTIVE = "adaptive"


class GateName(StrEnum):
    TESTS = "tests"
    LINT = "lint"
    TYPES = "types"
    SECURITY = "security"
    PERFORMANCE = "performance"


USUAL_GATES = (GateName.TESTS, GateName.LINT, GateName.TYPES, GateName.SECURITY)
"""Those that judge where nobody says which; performance is one where the project has a benchmark."""


class SharedValue(Fact):
    """A value that several steps add to (each by an output of that name); the order of finishing does not matter."""

    merge: Literal["append", "union", "sum", "max", "min", "last"] = "append"


class Plan(Fact):
    id: str
    version: int = 1
    source: str = ""
    """Where it came from: template:<name> or definition:<file>."""
    definition_sha256: str = ""
    authored: dict[str, Any] = {}
    """The definition as data, so that the run can be saved as a template; empty where it is large."""
    strategy: Strategy = Strategy.DIRECT
    validation_level: str = "basic"
    shape: Shape = Shape.SEQUENTIAL
    because: tuple[str, ...] = ()
    """Why it looks like this: strategy, shape, and what a model's draft came to."""
    rollback_points: tuple[StepId, ...] = ()
    """Steps behind which the work was looked at or proved: good places to return to."""
    agents: tuple[str, ...] = ()
    """Coding agents that its steps may be given to; empty: people do what only a mind can do."""
    max_parallel: Annotated[int, Field(ge=1, le=50)] = 5
    max_per_agent: Annotated[int, Field(ge=1, le=50)] = 3
    """Steps that one agent carries out at once (features, F12)."""
    strict_claims: bool = False
    """A step that writes outside its claim fails; else what it wrote is kept and reported."""
    inputs: dict[str, Any] = {}
    """What the definition was compiled with; conditions can see it."""
    values: dict[str, SharedValue] = {}
    steps: tuple[Step, ...]
    post_gates: tuple[GateName, ...] = USUAL_GATES
    custom_gates: tuple[CustomGate, ...] = ()
    """Commands that judge the final commit, too."""
    success_criteria: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()

    def step(self, step_id: StepId) -> Step:
        return next(step for step in self.steps if step.id == step_id)


def is_claimed(step: Step, path: str) -> bool:
    """Whether the step may write this path by what it stated. `**` crosses folders, `*` does not."""
    return step.writes is None or any(matches(glob, path) for glob in step.writes)


def find_cycle(dependencies: Mapping[StepId, Iterable[StepId]]) -> tuple[StepId, ...]:
    """A cycle in full, its first element repeated at the end (a, b, a); empty when there is none."""
    unseen, open_, done = 0, 1, 2
    colour: dict[StepId, int] = dict.fromkeys(dependencies, unseen)
    for root in dependencies:
        if colour[root] != unseen:
            continue
        colour[root] = open_
        path = [root]
        pending = [iter(dependencies[root])]
        while path:
            successor = next((node for node in pending[-1] if node in colour and colour[node] != done), None)
            if successor is None:
                colour[path.pop()] = done
                pending.pop()
            elif colour[successor] == open_:
                return (*path[path.index(successor) :], successor)
            else:
                colour[successor] = open_
                path.append(successor)
                pending.append(iter(dependencies[successor]))
    return ()


def plan_problems(steps: Iterable[Step]) -> tuple[Problem, ...]:
    """Every reason why these steps are no plan: none at all, duplicate ids, unknown dependencies, cycles."""
    listed = tuple(steps)
    if not listed:
        return (Problem(code="plan_empty", field="steps", message="there is no step", cure="Give at least one step"),)
    problems: list[Problem] = []
    seen: dict[StepId, int] = {}
    for index, step in enumerate(listed):
        if step.id in seen:
            problems.append(
                Problem(
                    code="step_duplicate",
                    field=f"steps[{index}].id",
                    message=f"step id {step.id!r} is used twice",
                    cure="Give each step an id of its own",
                )
            )
        seen.setdefault(step.id, index)
    for index, step in enumerate(listed):
        problems.extend(
            Problem(
                code="dependency_unknown",
                field=f"steps[{index}].depends_on",
                message=f"there is no step {name!r}",
                cure=f"Name one of: {', '.join(seen)}",
            )
            for name in step.depends_on
            if name not in seen
        )
    if cycle := find_cycle(_awaited(listed)):
        problems.append(
            Problem(
                code="dependency_cycle",
                field=f"steps[{seen[cycle[0]]}].depends_on",
                message=f"the steps depend on each other in a circle: {' → '.join(cycle)}",
                cure="Remove one of these dependencies",
            )
        )
    return tuple(problems)


def _awaited(steps: Sequence[Step]) -> dict[StepId, tuple[StepId, ...]]:
    """What each step waits for until it is over: its dependencies, and what it made where it is a group."""
    made: dict[str, list[StepId]] = {}
    for step in steps:
        if step.group:
            made.setdefault(step.group, []).append(step.id)
    return {step.id: (*step.needs, *made.get(step.id, ())) for step in steps}
