"""Which of a plan's coding agents can work on this machine."""

from activities.edge import Desk
from ostinato.adapters.agents.colleagues import colleagues_of
from ostinato.domain.needs import MissingAgent
from ostinato.domain.plan import Plan
from ostinato.domain.staff import Colleague


async def staff_of(desk: Desk, plan: Plan) -> tuple[tuple[Colleague, ...], tuple[MissingAgent, ...]]:
    """Those that work, and what is wrong with the others. Starts no model."""
    if desk.agency is None:
        return (), tuple(map(_nobody, plan.agents))
    return await colleagues_of(desk.agency, desk.prices, plan.agents)


def _nobody(name: str) -> MissingAgent:
    return MissingAgent(name=name, problem="this worker has no coding agents", cure="Run a worker of this version")
