"""A whole rack of nine-ball, played on the virtual table through the running appliance."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from tests.appliance_process import Appliance

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(600)]

RACK_LIMIT_S = 540


def test_every_shot_of_a_rack_is_recorded(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(
        *("--set", "simulation.lock_step=true"),
        *("--set", "simulation.rack=9-ball"),
        *("--set", "simulation.tempo=4"),
        *("--set", "simulation.seed=3"),
    )
    appliance.start()
    bus = Bus(appliance.runtime_dir, "test")
    try:
        truth = bus.subscribe("simulation.truth")
        recorded = bus.subscribe("shot.recorded")
        played: dict[int, set[str]] = {}
        off: set[str] = set()
        summaries: list[m.ShotSummary] = []
        deadline = time.monotonic() + RACK_LIMIT_S
        rack = 1
        while rack == 1:
            if time.monotonic() > deadline:
                pytest.fail(f"the rack was not finished: {played}\n{appliance.log()}")
            bus.wait([truth, recorded], 200)
            assert appliance.process is not None
            assert appliance.process.poll() is None, appliance.log()
            summaries += [s for s in recorded.drain() if isinstance(s, m.ShotSummary)]
            for seen in truth.drain():
                assert isinstance(seen, m.GroundTruth)
                rack = max(rack, seen.rack)
                gone = {ball.label for ball in seen.balls if not ball.on_table}
                if seen.rack == 1 and seen.phase in ("stroke", "rolling"):
                    played.setdefault(seen.shot, set()).update(gone - off)
                off = gone
        # Lock-step: what was shown as recorded is in the log, and is what really happened.
        shots = appliance.get(f"/api/v1/shots?limit={len(played) + 10}")["shots"]
    finally:
        bus.close()
    logged = {shot["number"]: set(shot["potted"]) for shot in shots if shot["number"] in played}
    assert logged == played
    told = {s.number: set(s.potted) for s in summaries if s.recorded and s.number in played}
    assert told == played
    assert {s.shot_id for s in summaries} <= {shot["id"] for shot in shots}
    assert set().union(*played.values()) >= {str(n) for n in range(1, 10)}
