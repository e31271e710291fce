"""Refining a calibration, noticing a knocked camera and calibrating it anew, on drawn pictures."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import preset
from billiards_trainer.vision.calibration.drift import measure_drift, moved_mm
from billiards_trainer.vision.calibration.refinement import combined, find_again
from billiards_trainer.vision.calibration.table_finder import find_table, turned_round
from billiards_trainer.vision.upkeep import ROUNDS, Upkeep
from tests.drawn_table import ceiling_camera, draw

POOL = preset("pool-9ft")
CAMERA = ceiling_camera(POOL)
KNOCKED = CameraModel.look_at(
    CAMERA.position,
    (POOL.width / 2 + 0.012, POOL.length / 2 - 0.010, 0.0),
    (-1.0, 0.032, 0.0),
    width=1280,
    height=720,
    focal=CAMERA.focal[0],
)
CHECK_S = 20.0


@pytest.fixture(scope="module")
def still():
    return draw(POOL, CAMERA)


@pytest.fixture(scope="module")
def knocked():
    return draw(POOL, KNOCKED)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def at_once(job):
    done = Future()
    done.set_result(job())
    return done


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def upkeep(clock):
    return Upkeep(POOL, check_s=CHECK_S, limit_mm=6.0, clock=clock, submit=at_once)


def play(upkeep, clock, picture, seconds, *, busy=False, step=0.25):
    """What the upkeep finds while it is shown one picture for a while."""
    found = []
    for _ in range(round(seconds / step)):
        better = upkeep.see(picture, busy=busy)
        if better is not None:
            found.append(better)
        clock.now += step
    return found


def test_a_table_found_in_one_picture_is_found_again_in_several(upkeep, clock, still):
    rough = find_table(still, POOL).camera
    upkeep.begin(rough, refine=True)
    found = play(upkeep, clock, still, ROUNDS[0][0] * ROUNDS[0][1] + 1.0)
    assert len(found) == 1
    assert not found[0].knocked
    assert found[0].moved_mm < 5.0


def test_a_stored_calibration_is_only_watched(upkeep, clock, still):
    upkeep.begin(find_table(still, POOL).camera, refine=False)
    assert play(upkeep, clock, still, 2.5 * CHECK_S, step=1.0) == []
    assert upkeep.drift_mm is not None
    assert upkeep.drift_mm < 6.0
    assert upkeep.problem is None


def test_a_knock_is_told_in_play_and_mended_after_it(upkeep, clock, still, knocked):
    before = find_table(still, POOL).camera
    upkeep.begin(before, refine=False)
    play(upkeep, clock, still, CHECK_S + 2.0, step=1.0)
    true_mm = moved_mm(CAMERA, KNOCKED, POOL)
    assert play(upkeep, clock, knocked, CHECK_S + 10.0, busy=True, step=0.5) == []
    assert upkeep.problem is not None
    assert "moved" in upkeep.problem
    assert upkeep.drift_mm == pytest.approx(true_mm, abs=6.0)
    found = play(upkeep, clock, knocked, 10.0)
    assert len(found) == 1
    assert found[0].knocked
    assert found[0].moved_mm == pytest.approx(true_mm, abs=6.0)
    assert moved_mm(KNOCKED, found[0].fit.camera, POOL) < 6.0
    assert upkeep.problem is None


def test_a_far_knock_is_told_without_a_figure(upkeep, clock, still):
    upkeep.begin(find_table(still, POOL).camera, refine=False)
    shifted = np.roll(still, 60, axis=1)
    play(upkeep, clock, shifted, CHECK_S + 10.0, busy=True, step=0.5)
    assert upkeep.problem is not None
    assert "moved" in upkeep.problem


def test_a_covered_table_is_no_knock(upkeep, clock, still):
    before = find_table(still, POOL).camera
    upkeep.begin(before, refine=False)
    covered = np.full_like(still, 90)
    assert play(upkeep, clock, covered, 3 * CHECK_S, step=1.0) == []
    assert upkeep.problem is None
    assert upkeep.drift_mm is None


def test_nothing_is_done_before_there_is_a_calibration(upkeep, clock, still):
    assert play(upkeep, clock, still, 2 * CHECK_S, step=5.0) == []


def test_work_goes_on_in_a_thread(clock, still):
    upkeep = Upkeep(POOL, check_s=2.0, limit_mm=6.0, clock=clock)
    upkeep.begin(find_table(still, POOL).camera, refine=False)
    clock.now += 3.0
    while upkeep.drift_mm is None:
        upkeep.see(still, busy=False)
    assert upkeep.drift_mm < 6.0


def test_the_median_loses_what_moves(still):
    pictures = []
    for k in range(5):
        picture = still.copy()
        picture[:, 200 * k : 200 * k + 150] = 20
        pictures.append(picture)
    assert np.abs(combined(pictures).astype(int) - still).max() <= 1
    assert combined([still]) is still


def test_the_head_end_stays_where_it_was(still):
    before = turned_round(find_table(still, POOL).camera, POOL)
    fit = find_again([still], POOL, before)
    assert moved_mm(before, fit.camera, POOL) < 3.0
    inside = fit.cloth_corners_px.mean(axis=0)
    assert np.abs(fit.corners_px - inside).max() < np.abs(fit.cloth_corners_px - inside).max()
    nearest = np.linalg.norm(fit.cloth_corners_px[:, None] - fit.corners_px[None], axis=2)
    assert nearest.argmin(axis=1).tolist() == [0, 1, 2, 3]


def test_drift_gives_the_camera_as_it_hangs_now(still):
    shifted = replace(CAMERA, translation=tuple(np.add(CAMERA.translation, (0.008, -0.005, 0.0))))
    drift = measure_drift(still, shifted, POOL)
    assert drift.camera is not None
    assert moved_mm(CAMERA, drift.camera, POOL) < 4.0
