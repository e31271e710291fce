"""Making the database, and bringing an older one up to date.

The orchestrator does this before anything starts.  It may be repeated and run twice at once; a
database that is already right costs a millisecond.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from billiards_trainer.errors import InputError
from billiards_trainer.places import make_private
from billiards_trainer.storage.files import create_file, database_path

REVISION = "0002"
"""The newest migration in ``migrations/versions``: what this program reads and writes."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_PATIENCE_S = 30.0
"""How long another program that is migrating is waited for."""


def migrate(state_dir: Path) -> Path:
    """Make ``state_dir`` and the database in it, or bring it up to date, all or nothing.

    Returns:
        The path of the database.

    Raises:
        InputError: the folder or the file cannot be used, the file is no database or is damaged,
            or a newer program has written it.  Nothing has been changed then.
    """
    path = database_path(state_dir)
    make_private(state_dir)
    try:
        create_file(path)
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as connection:
            found = _revision(connection)
            if found == REVISION:
                return path
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot keep records in {state_dir}: {reason}") from error
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    if found is not None and found not in known_revisions():
        raise InputError(
            f"{path} was written by a newer version of the program (its tables are at {found}, "
            f"this program knows {REVISION}); install that version or name another state_dir"
        )
    _upgrade(path)
    return path


def known_revisions() -> set[str]:
    """The migrations this program has, by the number in their files' names."""
    return {path.name[1:5] for path in (_MIGRATIONS / "versions").glob("r[0-9]*.py")}


def _revision(connection: sqlite3.Connection) -> str | None:
    """The migration a database is at; ``None`` when it is new and empty."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not names:
        return None
    if "alembic_version" not in names:
        raise sqlite3.DatabaseError("it holds other tables")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _upgrade(path: Path) -> None:
    """Run the missing migrations in one transaction that holds the write lock throughout.

    SQLite alters a table by making another and dropping the first, which rows that refer to it
    would forbid: keys are not enforced meanwhile, but checked before COMMIT (sqlite.org,
    "Making other kinds of table schema changes").
    """
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    from billiards_trainer.storage.database import open_engine

    engine = open_engine(path, writer=True)
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    try:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys = OFF")  # no effect within a transaction
            driver.execute(f"PRAGMA busy_timeout = {round(1000 * _PATIENCE_S)}")
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise sqlite3.IntegrityError(f"rows of {broken[0]} refer to none")
    except sa.exc.DBAPIError as error:
        raise _unusable(path, error.orig or error) from error
    except sqlite3.IntegrityError as error:
        raise _unusable(path, error) from error
    finally:
        engine.dispose()


def _unusable(path: Path, error: BaseException) -> InputError:
    return InputError(
        f"{path} cannot be used as the database ({error}); restore a backup or move it away"
    )
