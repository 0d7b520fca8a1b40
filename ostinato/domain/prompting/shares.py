"""How many tokens each part of a prompt may take, and what of a text fits into them. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.tokens import estimated_tokens

WORTH_CUTTING = 80
"""Fewer tokens than that of a text that is cut say nothing."""
_CHARS_A_TOKEN = 12
"""More than any text has, so that what certainly does not fit is not measured."""


class PartName(StrEnum):
    """In the order in which they stand in a prompt: what changes least comes first."""

    MODE = "mode"
    SKILLS = "skills"
    HOUSE_RULES = "house_rules"
    PROJECT = "project"
    RESULTS = "results"
    STEP = "step"
    PATHS = "paths"
    CRITERIA = "criteria"
    FINDINGS = "findings"
    NOTES = "notes"


WHOLE = frozenset((PartName.STEP, PartName.PATHS, PartName.CRITERIA, PartName.NOTES))
"""The task itself: never cut and never left out, whatever it takes."""
ALL_OR_NOTHING = frozenset((PartName.MODE, PartName.SKILLS))
"""Half a method misleads."""
BY_WORTH = (
    *(name for name in PartName if name in WHOLE),
    PartName.FINDINGS,
    PartName.HOUSE_RULES,
    PartName.MODE,
    PartName.SKILLS,
    PartName.RESULTS,
    PartName.PROJECT,
)
"""Where not everything fits, the first keep their place."""

_PARTS: Mapping[PartName, int] = {
    PartName.MODE: 2_000,
    PartName.SKILLS: 8_000,
    PartName.HOUSE_RULES: 6_000,
    PartName.PROJECT: 2_000,
    PartName.RESULTS: 6_000,
    PartName.FINDINGS: 5_000,
}


class Shares(Fact):
    parts: dict[PartName, int] = dict(_PARTS)
    """Estimated tokens; a part that is not named gets none, unless it is of the task itself."""
    total: int = 30_000


def shares_for(level: int = 0) -> Shares:
    """0: usual; 1: the half of everything; from 2 on only the task, and what its checks found."""
    if level >= 2:
        return Shares(parts={PartName.FINDINGS: _PARTS[PartName.FINDINGS] // 2}, total=6_000)
    usual = Shares()
    if level <= 0:
        return usual
    return Shares(parts={name: most // 2 for name, most in usual.parts.items()}, total=usual.total // 2)


def beginning(text: str, most_tokens: int) -> str:
    """As much of it as fits, to the end of a line where it has lines; empty where that is not worth it."""
    if estimated_tokens(text) <= most_tokens:
        return text
    if most_tokens < WORTH_CUTTING:
        return ""
    low, high = 0, min(len(text), most_tokens * _CHARS_A_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if estimated_tokens(text[:middle]) <= most_tokens else (low, middle - 1)
    return _to_line_end(text[:low])


def _to_line_end(text: str) -> str:
    end = text.rfind("\n")
    return text[:end] if end > len(text) // 2 else text
