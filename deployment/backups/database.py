"""The database copied while it is being written, and looked at."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from deployment.errors import Failed

NAME = "billiards.db"


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a database in use, as one file without side files.

    Raises:
        Failed: it is damaged or cannot be read.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=30)) as origin,
            closing(sqlite3.connect(target)) as copied,
        ):
            origin.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise Failed(f"cannot copy {source}: {error}") from None
    check(target)


def check(path: Path) -> None:
    """Let SQLite look at every page.

    Raises:
        Failed: something is wrong with it.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            wrong = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise Failed(f"the database is damaged: {error}") from None
    if verdict != "ok" or wrong is not None:
        raise Failed(f"the database is damaged: {verdict if verdict != 'ok' else wrong}")


def revision(path: Path) -> str | None:
    """Which migration it is at; ``None`` when it is empty."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.Error:
            return None
    return None if row is None else str(row[0])


def counts(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in sorted(names)
        }
