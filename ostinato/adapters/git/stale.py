"""Locks that a killed git left in our mirrors. Git itself never removes them and refuses to go on."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_EVERYWHERE_IN: Final = ("refs", "worktrees", "logs")
log = logging.getLogger(__name__)


def break_locks(repositories: Path) -> int:
    """Removes every lock in the mirrors below the folder; returns how many there were.

    Call it while nobody else can be at work there: with the worker's lock held, and before it polls.
    """
    broken = 0
    for mirror in repositories.glob("*/mirror.git"):
        for lock in _locks(mirror):
            lock.unlink(missing_ok=True)
            log.warning("git_lock_broken", extra={"path": str(lock)})
            broken += 1
    return broken


def _locks(mirror: Path) -> Iterator[Path]:
    """Objects are never locked; walking through them would take long."""
    yield from mirror.glob("*.lock")
    yield from (mirror / "info").glob("*.lock")
    yield from (mirror / "objects" / "info").rglob("*.lock")
    for folder in _EVERYWHERE_IN:
        yield from (mirror / folder).rglob("*.lock")
