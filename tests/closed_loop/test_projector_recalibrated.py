"""One person, alone: the running appliance calibrates a projector that hangs as it likes."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.cli import main
from billiards_trainer.table import preset
from billiards_trainer.virtual_projector import misset_projector
from tests.appliance_process import Appliance

pytestmark = [pytest.mark.acceptance, pytest.mark.appliance, pytest.mark.timeout(300)]


def test_it_is_calibrated_from_the_command_line_and_by_route(
    new_appliance: Callable[..., Appliance], capsys: pytest.CaptureFixture[str]
) -> None:
    appliance = new_appliance(
        *("--set", "simulation.projector=random"),
        *("--set", "simulation.seed=5"),
    )
    appliance.start()
    bus = Bus(appliance.runtime_dir, "test")
    try:
        flips = bus.subscribe("projector.flip")
        games = bus.subscribe("game.state")
        # A cold machine compiles first.
        appliance.wait(lambda: games.receive(100), "play", seconds=180)
        appliance.wait(
            lambda: appliance.get("/api/v1/calibration/status").get("camera"), "the table"
        )
        command = ["calibrate", "projector", "--runtime-dir", str(appliance.runtime_dir)]
        assert main(command) == 0, capsys.readouterr().err
        found = json.loads(capsys.readouterr().out)
        assert found["id"] == "projector-1"
        assert found["took_s"] < 60
        assert found["residual_mm"] < 1.5
        appliance.wait(
            lambda: isinstance(f := flips.receive(100), m.Flip) and f.calibration == "projector-1",
            "a flip that names the calibration",
        )
        status, answer = appliance.send("POST", "/api/v1/calibration/projector", timeout_s=60)
        assert status == 200, answer
        assert "projector-2" in answer["detail"]
    finally:
        bus.close()
    table = preset("pool-9ft")
    kept = CalibrationStore(appliance.state_dir / "calibrations").load("projector-2").camera
    truth = misset_projector(table, 5, kept.width, kept.height)
    places = np.array([[0.2, 0.3], [1.0, 0.5], [0.6, 1.3], [0.2, 2.2], [1.1, 2.3]])
    falls = truth.to_plane(kept.to_pixels(places), 0.0)
    turned = np.array([table.width, table.length]) - places
    far = [float(np.linalg.norm(falls - p, axis=1).max()) for p in (places, turned)]
    # Right after the start: the camera has been found in the first picture and not refined yet.
    assert min(far) < 0.008, far
