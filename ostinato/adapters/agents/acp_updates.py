"""What an agent of the Agent Client Protocol says while it works, as events and as one running account. No input or output.

Read from the raw messages: an update that a newer agent makes up is a sign of life, not an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostinato.domain.agents import AgentEvent, EventKind, TokenUse

MOST_TOUCHED = 200
MOST_DENIED = 20
MOST_WORDS = 20_000
_CHANGING = frozenset(("edit", "delete", "move"))
_WORDS = {"agent_message_chunk": EventKind.TEXT, "agent_thought_chunk": EventKind.THOUGHT}
_ENDED = {"completed": True, "failed": False}
Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error of the agent's model that it reports beside the protocol."""

    message: str
    raw: Raw
    is_tried_again: bool = False


@dataclass(slots=True)
class _Call:
    title: str
    kind: str
    paths: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything that one invocation has told so far."""

    tree: Path
    session_id: str = ""
    spent_before_usd: float = 0.0
    """By the same session, before this invocation: the protocol's cost is the session's."""
    listening: bool = False
    """False while an old session is told again."""
    turns: int = 0
    use: TokenUse = TokenUse()
    context_tokens: int = 0
    cost_usd: float | None = None
    trouble: Trouble | None = None
    touched: dict[str, None] = field(default_factory=dict)
    denied: list[str] = field(default_factory=list)
    _calls: dict[str, _Call] = field(default_factory=dict)
    _words: list[str] = field(default_factory=list)
    _is_answering: bool = False

    @property
    def answer(self) -> str:
        return "".join(self._words).strip()[-MOST_WORDS:]

    def take(self, params: Raw) -> list[AgentEvent]:
        """Of one `session/update`: at least one event, in order."""
        update = _mapping(params.get("update"))
        kind = str(update.get("sessionUpdate", ""))
        if not self.listening:
            return [AgentEvent(kind=EventKind.OTHER)]
        found = list(self._events(kind, update))
        for meta in (params.get("_meta"), update.get("_meta")):
            found += self._troubles(_mapping(meta))
        return found or [AgentEvent(kind=EventKind.OTHER)]

    def deny(self, what: str) -> AgentEvent:
        if len(self.denied) < MOST_DENIED:
            self.denied.append(what[:200])
        return AgentEvent(kind=EventKind.DENIED, text=what)

    def finish(self, usage: Raw | None) -> TokenUse:
        """With what the answer to the prompt says; it may be of the last request only, so never less than was heard."""
        if usage:
            cached, written = _count(usage, "cachedReadTokens"), _count(usage, "cachedWriteTokens")
            self.use = self.use.model_copy(
                update={
                    "input": _count(usage, "inputTokens"),
                    "output": _count(usage, "outputTokens"),
                    "reasoning": _count(usage, "thoughtTokens"),
                    "cache_read": cached,
                    "cache_write": written,
                }
            )
        self.use = self.use.model_copy(update={"requests": self.turns})
        return self.use

    def _events(self, kind: str, update: Raw) -> Iterator[AgentEvent]:
        if kind in _WORDS:
            self._answers()
            text = str(_mapping(update.get("content")).get("text", ""))
            if kind == "agent_message_chunk":
                self._words.append(text)
            yield AgentEvent(kind=_WORDS[kind], text=text)
        elif kind in ("tool_call", "tool_call_update"):
            yield from self._tool(kind, update)
        elif kind == "usage_update":
            yield self._usage(update)

    def _tool(self, kind: str, update: Raw) -> Iterator[AgentEvent]:
        call_id = str(update.get("toolCallId", ""))
        known = self._calls.get(call_id)
        call = self._known(call_id, update)
        if kind == "tool_call" and known is None:
            self._answers()
            self._words.clear()
            yield AgentEvent(kind=EventKind.TOOL_BEGAN, tool=call.title, call_id=call_id, paths=call.paths)
        ok = _ENDED.get(str(update.get("status", "")))
        if ok is None:
            return
        self._is_answering = False
        if ok and call.kind in _CHANGING:
            self._touches(call.paths)
        yield AgentEvent(kind=EventKind.TOOL_ENDED, tool=call.title, call_id=call_id, paths=call.paths, ok=ok)

    def _known(self, call_id: str, update: Raw) -> _Call:
        call = self._calls.setdefault(call_id, _Call("", "", ()))
        call.title = str(update.get("title") or call.title)[:200]
        call.kind = str(update.get("kind") or call.kind)
        call.paths = tuple(dict.fromkeys((*call.paths, *paths_of(update, self.tree))))
        return call

    def _usage(self, update: Raw) -> AgentEvent:
        self.context_tokens = max(self.context_tokens, _count(update, "used"))
        cost = _mapping(update.get("cost"))
        if cost.get("currency") == "USD" and isinstance(cost.get("amount"), int | float):
            self.cost_usd = float(cost["amount"])
            spent = max(0.0, self.cost_usd - self.spent_before_usd)
            self.use = self.use.model_copy(update={"micro_usd": round(spent * 1_000_000)})
        return AgentEvent(kind=EventKind.USAGE, use=self.use)

    def _answers(self) -> None:
        """The model speaks: what went wrong before is got over."""
        self.trouble = None
        if not self._is_answering:
            self.turns += 1
        self._is_answering = True

    def _touches(self, paths: tuple[str, ...]) -> None:
        for path in paths:
            if len(self.touched) < MOST_TOUCHED:
                self.touched[path] = None

    def _troubles(self, meta: Raw) -> Iterator[AgentEvent]:
        trouble = trouble_of(meta)
        if trouble is None:
            return
        if not trouble.is_tried_again and (self.trouble is None or trouble.message):
            self.trouble = trouble
        kind = EventKind.RETRYING if trouble.is_tried_again else EventKind.FAILED
        yield AgentEvent(kind=kind, text=trouble.message)


def trouble_of(meta: Raw) -> Trouble | None:
    """Agents that end a failed turn as if it were done tell it in `_meta.<agent>.error`, or as the state systemError."""
    for part in meta.values():
        error = _mapping(part).get("error")
        if error:
            raw = error if isinstance(error, Mapping) else {"message": str(error)}
            again = bool(raw.get("willRetry") or _mapping(part).get("willRetry"))
            return Trouble(message=str(raw.get("message", ""))[:500], raw=raw, is_tried_again=again)
        state = _mapping(part).get("threadStatus")
        if "systemError" in (state, _mapping(state).get("type")):
            return Trouble(message="", raw={})
    return None


def paths_of(call: Raw, tree: Path) -> tuple[str, ...]:
    """Files that a tool call names; relative to the worktree where they lie in it."""
    named = [_mapping(place).get("path") for place in _list(call.get("locations"))]
    named += [_mapping(part).get("path") for part in _list(call.get("content")) if _mapping(part).get("type") == "diff"]
    return tuple(dict.fromkeys(relative(str(path), tree) for path in named if path))


def relative(path: str, tree: Path) -> str:
    whole = Path(path)
    return str(whole.relative_to(tree)) if whole.is_relative_to(tree) else path


def _mapping(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _count(of: Raw, name: str) -> int:
    value = of.get(name)
    return value if isinstance(value, int) and value > 0 else 0
