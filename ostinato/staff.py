"""Settings of coding agents: who may be given a run's steps, and what `[agents.NAME]` describes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ostinato.reading import setting_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ostinato.domain.agents.described import DescribedAgent
    from ostinato.domain.errors import Problem

PERSON: Final = "person"
MOST_AGENTS: Final = 10
AGENT_CURE: Final = "Write NAME or NAME:MODEL, such as claude or codex:gpt-5.5; person for none"
_STAFFED: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}(?::[A-Za-z0-9][\w./@:-]{0,99})?")


def staff_of(said: Iterable[str], field: str, problems: list[Problem]) -> tuple[str, ...]:
    """Each once, in their order; nobody where a person is named."""
    found: dict[str, None] = {}
    for name in (text.strip() for text in said):
        if not _STAFFED.fullmatch(name):
            problems.append(setting_problem(field, f"{name!r} is no agent", AGENT_CURE))
        found[name] = None
    if len(found) > MOST_AGENTS:
        problems.append(setting_problem(field, f"{len(found)} agents are too many", f"Name at most {MOST_AGENTS}"))
    return () if PERSON in found else tuple(found)


def described_in(document: Mapping[str, Any], source: str, problems: list[Problem]) -> tuple[DescribedAgent, ...]:
    """What a configuration describes; `agents` is looked at only where it is there."""
    if "agents" not in document:
        return ()
    from ostinato.domain.agents.described import read_agents

    found, told = read_agents(document["agents"])
    problems.extend(setting_problem(f"{source}: {field}", message, cure) for field, message, cure in told)
    return found
