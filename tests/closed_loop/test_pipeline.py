"""Vision on the virtual table: what it says against what is true."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.core.shots.segmenter import ShotSegmenter
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset
from billiards_trainer.vision.pipeline import Pipeline
from tests.unit.core_stage import Stage

POOL = preset("pool-9ft")
VIRTUAL = m.SourceInfo(kind="simulated", name="virtual table")
SEED = 1
FIRST_AIM_S = 6.0
RACKED_S = 3.5
"""The balls lie racked and nobody is at the table."""


def number(calibration: str | None) -> int:
    """Of ``camera-3`` the 3; 0 where nothing is stored."""
    return int((calibration or "").rpartition("-")[2] or 0)


def exposure_ns(seen: Observation) -> int:
    return 1 + round(seen.truth.time_s * 1e9)


@pytest.fixture(scope="module")
def watched() -> list[tuple[m.TableState, Observation]]:
    """From the first aim until the balls of the break have spread: five seconds."""
    world = VirtualTable(POOL, seed=SEED)
    world.skip(FIRST_AIM_S)
    pipeline = Pipeline(POOL, epoch=1)
    found = []
    for _ in range(150):
        seen = world.step()
        state = pipeline.process(seen.image, seen.truth.frame, exposure_ns(seen), VIRTUAL)
        found.append((state, seen))
    return found


def test_the_table_is_found_and_balls_are_where_they_are(
    watched: list[tuple[m.TableState, Observation]],
) -> None:
    errors_mm, seen_balls, all_balls, false_balls = [], 0, 0, 0
    for state, seen in watched[10:]:
        assert state.calibration == "unstored"
        assert state.quality.usable
        truths = [b for b in seen.truth.balls if b.on_table and b.visible > 0.5]
        all_balls += len(truths)
        for ball in state.balls:
            if not ball.visible or ball.in_hand:
                continue
            apart = [math.dist((ball.x_m, ball.y_m), b.seen[:2]) for b in seen.truth.balls]
            if min(apart) < 0.02:
                seen_balls += 1
                errors_mm.append(1e3 * min(apart))
            else:
                false_balls += 1
    assert seen_balls > 0.9 * all_balls
    assert false_balls < 0.01 * all_balls
    assert np.median(errors_mm) < 3.0


def test_the_break_is_noticed_when_and_where_it_happens(
    watched: list[tuple[m.TableState, Observation]],
) -> None:
    segmenter = ShotSegmenter(POOL)
    events = [e for state, _ in watched for e in segmenter.update(state)]
    true = [e for _, seen in watched for e in seen.events if e.kind == "shot_start"]
    starts = [e for e in events if e.kind is m.EventKind.SHOT_START]
    assert len(starts) == len(true) == 1
    assert abs(starts[0].exposure_ns / 1e9 - true[0].time_s) * 30 < 1.5
    assert math.dist((starts[0].x_m, starts[0].y_m), (true[0].x_m, true[0].y_m)) < 0.008


def test_every_stage_is_timed_and_unseen_balls_have_pixels(
    watched: list[tuple[m.TableState, Observation]],
) -> None:
    state, _ = watched[40]
    assert {"quality", "detection", "cue", "tracking"} <= set(state.stages_ms)
    assert all(b.x_px is not None for s, _ in watched for b in s.balls)


def test_a_bad_picture_is_said_and_tracks_are_kept() -> None:
    world = VirtualTable(POOL, seed=SEED)
    world.skip(FIRST_AIM_S)
    pipeline = Pipeline(POOL, world.camera, calibration="camera-7", epoch=1)
    for _ in range(5):
        seen = world.step()
        good = pipeline.process(seen.image, seen.truth.frame, exposure_ns(seen), VIRTUAL)
    assert good.calibration == "camera-7"
    black = np.zeros_like(seen.image)
    state = pipeline.process(black, 99, exposure_ns(seen) + 33_000_000, VIRTUAL)
    assert not state.quality.usable
    assert "black" in (state.quality.problem or "")
    assert {b.track for b in state.balls} == {b.track for b in good.balls}
    flat = np.full_like(seen.image, 90)
    assert "covered" in str(pipeline.process(flat, 100, 10**12, VIRTUAL).quality.problem)
    burnt = np.full_like(seen.image, 255)
    burnt[:40] = 0
    assert "bright" in str(pipeline.process(burnt, 101, 10**12 + 1, VIRTUAL).quality.problem)


def test_a_camera_that_sends_one_picture_for_ever_is_frozen() -> None:
    world = VirtualTable(POOL, seed=SEED)
    image = world.step().image
    pipeline = Pipeline(POOL, world.camera, epoch=1)
    live = m.SourceInfo(kind="v4l2", name="camera")
    for k in range(4):
        state = pipeline.process(image, k, 1 + k * 1_000_000_000, live)
    assert "frozen" in (state.quality.problem or "")


def test_without_a_table_it_says_why_and_looks_again_later() -> None:
    pipeline = Pipeline(POOL, epoch=1)
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    state = pipeline.process(noise, 0, 1, VIRTUAL)
    assert (state.calibration, state.balls) == (None, ())
    assert not state.quality.usable
    assert state.quality.problem
    seen = VirtualTable(POOL, seed=SEED).step()
    soon = pipeline.process(seen.image, 1, 1_000_000, VIRTUAL)
    assert soon.calibration is None
    later = pipeline.process(seen.image, 2, 1_000_000_000, VIRTUAL)
    assert later.calibration == "unstored"
    smaller = pipeline.process(seen.image[::2, ::2].copy(), 3, 1_100_000_000, VIRTUAL)
    assert smaller.calibration == "unstored"
    assert pipeline.camera is not None
    assert pipeline.camera.width == 640


def test_the_process_looks_calibrates_and_stores(runtime_dir: Path) -> None:
    world = VirtualTable(POOL, seed=SEED)
    world.skip(RACKED_S)
    pictures = [world.step().image for _ in range(6)]
    with Stage(
        runtime_dir, "vision", ("camera", "simulation"), vision={"drift_check_s": 2.0}
    ) as stage:
        writer = stage.players["simulation"]
        writer.announce("camera.frame")
        states = stage.reader.subscribe("table.state")
        stage.ready()
        reply = stage.reader.request("calibration.camera", m.CalibrateRequest())
        assert reply == m.Done(ok=False, detail="there is no picture from the camera")
        frame = 0

        def show(image: np.ndarray) -> None:
            nonlocal frame
            now = time.monotonic_ns()
            sequence = stage.camera.write(image, frame=frame, exposure_ns=now)
            writer.publish(
                "camera.frame",
                m.CameraFrame(
                    frame=frame,
                    exposure_ns=now,
                    source=VIRTUAL,
                    ring_sequence=sequence,
                    width=image.shape[1],
                    height=image.shape[0],
                ),
            )
            frame += 1

        def seen(beyond: int = 0) -> m.TableState | None:
            """A state made with a calibration later than that of this number."""
            show(pictures[frame % len(pictures)])
            state = states.receive(200)
            if isinstance(state, m.TableState) and number(state.calibration) > beyond:
                return state
            return None

        stage.until(seen, "calibrated state")
        full = stage.until(lambda: s if (s := seen()) and len(s.balls) > 10 else None, "balls")
        refined = stage.until(lambda: seen(1), "calibration refined on more pictures")
        assert refined.epoch == full.epoch
        assert full.source == VIRTUAL
        status = stage.reader.request("calibration.status", m.Empty())
        assert isinstance(status, m.CalibrationStatus)
        assert number(status.camera) >= 2
        assert status.camera_residual_mm is not None
        assert status.camera_residual_mm < 2.0
        ball = next(b for b in full.balls if b.label not in ("cue", "5") and b.visible)
        word = m.BallCorrection(track=ball.track, epoch=full.epoch, label="5")
        done = stage.reader.request("vision.correct_ball", word)
        assert isinstance(done, m.Done)
        assert done.ok

        def put_right() -> bool:
            state = seen()
            return state is not None and any(
                (b.track, b.label) == (ball.track, "5") for b in state.balls
            )

        stage.until(put_right, "corrected state")
        records = Path(stage.config.storage.state_dir) / "corrections"
        stage.until(lambda: list(records.glob("*.json")), "record of the correction")
        old = stage.reader.request("vision.correct_ball", word.model_copy(update={"epoch": 1}))
        assert isinstance(old, m.Done)
        assert not old.ok
        done = stage.reader.request("calibration.camera", m.CalibrateRequest())
        assert isinstance(done, m.Done)
        assert done.ok
        anew = number(done.detail.rpartition(" ")[2])
        assert anew > number(status.camera)
        silly = m.CalibrateRequest(corners_px=((0, 0), (1, 1), (2, 2), (3, 3)))
        refused = stage.reader.request("calibration.camera", silly)
        assert isinstance(refused, m.Done)
        assert not refused.ok
        colours = stage.reader.request("calibration.colours", m.Empty())
        assert isinstance(colours, m.Done)
        assert colours.ok == ("stored as colours-1" in colours.detail)
        stage.until(lambda: seen(anew - 1), "state with the new calibration")
        stage.beat(lambda b: "no picture" in b.detail, "complaint about silence")
        assert stage.stop() == 0
        # Started again it takes the stored calibration at once.
        stage.process = stage._start(1, stage.config)
        stage.beat(lambda b: b.ready and b.pid == stage.process.pid, "second start")
        first = stage.until(lambda: seen(anew - 1), "stored calibration")
        stored = number(first.calibration)
        # A knocked camera: everything is seen seven pixels further left.
        pictures[:] = [np.roll(p, -7, axis=1) for p in pictures]
        stage.until(lambda: seen(stored), "calibration after the knock", seconds=60)
