"""What a plan needs of the machine it runs on: programs, an interpreter, lock files, agents, servers. Pure."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ostinato.domain.base import Fact
from ostinato.domain.locks import declared_by_python, stale_locks
from ostinato.domain.plan import AgentAction, CommandAction, Plan
from ostinato.domain.planning.quality import every_step
from ostinato.domain.pool import ANYBODY, PERSON

_OF_THE_SHELL = frozenset(
    (
        *(".", ":", "[", "case", "cd", "command", "echo", "eval", "exec", "exit", "export", "false", "for", "if"),
        *("local", "printf", "read", "set", "test", "trap", "true", "type", "ulimit", "umask", "unset", "until"),
        *("wait", "while"),
    )
)
_OF_AN_ENVIRONMENT = frozenset(("python", "python3", "pip", "pytest"))


class MissingAgent(Fact):
    """A coding agent that was asked for, and cannot work here."""

    name: str
    problem: str
    cure: str = ""


class Need(Fact):
    """Something that is missing here, and how to get it."""

    code: str
    what: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was found; empty, nothing was looked for."""

    absent: frozenset[str] = frozenset()
    """Of the programs that the plan starts: not on PATH, or not in the repository."""
    requires_python: str = ""
    pythons: tuple[str, ...] = ()
    """Versions that are here, where none of them is what the project asks for."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Manifests and lock files in the repository's root, by their names."""
    agents: frozenset[str] | None = None
    """Names of those who are here; None: not looked for."""
    missing_agents: tuple[MissingAgent, ...] = ()
    """Of the run's coding agents those that cannot work here."""
    servers: tuple[tuple[str, str], ...] = ()
    """Activated servers whose command is not here: (name, program)."""


def programs_of(plan: Plan) -> dict[str, str]:
    """What the plan's commands begin with → the first step that does."""
    found: dict[str, str] = {}
    for step in every_step(plan.steps):
        program = _program(step.action) if isinstance(step.action, CommandAction) else ""
        if program:
            found.setdefault(program, step.id)
    return found


def needs_of(plan: Plan, here: Surroundings, *, is_python: bool) -> tuple[Need, ...]:
    """Everything that is missing, each once."""
    return (
        *_programs(plan, here, is_python=is_python),
        *_interpreter(here),
        *_agents(plan, here),
        *(_server(name, program) for name, program in here.servers),
        *(
            Need(code="lock_stale", what=f"{stale.lock} does not fit: {stale.why}", cure=stale.cure)
            for stale in stale_locks(here.files)
        ),
    )


def _programs(plan: Plan, here: Surroundings, *, is_python: bool) -> Iterator[Need]:
    supplied = {*_OF_AN_ENVIRONMENT, *declared_by_python(here.files)} if is_python else frozenset[str]()
    for program, step in programs_of(plan).items():
        if program not in here.absent or program in supplied:
            continue
        if "/" in program:
            cure = "Add it to the repository, unless an earlier step makes it"
            yield Need(code="no_file", what=f"{program}, which {step} runs, is not in the repository", cure=cure)
        else:
            cure = f"Install {program}, or make sure that PATH names its folder"
            yield Need(code="no_program", what=f"{program}, which {step} runs, is not installed here", cure=cure)


def _interpreter(here: Surroundings) -> Iterator[Need]:
    if here.requires_python and here.pythons:
        yield Need(
            code="python_missing",
            what=f"the project asks for Python {here.requires_python}, and here is {', '.join(here.pythons)}",
            cure="Install one that fits, so that it is found on PATH",
        )


def _agents(plan: Plan, here: Surroundings) -> Iterator[Need]:
    named: dict[str, str] = {}
    for step in every_step(plan.steps):
        if isinstance(step.action, AgentAction) and step.action.agent != ANYBODY:
            named.setdefault(step.action.agent, step.id)
    for missing in here.missing_agents:
        yield Need(code="agent_missing", what=f"{missing.name}: {missing.problem}", cure=missing.cure)
    for agent, first in named.items():
        if here.agents is not None and agent not in (
            *here.agents,
            *plan.agents,
            *(name.partition(":")[0] for name in plan.agents),
            PERSON,
        ):
            cure = "A person is asked instead; connect that agent, or leave out its name"
            yield Need(code="agent_missing", what=f"{agent}, whom {first} names, is nobody here", cure=cure)


def _server(name: str, program: str) -> Need:
    what = f"the MCP server {name} is started by {program}, which is not installed here"
    return Need(code="server_missing", what=what, cure=f"Install {program}; until then its tools are not there")


def _program(action: CommandAction) -> str:
    """Empty where the shell, or a reference, decides what is run."""
    try:
        words = action.argv or shlex.split(action.shell.strip().splitlines()[0], comments=True)
    except (ValueError, IndexError):
        return ""
    first = next((word for word in words if "=" not in word), "")
    return "" if first in _OF_THE_SHELL or any(char in first for char in "{}$()`;|&<>*~!") else first
