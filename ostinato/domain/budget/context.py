"""The context ledger: how full a session of 200,000 tokens is, part by part; measured by `context_budget`. Pure."""

from enum import StrEnum
from typing import Final

from ostinato.domain.base import Fact
from ostinato.domain.budget.zones import Zone, zone_of

WINDOW_TOKENS: Final = 200_000


class Part(StrEnum):
    RESERVED = "reserved"
    SYSTEM = "system"
    DYNAMIC = "dynamic"
    """Modes, skills, MCP servers, commands and agents."""
    WORKING = "working"
    """The step's context, the files that agents read by themselves, and the work itself."""


SHARE_PCT: Final = {Part.RESERVED: 5, Part.SYSTEM: 5, Part.DYNAMIC: 15, Part.WORKING: 75}


class Filled(Fact):
    """One part of a session."""

    part: Part
    used: int
    most: int

    @property
    def share(self) -> float:
        return self.used / self.most if self.most else float(self.used > 0)


class ContextBalance(Fact):
    """What a session begins with."""

    window: int = WINDOW_TOKENS
    system: int = 0
    dynamic: int = 0
    working: int = 0

    @property
    def used(self) -> int:
        return self.system + self.dynamic + self.working

    @property
    def parts(self) -> tuple[Filled, ...]:
        used = {Part.RESERVED: 0, Part.SYSTEM: self.system, Part.DYNAMIC: self.dynamic, Part.WORKING: self.working}
        return tuple(
            Filled(part=part, used=used[part], most=self.window * pct // 100) for part, pct in SHARE_PCT.items()
        )

    @property
    def fullest(self) -> Filled:
        return max(self.parts, key=lambda filled: filled.share)

    @property
    def zone(self) -> Zone:
        """Of the part that is fullest: one that is too full takes from the others."""
        return zone_of(self.fullest.share)


class Optimised(Fact):
    """One thing that was made smaller."""

    what: str
    name: str
    before: int
    """Tokens of the session before it and after it."""
    after: int

    @property
    def saved(self) -> int:
        return self.before - self.after

    def __str__(self) -> str:
        return f"{self.what} {self.name}: {self.before:,} → {self.after:,} tokens"


class Eased(Fact):
    """A step's session that was made smaller before the step was given it."""

    step: str
    zone: Zone
    """What it was in."""
    before: int
    after: int
    steps: tuple[Optimised, ...] = ()

    def __str__(self) -> str:
        how = ", ".join(f"{step.what} {step.name}" for step in self.steps)
        return f"context of {self.step}: {self.before:,} → {self.after:,} tokens ({how or 'nothing could go'})"
