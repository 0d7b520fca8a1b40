"""Sessions of agents whose files nobody here knows: noted when they begin, and carried with the whole private folder."""

import json
from dataclasses import replace
from pathlib import Path

from ostinato.adapters.agents.port import Watched
from ostinato.adapters.atomic import write_atomically
from ostinato.adapters.unfollowed import files_below, read_object_below
from ostinato.domain.agents import AgentEvent, EventKind

BEGUN = "begun-sessions.json"
_LEFT_BEHIND = frozenset((".cache", "node_modules", ".npm"))


def noting_sessions(watched: Watched, private: Path) -> Watched:
    """The same, with each session noted before anybody hears of it."""

    def on_event(event: AgentEvent) -> None:
        if event.kind is EventKind.STARTED and event.session_id:
            begun = read_object_below(private, Path(BEGUN)) or {}
            write_atomically(private / BEGUN, json.dumps({**begun, event.session_id: True}))
        watched.on_event(event)

    return replace(watched, on_event=on_event)


def session_files(private: Path, session_id: str) -> tuple[Path, ...]:
    """Relative to the private folder. None: this session never began here."""
    if not session_id or session_id not in (read_object_below(private, Path(BEGUN)) or {}):
        return ()
    return files_below(private, Path(), without=_LEFT_BEHIND)
