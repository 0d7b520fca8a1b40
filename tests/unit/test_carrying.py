"""How long the activity of a step may take before it is taken for one that hangs."""

from datetime import timedelta

from ostinato.contracts.activities import STEP_MARGIN
from ostinato.contracts.workflows import CarryStep
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.agents.proving import MOST_ROUNDS
from ostinato.domain.plan import AgentAction
from ostinato.durable.carrying import longest
from tests.builders import a_step
from tests.unit.cli_runs import a_workspace

ORDER = AgentOrder(agent="claude", session="build")


def carried(order: AgentOrder | None, *checks: str) -> CarryStep:
    step = a_step("build", action=AgentAction(prompt="Add a flag"), timeout_s=1_200.0, checks=checks)
    return CarryStep(step=step, execution=1, slot="w1", head="c0", workspace=a_workspace(), order=order)


def test_there_is_room_for_the_step_and_for_its_environment() -> None:
    assert longest(carried(None)) == timedelta(minutes=20) + STEP_MARGIN
    assert timedelta(minutes=45) < STEP_MARGIN


def test_an_agents_checks_are_none_of_its_own_time() -> None:
    checks = 2 * timedelta(minutes=20) * (MOST_ROUNDS + 1)

    assert longest(carried(ORDER, "pytest", "ruff check")) == timedelta(minutes=20) + checks + STEP_MARGIN
