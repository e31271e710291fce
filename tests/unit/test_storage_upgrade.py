from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from billiards_trainer.errors import InputError
from billiards_trainer.storage import upgrade
from billiards_trainer.storage.database import open_engine
from billiards_trainer.storage.files import create_file, database_path
from billiards_trainer.storage.models import WRITERS, Base
from billiards_trainer.storage.recorder import ShotRecorder
from billiards_trainer.storage.shot_log import ShotLog
from billiards_trainer.storage.upgrade import REVISION, known_revisions, migrate
from tests.unit.storage_samples import a_session, a_shot


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_new_database_has_the_tables_of_the_models(tmp_path: Path) -> None:
    path = migrate(tmp_path / "state")
    engine = open_engine(path, writer=False)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
    assert revision(path) == REVISION


def test_the_newest_migration_is_the_one_the_program_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade._MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == REVISION
    assert {script.revision for script in scripts.walk_revisions()} == known_revisions()


def test_every_table_has_one_writing_process() -> None:
    assert set(WRITERS) == set(Base.metadata.tables)


def test_only_the_owner_can_read_the_records(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    path = migrate(state)
    assert mode(state) == 0o700
    assert mode(path) == 0o600
    state.chmod(0o755)
    path.chmod(0o644)
    migrate(state)
    assert mode(state) == 0o700
    assert mode(path) == 0o600


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = migrate(tmp_path)
    before = path.read_bytes()
    assert migrate(tmp_path) == path
    assert path.read_bytes() == before


def test_two_programs_that_migrate_at_once_both_succeed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from billiards_trainer.storage.upgrade import "
        "migrate; migrate(Path(sys.argv[1]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert revision(database_path(tmp_path)) == REVISION


def a_database_of_the_first_revision(path: Path) -> None:
    """With one shot in it, as the program wrote it then."""
    config = Config()
    config.set_main_option("script_location", str(upgrade._MIGRATIONS))
    create_file(path)
    engine = open_engine(path, writer=True)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for sql in (
            "INSERT INTO sessions VALUES (1, 's1', NULL, 5, 'boot', 7, 'pool-9ft', 'pool', 1.27,"
            " 2.54, 0.0286, 'simulated', 'virtual table', '0.1.0')",
            "INSERT INTO shots VALUES (1, 'shot1', 's1', NULL, 1, 10, 90, 100, 900, 'boot', 7,"
            " '[100,900]', '[]', '[]', NULL, NULL, '[\"3\"]', 1, 2.0, 7.5, 0.01, 'beginner', NULL,"
            " '0.1.0')",
            "INSERT INTO shot_events VALUES (1, 1, 'shot_start', 0.0, NULL, '{\"frame\":10,"
            '"exposure_ns":100,"epoch":1,"sequence":1,"kind":"shot_start","t":0,"x_m":1,"y_m":1}\')',
        ):
            connection.exec_driver_sql(sql)
    engine.dispose()


def test_shots_of_the_first_revision_are_kept(tmp_path: Path) -> None:
    path = database_path(tmp_path)
    a_database_of_the_first_revision(path)
    assert revision(migrate(tmp_path)) == REVISION
    engine = open_engine(path, writer=False)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    engine.dispose()
    log = ShotLog(tmp_path)
    (session,), (shot,) = log.sessions().sessions, log.shots().shots
    detail = log.shot("shot1")
    log.close()
    assert (session.id, session.shots, session.players) == ("s1", 1, ())
    assert (shot.potted, shot.player, shot.player_id) == (("3",), "", None)
    assert detail is not None
    assert [event.kind.value for event in detail.shot_events] == ["shot_start"]
    recorder = ShotRecorder(tmp_path)
    recorder.record(a_shot(a_session(), player="Ann"))
    assert recorder.close(20) == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM shots").fetchone() == (2,)


def test_a_database_whose_rows_hang_loose_is_not_migrated(tmp_path: Path) -> None:
    path = database_path(tmp_path)
    a_database_of_the_first_revision(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM sessions")
    with pytest.raises(InputError, match=r"rows of shots refer to none.*restore a backup"):
        migrate(tmp_path)
    assert revision(path) == "0001"


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise sa.exc.OperationalError("CREATE TABLE", {}, sqlite3.OperationalError("disk is full"))

    monkeypatch.setattr("alembic.operations.Operations.create_index", fail)
    monkeypatch.setattr("alembic.op.create_index", fail)
    with pytest.raises(InputError, match=r"disk is full.*restore a backup or move it away"):
        migrate(tmp_path)
    with closing(sqlite3.connect(database_path(tmp_path))) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_database_of_a_newer_program_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = migrate(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        migrate(tmp_path)
    assert "written by a newer version" in str(error.value)
    assert str(path) in str(error.value)
    assert "0999" in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = database_path(tmp_path)
    path.write_bytes(b"this is a diary, not a database " * 100)
    with pytest.raises(InputError, match="not a database"):
        migrate(tmp_path)
    assert path.read_bytes().startswith(b"this is a diary")


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(database_path(tmp_path))) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(InputError, match="it holds other tables"):
        migrate(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=str(tmp_path / "file")):
        migrate(tmp_path / "file")


def test_a_database_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    os.mkdir(database_path(tmp_path))
    with pytest.raises(InputError, match="cannot keep records"):
        migrate(tmp_path)


def test_a_migration_interrupted_by_a_kill_is_done_next_time(tmp_path: Path) -> None:
    """The file exists and is empty: what a power cut right after its creation leaves."""
    database_path(tmp_path).touch()
    assert revision(migrate(tmp_path)) == REVISION


def test_looking_whether_there_is_something_to_do_is_cheap(tmp_path: Path) -> None:
    migrate(tmp_path)
    program = (
        "import sys; from pathlib import Path; from billiards_trainer.storage.upgrade import "
        "migrate; migrate(Path(sys.argv[1])); assert 'sqlalchemy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
