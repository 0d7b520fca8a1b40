"""Where Claude Code keeps a session in its private folder."""

import json
from pathlib import Path

from ostinato.adapters.agents.reading import inner, micro_usd
from ostinato.adapters.unfollowed import files_below, open_below

_PROJECTS = Path(".claude") / "projects"


def saved_transcript(private: Path, session_id: str) -> tuple[Path, ...]:
    """Its files, relative to the private folder; none where there is no such session. Put there elsewhere, it goes on."""
    if not session_id:
        return ()
    own = len(_PROJECTS.parts) + 1
    files = files_below(private, _PROJECTS)
    found = [path for path in files if path.parts[own:] == (f"{session_id}.jsonl",)]
    beside = [path for path in files if path.parts[own : own + 1] == (session_id,) and _main(path, own) in found]
    return (*found, *beside)


def spent_so_far(private: Path, session_id: str) -> int | None:
    """Micro-dollars of the session's invocations that ended in good order; None: not known."""
    paths = saved_transcript(private, session_id)
    if not paths:
        return None
    try:
        with open_below(private, paths[0]) as lines:
            states = [line for line in lines if line.startswith(b'{"type":"cost-state"')]
        return micro_usd(inner(json.loads(states[-1]), "totalCostUSD")) if states else 0
    except (OSError, ValueError):
        return None


def _main(beside: Path, own: int) -> Path:
    """The transcript that a file of a subagent belongs to."""
    folder = Path(*beside.parts[: own + 1])
    return folder.with_name(f"{folder.name}.jsonl")
