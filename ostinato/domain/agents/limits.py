"""What an invocation of an agent may use."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ostinato.domain.agents.events import TokenUse
from ostinato.domain.base import Fact

LEAST_S = 1.0
"""A turn that has less time than this is not worth beginning."""


class LimitKind(StrEnum):
    TURNS = "turns"
    TOKENS = "tokens"
    MONEY = "money"
    REQUESTS = "requests"
    IDLE = "idle"
    WALL = "wall"


class AgentLimits(Fact):
    """Passed to the agent where it takes them, enforced from outside where it does not. None: as many as it takes."""

    turns: Annotated[int, Field(ge=1)] | None = 200
    tokens: Annotated[int, Field(ge=1)] | None = None
    micro_usd: Annotated[int, Field(ge=0)] | None = None
    requests: Annotated[int, Field(ge=1)] | None = 1_000
    idle_s: Annotated[float, Field(gt=0)] = 240.0
    """Without an event."""
    wall_s: Annotated[float, Field(gt=0)] = 3_600.0
    """Of all turns of an execution together."""

    def after(self, used: TokenUse, worked_s: float = 0.0) -> "AgentLimits":
        """What is left of them for another turn; never nothing, since a turn that may not begin is not begun here."""
        return self.model_copy(
            update={
                "tokens": _left(self.tokens, used.tokens),
                "micro_usd": _left(self.micro_usd, used.micro_usd or 0),
                "requests": _left(self.requests, used.requests),
                "wall_s": max(self.wall_s - worked_s, min(self.wall_s, LEAST_S)),
            }
        )

    def is_late(self, worked_s: float) -> bool:
        """Whether no time is left for another turn."""
        return worked_s > 0 and self.wall_s - worked_s < LEAST_S


def passed_limit(limits: AgentLimits, use: TokenUse, turns: int) -> LimitKind | None:
    """The first limit that is passed, not just reached. Requests that the agent does not count are its turns at least."""
    rows = (
        (LimitKind.TURNS, turns, limits.turns),
        (LimitKind.REQUESTS, max(use.requests, turns), limits.requests),
        (LimitKind.TOKENS, use.tokens, limits.tokens),
        (LimitKind.MONEY, use.micro_usd or 0, limits.micro_usd),
    )
    return next((kind for kind, used, limit in rows if limit is not None and used > limit), None)


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(limit - used, 1)
