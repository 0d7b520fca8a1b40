"""Where Claude Code keeps a session in its private folder."""

import json
from pathlib import Path

from ostinato.adapters.agents.reading import inner, micro_usd

_PROJECTS = Path(".claude") / "projects"


def saved_transcript(private: Path, session_id: str) -> tuple[Path, ...]:
    """Its files, relative to the private folder; none where there is no such session. Put there elsewhere, it goes on."""
    if not session_id:
        return ()
    found = sorted((private / _PROJECTS).glob(f"*/{session_id}.jsonl"))
    beside = [path for main in found for path in sorted(main.with_suffix("").rglob("*")) if path.is_file()]
    return tuple(path.relative_to(private) for path in (*found, *beside))


def spent_so_far(private: Path, session_id: str) -> int | None:
    """Micro-dollars of the session's invocations that ended in good order; None: not known."""
    paths = saved_transcript(private, session_id)
    if not paths:
        return None
    with (private / paths[0]).open(encoding="utf-8", errors="replace") as lines:
        states = [line for line in lines if line.startswith('{"type":"cost-state"')]
    try:
        return micro_usd(inner(json.loads(states[-1]), "totalCostUSD")) if states else 0
    except ValueError:
        return None
