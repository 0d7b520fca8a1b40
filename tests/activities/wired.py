"""A worker's desk with a gateway between its agent and a scripted model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activities import activities_of
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.port import CodingAgent
from ostinato.adapters.gateway import Gateway, TapeMode
from ostinato.adapters.prices import known_prices
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Metered
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, Step
from tests.activities.bench import Bench
from tests.integration.gateways import a_turn, script, upstreams
from tests.model_server import ModelServer


@dataclass(frozen=True, slots=True, kw_only=True)
class WiredDesk(Bench):
    """A bench whose worker has one agent and a gateway."""

    agent: CodingAgent
    gateway: Gateway
    taping: tuple[TapeMode, Path] | None = None

    def found(self) -> list[Callable[..., Any]]:
        agency = Agency(find=lambda name: self.agent, environ={}, gateway=self.gateway, taping=self.taping)
        desk: Any = Bench.desk.fget(self)  # type: ignore[attr-defined]
        return activities_of(replace(desk, agency=agency))

    async def asked(self) -> ExecuteStep:
        step = Step(id=StepId("edit"), name="Edit", action=AgentAction(prompt="Go", pool=("claude",)), writes=("**",))
        order = AgentOrder(agent="claude", session="edit", metered=_lease(1), account="x")
        command = await self.ready(step, slot="agent-edit")
        return command.model_copy(update={"order": order})


@asynccontextmanager
async def a_desk(
    bench: Bench, agent: CodingAgent, *turns: dict[str, Any], taping: tuple[TapeMode, Path] | None = None
) -> AsyncIterator[tuple[WiredDesk, ModelServer]]:
    async with ModelServer(script(*(turns or (a_turn(),)))) as model:
        folder = bench.home / "gateway"
        gateway = Gateway(upstreams=upstreams(model.url), ledger_folder=folder, prices=known_prices())
        async with gateway.serving():
            made = WiredDesk(repository=bench.repository, home=bench.home, agent=agent, gateway=gateway, taping=taping)
            yield made, model


def _lease(number: int) -> Metered:
    return Metered(lease_id=f"run/{number}", run_id="run", what="step edit", estimate=Amount(tokens=1_000, micro_usd=1))


def next_execution(command: ExecuteStep) -> ExecuteStep:
    number = command.execution + 1
    assert command.order is not None
    return command.model_copy(
        update={"execution": number, "order": command.order.model_copy(update={"metered": _lease(number)})}
    )
