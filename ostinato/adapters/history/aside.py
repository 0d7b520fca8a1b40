"""A corrupt file is kept under another name, never repaired in place and never deleted."""

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ostinato.adapters.atomic import try_lock
from ostinato.adapters.history.trouble import CORRUPT, sqlite_code

_COMPANIONS = ("-wal", "-shm")


def move_aside(path: Path, patience_s: float) -> Path | None:
    """Where it was moved to; None when it is whole (another process dealt with it) or nobody else lets us."""
    with _turn(path.with_name(f"{path.name}.lock"), patience_s) as turn:
        if turn is None or not path.exists() or not is_corrupt(path, patience_s):
            return None
        kept = _free_name(path)
        for suffix in (*_COMPANIONS, ""):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
        return kept


def kept_aside(path: Path) -> tuple[Path, ...]:
    """Empty also where nobody may look."""
    try:
        found = sorted(path.parent.glob(f"{path.name}.corrupt-*"))
    except OSError:
        return ()
    return tuple(it for it in found if not it.name.endswith(_COMPANIONS))


def is_corrupt(path: Path, patience_s: float) -> bool:
    """Reads all of it."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=patience_s)) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return sqlite_code(error) in CORRUPT


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.corrupt-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


@contextlib.contextmanager
def _turn(lock: Path, patience_s: float) -> Iterator[TextIO | None]:
    """None when another held the lock all the time; it may have been stopped in the middle."""
    deadline = time.monotonic() + patience_s
    while (held := try_lock(lock)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield held
    finally:
        if held is not None:
            held.close()
