"""The camera process against sources that freeze, hang up, lie and come back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot
from billiards_trainer.frames import RingReader, create_ring, remove_ring, slot_bytes_for
from billiards_trainer.vision.sources.main import EXIT_HUNG
from tests.camera_stand_in import HEAD, CameraStandIn, Conversation, good, jpeg, part
from tests.films import write_film
from tests.rtsp_stand_in import RtspStandIn

pytestmark = pytest.mark.fault
T = TypeVar("T")
State = m.SourceState


class CameraProcess:
    """The process with the tests in the place of vision and orchestrator."""

    def __init__(self, runtime_dir: Path, url: str, **source: Any) -> None:
        times = {"stall_s": 0.4, "timeout_s": 2.0}
        source = {"width": 320, "height": 240, **times, **source, "url": url}
        self.config = Config.model_validate(
            {"system": {"runtime_dir": str(runtime_dir)}, "source": source}
        )
        self._ring = places.ring_path(self.config, "camera")
        create_ring(self._ring, 4, slot_bytes_for(320, 240))
        self.ring = RingReader(self._ring)
        self.bus = Bus(runtime_dir, "orchestrator")
        self.bus.announce("config.snapshot")
        self.frames = self.bus.subscribe("camera.frame")
        self.states = self.bus.subscribe("camera.status")
        self.beats = self.bus.subscribe("heartbeat", ["camera"])
        snapshot = write_snapshot(runtime_dir, 1, self.config)
        self.log = runtime_dir / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "billiards_trainer.vision.sources.main",
                 "--parent", str(os.getpid()), "--snapshot", str(snapshot)],
                stdout=log, stderr=log,
            )  # fmt: skip

    def until(self, probe: Callable[[], T | None], what: str, seconds: float = 20) -> T:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := probe()) is not None:
                return found
        raise AssertionError(f"no {what}: {self.process.poll()}\n{self.log.read_text()}")

    def frame(self) -> m.CameraFrame:
        """The next announced picture."""
        return self.until(
            lambda: f if isinstance(f := self.frames.receive(100), m.CameraFrame) else None,
            "picture",
        )

    def state(self, *wanted: State, words: str = "") -> m.SourceStatus:
        """The next status that is one of these."""

        def fits() -> m.SourceStatus | None:
            status = self.states.receive(100)
            if isinstance(status, m.SourceStatus) and status.state in wanted:
                return status if words in status.detail else None
            return None

        return self.until(fits, f"state {wanted}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.ring.close()
        self.bus.close()
        remove_ring(self._ring)


@pytest.fixture
def start(runtime_dir: Path) -> Iterator[Callable[..., CameraProcess]]:
    running: list[CameraProcess] = []

    def new(url: str, **source: Any) -> CameraProcess:
        running.append(CameraProcess(runtime_dir, url, **source))
        return running[-1]

    yield new
    for process in running:
        process.close()


Start = Callable[..., CameraProcess]


def test_a_film_reaches_the_ring_with_its_times(start: Start, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", pictures=40, fps=25)
    camera = start(str(film), loop=False)
    frame = camera.frame()
    assert frame.source == m.SourceInfo(kind="film", name="film.avi")
    picture = camera.until(camera.ring.latest, "picture in the ring")
    assert picture.image.shape == (frame.height, frame.width, 3) == (120, 160, 3)
    assert 0 <= time.monotonic_ns() - picture.exposure_ns < 5e9
    status = camera.state(State.ENDED)
    assert status.detail == "the film is over"
    beat = camera.until(
        lambda: b if (b := camera.beats.receive(100)) and b.level is m.Level.DEGRADED else None,
        "report of the end",
    )
    assert isinstance(beat, m.Heartbeat)
    assert camera.stop() == 0


def test_larger_pictures_are_made_to_fit_and_it_is_said(start: Start, tmp_path: Path) -> None:
    camera = start(str(write_film(tmp_path / "f.avi", pictures=9, fps=25, width=800, height=600)))
    frame = camera.frame()
    assert (frame.width, frame.height) == (320, 240)
    camera.state(State.RUNNING)
    assert "made smaller" in camera.log.read_text()
    assert camera.stop() == 0


def test_a_network_cameras_delay_is_taken_off(start: Start) -> None:
    with CameraStandIn(good) as stand_in:
        camera = start(stand_in.url, delay_s=3.0)
        frame = camera.frame()
        assert time.monotonic_ns() - frame.exposure_ns > 3e9
        assert frame.source.kind == "network"
        assert camera.stop() == 0


def freezes_once(talk: Conversation) -> None:
    if talk.number > 0:
        return good(talk)
    talk.send(HEAD)
    talk.pictures(5)
    return talk.hold()


def test_a_camera_that_freezes_is_said_to_stall_and_opened_again(start: Start) -> None:
    with CameraStandIn(freezes_once) as stand_in:
        camera = start(stand_in.url)
        camera.state(State.STALLED)
        lost = camera.state(State.LOST)
        assert "no pictures in time" in lost.detail
        back = camera.state(State.RUNNING)
        assert back.reopened == 1
        assert camera.stop() == 0


def flaps(talk: Conversation) -> None:
    talk.send(HEAD)
    talk.pictures(3)
    talk.send(b"\xff\xd8\xff nothing that one could call a picture \xff\xd9")


def test_a_camera_that_hangs_up_and_talks_rubbish_is_opened_again_and_again(start: Start) -> None:
    with CameraStandIn(flaps) as stand_in:
        camera = start(stand_in.url)
        first = camera.frame()
        camera.state(State.LOST, words="closed the connection")
        camera.until(lambda: True if stand_in.connections >= 3 else None, "third connection")
        later = camera.until(
            lambda: f if (f := camera.frame()).frame > first.frame + 3 else None, "later picture"
        )
        assert later.exposure_ns > first.exposure_ns
        assert camera.stop() == 0


def test_a_camera_that_comes_late_and_goes_and_comes_back(start: Start, free_port: int) -> None:
    camera = start(f"http://127.0.0.1:{free_port}/stream")
    camera.state(State.LOST, words="refused")
    with CameraStandIn(good, port=free_port):
        camera.state(State.RUNNING)
    camera.state(State.LOST)
    with CameraStandIn(good, port=free_port):
        camera.state(State.RUNNING)
    assert camera.stop() == 0


def test_a_password_is_written_nowhere(start: Start, free_port: int) -> None:
    camera = start(f"http://eve:secret@127.0.0.1:{free_port}/stream?token=hidden")
    status = camera.state(State.LOST)
    assert camera.stop() == 0
    told = camera.log.read_text() + status.model_dump_json()
    assert "secret" not in told
    assert "hidden" not in told


def test_a_read_that_hangs_for_ever_ends_the_process(start: Start, tmp_path: Path) -> None:
    """A pipe that nobody writes to: opening it for reading never returns."""
    film = write_film(tmp_path / "film.avi", pictures=3, fps=25)
    camera = start(str(film), loop=True, hang_s=1.0)
    camera.state(State.RUNNING)
    film.unlink()
    os.mkfifo(film)
    status = camera.state(State.STALLED, words="no answer")
    assert "starting its reader anew" in status.detail
    assert camera.process.wait(10) == EXIT_HUNG


def test_rtsp_pictures_arrive_and_a_frozen_stream_is_opened_again(start: Start) -> None:
    with RtspStandIn(pictures=60) as stand_in:
        camera = start(stand_in.url)
        frame = camera.frame()
        assert (frame.width, frame.height) == (320, 240)
        assert frame.source.name == stand_in.url.replace("eve:secret@", "")
        camera.state(State.STALLED)
        lost = camera.state(State.LOST)
        assert lost.detail == "no more pictures"
        camera.state(State.RUNNING)
        assert camera.stop() == 0
        assert "secret" not in camera.log.read_text()


def test_a_stopped_camera_does_not_hold_up_the_end(start: Start) -> None:
    def opens_slowly(talk: Conversation) -> None:
        talk.send(HEAD + part(jpeg(1))[:50])
        talk.hold()

    with CameraStandIn(opens_slowly) as stand_in:
        camera = start(stand_in.url)
        camera.until(lambda: True if stand_in.connections else None, "connection")
        began = time.monotonic()
        assert camera.stop() == 0
        assert time.monotonic() - began < 8


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_films_of_other_makers_play_too(start: Start, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=50",
         "-t", "1", "-c:v", "libx264", "-pix_fmt", "yuv420p", str(film)],
        check=True,
    )  # fmt: skip
    camera = start(str(film))
    camera.until(lambda: f if (f := camera.frame()).frame > 55 else None, "second round")
    assert camera.stop() == 0
