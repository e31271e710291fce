from __future__ import annotations

import dataclasses
import os
import random
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from billiards_trainer import messages as m
from billiards_trainer.storage import database, writing
from billiards_trainer.storage.clock import BootClock, wall_time
from billiards_trainer.storage.files import database_path
from billiards_trainer.storage.recorder import LONGEST_PAUSE_S, ShotRecorder, retry_pause_s
from billiards_trainer.storage.upgrade import migrate
from tests.unit import storage_samples
from tests.unit.storage_samples import a_session, a_shot


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    migrate(tmp_path)
    return tmp_path


@pytest.fixture
def recorder(state_dir: Path) -> Iterator[ShotRecorder]:
    made = ShotRecorder(state_dir)
    yield made
    made.close(10)


def query(state_dir: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database_path(state_dir))) as connection:
        return connection.execute(sql).fetchall()


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def test_a_recorded_shot_is_in_the_database_when_it_is_told(
    state_dir: Path, recorder: ShotRecorder
) -> None:
    session = a_session()
    shots = [a_shot(session, number) for number in (1, 2, 3)]
    assert all(recorder.record(shot) for shot in shots)
    assert recorder.flush(20)
    done = recorder.finished()
    assert [d.number for d in done] == [1, 2, 3]
    assert {d.session_id for d in done} == {session.id}
    assert query(state_dir, "SELECT id, number FROM shots ORDER BY row") == [
        (d.shot_id, d.number) for d in done
    ]
    assert query(state_dir, "SELECT count(*) FROM shot_events") == [(9,)]
    assert query(state_dir, "SELECT id, source_kind FROM sessions") == [(session.id, "simulated")]
    assert recorder.finished() == []
    health = recorder.health()
    assert (health.waiting, health.recorded, health.dropped) == (0, 3, 0)
    assert health.problem is None


def test_the_connection_syncs_fully_and_checks_foreign_keys(state_dir: Path) -> None:
    engine = database.open_engine(database_path(state_dir), writer=True)
    with engine.connect() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2  # FULL
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == database.BUSY_TIMEOUT_S * 1000
    engine.dispose()


def test_a_locked_database_is_reported_and_tried_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.02)
    recorder = ShotRecorder(state_dir)
    with closing(sqlite3.connect(database_path(state_dir), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder.record(a_shot(a_session()))
        until(lambda: recorder.health().problem is not None)
        assert "locked" in str(recorder.health().problem)
        assert recorder.health().waiting == 1
        assert recorder.finished() == []
        other.execute("ROLLBACK")
    assert recorder.flush(20)
    assert [d.number for d in recorder.finished()] == [1]
    assert recorder.health().problem is None
    assert recorder.close() == 0


def test_a_full_disk_is_reported_and_tried_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    full.set()
    real = database.open_engine

    def small(path: Path, *, writer: bool) -> object:
        engine = real(path, writer=writer)

        @writing.sa.event.listens_for(engine, "begin")
        def limit(connection: object) -> None:
            # SQLite's own limit gives the same SQLITE_FULL as a disk without space.
            pages = 1 if full.is_set() else 1_000_000
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

        return engine

    monkeypatch.setattr(database, "open_engine", small)
    recorder = ShotRecorder(state_dir)
    session = a_session()
    for number in range(1, 8):
        recorder.record(a_shot(session, number))
    until(lambda: "full" in str(recorder.health().problem))
    told = len(recorder.finished())
    assert query(state_dir, "SELECT count(*) FROM shots") == [(told,)]
    full.clear()
    assert recorder.flush(20)
    assert told + len(recorder.finished()) == 7
    assert query(state_dir, "SELECT number FROM shots ORDER BY row") == [(n,) for n in range(1, 8)]
    assert recorder.close() == 0


def test_a_missing_database_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    recorder = ShotRecorder(tmp_path)
    recorder.record(a_shot(a_session()))
    until(lambda: recorder.health().problem is not None)
    assert not database_path(tmp_path).exists()
    migrate(tmp_path)
    assert recorder.flush(20)
    assert recorder.close() == 0


def test_a_damaged_database_is_reported(state_dir: Path) -> None:
    database_path(state_dir).write_bytes(b"not a database any more " * 500)
    recorder = ShotRecorder(state_dir)
    recorder.record(a_shot(a_session()))
    until(lambda: "not a database" in str(recorder.health().problem))
    assert recorder.close(0.05) == 1


def test_what_is_too_much_is_dropped_and_counted(state_dir: Path) -> None:
    with closing(sqlite3.connect(database_path(state_dir), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder = ShotRecorder(state_dir, capacity=2)
        session = a_session()
        taken = [recorder.record(a_shot(session, number)) for number in (1, 2, 3)]
        assert taken == [True, True, False]
        assert recorder.health().dropped == 1
        other.execute("ROLLBACK")
    assert recorder.flush(20)
    assert [d.number for d in recorder.finished()] == [1, 2]
    assert recorder.close() == 0


def test_a_shot_that_the_database_never_takes_does_not_stop_the_others(
    state_dir: Path, recorder: ShotRecorder
) -> None:
    session = a_session()
    recorder.record(a_shot(session, 1))
    recorder.record(a_shot(session, 1))  # the number is taken
    recorder.record(a_shot(session, 2, end_ns=0, player="Ann"))  # it ends before it begins
    recorder.record(a_shot(session, 3, before=("not a ball",)))
    recorder.record(a_shot(session, 4))
    assert recorder.flush(20)
    assert [d.number for d in recorder.finished()] == [1, 4]
    assert recorder.health().dropped == 3
    assert query(state_dir, "SELECT number FROM shots") == [(1,), (4,)]
    assert query(state_dir, "SELECT count(*) FROM shot_events") == [(6,)]
    assert query(state_dir, "SELECT count(*) FROM players") == [(0,)]


def test_a_player_is_entered_with_the_first_shot_and_once(
    state_dir: Path, recorder: ShotRecorder
) -> None:
    session = a_session()
    for number, name in enumerate(("Ann", "", "Ben", "Ann"), start=1):
        recorder.record(a_shot(session, number, player=name))
    assert recorder.flush(20)
    assert recorder.health().recorded == 4
    assert query(
        state_dir,
        "SELECT number, name FROM shots LEFT JOIN players ON players.id = player_id "
        "ORDER BY number",
    ) == [(1, "Ann"), (2, None), (3, "Ben"), (4, "Ann")]
    first = a_shot(session, 1)
    assert query(state_dir, "SELECT name, created_ns, boot_id FROM players ORDER BY row") == [
        ("Ann", first.start_ns, session.clock.boot_id),
        ("Ben", a_shot(session, 3).start_ns, session.clock.boot_id),
    ]


def test_a_shot_handed_over_twice_is_recorded_once(state_dir: Path, recorder: ShotRecorder) -> None:
    shot = a_shot(a_session())
    recorder.record(shot)
    recorder.record(shot)
    assert recorder.flush(20)
    assert [d.shot_id for d in recorder.finished()] == [shot.id, shot.id]
    assert query(state_dir, "SELECT count(*) FROM shots") == [(1,)]


def test_close_writes_what_waits(state_dir: Path) -> None:
    recorder = ShotRecorder(state_dir)
    session = a_session()
    for number in range(1, 21):
        recorder.record(a_shot(session, number))
    assert recorder.close(20) == 0
    assert len(recorder.finished()) == 20
    assert query(state_dir, "SELECT count(*) FROM shots") == [(20,)]
    assert not recorder.record(a_shot(session, 21))
    assert recorder.health().dropped == 1


def test_close_gives_up_after_its_deadline_and_says_how_many(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.02)
    with closing(sqlite3.connect(database_path(state_dir), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder = ShotRecorder(state_dir)
        session = a_session()
        recorder.record(a_shot(session, 1))
        recorder.record(a_shot(session, 2))
        until(lambda: recorder.health().problem is not None)
        assert recorder.close(0.2) == 2
        assert recorder.health().dropped == 2
        other.execute("ROLLBACK")
    assert query(state_dir, "SELECT count(*) FROM shots") == [(0,)]


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [retry_pause_s(failures) for failures in range(1, 200)]
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert max(pauses) == LONGEST_PAUSE_S


def test_this_boot_has_a_name_and_a_wall_clock() -> None:
    clock = BootClock.now()
    assert clock.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    moment = wall_time(time.monotonic_ns(), clock.wall_offset_ns)
    assert abs(moment.timestamp() - time.time()) < 5


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_session().table = "snooker-12ft"  # type: ignore[misc]
    assert a_shot(a_session()).prediction == a_shot(a_session()).prediction
    assert isinstance(a_shot(a_session()).cue, m.CueState)


def kill_while_recording(state_dir: Path, wait_s: float, told: set[str]) -> None:
    """Start a recording process, SIGKILL it, and add what it said it had recorded to ``told``."""
    child = subprocess.Popen(
        [sys.executable, "-m", storage_samples.__name__, str(state_dir)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    try:
        # Wait for its first words: the moments are meant to fall into the recording.
        assert select.select([child.stdout], [], [], 60)[0]
        time.sleep(wait_s)
        os.kill(child.pid, signal.SIGKILL)
        output = child.stdout.read()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    told.update(re.findall(r"recorded (\w{32})\n", output.decode()))


def check_kills(state_dir: Path, kills: int) -> None:
    moments = random.Random(7)
    told: set[str] = set()
    for _ in range(kills):
        kill_while_recording(state_dir, moments.uniform(0.0, 0.08), told)
        assert query(state_dir, "PRAGMA integrity_check") == [("ok",)]
        assert query(state_dir, "PRAGMA foreign_key_check") == []
        kept = {str(row[0]) for row in query(state_dir, "SELECT id FROM shots")}
        assert told <= kept
        # Shots are whole: each with its three events.
        assert (
            query(
                state_dir,
                "SELECT id FROM shots WHERE 3 <> "
                "(SELECT count(*) FROM shot_events WHERE shot_row = shots.row)",
            )
            == []
        )
    assert len(told) >= kills


@pytest.mark.fault
def test_a_shot_told_as_recorded_survives_sigkill(state_dir: Path) -> None:
    check_kills(state_dir, 5)


@pytest.mark.fault
@pytest.mark.acceptance
def test_a_shot_told_as_recorded_survives_hundreds_of_sigkills(state_dir: Path) -> None:
    check_kills(state_dir, 200)
