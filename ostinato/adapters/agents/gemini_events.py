"""What Gemini CLI says: the lines of `gemini -o stream-json`, and the lines of the chat that it keeps. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.provider_errors import Judged, judged
from ostinato.adapters.agents.reading import cut, digest_of, in_tree, inner, read_object, whole, words
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse

_WRITES = frozenset(("write_file", "replace", "edit"))
_LOOP = re.compile(r"loop (?:was )?detected", re.IGNORECASE)
_TURNS = re.compile(r"max(?:imum)? session turns", re.IGNORECASE)
_TURNS_EXIT = 53
_FORBIDDEN = re.compile(r"denied by policy|policy_violation|not allowed", re.IGNORECASE)
_STATUS_MODULUS = 256


@dataclass(slots=True, kw_only=True)
class GeminiParser:
    """Of one invocation."""

    tree: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    finished: bool = False
    _session_id: str = ""
    _answer: str = ""
    _is_speaking: bool = False
    _result: Mapping[str, Any] | None = None
    _stopped: Judged | None = None
    """By itself, although it calls that a success."""
    _calls: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _counted: dict[str, TokenUse] = field(default_factory=dict)
    """By answer, as its chat has them."""
    _denied: dict[str, None] = field(default_factory=dict)

    def feed(self, line: str) -> Iterator[AgentEvent]:
        event = read_object(line)
        if event is None:
            return
        match event.get("type"):
            case "init":
                self._session_id = words(event.get("session_id"))
                yield AgentEvent(kind=EventKind.STARTED, session_id=self._session_id, text=words(event.get("model")))
            case "message" if event.get("role") == "assistant":
                yield self._text(words(event.get("content")))
            case "tool_use":
                yield self._began(event)
            case "tool_result":
                yield from self._ended(event)
            case "error":
                yield self._warned(words(event.get("message")))
            case "result":
                self.finished, self._result = True, event
                yield AgentEvent(kind=EventKind.USAGE, use=self.use)
            case _:
                yield AgentEvent(kind=EventKind.OTHER)

    def recorded(self, line: str) -> Iterator[AgentEvent]:
        """A line of its chat, written since this invocation began. An answer is there several times."""
        record = read_object(line) or {}
        tokens, name = record.get("tokens"), words(record.get("id"))
        if record.get("type") == "gemini" and isinstance(tokens, dict) and name not in self._counted:
            self._counted[name] = _use_of_answer(tokens)
            yield AgentEvent(kind=EventKind.USAGE, use=self.use)

    @property
    def use(self) -> TokenUse:
        """What it says at its end, else what its chat says of each answer."""
        counted = tuple(self._counted.values())
        stats = inner(self._result, "stats")
        if stats:
            return _use_of_stats(stats, requests=len(counted))
        return TokenUse(
            input=sum(each.input for each in counted),
            output=sum(each.output for each in counted),
            cache_read=sum(each.cache_read for each in counted),
            reasoning=sum(each.reasoning for each in counted),
            requests=len(counted),
        )

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        found = self._judged(exit)
        return AgentEnd(
            kind=found.kind,
            message=found.message,
            session_id=self._session_id,
            answer=self._answer,
            use=self.use,
            turns=self.use.requests,
            limit=found.limit,
            until=found.until,
            status=found.status,
            denied=tuple(self._denied)[:20],
        )

    def _judged(self, exit: ProcessEnd) -> Judged:
        if self._stopped is not None:
            return self._stopped
        if exit.exit_code == _TURNS_EXIT:
            return Judged(kind=EndKind.LIMIT, message="it used all its turns", limit=LimitKind.TURNS)
        if self._result is not None and self._result.get("status") == "success":
            return Judged(kind=EndKind.DONE, message="it says that it is done")
        error = inner(self._result, "error")
        message = words(inner(error, "message")) or exit.tail or "it ended in the middle of its turn and said nothing"
        status = _status_of_exit(exit.exit_code) if self._result is not None else None
        names = (words(inner(error, "type")),)
        return judged(message.removeprefix("[API Error: "), now=self.now(), names=names, status=status)

    def _text(self, content: str) -> AgentEvent:
        self._answer = self._answer + content if self._is_speaking else content
        self._is_speaking = True
        return AgentEvent(kind=EventKind.TEXT, text=cut(content))

    def _began(self, event: Mapping[str, Any]) -> AgentEvent:
        self._is_speaking = False
        tool, given, call_id = words(event.get("tool_name")), event.get("parameters"), words(event.get("tool_id"))
        self._calls[call_id] = (tool, given)
        return AgentEvent(
            kind=EventKind.TOOL_BEGAN,
            tool=tool,
            call_id=call_id,
            text=cut(words(given)),
            digest=digest_of(given),
            paths=self._paths(tool, given),
        )

    def _ended(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        call_id = words(event.get("tool_id"))
        tool, given = self._calls.pop(call_id, ("", None))
        told = words(event.get("output") or inner(event, "error", "message"))
        yield AgentEvent(
            kind=EventKind.TOOL_ENDED,
            tool=tool,
            call_id=call_id,
            text=cut(told),
            digest=digest_of(told),
            paths=self._paths(tool, given),
            ok=event.get("status") == "success",
        )
        if _FORBIDDEN.search(f"{words(inner(event, 'error', 'type'))} {words(inner(event, 'error', 'message'))}"):
            text = cut(f"{tool}: {words(inner(given, 'command') or inner(given, 'file_path') or given)}", 300)
            self._denied[text] = None
            yield AgentEvent(kind=EventKind.DENIED, text=text)

    def _warned(self, message: str) -> AgentEvent:
        if _LOOP.search(message):
            self._stopped = Judged(kind=EndKind.LOOP, message="it stopped, since it found itself going in circles")
        elif _TURNS.search(message):
            self._stopped = Judged(kind=EndKind.LIMIT, message="it used all its turns", limit=LimitKind.TURNS)
        return AgentEvent(kind=EventKind.FAILED, text=cut(message))

    def _paths(self, tool: str, given: Any) -> tuple[str, ...]:
        path = words(inner(given, "file_path")) if tool in _WRITES else ""
        return (in_tree(path, self.tree),) if path else ()


def _status_of_exit(exit_code: int | None) -> int | None:
    """It exits with the HTTP status, of which a byte is left."""
    status = (exit_code or 0) + _STATUS_MODULUS
    return status if 400 <= status < 2 * _STATUS_MODULUS else None


def _use_of_answer(tokens: Mapping[str, Any]) -> TokenUse:
    cached, thoughts = whole(tokens.get("cached")), whole(tokens.get("thoughts"))
    return TokenUse(
        input=max(0, whole(tokens.get("input")) - cached),
        output=whole(tokens.get("output")) + thoughts,
        cache_read=cached,
        reasoning=thoughts,
        requests=1,
    )


def _use_of_stats(stats: Any, *, requests: int) -> TokenUse:
    """What is in the total and in neither input nor output it thought."""
    read, cached, said = (whole(inner(stats, name)) for name in ("input_tokens", "cached", "output_tokens"))
    thoughts = max(0, whole(inner(stats, "total_tokens")) - read - said)
    return TokenUse(
        input=max(0, read - cached),
        output=said + thoughts,
        cache_read=cached,
        reasoning=thoughts,
        requests=requests,
    )
