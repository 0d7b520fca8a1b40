"""What the doctor says of coding agents: which are installed, in which version, by which login, and whether they work."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostinato.cli.checking import Check

if TYPE_CHECKING:
    from ostinato.adapters.agents.agency import Agency
    from ostinato.adapters.agents.port import CodingAgent, Installation
    from ostinato.adapters.home import Home
    from ostinato.domain.agents.described import DescribedAgent
    from ostinato.domain.needs import MissingAgent

NAME = "agent"
_NONE = "none installed: tool steps, gates and people do the work"


NAMED_BY = "--agent, OSTINATO_AGENTS, or use_agents in your config.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """As what a worker would see them."""

    home: "Home"
    described: "Sequence[DescribedAgent]"
    """By the user."""
    environ: Mapping[str, str]
    sandboxed: bool = False

    def agency(self) -> "Agency":
        """Raises UserError where an address of a provider is none."""
        from ostinato.adapters.agents.agency import previewed_agency
        from ostinato.domain.budget.prices import PriceTable

        return previewed_agency(self.home, PriceTable(), self.described, self.environ, sandboxed=self.sandboxed)

    def look_for(self, agents: "Mapping[str, CodingAgent]") -> "list[Installation]":
        """As a run would find them."""
        from ostinato.adapters.agents.colleagues import as_in_a_run
        from ostinato.adapters.processes import clean_environment

        found = look_for(agents, {**self.environ, **clean_environment()}) if agents else []
        agency = self.agency()
        return [as_in_a_run(agency, agents[each.name], each) for each in found]

    def missing(self, used: Sequence[str]) -> "tuple[MissingAgent, ...]":
        from ostinato.adapters.agents.colleagues import colleagues_of
        from ostinato.domain.budget.prices import PriceTable

        return asyncio.run(colleagues_of(self.agency(), PriceTable(), used))[1] if used else ()


def examine_agents(view: Viewed, used: Sequence[str] = ()) -> list[Check]:
    """Every agent that is known by name, and those that the user describes. `used`: those that every run is given."""
    from ostinato.adapters.agents.registry import find_agents
    from ostinato.domain.agents.declared import declared
    from ostinato.domain.errors import UserError

    known = declared(view.described)
    try:
        found = view.look_for(find_agents(known.names, known, view.environ))
        missing = view.missing(used)
    except UserError as error:
        return [
            Check(name="agents", verdict="fail", message=f"{p.field} {p.message}", cure=p.cure) for p in error.problems
        ]
    return [*check_agents(found, known.described), *check_used(used, found, missing)]


def examine_repositorys(view: Viewed, theirs: "Sequence[DescribedAgent]", *, trusted: bool) -> list[Check]:
    """Those that a repository describes: a description is a command, and counts only where the repository is trusted."""
    from ostinato.adapters.agents.registry import find_agents
    from ostinato.domain.agents.declared import declared
    from ostinato.domain.errors import UserError

    known = declared(view.described, theirs, trusted=trusted)
    strange = [
        Check(
            name=f"{NAME} {name}",
            verdict="warn",
            message="is described by the repository, which is not trusted: it is not used",
            cure="Look at its command in .ostinato/config.toml, then run with --trust",
        )
        for name in sorted(known.untrusted)
    ]
    names = [agent.name for agent in theirs if agent.name not in known.untrusted and agent.name not in known.shadowed]
    try:
        found = view.look_for(find_agents(names, known, view.environ)) if names else []
    except UserError:  # of an address, which is told with the agents that are known by name
        return strange
    told = check_agents(found, known.described, known.shadowed) if found or known.shadowed else []
    return [*strange, *(check for check in told if check.name != "agents")]


def check_used(
    used: Sequence[str], installations: "Sequence[Installation]", missing: "Sequence[MissingAgent]" = ()
) -> list[Check]:
    """Installed is not used: an agent spends money, so somebody has to name it."""
    if not used:
        here = any(found.path for found in installations)
        said = f"none is named, so none is used; name them with {NAMED_BY}"
        return [Check(name="agents in use", verdict="ok", message=said)] if here else []
    if not missing:
        return [Check(name="agents in use", verdict="ok", message=", ".join(used))]
    said = f"{', '.join(used)}; a run would do without {'; '.join(f'{each.name}: {each.problem}' for each in missing)}"
    cures = dict.fromkeys(each.cure for each in missing if each.cure)
    cure = ". ".join((*cures, "Or take it out of OSTINATO_AGENTS or use_agents"))
    return [Check(name="agents in use", verdict="warn", message=said, cure=cure)]


def check_agents(
    installations: "Sequence[Installation]", described: Collection[str] = (), shadowed: Collection[str] = ()
) -> list[Check]:
    """Nothing here stops a run, so nothing fails. What nobody described or installed is one line in all."""
    told = [_check(found) for found in installations if found.path or found.name in described]
    absent = [found for found in installations if not found.path and found.name not in described]
    both = [
        Check(
            name=f"{NAME} {name}",
            verdict="warn",
            message="is described by you and by the repository: yours counts",
            cure="Give one of them another name",
        )
        for name in sorted(shadowed)
    ]
    return [
        *(told or [Check(name="agents", verdict="ok", message=_NONE)]),
        *both,
        *_absent(absent, any_here=bool(told)),
    ]


def look_for(agents: "Mapping[str, CodingAgent]", env: Mapping[str, str]) -> "list[Installation]":
    """Asks each for its version, all at once; one that cannot even be asked is said not to work."""

    async def all_of_them() -> "list[Installation]":
        return list(await asyncio.gather(*(_look(name, agent, env) for name, agent in agents.items())))

    return asyncio.run(all_of_them())


async def _look(name: str, agent: "CodingAgent", env: Mapping[str, str]) -> "Installation":
    from ostinato.adapters.agents.port import Installation
    from ostinato.domain.errors import ExternalError

    try:
        return await agent.installation(env)
    except ExternalError as error:
        return Installation(name=name, problem=error.message, cure="Install it again")


def _check(found: "Installation") -> Check:
    name = f"{NAME} {found.name}"
    here = ", ".join(filter(None, (found.version, found.path)))
    if not found.path:
        return Check(name=name, verdict="warn", message=found.problem or "is not installed", cure=found.cure)
    if not found.works or found.problem:
        message = "; ".join(filter(None, (here, found.problem or "it does not work")))
        return Check(name=name, verdict="warn", message=message, cure=found.cure)
    if not found.login:
        cure = found.cure or "Log it in, or give it a key: docs/howto/agents.md"
        return Check(name=name, verdict="warn", message=f"{here}; no login was found", cure=cure)
    return Check(name=name, verdict="ok", message=f"{here}; login: {found.login}")


def _absent(absent: "Sequence[Installation]", *, any_here: bool) -> list[Check]:
    names = ", ".join(found.name for found in absent)
    if not names or any_here:
        return [Check(name="agents", verdict="ok", message=f"not installed: {names}")] if names else []
    return [Check(name="agents", verdict="ok", message=f"could be installed: {names}", cure=absent[0].cure)]
