"""An engine for the history: a connection for each use, so that a file that was replaced is noticed."""

import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

WRITES = "history_writes"
"""Execution option of a connection that is going to write: it waits for its turn when it begins, never later."""


def open_engine(url: str, patience_s: float) -> Engine:
    """Connects to nothing yet. For SQLite, a statement gives up on a lock after `patience_s`."""
    if not url.startswith("sqlite"):
        return create_engine(url, poolclass=NullPool)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience_s})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """Python's driver begins late and commits around DDL; a migration must be whole or not at all."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
