"""The cue from picture to picture, on the virtual table and against its truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from billiards_trainer.simulation.aims import Aim
from billiards_trainer.table import preset
from billiards_trainer.vision.cue.finder import find_cue
from billiards_trainer.vision.cue.space import STEEPEST, angle_at, usual_elevation
from billiards_trainer.vision.cue.watch import SEARCH_EVERY, CueWatch
from billiards_trainer.vision.detection.detector import BallDetector

FRAME_NS = 33_333_333
POOL = preset("pool-9ft")


@pytest.fixture(scope="module")
def aim() -> Aim:
    return Aim(preset("pool-8ft"), 112)


@pytest.fixture(scope="module")
def detector(aim: Aim) -> BallDetector:
    return BallDetector(aim.table, aim.setup.camera)


def test_a_cue_is_followed_under_the_light_that_is_drawn_for_it(
    aim: Aim, detector: BallDetector
) -> None:
    watch = CueWatch(detector.view)
    light = aim.light()
    for k in range(3):
        time_s = aim.contact_s - 0.09 + k / 30
        seen = aim.observe(time_s, light)
        balls = detector.detect(seen.image)
        assert detector.working is not None
        cue = watch.look(detector.working, balls, k * FRAME_NS, light)
        assert cue is not None
        true = aim.cue(time_s)
        assert true is not None
        # What stays of the angle's error is the elevation's, which one picture does not show.
        more = true.elevation - cue.elevation_rad
        turned = cue.angle_rad + cue.angle_per_elevation * more - true.angle
        assert abs(math.degrees(math.remainder(turned, math.tau))) < 0.25
        assert abs(math.degrees(more)) < 3
        assert math.dist(cue.tip_m[:2], true.tip[:2]) < 0.035


def test_an_aim_ends_at_contact(aim: Aim) -> None:
    with pytest.raises(ValueError, match="tip touches"):
        aim.observe(aim.contact_s + 0.01)


def test_nobody_at_the_table_is_no_cue_and_seldom_looked_for(
    aim: Aim, detector: BallDetector
) -> None:
    watch = CueWatch(detector.view)
    player = aim.observe(aim.contact_s - 0.3)
    balls = detector.detect(player.image)
    with_player = detector.working
    assert with_player is not None
    empty = aim.without_player()
    bare_balls = detector.detect(empty.image)
    bare = detector.working
    assert bare is not None
    assert watch.look(bare, bare_balls, 0) is None
    # The player comes between two searches: found with the next, then in every picture.
    seen = [
        watch.look(with_player, balls, k * FRAME_NS) is not None for k in range(1, SEARCH_EVERY + 2)
    ]
    assert seen == [False] * (SEARCH_EVERY - 1) + [True, True]
    assert watch.look(bare, bare_balls, 6 * FRAME_NS) is None
    # Lost a moment ago: looked for at once.
    assert watch.look(with_player, balls, 7 * FRAME_NS) is not None
    watch.forget()
    assert watch.look(with_player, balls, 8 * FRAME_NS) is not None


def test_a_cue_far_from_where_it_was_is_found_anew(aim: Aim, detector: BallDetector) -> None:
    seen = aim.observe(aim.contact_s - 0.3)
    balls = detector.detect(seen.image)
    working = detector.working
    assert working is not None
    cue = find_cue(seen.image, aim.table, aim.setup.camera, balls, working=working)
    assert cue is not None
    astray = type(cue)(
        **{
            **{name: getattr(cue, name) for name in cue.__slots__},
            "tip_px": (200.0, 200.0),
            "direction_px": (0.6, 0.8),
        }
    )
    again = find_cue(seen.image, aim.table, aim.setup.camera, balls, astray, working=working)
    assert again is not None
    assert math.dist(again.tip_px, cue.tip_px) < 2


def test_elevation_clears_the_rail() -> None:
    """The nearer the rail behind the ball, the steeper; in mid-table as level as a hand allows."""
    w = POOL.width
    angles = [usual_elevation(POOL, x, 1.2, 0.0)[0] for x in (0.6, 0.2, 0.1, 0.03)]
    assert angles[0] == pytest.approx(math.radians(3.4), abs=math.radians(0.5))
    assert angles == sorted(angles)
    assert angles[-1] < STEEPEST + 0.03
    level, _ = usual_elevation(POOL, 0.1, 1.2, math.pi)
    assert level == pytest.approx(usual_elevation(POOL, w - 0.1, 1.2, 0.0)[0])
    assert usual_elevation(POOL, 0.03, 1.2, 0.0)[1] > usual_elevation(POOL, 0.6, 1.2, 0.0)[1]


@pytest.mark.parametrize("elevation", [0.0, 0.07, 0.3])
@pytest.mark.parametrize("angle", [0.2, 1.9, -2.5])
def test_angle_in_the_viewing_plane(angle: float, elevation: float) -> None:
    eye = np.array([0.6, 1.0, 2.4])
    tip = np.array([0.2, 1.7, 0.03])
    pointing = np.array(
        [
            math.cos(angle) * math.cos(elevation),
            math.sin(angle) * math.cos(elevation),
            -math.sin(elevation),
        ]
    )
    normal = np.cross(tip - 0.8 * pointing - eye, tip - eye)
    found = angle_at(normal, elevation, angle + 0.2)
    assert math.remainder(found - angle, math.tau) == pytest.approx(0, abs=1e-9)


def test_straight_below_the_lens_every_angle_is_possible() -> None:
    assert angle_at(np.array([0.0, 0.0, 1.0]), 0.1, 0.7) == 0.7
