"""The picture ring: whole pictures or none, whatever happens to those who use it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.frames import (
    RingError,
    RingReader,
    RingWriter,
    create_ring,
    remove_ring,
    slot_bytes_for,
)

SHAPE = (48, 64, 3)


@pytest.fixture
def ring(runtime_dir: Path) -> Path:
    path = runtime_dir / "ring"
    create_ring(path, 4, slot_bytes_for(64, 48))
    return path


def picture(value: int) -> np.ndarray:
    return np.full(SHAPE, value % 256, np.uint8)


def test_a_reader_gets_each_picture_once_and_the_newest_first(ring: Path) -> None:
    with RingWriter(ring) as writer, RingReader(ring) as reader:
        assert reader.latest() is None
        for n in range(1, 11):
            assert writer.write(picture(n), frame=n, exposure_ns=1000 * n) == n
        got = reader.latest()
        assert got is not None
        assert (got.frame, got.exposure_ns, got.sequence, got.epoch) == (10, 10_000, 10, 1)
        assert (got.image == 10).all()
        assert reader.latest() is None
        got.image[:] = 99  # a copy: the ring is not touched
        again = reader.read(10)
        assert again is not None
        assert (again.image == 10).all()


def test_an_overwritten_picture_is_gone_not_mixed(ring: Path) -> None:
    with RingWriter(ring) as writer, RingReader(ring) as reader:
        for n in range(1, 7):
            writer.write(picture(n), frame=n, exposure_ns=n)
        assert reader.read(2) is None
        assert reader.read(3) is not None
        assert reader.read(7) is None


@given(times=st.lists(st.integers(1, 50), min_size=1, max_size=8), asked=st.integers(0, 400))
def test_looking_up_by_time(times: list[int], asked: int) -> None:
    path = Path(f"/dev/shm/bt-test-{os.getpid()}")
    create_ring(path, 8, slot_bytes_for(64, 48))
    try:
        with RingWriter(path) as writer, RingReader(path) as reader:
            stamps = list(np.cumsum(times))
            for n, stamp in enumerate(stamps, start=1):
                writer.write(picture(n), frame=n, exposure_ns=int(stamp))
            expected = max((s for s in stamps if s <= asked), default=None)
            found = reader.before(asked)
            assert (found.exposure_ns if found else None) == expected
    finally:
        remove_ring(path)


def test_pictures_of_several_sizes_share_a_ring(ring: Path) -> None:
    with RingWriter(ring) as writer, RingReader(ring) as reader:
        writer.write(np.ones((10, 20, 3), np.uint8), frame=1, exposure_ns=1)
        got = reader.latest()
        assert got is not None
        assert got.image.shape == (10, 20, 3)
        with pytest.raises(RingError, match="does not fit"):
            writer.write(np.ones((100, 200, 3), np.uint8), frame=2, exposure_ns=2)
        assert writer.capacity == 64 * 48 * 3


def test_a_writer_that_comes_back_goes_on_counting_in_a_new_epoch(ring: Path) -> None:
    with RingReader(ring) as reader:
        with RingWriter(ring) as writer:
            writer.write(picture(1), frame=7, exposure_ns=1)
        first = reader.latest()
        with RingWriter(ring) as writer:
            writer.write(picture(2), frame=1, exposure_ns=2)
        second = reader.latest()
        assert first is not None
        assert second is not None
        assert (first.epoch, second.epoch) == (1, 2)
        assert second.sequence == first.sequence + 1


def test_a_writer_killed_in_the_middle_leaves_the_last_whole_picture(ring: Path) -> None:
    with RingWriter(ring) as writer:
        writer.write(picture(1), frame=1, exposure_ns=1)
    # A writer that died while copying: its slot says "being written", half of it is new.
    with open(ring, "r+b") as file:
        file.seek(4096 + 2 * (4096 * 4))
        file.write(bytes(8))
        file.seek(56, os.SEEK_CUR)
        file.write(b"\xff" * 1000)
    with RingReader(ring) as reader:
        got = reader.latest()
        assert got is not None
        assert got.frame == 1
        with RingWriter(ring) as writer:
            writer.write(picture(2), frame=2, exposure_ns=2)
        got = reader.latest()
        assert got is not None
        assert (got.image == 2).all()


def _write_for_ever(path: str) -> None:
    with RingWriter(Path(path)) as writer:
        n = 0
        while True:
            n += 1
            writer.write(picture(n), frame=n, exposure_ns=n)


def _read_for_ever(path: str) -> None:
    with RingReader(Path(path)) as reader:
        while True:
            reader.latest()


def test_no_picture_is_torn_under_a_racing_writer_and_readers_may_be_killed(ring: Path) -> None:
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=_write_for_ever, args=(str(ring),), daemon=True)
    other = context.Process(target=_read_for_ever, args=(str(ring),), daemon=True)
    writer.start()
    other.start()
    try:
        seen = 0
        last = 0
        with RingReader(ring) as reader:
            deadline = time.monotonic() + 30
            while seen < 2000 and time.monotonic() < deadline:
                if seen == 500:
                    assert other.pid is not None
                    os.kill(other.pid, signal.SIGKILL)
                got = reader.latest()
                if got is None:
                    continue
                assert got.frame > last
                last = got.frame
                assert (got.image == got.frame % 256).all()
                seen += 1
        assert seen == 2000
        assert ring.exists()
    finally:
        for process in (writer, other):
            process.kill()
            process.join()


def test_no_room_is_said_when_the_ring_is_made(runtime_dir: Path) -> None:
    small = runtime_dir / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    try:
        with pytest.raises(RingError, match="no room for 11 MB of pictures"):
            create_ring(small / "ring", 4, slot_bytes_for(1280, 720))
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_what_is_not_a_ring_is_refused(runtime_dir: Path) -> None:
    path = runtime_dir / "ring"
    with pytest.raises(RingError, match="cannot open"):
        RingReader(path)
    path.write_bytes(b"x" * 8192)
    with pytest.raises(RingError, match="not a picture ring"):
        RingReader(path)
    with pytest.raises(ValueError, match="two slots"):
        create_ring(path, 1, 100)
    with pytest.raises(RingError, match="cannot create"):
        create_ring(Path("/proc/ring"), 2, 100)
    remove_ring(path)
    remove_ring(path)
