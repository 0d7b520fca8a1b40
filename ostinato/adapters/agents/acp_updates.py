"""What an agent of the Agent Client Protocol says while it works, as events and as one running account. No input or output.

Read from the raw messages: an update that a newer agent makes up is a sign of life, not an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.reading import cut, digest_of, in_tree, inner, objects, whole, words
from ostinato.domain.agents import AgentEvent, EventKind, TokenUse

MOST_WORDS = 20_000
_CHANGING = frozenset(("edit", "delete", "move"))
_WORDS = {"agent_message_chunk": EventKind.TEXT, "agent_thought_chunk": EventKind.THOUGHT}
_ENDED = {"completed": True, "failed": False}
_COUNTS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "reasoning": "thoughtTokens",
    "cache_read": "cachedReadTokens",
    "cache_write": "cachedWriteTokens",
}
Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error of the agent's model that it reports beside the protocol."""

    message: str
    raw: Raw
    is_tried_again: bool = False


@dataclass(slots=True)
class _Call:
    title: str = ""
    kind: str = ""
    paths: tuple[str, ...] = ()
    told: dict[str, Any] = field(default_factory=dict)
    """Its latest input, output and content."""


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything that one invocation has told so far."""

    tree: Path
    spent_before_usd: float = 0.0
    """By the same session, before this invocation: the protocol's cost is the session's."""
    listening: bool = False
    """False while an old session is told again."""
    turns: int = 0
    use: TokenUse = field(default_factory=TokenUse)
    cost_usd: float | None = None
    """Of the whole session."""
    trouble: Trouble | None = None
    _calls: dict[str, _Call] = field(default_factory=dict)
    _words: list[str] = field(default_factory=list)
    _is_answering: bool = False

    @property
    def answer(self) -> str:
        return "".join(self._words).strip()[-MOST_WORDS:]

    def take(self, params: Raw) -> list[AgentEvent]:
        """Of one `session/update`: at least one event, in order."""
        update = inner(params, "update")
        kind = str(inner(update, "sessionUpdate"))
        if not self.listening:
            self._remember(kind, update)
            return [AgentEvent(kind=EventKind.OTHER)]
        found = list(self._events(kind, update)) if isinstance(update, Mapping) else []
        for meta in (inner(params, "_meta"), inner(update, "_meta")):
            found += self._troubles(meta)
        return found or [AgentEvent(kind=EventKind.OTHER)]

    def finish(self, said: Any) -> TokenUse:
        """With what the answer to the prompt says, which some agents tell of their last request only."""
        quota = inner(said, "_meta", "quota", "token_count")
        counted = {name: whole(inner(said, "usage", count)) for name, count in _COUNTS.items()}
        counted |= {name: whole(inner(quota, f"{name}_tokens")) for name in ("input", "output") if not counted[name]}
        if any(counted.values()):
            self.use = self.use.model_copy(update=counted)
        self.use = self.use.model_copy(update={"requests": self.turns})
        return self.use

    def _remember(self, kind: str, update: Any) -> None:
        """What a session that is told again has cost before."""
        amount = _dollars(inner(update, "cost")) if kind == "usage_update" else None
        self.spent_before_usd = max(self.spent_before_usd, amount or 0.0)

    def _events(self, kind: str, update: Raw) -> Iterator[AgentEvent]:
        if kind in _WORDS:
            self._answers()
            text = words(inner(update, "content", "text"))
            if kind == "agent_message_chunk":
                self._words.append(text)
            yield AgentEvent(kind=_WORDS[kind], text=text)
        elif kind in ("tool_call", "tool_call_update"):
            yield from self._tool(update)
        elif kind == "usage_update":
            yield self._usage(update)

    def _tool(self, update: Raw) -> Iterator[AgentEvent]:
        call_id = words(update.get("toolCallId"))
        is_new = call_id not in self._calls
        call = self._known(call_id, update)
        if is_new:
            self._answers()
            self._words.clear()
            given = cut(words(update.get("rawInput")))
            yield AgentEvent(kind=EventKind.TOOL_BEGAN, tool=call.title, call_id=call_id, text=given)
        ok = _ENDED.get(str(update.get("status")))
        if ok is None:
            return
        self._is_answering = False
        told, call.told = call.told, {}
        yield AgentEvent(
            kind=EventKind.TOOL_ENDED,
            tool=call.title,
            call_id=call_id,
            ok=ok,
            paths=call.paths if call.kind in _CHANGING else (),
            text=cut(words(told.get("rawOutput"))),
            digest=digest_of(told),
        )

    def _known(self, call_id: str, update: Raw) -> _Call:
        call = self._calls.setdefault(call_id, _Call())
        call.title = words(update.get("title") or call.title)[:200]
        call.kind = words(update.get("kind") or call.kind)
        call.paths = tuple(dict.fromkeys((*call.paths, *paths_of(update, self.tree))))
        call.told |= {name: update[name] for name in ("rawInput", "rawOutput", "content") if update.get(name)}
        return call

    def _usage(self, update: Raw) -> AgentEvent:
        """What the context holds has been sent at least once: the only count before the turn has ended."""
        self.use = self.use.model_copy(update={"input": max(self.use.input, whole(update.get("used")))})
        amount = _dollars(update.get("cost"))
        if amount is not None:
            self.cost_usd = amount
            spent = max(0.0, amount - self.spent_before_usd)
            self.use = self.use.model_copy(update={"micro_usd": round(spent * 1_000_000)})
        return AgentEvent(kind=EventKind.USAGE, use=self.use)

    def _answers(self) -> None:
        """The model speaks: what went wrong before is got over."""
        self.trouble = None
        if not self._is_answering:
            self.turns += 1
        self._is_answering = True

    def _troubles(self, meta: Any) -> Iterator[AgentEvent]:
        trouble = trouble_of(meta) if isinstance(meta, Mapping) else None
        if trouble is None:
            return
        if not trouble.is_tried_again and (self.trouble is None or trouble.message):
            self.trouble = trouble
        kind = EventKind.RETRYING if trouble.is_tried_again else EventKind.FAILED
        yield AgentEvent(kind=kind, text=trouble.message)


def trouble_of(meta: Raw) -> Trouble | None:
    """Agents that end a failed turn as if it were done tell it in `_meta.<agent>.error`, or as the state systemError."""
    for part in meta.values():
        error = inner(part, "error")
        if error:
            raw = error if isinstance(error, Mapping) else {"message": words(error)}
            again = bool(raw.get("willRetry") or inner(part, "willRetry"))
            return Trouble(message=words(raw.get("message"))[:500], raw=raw, is_tried_again=again)
        if "systemError" in (inner(part, "threadStatus"), inner(part, "threadStatus", "type")):
            return Trouble(message="", raw={})
    return None


def paths_of(call: Raw, tree: Path) -> tuple[str, ...]:
    """Files that a tool call names; relative to the worktree where they lie in it."""
    named = [place.get("path") for place in objects(call.get("locations"))]
    named += [part.get("path") for part in objects(call.get("content")) if part.get("type") == "diff"]
    return tuple(dict.fromkeys(in_tree(str(path), tree) for path in named if path))


def _dollars(cost: Any) -> float | None:
    amount = inner(cost, "amount") if inner(cost, "currency") == "USD" else None
    return float(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else None
