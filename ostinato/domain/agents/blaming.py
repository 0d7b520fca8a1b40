"""Whether an MCP server or a skill is why an agent failed, from what was seen and said. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.events import AgentEvent, EventKind

SERVER_DOWN = "mcp_server"
"""The code of an event that says that a server did not start; its tool is the server's name."""
_LOST = re.compile(
    r"connection closed|transport closed|not connected|connection refused|timed out|server (?:exited|disconnected)",
    re.IGNORECASE,
)
_OF_OTHERS = frozenset(
    (
        EndKind.REFUSED,
        EndKind.LIMIT,
        EndKind.RATE_LIMIT,
        EndKind.AUTH,
        EndKind.CONTEXT_OVERFLOW,
        EndKind.MISSING,
        EndKind.INTERRUPTED,
    )
)
"""Ends that have another cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    code: str
    message: str
    server: str = ""
    skill: str = ""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Over the servers that an agent was given."""

    servers: Collection[str] = ()
    failed: dict[str, str] = field(default_factory=dict)
    """What each that is down was heard to say."""

    def hear(self, event: AgentEvent) -> None:
        """A tool that says no is no failure of its server; one that cannot be reached is."""
        if event.kind is EventKind.FAILED and event.code == SERVER_DOWN and event.tool in self.servers:
            self.failed.setdefault(event.tool, event.text)
        elif event.kind is EventKind.TOOL_ENDED and (name := _server_of(event.tool, self.servers)):
            if event.ok is False and _LOST.search(event.text):
                self.failed.setdefault(name, event.text[:200])
            elif event.ok:
                self.failed.pop(name, None)


def blame(end: AgentEnd, watch: Watch, skills: Sequence[str]) -> Cause | None:
    """None: it failed by itself, or by what has its own cure."""
    if end.kind in _OF_OTHERS:
        return None
    named = (name for name in watch.servers if "mcp" in end.message.lower() and name in end.message)
    if server := next(iter(watch.failed), "") or next(named, ""):
        said = watch.failed.get(server, end.message)
        return Cause(code="mcp_failed", message=f"its MCP server {server} failed: {said}"[:300], server=server)
    if skill := next((name for name in skills if _is_blamed(name, end.answer)), ""):
        return Cause(code="skill_failed", message=f"it could not work by the skill {skill}", skill=skill)
    return None


def _server_of(tool: str, servers: Collection[str]) -> str:
    """As agents name a server's tools: mcp__docs__search, docs.search, docs_search."""
    for name in sorted(servers, key=len, reverse=True):
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        if tool.startswith((f"mcp__{plain}__", f"{name}.", f"{plain}_")):
            return name
    return ""


def _is_blamed(skill: str, answer: str) -> bool:
    """Its last words name it as a skill, in one sentence."""
    name = re.escape(skill)
    return bool(
        re.search(rf"\bskill\b[^.\n]{{0,80}}(?<![\w-]){name}(?![\w-])", answer, re.IGNORECASE)
        or re.search(rf"(?<![\w-]){name}(?![\w-])[^.\n]{{0,80}}\bskill\b", answer, re.IGNORECASE)
    )
