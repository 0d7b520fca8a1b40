"""What can be wrong with the history, as values: no run stops for it, and each run says it."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
UNWRITABLE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_AUTH,
    }
)


class MigrationError(Exception):
    """The history could not be brought to this version's tables; nothing of it was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryProblem:
    code: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.message}. {self.cure}"


def trouble_of(error: BaseException, place: str, patience_s: float) -> HistoryProblem:
    """What an error of the database, the file system or a migration means for a person."""
    code = sqlite_code(error)
    reason = _first_line(error)
    if code in LOCKED:
        return HistoryProblem(
            code="history_locked",
            message=f"The history in {place} stayed locked by another process for {patience_s:g} s and was left alone",
            cure="If this comes again, find out who holds the file open, such as a database browser, and close that",
        )
    if code in CORRUPT:
        return HistoryProblem(
            code="history_corrupt",
            message=f"The history in {place} is corrupt ({reason})",
            cure="The next run that ends moves it aside and begins a new one",
        )
    if isinstance(error, MigrationError) and code not in UNWRITABLE:
        return HistoryProblem(
            code="history_migration",
            message=f"The history in {place} could not be brought to this version's tables ({reason})",
            cure="A newer Ostinato may have written it: use that version, or move the file away to begin a new one",
        )
    if code in UNWRITABLE or any(isinstance(one, OSError) for one in _chain(error)):
        return HistoryProblem(
            code="history_unwritable",
            message=f"The history in {place} cannot be opened or written ({reason})",
            cure="Make the file and its folder writable and see that the disk has room",
        )
    return HistoryProblem(
        code="history_failed",
        message=f"The history in {place} could not be used ({type(error).__name__}: {reason})",
        cure="Move the file away to begin a new one, and keep it to find out why",
    )


def moved_problem(place: str, kept: Path) -> HistoryProblem:
    return HistoryProblem(
        code="history_moved",
        message=f"The history in {place} was corrupt: it is kept as {kept.name}, and a new one was begun",
        cure="Expected durations are learned anew. Delete the old file, or save what it holds with sqlite3's .recover",
    )


def lost_problem(place: str) -> HistoryProblem:
    return HistoryProblem(
        code="history_lost",
        message=f"There was no history in {place} although earlier runs ended here: a new one was begun",
        cure="Expected durations are learned anew. If you have a backup of the file, put it back while no run is open",
    )


def missing_problem(place: str) -> HistoryProblem:
    return HistoryProblem(
        code="history_lost",
        message=f"There is no history in {place} although runs ended here",
        cure="If you have a backup of the file, put it back; else the next run that ends begins a new one",
    )


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code, from the error or what it was raised from."""
    codes = (getattr(one, "sqlite_errorcode", None) for one in _chain(error))
    return next((code & 0xFF for code in codes if code is not None), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        original = getattr(error, "orig", None)
        if isinstance(original, BaseException):
            yield original
        error = error.__cause__


def _first_line(error: BaseException) -> str:
    """Without the statement and its values, which SQLAlchemy adds."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:300]
