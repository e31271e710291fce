"""The process ``camera``: reads a film or a real camera, and writes the camera ring."""

from __future__ import annotations

import random
import sys
import time

from billiards_trainer import messages as m
from billiards_trainer.config.schema import SourceConfig
from billiards_trainer.frames import RingWriter
from billiards_trainer.process import ChildProcess
from billiards_trainer.source_address import Address, parse
from billiards_trainer.vision.sources.opening import opener
from billiards_trainer.vision.sources.picture import Grabbed, SourceEnded, fitted
from billiards_trainer.vision.sources.reader import SourceReader
from billiards_trainer.vision.sources.watch import Action, Limits, SourceWatch, verdict

EXIT_HUNG = 75
"""Exit status when a read hangs for ever and the process must be replaced."""

_POLL_S = 0.05
_STATUS_S = 1.0


def main() -> int:
    """Run until SIGTERM; ``EXIT_HUNG`` when only a new process can help."""
    with ChildProcess("camera") as process:
        config = process.config.source
        camera = Camera(process, parse(config.url), config)
        process.bus.announce("camera.frame", "camera.status")
        process.ready()
        while process.running():
            if not camera.step():
                process.log.error("the source hangs; this process ends to be replaced")
                return EXIT_HUNG
            process.advance()
        camera.close()
    return 0


class Camera:
    """One source, its reader's thread, and what is said about it."""

    def __init__(self, process: ChildProcess, address: Address, config: SourceConfig) -> None:
        self._process = process
        self._info = address.info
        self._open = opener(address, config)
        self._delay_ns = round(config.delay_s * 1e9)
        self._ring = RingWriter(process.camera_ring)
        self._watch = SourceWatch(Limits(stall_s=config.stall_s, hang_s=config.hang_s))
        self._reader: SourceReader | None = None
        self._frame = 0
        self._said: tuple[m.SourceState, str] | None = None
        self._said_at = 0.0
        self._counted_from = (time.monotonic(), 0)
        self._fps = 0.0
        self._shrunk = False

    def step(self) -> bool:
        """Wait a moment for a picture and hand it on; whether to go on."""
        action = self._watch.next(time.monotonic())
        if action is Action.OPEN:
            self._reader = SourceReader(self._open)
        if self._reader is None:
            time.sleep(_POLL_S)
        else:
            grabbed = self._reader.take(_POLL_S)
            if grabbed is not None:
                self._watch.picture(time.monotonic())
                self._hand_on(grabbed)
            elif (outcome := self._reader.outcome) is not None:
                self._reader = None
                if isinstance(outcome, SourceEnded):
                    self._watch.ended()
                else:
                    self._watch.failed(time.monotonic(), str(outcome), random.random())
        self._say()
        return action is not Action.GIVE_UP

    def _hand_on(self, grabbed: Grabbed) -> None:
        picture = fitted(grabbed.picture, self._ring.capacity)
        if picture is not grabbed.picture and not self._shrunk:
            self._shrunk = True
            given, used = grabbed.picture.shape, picture.shape
            self._process.log.warning(
                "pictures are made smaller to fit source.width and source.height",
                given=f"{given[1]}x{given[0]}",
                used=f"{used[1]}x{used[0]}",
            )
        exposure_ns = grabbed.arrived_ns - self._delay_ns
        sequence = self._ring.write(picture, frame=self._frame, exposure_ns=exposure_ns)
        height, width = picture.shape[:2]
        self._process.bus.publish(
            "camera.frame",
            m.CameraFrame(
                frame=self._frame,
                exposure_ns=exposure_ns,
                source=self._info,
                ring_sequence=sequence,
                width=width,
                height=height,
                take=grabbed.take,
            ),
        )
        self._frame += 1

    def _say(self) -> None:
        """Publish the source's state when it changes, and once a second."""
        now = time.monotonic()
        state = (self._watch.state, self._watch.detail)
        if state == self._said and now - self._said_at < _STATUS_S:
            return
        since, frames = self._counted_from
        if now - since >= _STATUS_S:
            self._fps = (self._frame - frames) / (now - since)
            self._counted_from = (now, self._frame)
        if self._said is None or state[0] is not self._said[0]:
            self._process.log.info(
                "source", source=self._info.name, state=state[0].value, detail=state[1]
            )
        self._said, self._said_at = state, now
        self._process.bus.publish(
            "camera.status",
            m.SourceStatus(
                source=self._info,
                state=state[0],
                detail=state[1],
                reopened=self._watch.reopened,
                fps=round(self._fps, 2),
            ),
        )
        self._process.report(
            *verdict(*state), fps=round(self._fps, 2), reopened=self._watch.reopened
        )

    def close(self) -> None:
        """Give the source back, unless it hangs."""
        if self._reader is not None:
            self._reader.stop(timeout_s=0.5)
        self._ring.close()


if __name__ == "__main__":
    sys.exit(main())
