"""The process of the virtual table: writes the camera ring, tells the truth beside each picture.

Live, pictures follow the clock: the world is as old as the process, and a picture appears when a
camera's would, after exposure and read-out.  In lock-step the world stands still until the rest of
the appliance has answered the last picture; then exactly one picture's time passes.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.bus import Subscription
from billiards_trainer.config.schema import Config
from billiards_trainer.frames import RingError, RingPicture, RingReader, RingWriter
from billiards_trainer.light_map import LightMap
from billiards_trainer.process import ChildProcess
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.virtual_table import VirtualTable

ANSWER_LIMIT_S = 10.0
"""Lock-step: without an answer for so long, the world goes on and says so."""
_REMIND_S = 0.25
_STATUS_S = 1.0


def answer_topic(config: Config) -> str | None:
    """The topic that completes the answer to a picture: of the last module that runs."""
    off = config.system.modules_off
    for module, topic in (
        ("vision", None),
        ("core", "table.state"),
        ("projector", "scene"),
    ):
        if module in off:
            return topic
    return "projector.flip"


class Camera:
    """Writes pictures into the ring and tells about them."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self._writer = RingWriter(process.camera_ring)
        table = process.config.table.to_table()
        self._source = m.SourceInfo(kind="simulated", name=f"virtual table ({table.name})")
        self._times: list[float] = []
        self._next_status = 0.0
        self._last: tuple[m.GroundTruth, m.CameraFrame]
        process.bus.announce("camera.frame", "camera.status", "simulation.truth")

    def show(self, seen: Observation, exposure_ns: int) -> m.CameraFrame:
        """Put a picture into the ring, publish it and the truth about it."""
        frame = seen.truth.frame
        height, width = seen.image.shape[:2]
        sequence = self._writer.write(seen.image, frame=frame, exposure_ns=exposure_ns)
        notice = m.CameraFrame(
            frame=frame,
            exposure_ns=exposure_ns,
            source=self._source,
            ring_sequence=sequence,
            width=width,
            height=height,
        )
        self._last = (seen.truth.message(exposure_ns), notice)
        self.repeat()
        self._process.advance()
        self._times.append(time.monotonic())
        self.tell()
        return notice

    def repeat(self) -> None:
        """Tell again about the last picture: somebody may only now have come up."""
        truth, notice = self._last
        self._process.bus.publish("simulation.truth", truth)
        self._process.bus.publish("camera.frame", notice)

    def tell(self) -> None:
        """Say once a second how the camera is, pictures or not."""
        now = time.monotonic()
        if now < self._next_status:
            return
        self._next_status = now + _STATUS_S
        self._times = [t for t in self._times if t > now - 3.0]
        span = now - self._times[0] if self._times else 0.0
        fps = (len(self._times) - 1) / span if span > 0 else 0.0
        status = m.SourceStatus(source=self._source, state=m.SourceState.RUNNING, fps=fps)
        self._process.bus.publish("camera.status", status)
        self._process.report(m.Level.HEALTHY, fps=fps)


class OwnLight:
    """The projector's light maps, when there are any."""

    def __init__(self, process: ChildProcess) -> None:
        self._shape = LightMap.shape(process.config.table.to_table())
        self._reader: RingReader | None = None
        self._last: NDArray[np.uint8] | None = None
        try:
            self._reader = RingReader(process.light_ring)
        except RingError as error:
            process.log.info("no projected light", reason=str(error))

    def at(self, exposure_ns: int) -> NDArray[np.uint8] | None:
        """What shone during an exposure: the newest flip before its middle."""
        if self._reader is None:
            return None
        return self._fitting(self._reader.before(exposure_ns))

    def newest(self) -> NDArray[np.uint8] | None:
        """What the projector has shown last."""
        if self._reader is None:
            return None
        picture = self._reader.latest()
        if picture is not None:
            self._last = self._fitting(picture)
        return self._last

    def _fitting(self, picture: RingPicture | None) -> NDArray[np.uint8] | None:
        """The map, unless it is of another table."""
        if picture is None or picture.image.shape[:2] != self._shape:
            return None
        return picture.image


class Clock:
    """When pictures are exposed, and when a camera would have read them out."""

    def __init__(self, virtual: VirtualTable) -> None:
        sensor = virtual.setup.sensor
        self.period = 1 / virtual.fps
        # A picture can be read when its last row has been exposed.
        self._delay_ns = round((sensor.exposure_s + sensor.readout_s) / 2 * 1e9)
        self._begin_ns = time.monotonic_ns()
        self._number = 0

    def next_exposure(self) -> tuple[int, int]:
        """Wait for the middle of the next exposure: its number and time.

        Numbers are left out when the machine was too slow for them.
        """
        passed = (time.monotonic_ns() - self._begin_ns) / 1e9
        self._number = max(self._number + 1, int(passed / self.period))
        exposure_ns = self._begin_ns + round(self._number * self.period * 1e9)
        _wait_until(exposure_ns)
        return self._number, exposure_ns

    def read_out(self, exposure_ns: int) -> None:
        """Wait until the picture of that exposure can be read."""
        _wait_until(exposure_ns + self._delay_ns)


def _wait_until(time_ns: int) -> None:
    ahead = (time_ns - time.monotonic_ns()) / 1e9
    if ahead > 0:
        time.sleep(ahead)


def run_live(process: ChildProcess, virtual: VirtualTable) -> None:
    """Pictures by the clock, drawn while a camera would expose and read out."""
    camera, light = Camera(process), OwnLight(process)
    clock = Clock(virtual)
    while process.running():
        number, exposure_ns = clock.next_exposure()
        seen = virtual.observe(number * clock.period, light.at(exposure_ns))
        clock.read_out(exposure_ns)
        camera.show(seen, exposure_ns)


def draw_ahead(process: ChildProcess, virtual: VirtualTable, seconds: float) -> list[Observation]:
    """Play from the next aim on, drawn and kept."""
    while virtual.world.act.phase(virtual.world.time) != "aim" and process.running():
        virtual.skip(0.1)
    return [virtual.step() for _ in range(round(seconds * virtual.fps))]


def run_drawn(process: ChildProcess, virtual: VirtualTable, drawn: list[Observation]) -> None:
    """The same pictures again and again: what comes after the camera, without drawing's cost."""
    camera, clock = Camera(process), Clock(virtual)
    while process.running():
        number, exposure_ns = clock.next_exposure()
        kept = drawn[number % len(drawn)]
        clock.read_out(exposure_ns)
        camera.show(replace(kept, truth=replace(kept.truth, frame=number)), exposure_ns)


def run_lock_step(process: ChildProcess, virtual: VirtualTable) -> None:
    """One picture, its answer, the next picture; never ahead of the clock."""
    camera, light = Camera(process), OwnLight(process)
    topic = answer_topic(process.config)
    answers = process.bus.subscribe(topic) if topic is not None else None
    period_ns = round(1e9 / virtual.fps)
    exposure_ns = time.monotonic_ns()
    while process.running():
        seen = virtual.step(light.newest())
        notice = camera.show(seen, exposure_ns)
        if answers is not None and not _await_answer(process, camera, answers, notice.frame):
            process.report(m.Level.DEGRADED, f"nobody answered picture {notice.frame} ({topic})")
        exposure_ns += period_ns
        ahead = (exposure_ns - time.monotonic_ns()) / 1e9
        if ahead > 0:
            time.sleep(min(ahead, 0.1))


def _await_answer(process: ChildProcess, camera: Camera, answers: Subscription, frame: int) -> bool:
    """Wait until a message derived from that picture comes back."""
    deadline = time.monotonic() + ANSWER_LIMIT_S
    remind = time.monotonic() + _REMIND_S
    while process.running():
        answer = answers.receive(50)
        if isinstance(answer, m.FrameMessage) and answer.frame >= frame:
            return True
        now = time.monotonic()
        if now > deadline:
            return False
        camera.tell()
        if now > remind:
            camera.repeat()
            remind = now + _REMIND_S
    return True


_prepared: dict[str, VirtualTable] = {}


def preload(config: Config) -> None:
    """Build the virtual table, painting takes long, for all that are forked from this process."""
    virtual = VirtualTable.from_config(config)
    virtual.observe(0.0)
    _prepared[_key(config)] = virtual


def _virtual_table(config: Config) -> VirtualTable:
    return _prepared.get(_key(config)) or VirtualTable.from_config(config)


def _key(config: Config) -> str:
    return config.model_dump_json(include={"table", "source", "simulation"})


def main() -> int:
    """Run until told to stop."""
    with ChildProcess("simulation") as process:
        settings = process.config.simulation
        virtual = _virtual_table(process.config)
        if settings.drawn_ahead_s > 0:
            drawn = draw_ahead(process, virtual, settings.drawn_ahead_s)
            process.ready()
            run_drawn(process, virtual, drawn)
            return 0
        virtual.observe(0.0)  # compiled code is loaded before the loop is watched
        process.ready()
        run = run_lock_step if settings.lock_step else run_live
        run(process, virtual)
    return 0


if __name__ == "__main__":
    sys.exit(main())
