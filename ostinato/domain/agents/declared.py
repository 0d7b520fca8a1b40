"""Which agents there are by name: the built-in ones, and those of the user's and the repository's configuration. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ostinato.domain.agents.described import BUILT_IN, DescribedAgent, read_agents
from ostinato.domain.errors import Problem

USERS, REPOSITORYS = "your config.toml", ".ostinato/config.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    described: Mapping[str, DescribedAgent] = field(default_factory=dict)
    untrusted: frozenset[str] = frozenset()
    """Of a repository that is not trusted: a description is a command that would be run."""
    shadowed: frozenset[str] = frozenset()
    """Described by both: the user's counts."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*BUILT_IN, *self.described)


def declared(
    user: Iterable[DescribedAgent] = (), repository: Iterable[DescribedAgent] = (), *, trusted: bool = False
) -> Declared:
    """A repository never changes what a name means to its user."""
    own = {agent.name: agent for agent in user}
    theirs = {agent.name: agent for agent in repository}
    new = {name: agent for name, agent in theirs.items() if name not in own}
    return Declared(
        described={**own, **(new if trusted else {})},
        untrusted=frozenset() if trusted else frozenset(new),
        shadowed=frozenset(own) & frozenset(theirs),
    )


def agents_in(document: Mapping[str, object], source: str) -> tuple[tuple[DescribedAgent, ...], tuple[Problem, ...]]:
    """Of a configuration file: its `[agents.NAME]`, and everything wrong with them."""
    agents, told = read_agents(document.get("agents"))
    problems = (
        Problem(code="setting_invalid", field=f"{source}: {place}", message=message, cure=cure)
        for place, message, cure in told
    )
    return agents, tuple(problems)


def missing_agents(names: Iterable[str], known: Declared) -> tuple[Problem, ...]:
    """One for each name that means nothing here, with the cure."""
    return tuple(_missing(name, known) for name in dict.fromkeys(names) if name not in known.names)


def _missing(name: str, known: Declared) -> Problem:
    if name in known.untrusted:
        message = f"is described in the repository's {REPOSITORYS}, and the repository is not trusted"
        return _problem(name, message, "Look at the command there, then allow it with --trust")
    cure = f"Use one of {', '.join(known.names)}; or describe it in [agents.{name}] of {USERS}"
    return _problem(name, "is no agent that is known here", cure)


def _problem(name: str, message: str, cure: str) -> Problem:
    return Problem(code="agent_unknown", field=name, message=message, cure=cure)
