"""Which of a plan's coding agents can work on this machine."""

from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.processes import clean_environment
from ostinato.domain.errors import UserError
from ostinato.domain.needs import MissingAgent
from ostinato.domain.plan import Plan
from ostinato.domain.staff import Colleague


async def staff_of(desk: Desk, plan: Plan, repository: Path) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, and what is wrong with the others. Starts no model."""
    here: list[Colleague] = []
    missing: list[MissingAgent] = []
    for name in plan.agents:
        found = await _looked_at(desk, desk.agency, name) if desk.agency else _nobody(name)
        (here if isinstance(found, Colleague) else missing).append(found)  # type: ignore[arg-type]
    return tuple(here), tuple(missing)


async def _looked_at(desk: Desk, agency: Agency, name: str) -> Colleague | MissingAgent:
    kind, _, model = name.partition(":")
    try:
        agent = agency.find(kind)
    except UserError as error:
        problem = error.problems[0]
        return MissingAgent(name=name, problem=problem.message, cure=problem.cure)
    found = await agent.installation({**agency.environ, **clean_environment()})
    by_gateway = agency.through_gateway(agent) is not None
    if not found.path or not (found.works or by_gateway):
        return MissingAgent(name=name, problem=found.problem or "it does not work here", cure=found.cure)
    return Colleague(
        name=name,
        account=agency.account(agent),
        version=found.version,
        terms=desk.prices.terms(agency.priced_as(agent, model)),
    )


def _nobody(name: str) -> MissingAgent:
    return MissingAgent(name=name, problem="this worker has no coding agents", cure="Run a worker of this version")
