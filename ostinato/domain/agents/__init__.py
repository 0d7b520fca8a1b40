"""Coding agents: what they may do, what they report, how they end. Pure; adapters turn each agent's own events into these."""

from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.events import AgentEvent, EventKind, TokenUse
from ostinato.domain.agents.limits import AgentLimits, LimitKind, passed_limit

__all__ = ["AgentEnd", "AgentEvent", "AgentLimits", "EndKind", "EventKind", "LimitKind", "TokenUse", "passed_limit"]
