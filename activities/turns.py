"""One turn of an agent: how long it takes, what it begins with, and what is kept of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ostinato.adapters.agents.billing import usage_of
from ostinato.adapters.agents.sessions import SessionRecord
from ostinato.adapters.processes import clean_environment
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents import AgentEnd
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.prompting import Item, PartName, TurnName
from ostinato.domain.staff import GivenNote
from ostinato.domain.turns import LOST, Turn
from ostinato.domain.workspace import Checkout

TELL_EVERY_S = 5.0
"""A worker that dies in a turn loses so much of the count of its time."""


@dataclass(slots=True, kw_only=True)
class Clock:
    """Of a turn, on top of those before it."""

    before_s: float = 0.0
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    @property
    def turn_s(self) -> float:
        return time.monotonic() - self.began

    @property
    def worked_s(self) -> float:
        return round(self.before_s + self.turn_s, 3)

    def is_due(self) -> bool:
        """To be written down: now and then."""
        if time.monotonic() - self.told < TELL_EVERY_S:
            return False
        self.told = time.monotonic()
        return True


def begun_turn(
    command: ExecuteStep, order: AgentOrder, turn: TurnName, *, prompt: str, notes: tuple[GivenNote, ...]
) -> Turn:
    """As it is kept before it begins; `prompt`: reference of what it is given."""
    return Turn(
        agent=order.agent,
        model=order.agent.partition(":")[2],
        step=command.step.id,
        execution=command.execution,
        resumed=turn is not TurnName.FIRST,
        end=LOST,
        prompt=prompt,
        notes=tuple(note.id for note in notes),
    )


def ended_turn(begun: Turn, end: AgentEnd, *, model: str, turn_s: float) -> Turn:
    return begun.model_copy(
        update={
            "model": model or begun.model,
            "at": datetime.now(UTC),
            "session_id": end.session_id,
            "end": end.kind.value,
            "message": end.message[:300],
            "usage": usage_of(end.use),
            "micro_usd": end.use.micro_usd,
            "evidence": end.evidence,
            "denied": tuple(line[:200] for line in end.denied[:3]),
            "duration_s": round(turn_s, 3),
        }
    )


def environment_of(command: ExecuteStep, checkout: Checkout) -> Mapping[str, str]:
    env = clean_environment({"OSTINATO_RUN": command.workspace.run_id})
    environment = checkout.environment
    if environment.ready:
        env["VIRTUAL_ENV"] = environment.path
        env["PATH"] = f"{environment.path}/bin:{env.get('PATH', '')}"
    return env


def arrival(record: SessionRecord, checkout: Checkout) -> tuple[Item, ...]:
    """What a session of another worker has to know first."""
    if not record.was_in or not record.session_id:
        return ()
    text = f"You go on elsewhere: the working directory is {checkout.worktree} now, and was {record.was_in} before."
    return (Item(part=PartName.FINDINGS, source="the worker that took this over", text=text),)
