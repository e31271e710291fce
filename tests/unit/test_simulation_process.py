"""The virtual table's process: live and in lock-step, on real sockets and rings."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config
from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation.main import answer_topic
from billiards_trainer.simulation.observation import TrueEvent
from billiards_trainer.simulation.virtual_table import VirtualTable
from tests.closed_loop.simulated_camera import SimulatedCamera


def test_lock_step_waits_for_the_answer_and_keeps_its_own_time(runtime_dir: Path) -> None:
    with SimulatedCamera(runtime_dir) as camera:
        first = camera.next()
        assert first is not None
        assert first.notice.source.kind == "simulated"
        # Without an answer there is no next picture, however long it takes.
        assert camera.next(timeout_s=0.6) is None
        seen = [first]
        for _ in range(4):
            camera.flip(seen[-1].notice.frame)
            time.sleep(0.05 * (len(seen) % 2))
            following = camera.next()
            assert following is not None
            seen.append(following)
        frames = [s.notice.frame for s in seen]
        assert frames == list(range(frames[0], frames[0] + 5))
        times = np.diff([s.notice.exposure_ns for s in seen])
        assert (times == round(1e9 / 30)).all(), "the world's clock must not follow the machine's"
        assert all(s.truth.exposure_ns == s.notice.exposure_ns for s in seen)
        assert camera.status().state == m.SourceState.RUNNING


def test_the_bus_tells_every_event_of_the_physics_once(runtime_dir: Path) -> None:
    with SimulatedCamera(runtime_dir, simulation={"lock_step": True, "tempo": 8.0}) as camera:
        told: list[m.TrueEvent] = []
        while len(told) < 30:
            seen = camera.next()
            assert seen is not None
            assert seen.notice.frame < 400, "the break comes after some seconds"
            before_ns = seen.truth.exposure_ns - round(1e9 / 30)
            for event in seen.truth.events:
                assert before_ns - 10 <= event.time_ns <= seen.truth.exposure_ns + 10
            told += seen.truth.events
            camera.flip(seen.notice.frame)
    world = VirtualTable.from_config(camera.config).world
    played: list[TrueEvent] = []
    while len(played) < len(told):
        played += world.advance(world.time + 0.1)
    happened = [(e.kind, e.labels, e.balls, e.x_m, e.y_m, e.pocket) for e in played[: len(told)]]
    assert [(e.kind, e.labels, e.balls, e.x_m, e.y_m, e.pocket) for e in told] == happened
    times = np.array([e.time_ns for e in told]) - told[0].time_ns
    true = (np.array([e.time_s for e in played[: len(told)]]) - played[0].time_s) * 1e9
    np.testing.assert_allclose(times, true, atol=100)


@pytest.mark.parametrize(
    ("table", "name"),
    [({"preset": "pool-7ft"}, "pool-7ft"), ({"length": 2.1, "width": 1.05}, "measured")],
)
def test_the_source_says_which_table_it_is(
    runtime_dir: Path, table: dict[str, object], name: str
) -> None:
    with SimulatedCamera(runtime_dir, table=table) as camera:
        first = camera.next()
        assert first is not None
        assert first.notice.source.name == f"virtual table ({name})"


def test_the_projectors_light_meets_the_cloth_of_the_next_picture(runtime_dir: Path) -> None:
    with SimulatedCamera(runtime_dir) as camera:
        dark = camera.next()
        assert dark is not None
        light = np.full((*LightMap.shape(camera.table), 3), 255, np.uint8)
        camera.flip(dark.notice.frame, light)
        lit = camera.next()
        assert lit is not None
        middle = np.s_[60:120, 100:220]
        assert lit.image[middle].mean() > dark.image[middle].mean() + 25
        # A map of another table's size is not this projector's light.
        camera.flip(lit.notice.frame, np.full((10, 10, 3), 255, np.uint8))
        assert camera.next() is not None


def test_without_a_projector_the_scene_is_the_answer(runtime_dir: Path) -> None:
    with SimulatedCamera(runtime_dir, system={"modules_off": ("projector",)}) as camera:
        first = camera.next()
        assert first is not None
        camera.flip(first.notice.frame)
        assert camera.next(timeout_s=0.4) is None
        camera.scene(first.notice.frame)
        second = camera.next()
        assert second is not None
        assert second.notice.frame == first.notice.frame + 1


def test_live_pictures_follow_the_clock_and_end_on_sigterm(runtime_dir: Path) -> None:
    with SimulatedCamera(runtime_dir, simulation={"lock_step": False}) as camera:
        seen = [camera.next() for _ in range(6)]
        assert all(s is not None for s in seen)
        stamps = [s.notice.exposure_ns for s in seen if s is not None]
        period = 1e9 / 30
        steps = np.diff(stamps) / period
        assert np.abs(steps - np.round(steps)).max() < 1e-3, "pictures lie on the frame grid"
        assert (np.round(steps) >= 1).all()
        assert stamps[-1] <= time.monotonic_ns()
        beats = camera.beats()
        while not any(b.ready and b.progress > 0 for b in beats):
            assert camera.next() is not None
            beats += camera.beats()
    assert camera.process.returncode == 0


@pytest.mark.parametrize(
    ("off", "topic"),
    [
        ((), "projector.flip"),
        (("projector",), "scene"),
        (("core", "projector"), "table.state"),
        (("core",), "table.state"),
        (("vision",), None),
    ],
)
def test_the_last_module_that_runs_gives_the_answer(off: tuple[str, ...], topic: str) -> None:
    config = Config.model_validate({"system": {"modules_off": off}})
    assert answer_topic(config) == topic
