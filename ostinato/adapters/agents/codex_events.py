"""What Codex says: the lines of `codex exec --json`, and the lines of the rollout that it keeps of each session. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.provider_errors import Judged, judged, status_in
from ostinato.adapters.agents.reading import cut, digest_of, in_tree, inner, objects, read_object, whole, words
from ostinato.adapters.processes import ProcessEnd
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse

_RETRYING = re.compile(r"^Reconnecting\W")
_BLOCKED = (
    re.compile(r"^Command blocked by PreToolUse hook: .*? Command: (?P<what>.+)", re.DOTALL),
    re.compile(r"Rejected\(\"(?P<what>.+)\"\)", re.DOTALL),
    re.compile(r"^(?P<what>patch rejected: .+)", re.DOTALL),
)
_NEEDS_APPROVAL = re.compile(r"requires approval|rejected by user|approval policy", re.IGNORECASE)
_USED_UP_PCT = 100


def use_of(value: Any, *, requests: int = 0) -> TokenUse:
    """Its input counts what was cached, ours does not."""
    cached, written = whole(inner(value, "cached_input_tokens")), whole(inner(value, "cache_write_input_tokens"))
    return TokenUse(
        input=max(0, whole(inner(value, "input_tokens")) - cached - written),
        output=whole(inner(value, "output_tokens")),
        cache_read=cached,
        cache_write=written,
        reasoning=whole(inner(value, "reasoning_output_tokens")),
        requests=requests,
    )


def session_use(lines: Iterable[str]) -> TokenUse:
    """All that a session used so far, by its rollout."""
    total, requests = TokenUse(), 0
    for line in lines:
        record = read_object(line) or {}
        if record.get("type") == "token_usage_record":
            requests += 1
            total = use_of(inner(record, "payload", "thread_token_usage"), requests=requests)
        elif inner(record, "payload", "type") == "token_count" and not requests:
            total = use_of(inner(record, "payload", "info", "total_token_usage"))
    return total


@dataclass(slots=True, kw_only=True)
class CodexParser:
    """Of one invocation."""

    tree: Path
    before: TokenUse = field(default_factory=TokenUse)
    """What the session had used before it was resumed: what Codex reports is of the whole session."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    finished: bool = False
    _session_id: str = ""
    _answer: str = ""
    _counted: TokenUse = field(default_factory=TokenUse)
    """Request by request, as recorded."""
    _told: TokenUse = field(default_factory=TokenUse)
    """At the end of a turn, where nothing is recorded."""
    _failure: str = ""
    _has_failed: bool = False
    _is_done: bool = False
    _names: list[str] = field(default_factory=list)
    _status: int | None = None
    _limited_until: datetime | None = None
    _denied: dict[str, None] = field(default_factory=dict)

    @property
    def _use(self) -> TokenUse:
        return self._counted if self._counted.requests else self._told

    def feed(self, line: str) -> Iterator[AgentEvent]:
        event = read_object(line)
        if event is None:
            return
        match event.get("type"):
            case "thread.started":
                self._session_id = words(event.get("thread_id"))
                yield AgentEvent(kind=EventKind.STARTED, session_id=self._session_id)
            case "item.started":
                yield from self._began(event)
            case "item.completed":
                yield from self._ended(event)
            case "error":
                yield self._complained(words(event.get("message")))
            case "turn.completed":
                self.finished = self._is_done = True
                self._told = _beyond(use_of(event.get("usage")), self.before)
                yield AgentEvent(kind=EventKind.USAGE, use=self._use)
            case "turn.failed":
                self.finished = self._has_failed = True
                self._failure = words(inner(event, "error", "message")) or self._failure
                yield AgentEvent(kind=EventKind.FAILED, text=cut(self._failure), code=_code(self._failure))
            case _:
                yield AgentEvent(kind=EventKind.OTHER)

    def recorded(self, line: str) -> Iterator[AgentEvent]:
        """A line of its rollout, written since this invocation began: what standard output does not tell."""
        record = read_object(line) or {}
        payload = inner(record, "payload") or {}
        kind = payload.get("type") if record.get("type") in ("event_msg", "response_item") else record.get("type")
        match kind:
            case "token_usage_record":
                self._counted = _sum(self._counted, use_of(inner(payload, "usage"), requests=1))
                yield AgentEvent(kind=EventKind.USAGE, use=self._use)
            case "token_count":
                self._limited_until = _resets(inner(payload, "rate_limits")) or self._limited_until
            case "function_call_output" | "custom_tool_call_output":
                yield from self._blocked(words(payload.get("output")))
            case "compacted" | "context_compacted":
                yield AgentEvent(kind=EventKind.COMPACTING)
            case "task_complete":
                self._named(inner(payload, "error", "codex_error_info"))
            case _:
                pass

    def end(self, exit: ProcessEnd, limit: LimitKind | None) -> AgentEnd:
        found = self._judged(exit)
        until = found.until or (self._limited_until if found.kind is EndKind.RATE_LIMIT else None)
        return AgentEnd(
            kind=found.kind,
            message=found.message,
            session_id=self._session_id,
            answer=self._answer,
            use=self._use,
            turns=self._use.requests,
            until=until,
            status=found.status,
            limit=found.limit,
            denied=tuple(self._denied)[:20],
        )

    def _judged(self, exit: ProcessEnd) -> Judged:
        if self._is_done and not self._has_failed:
            return Judged(kind=EndKind.DONE, message="it says that it is done")
        if not self._has_failed and exit.signal is not None:
            return Judged(kind=EndKind.CRASH, message=f"signal {exit.signal} ended it in the middle of its turn")
        said = self._failure or exit.tail or "it ended in the middle of its turn and said nothing"
        return judged(said, now=self.now(), names=self._names, status=self._status)

    def _began(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        item = inner(event, "item") or {}
        tool = _tool(item)
        if not tool:
            yield AgentEvent(kind=EventKind.OTHER)
            return
        given = _given(item)
        yield AgentEvent(
            kind=EventKind.TOOL_BEGAN,
            tool=tool,
            call_id=words(item.get("id")),
            text=cut(words(given)),
            digest=digest_of(given),
            paths=self._paths(item),
        )

    def _ended(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        item = inner(event, "item") or {}
        match item.get("type"):
            case "agent_message":
                self._answer = words(item.get("text"))
                yield AgentEvent(kind=EventKind.TEXT, text=cut(self._answer))
            case "reasoning":
                yield AgentEvent(kind=EventKind.THOUGHT, text=cut(words(item.get("text"))))
            case "error":
                yield AgentEvent(kind=EventKind.OTHER, text=cut(words(item.get("message"))))
            case kind if "compact" in words(kind):
                yield AgentEvent(kind=EventKind.COMPACTING)
            case _ if _tool(item):
                yield self._tool_ended(item)
                yield from self._declined(item)
            case _:
                yield AgentEvent(kind=EventKind.OTHER)

    def _tool_ended(self, item: Mapping[str, Any]) -> AgentEvent:
        told = _told_by(item)
        return AgentEvent(
            kind=EventKind.TOOL_ENDED,
            tool=_tool(item),
            call_id=words(item.get("id")),
            text=cut(words(told)),
            digest=digest_of(told),
            paths=self._paths(item),
            ok=item.get("status") not in ("failed", "declined") and item.get("exit_code") in (0, None),
        )

    def _declined(self, item: Mapping[str, Any]) -> Iterator[AgentEvent]:
        refusal = words(inner(item, "error", "message"))
        if item.get("status") == "declined" or _NEEDS_APPROVAL.search(refusal):
            yield self._deny(f"{_tool(item)}: {words(_given(item))}")

    def _blocked(self, output: str) -> Iterator[AgentEvent]:
        for pattern in _BLOCKED:
            if found := pattern.search(output[:4_000]):
                yield self._deny(found["what"])
                return

    def _deny(self, what: str) -> AgentEvent:
        text = cut(" ".join(what.split()), 300)
        self._denied[text] = None
        return AgentEvent(kind=EventKind.DENIED, text=text)

    def _complained(self, message: str) -> AgentEvent:
        if _RETRYING.match(message):
            return AgentEvent(kind=EventKind.RETRYING, text=cut(message), code=_code(message))
        self._failure = message
        return AgentEvent(kind=EventKind.FAILED, text=cut(message), code=_code(message))

    def _named(self, info: Any) -> None:
        """The error that ended a turn, by the names that Codex itself has for it."""
        if isinstance(info, str):
            self._names.append(info)
        elif isinstance(info, dict):
            self._names += info
            found = (whole(inner(each, "http_status_code")) for each in info.values())
            self._status = next((status for status in found if status), self._status)

    def _paths(self, item: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(in_tree(words(each.get("path")), self.tree) for each in objects(item.get("changes")))


def _tool(item: Mapping[str, Any]) -> str:
    """Empty: it is no tool."""
    match item.get("type"):
        case "command_execution":
            return "shell"
        case "file_change":
            return "edit"
        case "mcp_tool_call":
            return f"{words(item.get('server'))}.{words(item.get('tool'))}"
        case "web_search" | "image_generation" | "collab_tool_call" as kind:
            return str(kind)
        case _:
            return ""


def _given(item: Mapping[str, Any]) -> Any:
    return next((item[name] for name in ("command", "arguments", "changes", "query", "prompt") if item.get(name)), "")


def _told_by(item: Mapping[str, Any]) -> Any:
    """Of an edit it says which file, not what: two edits of one file are never the same."""
    if item.get("type") == "file_change":
        return f"{words(item.get('status'))} {words(item.get('id'))}"
    names = ("aggregated_output", "error", "result", "exit_code")
    return next((item[name] for name in names if item.get(name) not in (None, "")), "")


def _code(message: str) -> str:
    return str(status_in(message) or "")


def _resets(limits: Any) -> datetime | None:
    """When the last of the windows that are used up begins again."""
    windows = [inner(limits, name) or {} for name in ("primary", "secondary")]
    used_up = [each for each in windows if whole(each.get("used_percent")) >= _USED_UP_PCT]
    moments = [moment for each in used_up if (moment := whole(each.get("resets_at")))]
    return datetime.fromtimestamp(max(moments), UTC) if moments else None


def _sum(one: TokenUse, other: TokenUse) -> TokenUse:
    return _each(one, other, 1)


def _beyond(whole_session: TokenUse, before: TokenUse) -> TokenUse:
    return _each(whole_session, before, -1)


def _each(one: TokenUse, other: TokenUse, sign: int) -> TokenUse:
    return TokenUse(
        input=max(0, one.input + sign * other.input),
        output=max(0, one.output + sign * other.output),
        cache_read=max(0, one.cache_read + sign * other.cache_read),
        cache_write=max(0, one.cache_write + sign * other.cache_write),
        reasoning=max(0, one.reasoning + sign * other.reasoning),
        requests=max(0, one.requests + sign * other.requests),
    )
