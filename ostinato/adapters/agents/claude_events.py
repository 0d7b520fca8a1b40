"""What Claude Code prints as stream-json: its lines as events, and the facts from which its end is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.claude_use import Tally
from ostinato.adapters.agents.reading import cut, digest_of, in_tree, inner, objects, read_object, whole, words
from ostinato.domain.agents import AgentEvent, EventKind
from ostinato.domain.agents.blaming import SERVER_DOWN

_WRITERS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_PATHS = ("file_path", "notebook_path", "path")
_ALIVE = AgentEvent(kind=EventKind.OTHER)


def is_piece(line: bytes) -> bool:
    """Of a message that comes whole afterwards."""
    return line.startswith(b'{"type":"stream_event"') and b'"content_block_delta"' in line[:100]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool that was called."""

    tool: str
    input: Any

    def described(self) -> str:
        given = inner(self.input, "command") or next((path for path in self.files), "") or words(self.input)
        return cut(f"{self.tool}: {words(given)}", 300)

    @property
    def files(self) -> tuple[str, ...]:
        found = (inner(self.input, name) for name in _PATHS)
        return tuple(path for path in found if isinstance(path, str) and path)


@dataclass(slots=True, kw_only=True)
class Facts:
    """What one invocation said so far that its end depends on."""

    tally: Tally = field(default_factory=Tally)
    session_id: str = ""
    result: dict[str, Any] | None = None
    """Its last word."""
    error: str = ""
    """The agent's own word for the error of its last answer; none where that was an answer."""
    error_text: str = ""
    status: int | None = None
    request_id: str = ""
    """Of the error: Ostinato's gateway says there why it refused."""
    refused: bool = False
    lifted: datetime | None = None
    """When the account's limit is, as the provider's headers said."""
    calls: int = 0
    succeeded: int = 0
    """Calls of tools that did what they were to do."""
    denied: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class EventReader:
    tree: Path
    facts: Facts = field(default_factory=Facts)
    _calls: dict[str, Call] = field(default_factory=dict)
    _compacting: bool = False

    def feed(self, line: str) -> Iterator[AgentEvent]:
        value = read_object(line)
        if value is None:
            return
        match value.get("type"):
            case "system":
                yield from self._system(value)
            case "stream_event":
                yield from self._streamed(value)
            case "assistant":
                yield from self._answered(value)
            case "user":
                yield from self._resulted(value)
            case "rate_limit_event":
                yield self._limited(value.get("rate_limit_info"))
            case "result":
                yield self._ended(value)
            case str():
                yield _ALIVE
            case _:
                pass

    # What the agent says of itself

    def _system(self, value: dict[str, Any]) -> Iterator[AgentEvent]:
        match value.get("subtype"):
            case "init":
                yield from self._began(value)
            case "api_retry":
                yield _retrying(value)
            case "permission_denied":
                call = self._calls.get(words(value.get("tool_use_id")))
                text = call.described() if call else words(value.get("tool_name"))
                self.facts.denied[text] = None
                yield AgentEvent(kind=EventKind.DENIED, text=text, tool=words(value.get("tool_name")))
            case "model_refusal_no_fallback":
                self.facts.refused = True
                yield AgentEvent(kind=EventKind.FAILED, code="refusal", text="the model declined")
            case "status":
                yield self._status(value)
            case _:
                yield _ALIVE

    def _began(self, value: dict[str, Any]) -> Iterator[AgentEvent]:
        self.facts.session_id = words(value.get("session_id"))
        model = words(value.get("model"))
        yield AgentEvent(kind=EventKind.STARTED, session_id=self.facts.session_id, text=model)
        for server in objects(value.get("mcp_servers")):
            if server.get("status") not in ("connected", "pending"):
                text = f"MCP server {words(server.get('name'))}: {words(server.get('status'))}"
                yield AgentEvent(kind=EventKind.FAILED, code=SERVER_DOWN, tool=words(server.get("name")), text=text)

    def _status(self, value: dict[str, Any]) -> AgentEvent:
        """It repeats itself while it compacts."""
        was, self._compacting = self._compacting, value.get("status") == "compacting"
        return AgentEvent(kind=EventKind.COMPACTING) if self._compacting and not was else _ALIVE

    def _limited(self, said: Any) -> AgentEvent:
        if inner(said, "status") != "rejected":
            return _ALIVE
        self.facts.lifted = lifted_at(said) or self.facts.lifted
        text = f"the account's limit is reached ({words(inner(said, 'rateLimitType')) or 'of which kind is not said'})"
        return AgentEvent(kind=EventKind.FAILED, code="rate_limit", text=text, until=self.facts.lifted)

    def _ended(self, value: dict[str, Any]) -> AgentEvent:
        facts = self.facts
        facts.result = value
        facts.session_id = words(value.get("session_id")) or facts.session_id
        for denial in objects(value.get("permission_denials")):
            facts.denied[Call(tool=words(denial.get("tool_name")), input=denial.get("tool_input")).described()] = None
        facts.tally.settle(value)
        return AgentEvent(kind=EventKind.USAGE, use=facts.tally.use)

    # What passes between it and its model

    def _streamed(self, value: dict[str, Any]) -> Iterator[AgentEvent]:
        event = value.get("event")
        match inner(event, "type"):
            case "message_start":
                message = inner(event, "message")
                self.facts.tally.began(words(inner(message, "id")), inner(message, "usage"))
            case "message_delta":
                self.facts.tally.grew(words(value.get("api_message_id")), inner(event, "usage"))
            case _:
                yield _ALIVE
                return
        yield AgentEvent(kind=EventKind.USAGE, use=self.facts.tally.use)

    def _answered(self, value: dict[str, Any]) -> Iterator[AgentEvent]:
        message = value.get("message")
        blocks = objects(inner(message, "content"))
        self.facts.error = words(value.get("error"))
        if self.facts.error or value.get("is_api_error_message"):
            yield self._failed(value, " ".join(words(block.get("text")) for block in blocks))
            return
        if self.facts.tally.began(words(inner(message, "id")), inner(message, "usage")):
            yield AgentEvent(kind=EventKind.USAGE, use=self.facts.tally.use)
        for block in blocks:
            match block.get("type"):
                case "text":
                    yield AgentEvent(kind=EventKind.TEXT, text=cut(words(block.get("text"))))
                case "thinking":
                    yield AgentEvent(kind=EventKind.THOUGHT, text=cut(words(block.get("thinking"))))
                case "tool_use":
                    yield self._called(block)
                case _:
                    yield _ALIVE

    def _failed(self, value: dict[str, Any], text: str) -> AgentEvent:
        status = value.get("api_error_status")
        self.facts.error = self.facts.error or "unknown"
        self.facts.error_text = text
        self.facts.request_id = words(value.get("request_id"))
        self.facts.status = status if isinstance(status, int) else None
        self.facts.lifted = lifted_at(value.get("rate_limit_info")) or self.facts.lifted
        return AgentEvent(kind=EventKind.FAILED, text=cut(text), code=str(status or self.facts.error))

    def _called(self, block: dict[str, Any]) -> AgentEvent:
        call = Call(tool=words(block.get("name")), input=block.get("input"))
        call_id = words(block.get("id"))
        self._calls[call_id] = call
        self.facts.calls += 1
        return AgentEvent(
            kind=EventKind.TOOL_BEGAN,
            tool=call.tool,
            call_id=call_id,
            text=cut(words(call.input)),
            digest=digest_of(call.input),
            paths=self._paths(call),
        )

    def _resulted(self, value: dict[str, Any]) -> Iterator[AgentEvent]:
        content = inner(value.get("message"), "content")
        results = [block for block in objects(content) if block.get("type") == "tool_result"]
        for block in results:
            call_id = words(block.get("tool_use_id"))
            call = self._calls.get(call_id, Call(tool="", input=None))
            text = _text_of(block.get("content"))
            ok = block.get("is_error") is not True
            self.facts.succeeded += ok
            yield AgentEvent(
                kind=EventKind.TOOL_ENDED,
                tool=call.tool,
                call_id=call_id,
                text=cut(text),
                digest=digest_of(text),
                ok=ok,
                paths=self._paths(call) if call.tool in _WRITERS else (),
            )
        if not results:
            yield _ALIVE

    def _paths(self, call: Call) -> tuple[str, ...]:
        return tuple(in_tree(path, self.tree) for path in call.files)


def lifted_at(said: Any) -> datetime | None:
    """Seconds since 1970 in what the agent read from the provider's headers."""
    seconds = whole(inner(said, "resetsAt"))
    return datetime.fromtimestamp(seconds, UTC) if 1e9 < seconds < 1e11 else None


def _retrying(value: dict[str, Any]) -> AgentEvent:
    status, error = value.get("error_status"), words(value.get("error"))
    after = timedelta(milliseconds=whole(value.get("retry_delay_ms")))
    said = " ".join(str(part) for part in (status, error) if part)
    attempt = f"attempt {whole(value.get('attempt'))} of {whole(value.get('max_retries'))}"
    text = f"{said}; {attempt} in {after.total_seconds():.1f} s"
    return AgentEvent(kind=EventKind.RETRYING, text=text, code=str(status or error))


def _text_of(content: Any) -> str:
    if not isinstance(content, list):
        return words(content)
    return "\n".join(words(block.get("text")) if "text" in block else words(block) for block in objects(content))
