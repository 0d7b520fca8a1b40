"""A kept transcript as events again: by the parser of the agent whose lines it holds."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ostinato.domain.agents import AgentEvent, EventKind
from ostinato.domain.agents.described import DescribedAgent
from ostinato.domain.agents.known_acp import KNOWN_ACP

_PLACE = re.compile(r'"(?:cwd|directory)"\s*:\s*"(/[^"]{1,500})"')
_LOOKED_AT = 20_000
_IN_PIECES = ("gemini", *KNOWN_ACP)
"""Their texts come in pieces; those of the others are whole."""


class _Reader(Protocol):
    def feed(self, line: str) -> Iterable[AgentEvent]: ...


def events_of(agent: str, text: str, described: Mapping[str, DescribedAgent] | None = None) -> Iterator[AgentEvent]:
    """`agent` with or without its model. What nobody can read any more comes as it was printed."""
    found, name = _PLACE.search(text[:_LOOKED_AT]), agent.partition(":")[0]
    tree = found[1].rstrip("/") if found else ""
    reader = _reader(name, Path(tree or "/"), described or {})
    is_acp = name in (described or {}) and (described or {})[name].speaks == "acp"
    end = "" if name in _IN_PIECES or is_acp else "\n"
    for line in text.splitlines():
        for event in reader.feed(line):
            yield _within(event, tree, end if event.kind in (EventKind.TEXT, EventKind.THOUGHT) else "")


def _within(event: AgentEvent, tree: str, end: str) -> AgentEvent:
    """Paths of its worktree as they are in the repository."""
    text = (event.text.replace(f"{tree}/", "") if tree else event.text) + end
    return event if text == event.text else event.model_copy(update={"text": text})


def _reader(name: str, tree: Path, described: Mapping[str, DescribedAgent]) -> _Reader:
    known = described.get(name)
    if name in KNOWN_ACP or (known is not None and known.speaks == "acp"):
        return _Updates(tree)
    if known is not None:
        from ostinato.adapters.agents.command import DescribedParser

        return DescribedParser(known)
    match name:
        case "claude":
            from ostinato.adapters.agents.claude_events import EventReader

            return EventReader(tree=tree)
        case "codex":
            from ostinato.adapters.agents.codex_events import CodexParser

            return CodexParser(tree=tree)
        case "opencode":
            from ostinato.adapters.agents.opencode_events import OpencodeParser

            return OpencodeParser(tree=tree)
        case "gemini":
            from ostinato.adapters.agents.gemini_events import GeminiParser

            return GeminiParser(tree=tree)
        case _:
            return _AsPrinted()


class _Updates:
    """Of the Agent Client Protocol: its notifications."""

    def __init__(self, tree: Path) -> None:
        from ostinato.adapters.agents.acp_updates import Heard

        self._heard = Heard(tree=tree, listening=True)

    def feed(self, line: str) -> Iterable[AgentEvent]:
        from ostinato.adapters.agents.reading import inner, read_object

        message = read_object(line) or {}
        is_update = message.get("method") == "session/update"
        return self._heard.take(inner(message, "params") or {}) if is_update else ()


class _AsPrinted:
    def feed(self, line: str) -> Iterable[AgentEvent]:
        return (AgentEvent(kind=EventKind.TEXT, text=line),)
