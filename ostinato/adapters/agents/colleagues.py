"""Which of the agents that a plan names can work on this machine. Starts no model."""

from collections.abc import Iterable

from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.processes import clean_environment
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.needs import MissingAgent
from ostinato.domain.staff import Colleague


async def colleagues_of(
    agency: Agency, prices: PriceTable, names: Iterable[str]
) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, in their order, and what is wrong with the others."""
    here: list[Colleague] = []
    missing: list[MissingAgent] = []
    for name in names:
        match await _looked_at(agency, prices, name):
            case Colleague() as found:
                here.append(found)
            case MissingAgent() as absent:
                missing.append(absent)
    return tuple(here), tuple(missing)


async def _looked_at(agency: Agency, prices: PriceTable, name: str) -> Colleague | MissingAgent:
    kind, _, model = name.partition(":")
    try:
        agent = agency.find(kind)
        found = await agent.installation({**agency.environ, **clean_environment()})
    except UserError as error:
        problem = error.problems[0]
        return MissingAgent(name=name, problem=problem.message, cure=problem.cure)
    except ExternalError as error:
        return MissingAgent(name=name, problem=error.message, cure="Install it again")
    by_gateway = agency.through_gateway(agent) is not None
    if not found.path or not (found.works or by_gateway):
        return MissingAgent(name=name, problem=found.problem or "it does not work here", cure=found.cure)
    return Colleague(
        name=name,
        account=agency.account(agent),
        version=found.version,
        terms=prices.terms(agency.priced_as(agent, model)),
    )
