"""Whether an agent goes in circles, seen from its events alone."""

from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from ostinato.domain.agents.events import AgentEvent, EventKind

SAME_CALLS = 6
"""The same tool with the same arguments and the same result, one after the other."""
SAME_PAIRS = 5
"""Two such calls in turn."""
STALE_TURNS = 20
"""Turns that bring no result that was not there before."""
COMPACTIONS = 4
"""Times that it shortens its context with nothing new in between."""

_SPEAKS = frozenset({EventKind.TEXT, EventKind.THOUGHT, EventKind.TOOL_BEGAN})


class _Call(NamedTuple):
    tool: str
    arguments: str


@dataclass(slots=True)
class LoopWatch:
    """Shown every event in order. Knows only what a session did since it was started or resumed."""

    turns: int = 0
    """Answers of the model, told apart by the results of tools between them."""
    open_calls: dict[str, _Call] = field(default_factory=dict)
    """Tools that run now."""
    _recent: deque[str] = field(default_factory=lambda: deque(maxlen=2 * SAME_PAIRS))
    _tools: deque[str] = field(default_factory=lambda: deque(maxlen=2))
    _seen: set[str] = field(default_factory=set)
    _fresh_turn: int = 0
    _compactions: int = 0
    _speaking: bool = False

    def see(self, event: AgentEvent) -> str:
        """What it does over and over, in words; empty while nothing is."""
        if event.kind in _SPEAKS and not self._speaking:
            self._speaking = True
            self.turns += 1
        match event.kind:
            case EventKind.TOOL_BEGAN:
                self.open_calls[event.call_id] = _Call(event.tool, event.digest or event.text)
            case EventKind.TOOL_ENDED:
                self._speaking = False
                self._ended(event)
            case EventKind.COMPACTING:
                self._compactions += 1
            case _:
                pass
        return self._verdict()

    def _ended(self, event: AgentEvent) -> None:
        call = self.open_calls.pop(event.call_id, _Call(event.tool, ""))
        parts = (call.tool, call.arguments, event.digest or event.text, str(event.ok))
        whole = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        self._recent.append(whole)
        self._tools.append(call.tool)
        if whole not in self._seen:
            self._seen.add(whole)
            self._fresh_turn = self.turns
            self._compactions = 0

    def _verdict(self) -> str:
        recent = list(self._recent)
        same, pairs = recent[-SAME_CALLS:], recent[-2 * SAME_PAIRS :]
        if len(same) == SAME_CALLS and len(set(same)) == 1:
            return f"it called {self._tools[-1]} {SAME_CALLS} times with the same arguments and the same result"
        if len(pairs) == 2 * SAME_PAIRS and len(set(pairs[::2])) == len(set(pairs[1::2])) == 1:
            return f"it goes back and forth between the same two calls of {' and '.join(dict.fromkeys(self._tools))}"
        if self.turns - self._fresh_turn >= STALE_TURNS:
            return f"{STALE_TURNS} turns brought nothing new"
        if self._compactions >= COMPACTIONS:
            return f"it shortened its context {COMPACTIONS} times with nothing new in between"
        return ""
