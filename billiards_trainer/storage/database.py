"""How the database is opened.

WAL lets readers read while core writes.  The writer commits with ``synchronous=FULL``: when COMMIT
returns, the log is on the disk, and neither SIGKILL nor a power cut takes the shot away.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

BUSY_TIMEOUT_S = 2.0
"""How long a statement waits for another process's lock before it fails as 'locked'."""


def open_engine(path: Path, *, writer: bool) -> sa.Engine:
    """An engine on an existing database file with one connection that any thread may use in turn.

    Nothing is opened yet; a missing file is an ``OperationalError`` on first use, never a new and
    empty database.

    Args:
        path: the database file.
        writer: whether transactions take the write lock at once (so that a busy database is
            noticed before any work is done) and are on disk when COMMIT returns; a reader
            cannot change anything.
    """

    def connect() -> sqlite3.Connection:
        # isolation_level None: pysqlite leaves transactions alone, SQLAlchemy begins them below.
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if writer:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            else:
                connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=1, max_overflow=0
    )

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> Any:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine
