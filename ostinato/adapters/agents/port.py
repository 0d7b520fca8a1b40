"""The port that every coding agent is driven through."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ostinato.adapters.agents.sandbox import Sandbox
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits
from ostinato.domain.agents.described import NamesModel
from ostinato.domain.agents.orders import Permitted
from ostinato.domain.budget.prices import Terms
from ostinato.domain.permissions import Policy
from ostinato.domain.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the agent reaches its model."""

    base_url: str = ""
    """Of the gateway, or of a provider; empty: the agent's own login is used."""
    api_key: str = ""
    """Of this step alone where the gateway is between."""
    model: str = ""
    """As the provider names it; empty: the agent's own choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The declared policy that answers an agent's requests for permission; whatever it does not allow is denied."""

    write: bool = True
    commands: tuple[str, ...] = ("*",)
    """Patterns of command lines, for an agent that takes one list; empty: none."""
    lists: tuple[tuple[str, ...], ...] = ()
    """A command has to be on each; none: `commands` is the only one."""
    denied: tuple[str, ...] = ()
    """No command may fit one of them."""
    network: bool = True

    @classmethod
    def by(cls, policy: Permitted, *, write: bool, trusted: bool, offline: bool) -> "Allowed":
        """In a repository that is not trusted no command is started."""
        return cls(
            write=write,
            commands=policy.commands if trusted else (),
            lists=policy.lists if trusted else ((),),
            denied=policy.denied,
            network=policy.network and not offline,
        )

    @property
    def takes_any(self) -> bool:
        """There is nothing to be judged of a command."""
        return "*" in self.commands and not self.denied

    @property
    def policy(self) -> Policy:
        """What a whole command line is judged by."""
        lists = tuple(each for each in self.lists or (self.commands,) if "*" not in each)
        return Policy(commands=lists, deny_commands=self.denied)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    prompt: str
    tree: Path
    """The step's worktree."""
    private: Path
    """A folder of this step alone, kept between attempts: the agent's HOME and its sessions are in it."""
    env: Mapping[str, str]
    """Allow-listed already."""
    limits: AgentLimits
    access: Access = Access()
    allowed: Allowed = Allowed()
    session_id: str = ""
    """To resume; empty: a new session."""
    servers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """MCP servers by name, as .mcp.json has them."""
    marker: str = ""
    """Put in the environment, so that no process of it survives."""
    memory_bytes: int | None = None
    terms: Terms | None = None
    """By which its tokens are reckoned for its limit of money, where it says nothing of money and no gateway does."""
    sandbox: Sandbox | None = None
    """None: it runs as the worker's user does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What an agent has of its own; what it has not is done from outside."""

    resumes: bool
    takes_base_url: bool
    wire: str
    """What its model traffic speaks: anthropic, openai-chat, openai-responses, gemini; empty: unknown."""
    cuts_network: bool = False
    """Its own sandbox keeps the commands that it starts from the network where that is denied."""
    caps_turns: bool = False
    caps_money: bool = False
    reports_tokens: bool = False
    reports_money: bool = False
    loads_servers: bool = False
    names_model: NamesModel = "never"
    """Where it has to be given the name of a model, since it has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What `doctor` says of an agent on this machine."""

    name: str
    path: str = ""
    """Empty: it is not installed."""
    version: str = ""
    login: str = ""
    """What it would use: an API key's variable, a login file, the gateway; empty: nothing."""
    works: bool = False
    is_broken: bool = False
    """Its program does not start, or is too old: no login helps."""
    capabilities: tuple[str, ...] = ()
    """As its description says; empty: nobody said, so all of them."""
    specialities: tuple[str, ...] = ()
    problem: str = ""
    cure: str = ""


@dataclass(slots=True, kw_only=True)
class Watched:
    """What one invocation is connected to."""

    artifacts: ArtifactStore
    redactor: Redactor
    on_event: Callable[[AgentEvent], None]
    """In the caller's context, in order, at once; what it is given is redacted."""
    interrupted: Callable[[], bool] = field(default=lambda: False)
    """Asked at least once a second: whether it is to end its turn now, in good order (a note is waiting)."""


class CodingAgent(Protocol):
    """One kind of agent. Stateless: everything of a step is in its task."""

    @property
    def name(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    def installation(self, env: Mapping[str, str]) -> Awaitable[Installation]:
        """Reads and asks for its version; never starts a model."""
        ...

    def sessions(self, task: AgentTask) -> tuple[Path, ...]:
        """Files of the task's session, relative to its private folder: with them it goes on elsewhere. None: no session."""
        ...

    def run(self, task: AgentTask, watched: Watched) -> Awaitable[AgentEnd]:
        """Until it ends by itself, or over a limit; then no process of it is left, also when this is cancelled.

        Every end is a value; raises only what is a mistake of ours.
        """
        ...
