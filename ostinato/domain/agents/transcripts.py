"""What an agent said and did in one turn, for people to read: its events as lines. Pure."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from ostinato.domain.agents.events import AgentEvent, EventKind

SHOWN_LINES: Final = 12
"""Of what a tool was given, or answered."""
_COMMANDS: Final = ("command", "cmd", "script")
_WRITTEN: Final = ("content", "new_string", "newString", "patch", "diff", "text")
_ASKED: Final = ("pattern", "query", "url", "description", "prompt")
_WORDS: Final = (EventKind.TEXT, EventKind.THOUGHT)


def readable_lines(events: Iterable[AgentEvent]) -> Iterator[str]:
    """Text as it is, tools with what they were given and answered. Texts that follow each other are one."""
    told = (event for event in events if event.kind not in (EventKind.OTHER, EventKind.USAGE))
    for kind, group in groupby(told, key=lambda event: event.kind):
        if kind in _WORDS:
            yield from _words(
                "".join(event.text for event in group), "  (thinks) " if kind is EventKind.THOUGHT else "  "
            )
        else:
            for event in group:
                yield from _lines(event)


def given(event: AgentEvent) -> str:
    """What a tool is asked, in one line: a command, a path, a search; else its arguments as they are."""
    arguments = _arguments(event)
    if (command := _first(arguments, _COMMANDS)) is not None:
        return " ".join(command.split())
    if event.paths:
        return ", ".join(event.paths)
    return _first(arguments, _ASKED) or (" ".join(event.text.split()) if event.text.strip() not in ("", "{}") else "")


def _lines(event: AgentEvent) -> Iterator[str]:
    match event.kind:
        case EventKind.STARTED:
            yield f"  session {event.session_id}" + (f", {event.text}" if event.text else "")
        case EventKind.TOOL_BEGAN:
            yield f"  ▸ {event.tool}  {given(event)}".rstrip()
            yield from _some(_first(_arguments(event), _WRITTEN) or "", "      + ")
        case EventKind.TOOL_ENDED:
            yield from _some(event.text, "      " if event.ok is not False else "    ✘ ")
        case EventKind.RETRYING:
            yield f"  … its provider did not answer, it asks again ({event.code or event.text})"
        case EventKind.COMPACTING:
            yield "  … its context is full: it sums up what was said"
        case EventKind.DENIED:
            yield f"  ⊘ not allowed: {event.text or event.tool}"
        case EventKind.FAILED:
            until = f", until {event.until:%Y-%m-%d %H:%M:%S} UTC" if event.until else ""
            yield f"  ✘ {event.text or event.code}{until}"
        case _:
            return


def _words(text: str, lead: str) -> Iterator[str]:
    for line in text.strip("\n").splitlines():
        yield f"{lead}{line}".rstrip()


def _some(text: str, lead: str) -> Iterator[str]:
    lines = text.strip("\n").splitlines()
    yield from (f"{lead}{line}".rstrip() for line in lines[:SHOWN_LINES])
    if len(lines) > SHOWN_LINES:
        yield f"      … {len(lines) - SHOWN_LINES} more lines"


def _arguments(event: AgentEvent) -> dict[str, Any]:
    """Nothing where they were too long to be kept whole, or are no object."""
    try:
        found = json.loads(event.text) if event.text.startswith("{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _first(arguments: dict[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = arguments.get(name)
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            return " ".join(value)
        if isinstance(value, str) and value:
            return value
    return None
