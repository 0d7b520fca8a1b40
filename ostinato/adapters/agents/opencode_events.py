"""What opencode says: the lines of `opencode run --format json`, and between them those of its log. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.provider_errors import Judged, in_one_line, judged
from ostinato.adapters.agents.reading import cut, digest_of, in_tree, inner, micro_usd, read_object, whole, words
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse

MOST_OVERFLOWS = 3
"""Answers that its context is too long, with no tool used in between: it shortens it for ever."""
RETRY_PATIENCE_S = 45.0
"""It waits in silence for as long as a provider tells it to, be it days."""
_ERROR_IN_LOG = re.compile(
    r'level=ERROR .*message="stream error" .*small=false .*error\.error="(?P<error>(?:[^"\\]|\\.)*)"'
)
_ASKS_IN_LOG = re.compile(r"level=INFO .*message=stream .*small=false")
_FORBIDDEN = re.compile(r"specified a rule which prevents|rejected permission", re.IGNORECASE)
_WRITES = frozenset(("write", "edit", "multiedit", "patch", "apply_patch"))


@dataclass(slots=True, kw_only=True)
class OpencodeParser:
    """Of one invocation. Its tools are told of when they have ended."""

    tree: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    _session_id: str = ""
    _answer: str = ""
    _reason: str = ""
    """Why the model stopped, the last time."""
    _use: TokenUse = field(default_factory=TokenUse)
    _dollars: float = 0.0
    _error: Judged | None = None
    """Not got over."""
    _waits_since: datetime | None = None
    _overflows: int = 0
    _denied: dict[str, None] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """It never says so; but some things it would go on with for ever, or for days."""
        if self._overflows >= MOST_OVERFLOWS:
            return True
        if self._waits_since is None:
            return False
        until = self._error.until if self._error else None
        is_long = until is not None and (until - self._waits_since).total_seconds() > RETRY_PATIENCE_S
        return is_long or (self.now() - self._waits_since).total_seconds() > RETRY_PATIENCE_S

    def feed(self, line: str) -> Iterator[AgentEvent]:
        event = read_object(line)
        if event is None:
            yield from self._logged(line)
            return
        if not self._session_id and (found := words(event.get("sessionID"))):
            self._session_id = found
            yield AgentEvent(kind=EventKind.STARTED, session_id=found)
        part = inner(event, "part") or {}
        match event.get("type"):
            case "text":
                yield self._text(part)
            case "reasoning":
                yield AgentEvent(kind=EventKind.THOUGHT, text=cut(words(part.get("text"))))
            case "tool_use":
                yield from self._tool(part)
            case "step_finish":
                yield self._step(part)
            case "error":
                yield self._failed(inner(event, "error") or {})
            case _:
                yield AgentEvent(kind=EventKind.OTHER)

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        found = self._judged(exit)
        return AgentEnd(
            kind=found.kind,
            message=found.message,
            session_id=self._session_id,
            answer=self._answer,
            use=self._use,
            turns=self._use.requests,
            until=found.until,
            status=found.status,
            limit=found.limit,
            denied=tuple(self._denied)[:20],
        )

    def _judged(self, exit: ProcessEnd) -> Judged:
        if self._error is not None:
            return self._error
        match self._reason:
            case "stop" if exit.ok:
                return Judged(kind=EndKind.DONE, message="it says that it is done")
            case "length":
                return Judged(kind=EndKind.GAVE_UP, message="its answer was cut at the most tokens that one may have")
            case "content-filter":
                return Judged(kind=EndKind.REFUSED, message="the model declined")
            case _:
                told = in_one_line(exit.tail) or "nothing was said of why"
                return Judged(kind=EndKind.CRASH, message=f"it ended in the middle of its turn: {told}")

    def _text(self, part: Mapping[str, Any]) -> AgentEvent:
        if inner(part, "metadata", "compaction_continue") or part.get("synthetic"):
            return AgentEvent(kind=EventKind.COMPACTING)
        self._answer = words(part.get("text"))
        return AgentEvent(kind=EventKind.TEXT, text=cut(self._answer))

    def _tool(self, part: Mapping[str, Any]) -> Iterator[AgentEvent]:
        self._overflows, self._error, self._waits_since = 0, None, None
        state = inner(part, "state") or {}
        given, told = state.get("input"), state.get("output") or state.get("error") or ""
        tool, call_id = words(part.get("tool")), words(part.get("callID"))
        ok = state.get("status") == "completed" and inner(state, "metadata", "exit") in (0, None)
        known = {"tool": tool, "call_id": call_id, "paths": self._paths(tool, state)}
        yield AgentEvent(kind=EventKind.TOOL_BEGAN, text=cut(words(given)), digest=digest_of(given), **known)
        yield AgentEvent(kind=EventKind.TOOL_ENDED, text=cut(words(told)), digest=digest_of(told), ok=ok, **known)
        if _FORBIDDEN.search(words(state.get("error"))):
            text = cut(f"{tool}: {words(inner(given, 'command') or inner(given, 'filePath') or given)}", 300)
            self._denied[text] = None
            yield AgentEvent(kind=EventKind.DENIED, text=text)

    def _paths(self, tool: str, state: Mapping[str, Any]) -> tuple[str, ...]:
        if tool not in _WRITES:
            return ()
        path = words(inner(state, "input", "filePath") or inner(state, "metadata", "filepath"))
        return (in_tree(path, self.tree),) if path else ()

    def _step(self, part: Mapping[str, Any]) -> AgentEvent:
        self._reason = words(part.get("reason"))
        self._waits_since = None
        tokens = inner(part, "tokens") or {}
        self._dollars += part["cost"] if isinstance(part.get("cost"), int | float) else 0.0
        reasoning = whole(tokens.get("reasoning"))
        self._use = TokenUse(
            input=self._use.input + whole(tokens.get("input")),
            output=self._use.output + whole(tokens.get("output")) + reasoning,
            cache_read=self._use.cache_read + whole(inner(tokens, "cache", "read")),
            cache_write=self._use.cache_write + whole(inner(tokens, "cache", "write")),
            reasoning=self._use.reasoning + reasoning,
            requests=self._use.requests + 1,
            micro_usd=micro_usd(self._dollars) or None,
        )
        if not self._overflows:
            self._error = None
        return AgentEvent(kind=EventKind.USAGE, use=self._use)

    def _failed(self, error: Mapping[str, Any]) -> AgentEvent:
        told = inner(error, "data") or {}
        headers = told.get("responseHeaders")
        name, status = words(error.get("name")), told.get("statusCode")
        message = words(told.get("message")) or name
        self._error = judged(
            message,
            now=self.now(),
            names=(name,),
            status=status if isinstance(status, int) else None,
            headers={str(key): words(value) for key, value in headers.items()} if isinstance(headers, dict) else None,
        )
        self._overflows += self._error.kind is EndKind.CONTEXT_OVERFLOW
        return AgentEvent(kind=EventKind.FAILED, text=cut(message), code=str(self._error.status or name))

    def _logged(self, line: str) -> Iterator[AgentEvent]:
        if found := _ERROR_IN_LOG.search(line):
            message = found["error"].replace('\\"', '"')
            self._error = judged(message, now=self.now(), otherwise=EndKind.PROVIDER)
            self._waits_since = self.now()
            yield AgentEvent(kind=EventKind.RETRYING, text=cut(message), code=str(self._error.status or ""))
        elif _ASKS_IN_LOG.search(line):
            self._waits_since = None
            yield AgentEvent(kind=EventKind.OTHER)
