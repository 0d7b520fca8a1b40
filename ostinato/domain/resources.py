"""What a run can be given (modes, skills, MCP servers, commands, agents, project context), and what it was given."""

from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.errors import Problem
from ostinato.domain.tokens import estimated_tokens

DYNAMIC_TOKENS = 30_000
"""15 % of a context of 200,000 tokens: what modes, skills, servers, commands and agents may take together."""
MOST_LEFT_OUT = 20
"""Of what did not come along that are named."""


class Kind(StrEnum):
    MODE = "mode"
    SKILL = "skill"
    SERVER = "server"
    COMMAND = "command"
    AGENT = "agent"
    CONTEXT = "context"


class Origin(StrEnum):
    """Strongest first: of two with the same name, the repository's counts."""

    REPOSITORY = "repository"
    USER = "user"
    BUILT_IN = "built-in"


class Detail(StrEnum):
    """How much of a resource is loaded; each level contains the one before."""

    NAME = "name"
    DESCRIPTION = "description"
    FULL = "full"


class Cost(Fact):
    """Estimated tokens of a resource at each level."""

    name: int = 0
    description: int = 0
    full: int = 0
    assumed: bool = False
    """The full cost cannot be read from files: a server tells its tools only when it runs."""

    def at(self, level: Detail) -> int:
        return {Detail.NAME: self.name, Detail.DESCRIPTION: self.description, Detail.FULL: self.full}[level]


class Resource(Fact):
    """One resource as it was found. Its words are data from a file, never instructions to Ostinato."""

    kind: Kind
    name: str
    description: str = ""
    text: str = ""
    """The full text; of a server, how it is reached, without any value of a variable."""
    origin: Origin
    path: str
    """Within the repository, from the user's home on (~/…), or the name of the built-in."""
    line: int | None = None
    cost: Cost = Cost()
    digest: str = ""
    """Of the full text, so that a later reader knows whether it changed."""
    types: tuple[str, ...] = ()
    """Task types that it says it is for."""
    domains: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    """What else the file says: licence, tools, model, argument hint, transport, names of variables."""
    is_automatic: bool = True
    """False: only a person switches it on (disable-model-invocation)."""

    @property
    def scope(self) -> str:
        """The folder that a context file speaks for; empty for the whole repository."""
        folder = self.path.rpartition("/")[0]
        return folder.removesuffix(".claude").rstrip("/") if self.origin is Origin.REPOSITORY else ""


class Shadowed(Fact):
    """Found, and not used, because another of the same kind and name counts more."""

    kind: Kind
    name: str
    origin: Origin
    path: str
    by: str
    """The path of the one that counts."""


class Found(Fact):
    """Everything that discovery saw."""

    resources: tuple[Resource, ...] = ()
    shadowed: tuple[Shadowed, ...] = ()
    broken: tuple[Problem, ...] = ()
    """Skipped: `field` is the file."""
    notices: tuple[Problem, ...] = ()
    """Used all the same, but worth a look."""

    hidden: tuple[Resource, ...] = ()
    """Those in the shadow, strongest first: they count again where the repository is not trusted."""

    def believed(self, *, trusted: bool) -> "Found":
        """Without what an untrusted repository brings, and with what that had put in the shadow."""
        if trusted:
            return self
        taken: dict[tuple[Kind, str], Resource] = {}
        for each in (*self.resources, *self.hidden):
            if each.origin is not Origin.REPOSITORY:
                taken.setdefault((each.kind, each.name), each)
        return self.model_copy(update={"resources": tuple(taken.values())})

    def of(self, kind: Kind) -> tuple[Resource, ...]:
        return tuple(each for each in self.resources if each.kind is kind)

    def named(self, name: str) -> tuple[Resource, ...]:
        return tuple(each for each in self.resources if each.name == name)


class Activated(Fact):
    name: str
    tokens: int
    """Of what is loaded at the start."""
    fit: float
    """0 to 1."""
    because: str
    origin: Origin = Origin.BUILT_IN
    path: str = ""
    level: Detail = Detail.FULL
    on_demand_tokens: int = 0
    """What the rest of it would cost, were it asked for."""
    described_tokens: int | None = None
    """What its description alone costs; None where nobody noted it."""
    named_tokens: int | None = None
    digest: str = ""


class NotActivated(Fact):
    kind: Kind
    name: str
    tokens: int
    fit: float
    reason: str


class Activation(Fact):
    """What a run was given, in the order in which it was switched on; small, for it stands in the run's record."""

    mode: str
    mode_tokens: int
    mode_because: str = ""
    mode_path: str = ""
    skills: tuple[Activated, ...] = ()
    servers: tuple[Activated, ...] = ()
    command: Activated | None = None
    agents: tuple[Activated, ...] = ()
    context: tuple[Activated, ...] = ()
    """Files that agents read by themselves (AGENTS.md and its like): counted apart."""
    tokens: int
    """All of it but the context."""
    context_tokens: int = 0
    on_demand_tokens: int = 0
    budget_tokens: int = DYNAMIC_TOKENS
    left_out: tuple[NotActivated, ...] = ()
    """Best fit first, at most 20."""
    left_out_count: int = 0
    broken_count: int = 0
    shadowed_count: int = 0


def cost_of(name: str, description: str, text: str) -> Cost:
    """What the name alone, the name with its description, and all of it cost."""
    named = estimated_tokens(name) + 2
    described = named + estimated_tokens(description)
    return Cost(name=named, description=described, full=described + estimated_tokens(text))
