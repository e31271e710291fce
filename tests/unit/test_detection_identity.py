from __future__ import annotations

import json

import numpy as np
import pytest

from billiards_trainer.table import CAROM_BALLS, POOL_BALLS, SNOOKER_BALLS, preset
from billiards_trainer.vision.detection import faces
from billiards_trainer.vision.detection.colours import (
    ColourProfile,
    default_profile,
    linear,
    to_lab,
)
from billiards_trainer.vision.detection.detector import BallDetector
from billiards_trainer.vision.detection.forest import Forest, forests
from billiards_trainer.vision.detection.identity import Identifier, with_one_cue_ball
from billiards_trainer.vision.detection.learning import learn_profile, separability
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
PLACES = {"cue": (0.3, 0.4), "1": (0.8, 0.9), "2": (0.4, 1.3), "3": (0.9, 1.6), "8": (0.2, 2.0)}


def picture(light: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    drawn = empty_table(TABLE, CAMERA)
    for label, at in PLACES.items():
        add_ball(drawn, TABLE, CAMERA, at, BALLS[label])
    return np.clip(develop(drawn) * np.array(light), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", [(1, 1, 1), (0.75, 0.95, 1.0), (1.0, 0.9, 0.8), (0.6, 0.6, 0.6)])
def test_names_hold_under_other_lamps(light: tuple[float, float, float]) -> None:
    found = BallDetector(TABLE, CAMERA).detect(picture(light))
    assert sorted(d.label for d in found) == sorted(PLACES)


def test_no_label_is_given_twice() -> None:
    identifier = Identifier(POOL_BALLS, default_profile(POOL_BALLS))
    likelihood = np.full((2, 16), -20.0)
    likelihood[:, 3] = 0.0
    likelihood[1, 5] = -1.0
    names = [who.label for who in identifier.name(likelihood)]
    assert names == ["3", "5"]


def test_there_is_one_cue_ball() -> None:
    p = np.full((3, 16), 0.02)
    p[:, 12] = 0.70
    p[1, 0], p[1, 12] = 0.12, 0.60
    p /= p.sum(axis=1, keepdims=True)
    known = with_one_cue_ball(p, 0)
    assert known.sum(axis=1) == pytest.approx(1)
    # The likeliest gains, the others' chances shrink; the rest keeps its proportions.
    assert known[1, 0] > 0.3 > known[0, 0]
    assert known[1, 12] / known[1, 3] == pytest.approx(30)
    two = np.full((2, 16), 0.001)
    two[0, 0], two[1, 0] = 0.985, 0.90
    two[1, 9] = 0.086
    known = with_one_cue_ball(two, 0)
    assert known[:, 0].sum() <= 1
    assert known[0, 0] > 0.75
    assert with_one_cue_ball(np.array([[0.0, 1.0]]), 0)[0, 0] < 0.01


def test_fifteen_reds_are_allowed() -> None:
    identifier = Identifier(SNOOKER_BALLS, default_profile(SNOOKER_BALLS))
    likelihood = np.full((15, 8), -20.0)
    likelihood[:, 1] = 0.0
    assert {who.label for who in identifier.name(likelihood)} == {"red"}


def test_by_colour_many_reds_show_what_red_is() -> None:
    # All reds lean to orange here; among themselves they are one colour, brown is another.
    identifier = Identifier(SNOOKER_BALLS, default_profile(SNOOKER_BALLS))
    rng = np.random.default_rng(0)
    colours = [(245, 240, 222), *[(205, 30, 25)] * 6, (150, 60, 30), (15, 95, 190)]
    light = np.stack([np.full((96, 3), linear(np.array(c[::-1], dtype=float))) for c in colours])
    light = light * rng.uniform(0.97, 1.03, (len(colours), 96, 1))
    names = [who.label for who in identifier.name(identifier.likelihood(light))]
    assert names == ["cue", *["red"] * 6, "brown", "blue"]


def test_what_is_only_half_known_is_said_so() -> None:
    identifier = Identifier(POOL_BALLS, default_profile(POOL_BALLS))
    likelihood = np.full((3, 16), -30.0)
    likelihood[0, 1:8] = 0.0
    likelihood[1, 9:16] = 0.0
    likelihood[2, [3, 12]] = 0.0
    assert [who.label for who in identifier.name(likelihood)] == ["solid", "stripe", "unknown"]


def test_a_face_is_split_into_white_and_body() -> None:
    light = np.full((1, 60, 3), linear(np.array([222.0, 240.0, 245.0])))
    light[0, :24] = linear(np.array([35.0, 25.0, 205.0]))
    found = faces.measure(light, linear(np.array([222.0, 240.0, 245.0])))
    assert found.white[0] == pytest.approx(0.6)
    assert found.body[0] == pytest.approx(to_lab(light[0, 0] / light[0, -1]), abs=0.1)


def test_white_is_without_colour() -> None:
    assert to_lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.2)
    assert to_lab(np.zeros(3)) == pytest.approx([0, 0, 0], abs=0.2)


def test_a_learned_profile_holds_what_the_table_shows() -> None:
    shown = picture((0.75, 0.95, 1.0))
    detector = BallDetector(TABLE, CAMERA)
    found = detector.detect(shown)
    profile, apart = learn_profile(shown, found, TABLE, CAMERA)
    assert profile.learned
    assert profile.white is not None
    assert set(apart.seen) == {"1", "2", "3", "8"}
    assert apart.least > 1
    assert apart.pair[0] in profile.colours
    again = BallDetector(TABLE, CAMERA, profile).detect(shown)
    assert sorted(d.label for d in again) == sorted(PLACES)
    assert learn_profile(shown, again, TABLE, CAMERA, profile)[0].learned
    with pytest.raises(ValueError, match="no ball"):
        learn_profile(shown, [], TABLE, CAMERA)


def test_profiles_can_be_kept() -> None:
    profile = default_profile(CAROM_BALLS)
    assert ColourProfile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile
    assert separability(profile).least > 3
    with pytest.raises(ValueError, match="colours"):
        ColourProfile.from_dict({"game": "pool"})
    with pytest.raises(ValueError, match="game"):
        ColourProfile.from_dict({**profile.to_dict(), "game": "chess"})


def test_a_forest_adds_the_leaves_that_a_sample_falls_into() -> None:
    forest = Forest(
        np.array([[0, 1, 1], [1, 0, 0]]),
        np.array([[0.5, 0.2, 0.8], [0.0, 9.0, 9.0]]),
        np.array([[1.0, 2.0, 4.0, 8.0], [0.1, 0.2, 0.3, 0.4]]),
        -1.0,
    )
    samples = np.array([[0.0, 0.0], [0.0, 0.3], [1.0, 0.3], [1.0, 0.9]])
    assert forest.log_odds(samples) == pytest.approx([0.1, 1.3, 3.3, 7.3])
    assert forest.probability(samples)[0] == pytest.approx(1 / (1 + np.exp(-0.1)))
    kept = Forest.from_dict(json.loads(json.dumps(forest.to_dict())))
    assert kept.log_odds(samples) == pytest.approx(forest.log_odds(samples))


def test_the_shipped_forests_are_complete() -> None:
    for forest in forests():
        trees, leaves = forest.leaf.shape
        assert forest.feature.shape == (trees, leaves - 1)
        assert leaves & (leaves - 1) == 0
