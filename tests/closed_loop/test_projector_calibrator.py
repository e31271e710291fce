"""The process vision calibrates a projector; the test is the projector and the camera."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.cli import main
from tests.closed_loop.projector_room import SIZE, ProjectorRoom
from tests.unit.core_stage import Stage

# The renderer compiles its kernels in the first test of a cold machine.
pytestmark = pytest.mark.timeout(300)
VIRTUAL = m.SourceInfo(kind="simulated", name="virtual table")


def test_patterns_go_out_pictures_come_in_and_a_file_is_kept(
    runtime_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = ProjectorRoom(3)
    with Stage(runtime_dir, "vision", ("simulation", "projector")) as stage:
        camera, projector = stage.players["simulation"], stage.players["projector"]
        camera.announce("camera.frame")
        projector.announce("projector.pattern_shown")
        patterns = projector.subscribe("projector.pattern")
        stored = stage.reader.subscribe("calibration.stored")
        states = stage.reader.subscribe("table.state")
        stage.ready()
        command = ["calibrate", "projector", "--runtime-dir", str(stage.folder)]
        assert main(command) == 1
        assert "calibrate the camera first" in capsys.readouterr().err
        frame, on, light, since = 0, -1, None, 0

        def play() -> m.TableState | None:
            """One picture's time at the table."""
            nonlocal frame, on, light, since
            pattern = patterns.receive()
            if isinstance(pattern, m.Pattern):
                if pattern.number != on:
                    on, light, since = pattern.number, room.lit_by(pattern), time.monotonic_ns()
                projector.publish(
                    "projector.pattern_shown",
                    m.PatternShown(number=on, flip_ns=since, width=SIZE[0], height=SIZE[1]),
                )
            image = room.photograph(light)
            now = time.monotonic_ns()
            sequence = stage.camera.write(image, frame=frame, exposure_ns=now)
            camera.publish(
                "camera.frame",
                m.CameraFrame(
                    frame=frame, exposure_ns=now, source=VIRTUAL, ring_sequence=sequence,
                    width=image.shape[1], height=image.shape[0],
                ),
            )  # fmt: skip
            frame += 1
            state = states.receive(100)
            return state if isinstance(state, m.TableState) else None

        stage.until(lambda: s if (s := play()) and s.calibration else None, "the table")
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(main(command)))
        asking.start()
        paused = stage.until(
            lambda: s if (s := play()) and not s.quality.usable else None, "the pause"
        )
        assert paused.quality.problem == "the projector is being calibrated"
        stage.until(lambda: (play(), answers or None)[1], "the answer", seconds=90)
        asking.join()
        said = capsys.readouterr()
        assert answers == [0], said.err
        assert json.loads(said.out)["id"] == "projector-1"
        note = stage.until(lambda: stored.receive(100), "the note")
        assert note == m.CalibrationStored(id="projector-1", kind="projector")
        status = stage.reader.request("calibration.status", m.Empty())
        assert isinstance(status, m.CalibrationStatus)
        assert status.projector == "projector-1"
        assert status.projector_residual_mm is not None
        assert not status.recalibrate_projector
        kept = CalibrationStore(stage.folder / "state" / "calibrations").load("projector-1")
        places = np.array([[0.3, 0.4], [0.9, 0.6], [0.6, 1.3], [0.3, 2.1], [1.0, 2.2]])
        falls = room.truth.to_plane(kept.camera.to_pixels(places), 0.0)
        turned = np.array([room.table.width, room.table.length]) - places
        far = min(float(np.abs(falls - p).max()) for p in (places, turned))
        assert far < 0.004
        assert stage.stop() == 0
