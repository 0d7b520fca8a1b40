"""Sessions of agents whose files nobody here knows: noted when they begin, and carried with the whole private folder."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ostinato.adapters.agents.port import Watched
from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.domain.agents import AgentEvent, EventKind

BEGUN = "begun-sessions.json"
_LEFT_BEHIND = frozenset((".cache", "node_modules", ".npm"))


def noting_sessions(watched: Watched, private: Path) -> Watched:
    """The same, with each session noted before anybody hears of it."""

    def on_event(event: AgentEvent) -> None:
        if event.kind is EventKind.STARTED and event.session_id:
            begun = read_json_object(private / BEGUN) or {}
            write_atomically(private / BEGUN, json.dumps({**begun, event.session_id: True}))
        watched.on_event(event)

    return replace(watched, on_event=on_event)


def session_files(private: Path, session_id: str) -> tuple[Path, ...]:
    """Relative to the private folder. None: this session never began here."""
    if not session_id or session_id not in (read_json_object(private / BEGUN) or {}):
        return ()
    return tuple(sorted(_files(private)))


def _files(private: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(private):
        inner[:] = [name for name in inner if name not in _LEFT_BEHIND]
        paths = (Path(folder) / name for name in names)
        yield from (path.relative_to(private) for path in paths if path.is_file() and not path.is_symlink())
