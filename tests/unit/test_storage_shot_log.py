from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from billiards_trainer import messages as m
from billiards_trainer.storage.database import open_engine
from billiards_trainer.storage.files import database_path
from billiards_trainer.storage.recorder import ShotRecorder
from billiards_trainer.storage.records import SessionRecord
from billiards_trainer.storage.shot_log import MOST_ROWS, ShotLog, ShotLogError
from billiards_trainer.storage.upgrade import migrate
from tests.unit.storage_samples import a_session, a_shot


@pytest.fixture
def two_sessions(tmp_path: Path) -> tuple[Path, SessionRecord, SessionRecord]:
    migrate(tmp_path)
    recorder = ShotRecorder(tmp_path)
    first = a_session()
    second = a_session(table="snooker-12ft", game="snooker")
    for number in range(1, 4):
        recorder.record(a_shot(first, number))
    for number in range(1, 3):
        recorder.record(a_shot(second, number))
    assert recorder.close(20) == 0
    return tmp_path, first, second


def test_a_shot_comes_back_whole(two_sessions: tuple[Path, SessionRecord, SessionRecord]) -> None:
    state_dir, first, _ = two_sessions
    log = ShotLog(state_dir)
    listed = log.shots(session_id=first.id).shots[-1]
    found = log.shot(listed.id)
    log.close()
    sent = a_shot(first, 1)
    assert found is not None
    assert found.number == 1
    assert found.before == sent.before
    assert found.after == sent.after
    assert found.cue == sent.cue
    assert found.prediction == sent.prediction
    assert found.shot_events == sent.events
    assert found.frame_times_ns == sent.frame_times_ns
    assert found.calibration == "camera-7"
    assert found.boot_id == first.clock.boot_id
    assert found.software_version == sent.software_version
    assert found.potted == ("3",)
    assert found.cue_speed == 2.1
    assert found.error_mm == 7.5
    assert found.started_at == datetime(2023, 11, 14, 22, 13, 31, tzinfo=UTC)
    assert found.duration_s == pytest.approx(89 / 30)
    assert found.source_kind == "simulated"


def test_pages_of_shots_meet_without_gap_or_repetition(
    two_sessions: tuple[Path, SessionRecord, SessionRecord],
) -> None:
    state_dir, first, second = two_sessions
    log = ShotLog(state_dir)
    pages, before = [], None
    while True:
        page = log.shots(limit=2, before=before)
        pages.append([(shot.session_id, shot.number) for shot in page.shots])
        before = page.next_before
        if before is None:
            break
    log.close()
    assert pages == [
        [(second.id, 2), (second.id, 1)],
        [(first.id, 3), (first.id, 2)],
        [(first.id, 1)],
    ]


def test_sessions_are_listed_newest_first_with_their_shots(
    two_sessions: tuple[Path, SessionRecord, SessionRecord],
) -> None:
    state_dir, first, second = two_sessions
    log = ShotLog(state_dir)
    page = log.sessions(limit=1)
    assert [s.id for s in page.sessions] == [second.id]
    assert page.sessions[0].table == "snooker-12ft"
    assert page.sessions[0].shots == 2
    older = log.sessions(limit=1, before=page.next_before)
    assert [s.id for s in older.sessions] == [first.id]
    assert older.sessions[0].shots == 3
    assert older.next_before is None
    ended, started = older.sessions[0].ended_at, older.sessions[0].started_at
    assert ended is not None
    assert (ended - started).total_seconds() == pytest.approx(30 + 89 / 30)
    log.close()


def test_nothing_recorded_yet_is_an_empty_list(tmp_path: Path) -> None:
    migrate(tmp_path)
    log = ShotLog(tmp_path)
    assert log.shots().shots == ()
    assert log.sessions().sessions == ()
    assert log.shot("nothing") is None
    assert log.shots(limit=10**9, session_id="nothing").shots == ()
    assert MOST_ROWS <= 1000
    log.close()


def test_a_session_without_shots_has_no_end(tmp_path: Path) -> None:
    path = migrate(tmp_path)
    from billiards_trainer.storage.writing import _session_row

    engine = open_engine(path, writer=True)
    with engine.begin() as connection:
        connection.execute(_session_row(a_session()))
    engine.dispose()
    log = ShotLog(tmp_path)
    listed = log.sessions().sessions
    log.close()
    assert (listed[0].shots, listed[0].ended_at) == (0, None)


def test_a_reader_cannot_write(two_sessions: tuple[Path, SessionRecord, SessionRecord]) -> None:
    engine = open_engine(database_path(two_sessions[0]), writer=False)
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM shots")
    engine.dispose()


def test_reading_goes_on_while_a_shot_is_being_written(
    two_sessions: tuple[Path, SessionRecord, SessionRecord],
) -> None:
    state_dir = two_sessions[0]
    log = ShotLog(state_dir)
    with closing(sqlite3.connect(database_path(state_dir), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE shots SET potted = '[]'")
        assert [shot.potted for shot in log.shots(limit=1).shots] == [("3",)]
        writer.execute("COMMIT")
    assert [shot.potted for shot in log.shots(limit=1).shots] == [()]
    log.close()


def test_a_missing_database_is_one_sentence(tmp_path: Path) -> None:
    log = ShotLog(tmp_path)
    with pytest.raises(ShotLogError, match="cannot be read") as error:
        log.shots()
    assert "\n" not in str(error.value)
    assert not database_path(tmp_path).exists()
    log.close()


def test_older_rows_read_into_messages_that_have_gained_fields(
    two_sessions: tuple[Path, SessionRecord, SessionRecord],
) -> None:
    state_dir = two_sessions[0]
    with closing(sqlite3.connect(database_path(state_dir))) as connection, connection:
        connection.execute(
            'UPDATE shots SET before = \'[{"track":1,"label":"cue","x_m":0.1,"y_m":0.2}]\''
        )
    log = ShotLog(state_dir)
    found = log.shot(log.shots(limit=1).shots[0].id)
    log.close()
    assert found is not None
    assert found.before == (m.BallState(track=1, label="cue", x_m=0.1, y_m=0.2),)
