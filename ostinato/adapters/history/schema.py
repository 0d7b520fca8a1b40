"""The version of the tables. Alembic is imported only where a migration is due: that takes longer than the check."""

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ostinato.adapters.history.engine import WRITES
from ostinato.adapters.history.trouble import LOCKED, MigrationError, sqlite_code

HEAD = "0002"
MIGRATIONS = Path(__file__).with_name("migrations")

_alembic_turn = threading.Lock()
"""Alembic's context belongs to the process."""


def version_of(connection: Connection) -> str:
    """Empty where there are no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def bring_to_head(engine: Engine, path: Path | None, patience_s: float) -> None:
    """Does nothing where the tables are current. Two processes may do it at once: the second finds it done."""
    with engine.connect() as connection:
        if version_of(connection) == HEAD:
            return
    if path is not None:
        _let_readers_and_a_writer_meet(path, patience_s)
    with _alembic_turn, engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except Exception as error:
        raise MigrationError(str(error)) from error


def _let_readers_and_a_writer_meet(path: Path, patience_s: float) -> None:
    """Write-ahead logging is a property of the file. Switching to it is refused at once while another is in it."""
    with contextlib.closing(sqlite3.connect(path, timeout=patience_s, isolation_level=None)) as connection:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if sqlite_code(error) not in LOCKED or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
