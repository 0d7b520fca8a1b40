"""Sessions that an agent keeps in files of its own, below its step's private folder."""

from collections.abc import Callable
from pathlib import Path

from ostinato.adapters.agents.port import AgentTask
from ostinato.domain.agents import AgentEnd, EndKind

SessionFiles = Callable[[Path, str], tuple[Path, ...]]
"""Of a private folder and a session id: where that session is kept; empty: it is not there."""


def kept_in(task: AgentTask, files: SessionFiles) -> tuple[Path, ...]:
    """What another worker needs, from the private folder on."""
    found = files(task.private, task.session_id) if task.session_id else ()
    return tuple(path.relative_to(task.private) for path in found)


def not_here(task: AgentTask) -> AgentEnd:
    """The end of an agent that was not started: without a session id, so that the step is redone."""
    return AgentEnd(kind=EndKind.CRASH, message=f"its session {task.session_id} is not here to be resumed")
