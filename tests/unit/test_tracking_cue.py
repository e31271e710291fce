"""The cue through time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from billiards_trainer import messages as m
from billiards_trainer.table import preset
from billiards_trainer.vision.tracking.cue import CueTracker, addressed

POOL = preset("pool-9ft")
R = POOL.balls.radius


@dataclass(frozen=True)
class Seen:
    tip_m: tuple[float, float, float]
    angle_rad: float
    tip_px: tuple[float, float] = (0.0, 0.0)
    direction_px: tuple[float, float] = (1.0, 0.0)
    angle_std_rad: float = 0.002
    elevation_rad: float = 0.07
    elevation_std_rad: float = 0.03
    confidence: float = 0.9


def ball(track: int, label: str, x: float, y: float, **more: bool) -> m.BallState:
    return m.BallState(track=track, label=label, x_m=x, y_m=y, **more)  # type: ignore[arg-type]


CUE_BALL = ball(1, "cue", 0.6, 0.6)


def test_a_stroke_s_speed_is_measured_along_the_cue() -> None:
    tracker = CueTracker(POOL)
    angle = 0.7
    for k in range(6):
        way = 1.8 * k / 30
        tip = (0.3 + way * math.cos(angle), 0.3 + way * math.sin(angle), R)
        found = tracker.update(Seen(tip, angle), [CUE_BALL], k * 33_333_333)
    assert found is not None
    assert found.tip_speed == pytest.approx(1.8, rel=0.01)
    assert found.addresses == 1


def test_a_cue_drawn_back_is_slower_than_standing() -> None:
    tracker = CueTracker(POOL)
    for k in range(4):
        found = tracker.update(Seen((0.4 - 0.02 * k, 0.6, R), 0.0), [CUE_BALL], k * 33_333_333)
    assert found is not None
    assert found.tip_speed == pytest.approx(-0.6, rel=0.01)


def test_one_sight_has_no_speed_and_a_gap_forgets() -> None:
    tracker = CueTracker(POOL)
    first = tracker.update(Seen((0.4, 0.6, R), 0.0), [], 0)
    assert first is not None
    assert (first.tip_speed, first.addresses, first.side) == (0.0, None, None)
    assert tracker.update(None, [], 33_333_333) is None
    later = tracker.update(Seen((0.5, 0.6, R), 0.0), [], 2_000_000_000)
    assert later is not None
    assert later.tip_speed == 0.0


def test_the_side_on_which_the_ball_is_addressed() -> None:
    """A cue that points along x and passes below the centre passes on its right."""
    tracker = CueTracker(POOL)
    right = tracker.update(Seen((0.5, 0.6 - 0.4 * R, R), 0.0), [CUE_BALL], 0)
    left = tracker.update(Seen((0.5, 0.6 + 0.3 * R, R), 0.0), [CUE_BALL], 1)
    beside = tracker.update(Seen((0.5, 0.6 + 1.2 * R, R), 0.0), [CUE_BALL], 2)
    assert right is not None
    assert left is not None
    assert beside is not None
    assert right.side == pytest.approx(0.4)
    assert left.side == pytest.approx(-0.3)
    assert beside.side is None


def test_the_cue_ball_is_addressed_before_a_ball_behind_which_it_lies() -> None:
    near = ball(2, "3", 0.52, 0.6)
    assert addressed(0.45, 0.6, 0.0, [CUE_BALL], R) is CUE_BALL
    assert addressed(0.45, 0.6, 0.0, [CUE_BALL, near], R) is CUE_BALL
    assert addressed(0.45, 0.6, math.pi, [CUE_BALL, near], R) is None
    assert addressed(0.45, 0.9, 0.0, [CUE_BALL], R) is None
    assert addressed(0.05, 0.6, 0.0, [CUE_BALL], R) is None
    assert addressed(0.45, 0.6, 0.0, [ball(1, "cue", 0.6, 0.6, in_hand=True)], R) is None
