"""Which of the agents that a plan names can work on this machine. Starts no model."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.described_install import GATEWAY
from ostinato.adapters.agents.port import CodingAgent, Installation
from ostinato.adapters.processes import clean_environment
from ostinato.domain.agents.declared import declared, missing_agents
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import ExternalError, Problem, UserError
from ostinato.domain.needs import MissingAgent
from ostinato.domain.staff import Colleague

IN_SANDBOX = "agents run in a sandbox, and it has no key or address of its model's provider to reach it by"
NO_MODEL = "it has to be told by which model, and none is named"
LET_OUT = "Give the worker the provider's key, or switch the sandbox off: OSTINATO_SANDBOX=off"


async def colleagues_of(
    agency: Agency,
    prices: PriceTable,
    names: Iterable[str],
    own: Sequence[DescribedAgent] = (),
    *,
    trusted: bool = False,
) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, in their order, and what is wrong with the others. `own`: those that the repository describes."""
    here: list[Colleague] = []
    missing: list[MissingAgent] = []
    for name in names:
        match await _looked_at(agency, prices, name, own, trusted=trusted):
            case Colleague() as found:
                here.append(found)
            case MissingAgent() as absent:
                missing.append(absent)
    return tuple(here), tuple(missing)


def online_agents(agency: Agency, names: Iterable[str]) -> tuple[str, ...]:
    """Those whose own commands nothing here keeps from the network, whatever the policy says."""
    return () if agency.is_sandboxed else tuple(name for name in names if not _cuts_network(agency, name))


def _cuts_network(agency: Agency, name: str) -> bool:
    try:
        return agency.agent(name.partition(":")[0]).abilities.cuts_network
    except UserError:  # a repository's own, or nobody
        return False


async def _looked_at(
    agency: Agency, prices: PriceTable, name: str, own: Sequence[DescribedAgent], *, trusted: bool
) -> Colleague | MissingAgent:
    kind, _, model = name.partition(":")
    try:
        agent, text = _agent(agency, kind, own, trusted=trusted)
        found = await agent.installation({**agency.environ, **clean_environment()})
    except UserError as error:
        return _missing(name, error.problems[0])
    except ExternalError as error:
        return MissingAgent(name=name, problem=error.message, cure="Install it again")
    if missing := _hindered(agency, agent, found, name):
        return missing
    if _needs_model(agency, agent) and not model:
        return MissingAgent(name=name, problem=NO_MODEL, cure=_name_model(kind))
    return Colleague(
        name=name,
        account=agency.account(agent),
        version=found.version,
        capabilities=found.capabilities,
        specialities=found.specialities,
        described=text,
        terms=prices.terms(agency.priced_as(agent, model)),
    )


def as_in_a_run(agency: Agency, agent: CodingAgent, found: Installation) -> Installation:
    """What is said of an agent that is here, where a run of this worker would ask for it without a model's name."""
    if not found.path:
        return found
    if missing := _hindered(agency, agent, found, found.name):
        return replace(found, works=False, problem=missing.problem, cure=missing.cure)
    way = _way(agency, agent, found)
    if _needs_model(agency, agent):
        way = f"{way}; it has to be named with a model: {found.name}:MODEL"
    told = found if found.works else replace(found, problem="", cure="")
    return replace(told, works=True, login=way)


def _way(agency: Agency, agent: CodingAgent, found: Installation) -> str:
    if agency.through_gateway(agent) is None:
        return found.login if found.login != GATEWAY else ""
    return found.login if agency.environ.get(found.login) else GATEWAY


def _hindered(agency: Agency, agent: CodingAgent, found: Installation, name: str) -> MissingAgent | None:
    by_gateway = agency.through_gateway(agent) is not None
    if not found.path or found.is_broken or not (found.works or by_gateway):
        return MissingAgent(name=name, problem=found.problem or "it does not work here", cure=found.cure)
    if agency.is_sandboxed and agent.abilities.wire and not by_gateway:
        return MissingAgent(name=name, problem=IN_SANDBOX, cure=LET_OUT)
    return None


def _needs_model(agency: Agency, agent: CodingAgent) -> bool:
    where = agent.abilities.names_model
    return where == "always" or (where == "by_address" and agency.through_gateway(agent) is not None)


def _name_model(kind: str) -> str:
    return f"Name one after a colon: --agent {kind}:MODEL"


def _agent(agency: Agency, kind: str, own: Sequence[DescribedAgent], *, trusted: bool) -> tuple[CodingAgent, str]:
    """What a user describes counts before what a repository does. Raises UserError for a stranger."""
    try:
        return agency.agent(kind), ""
    except UserError:
        described = next((agent for agent in own if agent.name == kind), None)
        if described is not None and trusted:
            text = described.model_dump_json(exclude_defaults=True)
            return agency.agent(kind, text), text
        if problems := missing_agents((kind,), declared((), own, trusted=trusted)):
            raise UserError(problems) from None
        raise


def _missing(name: str, problem: Problem) -> MissingAgent:
    return MissingAgent(name=name, problem=problem.message, cure=problem.cure)
