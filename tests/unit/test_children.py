"""The nursery: processes forked from one that has imported everything, and the long way round."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.system.children import Child, Nursery
from billiards_trainer.system.process_table import ProcessRow

MODULE = """
import sys, time
loaded = []
def preload(config):
    loaded.append(config.environment)
def main():
    print(",".join(sys.argv[1:3]), ",".join(loaded), file=open({where!r}, "a"), flush=True)
    if "boom" in {where!r}:
        raise RuntimeError("boom")
    time.sleep(60 if "sleeper" in {where!r} else 0)
    return 3
if __name__ == "__main__":
    sys.exit(main())
"""
ROW = ProcessRow("worker", "bt_nursery_worker")


def until(probe: Callable[[], object], what: str) -> object:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (found := probe()) not in (None, False):
            return found
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the module that the nursery imports; gives the file that it writes into."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(kind: str) -> Path:
        said = tmp_path / f"{kind}.txt"
        (tmp_path / f"{ROW.module}.py").write_text(MODULE.format(where=str(said)))
        return said

    return write


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return write_snapshot(tmp_path, 1, Config())


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery([ROW, ProcessRow("absent", "bt_no_such_module")])
    yield made
    made.close()


def test_what_it_bears_is_ours_and_tells_how_it_ended(
    worker: Callable[[str], Path], snapshot: Path, nursery: Nursery
) -> None:
    said = worker("plain")
    nursery.open(snapshot)
    assert nursery.is_coming()
    until(nursery.is_ready, "ready")
    assert not nursery.is_coming()
    child = Child(ROW, nursery)
    pid = child.start(snapshot)
    assert until(child.exit_code, "the end") == 3
    assert child.pid is None
    assert child.exit_code() is None
    assert "--name,worker" in said.read_text()
    time.sleep(3.2)  # left alone, it loads what takes long
    child.start(snapshot)
    until(child.exit_code, "the second end")
    assert "development" in said.read_text()
    assert not psutil.pid_exists(pid)


def test_one_that_throws_ends_with_1(
    worker: Callable[[str], Path], snapshot: Path, nursery: Nursery
) -> None:
    worker("boom")
    nursery.open(snapshot)
    until(nursery.is_ready, "ready")
    child = Child(ROW, nursery)
    child.start(snapshot)
    assert until(child.exit_code, "the end") == 1


def test_it_is_no_single_point_of_failure(
    worker: Callable[[str], Path], snapshot: Path, nursery: Nursery
) -> None:
    worker("sleeper")
    nursery.open(snapshot)
    until(nursery.is_ready, "ready")
    child = Child(ROW, nursery)
    child.start(snapshot)
    assert nursery._process is not None
    nursery._process.kill()
    nursery._process.wait()
    assert child.exit_code() is None, "it outlives the nursery"
    assert child.cpu_s() >= 0
    assert not child.is_stopped()
    os.kill(child.pid or 0, signal.SIGSTOP)
    until(child.is_stopped, "stopped")
    child.kill()
    assert until(child.exit_code, "the end") == -signal.SIGKILL
    # While there is none, processes are started the long way.
    other = Child(ROW, nursery)
    assert other.start(snapshot)
    other.terminate()
    assert until(other.exit_code, "the other end") == -signal.SIGTERM
    nursery._began -= 60
    nursery.keep(snapshot)
    until(nursery.is_ready, "a new one")
    other.terminate()  # there is nothing left to end
    assert other.cpu_s() == 0
    assert not other.is_stopped()


def test_somebody_else_may_have_collected_it(worker: Callable[[str], Path], snapshot: Path) -> None:
    worker("plain")
    child = Child(ROW)
    pid = child.start(snapshot)
    os.waitpid(pid, 0)
    assert child.exit_code() == 1
