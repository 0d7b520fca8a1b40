"""A worker's desk with one scripted agent, and what that agent may do in a turn."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities import activities_of
from activities.edge import Desk
from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.agents.sessions import SessionFolder, SessionRecord
from ostinato.adapters.history import History
from ostinato.contracts.activities import EXECUTE_STEP, ExecuteStep
from ostinato.domain.agents import AgentEnd, AgentEvent, EventKind, TokenUse
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Metered
from ostinato.domain.errors import UserError
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import TurnName
from ostinato.domain.staff import GivenNote
from tests.activities.bench import Bench
from tests.builders import NOON
from tests.fakes.coding_agent import Act, ScriptedAgent, done

NOTHING_DIFFERS = "No file in the working directory differs from before"
METERED = Metered(lease_id="run/1", run_id="run", what="step edit", estimate=Amount(tokens=1_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDesk(Bench):
    """A bench whose worker has one scripted agent."""

    agent: ScriptedAgent
    history: History | None = None

    def found(self) -> list[Callable[..., Any]]:
        def find(name: str) -> ScriptedAgent:
            if name != self.agent.name:
                raise UserError.of("agent_unknown", name, "nobody", "Name another")
            return self.agent

        agency = Agency(find=find, environ={"HOME": "/home/ada"})
        return activities_of(replace(_desk(self), agency=agency, history=self.history))

    async def asked(self, step: Step | None = None, **order: Any) -> ExecuteStep:
        given = {"agent": "claude", "session": "edit", "turn": TurnName.RESUMED, "metered": METERED, **order}
        command = await self.ready(step or a_step(), slot="agent-edit")
        return command.model_copy(update={"order": AgentOrder.model_validate(given)})

    def record(self, command: ExecuteStep) -> SessionRecord:
        found = SessionFolder(Path(command.workspace.root), "edit", "claude").read()
        assert found is not None
        return found


def _desk(bench: Bench) -> Desk:
    return Bench.desk.fget(bench)  # type: ignore[attr-defined,no-any-return]


def a_step(**fields: Any) -> Step:
    action = AgentAction(prompt="Say two in notes.txt", pool=("claude",))
    return Step(id=StepId("edit"), name="Edit", action=action, writes=("**",), **fields)


def next_execution(command: ExecuteStep, **order: Any) -> ExecuteStep:
    assert command.order is not None
    return command.model_copy(
        update={"execution": command.execution + 1, "order": command.order.model_copy(update=order)}
    )


def a_note(note_id: str, text: str = "use the other module") -> GivenNote:
    return GivenNote(id=note_id, note=text, by="ada", at=NOON)


async def hangs(task: AgentTask, watched: Watched) -> AgentEnd:
    watched.on_event(AgentEvent(kind=EventKind.USAGE, use=TokenUse(input=70)))
    await asyncio.sleep(60)
    raise AssertionError


async def stopped(made: AgentDesk, command: ExecuteStep, details: ActivityCancellationDetails) -> None:
    """In the middle of its turn."""
    environment = ActivityEnvironment()
    running = asyncio.create_task(made.call(EXECUTE_STEP, command, within=environment))
    while not (made.agent.tasks and made.record(command).running.tokens):  # noqa: ASYNC110 - a file is not ours to wait on
        await asyncio.sleep(0.02)
    environment.cancel(details)
    with pytest.raises(asyncio.CancelledError):
        await running


def spent_by(made: AgentDesk) -> list[int | None]:
    """Tokens of each lease; None: it only began."""
    assert made.history is not None
    spends, _ = made.history.spend_of("run")
    return [spend.usage.tokens if spend.usage else None for spend in spends]


def idles(pause_s: float, then: Act | AgentEnd | None = None) -> Act:
    """Says that it is done, unless it is to end otherwise."""

    async def act(task: AgentTask, watched: Watched) -> AgentEnd:
        await asyncio.sleep(pause_s)
        if callable(then):
            return await then(task, watched)
        return then or done("Done.")

    return act


async def dies(task: AgentTask, watched: Watched) -> AgentEnd:
    raise asyncio.CancelledError
