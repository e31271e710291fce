"""Bad pictures of the virtual table: said what is wrong, and no ball made up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.renderer import Renderer
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.stills import random_balls, render_balls
from billiards_trainer.table import preset
from billiards_trainer.vision.picture_quality import QualityWatch
from billiards_trainer.vision.pipeline import Pipeline
from tests import degraded

POOL = preset("pool-9ft")
CAMERA = m.SourceInfo(kind="v4l2", name="camera 0")
FPS = 30
Spoil = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


@pytest.fixture(scope="module")
def still() -> Observation:
    setup = Setup.default(POOL)
    balls = random_balls(POOL, np.random.default_rng(4), 9)
    return render_balls(Renderer(POOL, setup), balls, seed=4)


def watch(still: Observation, spoil: Spoil, pictures: int, good: int = 3) -> list[m.TableState]:
    """What is said of good pictures, and then of spoilt ones."""
    rng = np.random.default_rng(1)
    pipeline = Pipeline(POOL, still.camera, calibration="known", epoch=1)
    states = []
    for k in range(good + pictures):
        light = degraded.exposed(still.image, 0.0, rng)
        picture = light if k < good else spoil(still.image, k, rng)
        states.append(pipeline.process(picture, k, 1 + round(k * 1e9 / FPS), CAMERA))
    return states[good:]


def judge(still: Observation, spoil: Spoil, pictures: int) -> list[m.PictureQuality]:
    """What is said of the pictures as pictures."""
    rng = np.random.default_rng(1)
    quality = QualityWatch()
    return [
        quality.look(spoil(still.image, k, rng), 1 + round(k * 1e9 / FPS), live=True)[0]
        for k in range(pictures)
    ]


def made_up(still: Observation, state: m.TableState) -> list[m.BallState]:
    """Balls that are said to be where none is."""
    truths = np.array([b.position[:2] for b in still.truth.balls])
    return [
        b
        for b in state.balls
        if np.linalg.norm(truths - [b.x_m, b.y_m], axis=1).min() > POOL.balls.radius
    ]


@pytest.mark.parametrize(
    ("spoil", "sentence", "usable"),
    [
        (lambda p, k, rng: degraded.exposed(p, -12.0, rng), "black", False),
        (lambda p, k, rng: degraded.exposed(p, -5.5, rng), "very dark", True),
        (lambda p, k, rng: degraded.exposed(p, 4.0, rng), "too bright", None),
        (lambda p, k, rng: degraded.defocused(p, 22, rng), "blurred", True),
    ],
    ids=["black", "dark", "overexposed", "defocused"],
)
def test_bad_light_and_focus_are_told(
    still: Observation, spoil: Spoil, sentence: str, usable: bool | None
) -> None:
    states = watch(still, spoil, 6)
    last = states[-1]
    assert last.quality.problem is not None
    assert sentence in last.quality.problem
    if usable is not None:
        assert last.quality.usable == usable
    assert all(made_up(still, state) == [] for state in states)


def test_a_covered_lens_is_told(still: Observation) -> None:
    states = watch(still, lambda p, k, rng: degraded.covered(p, 0.5, rng), 6)
    for state in states:
        assert not state.quality.usable
        assert state.quality.problem is not None
        assert "covered" in state.quality.problem
        assert made_up(still, state) == []
    first, last = states[0].balls, states[-1].balls
    assert last
    assert all(not b.visible for b in last)
    # Nobody knows where they are any more, less and less.
    assert sum(b.covariance[0] for b in last) >= sum(b.covariance[0] for b in first)


@pytest.mark.parametrize(("lamp_hz", "fps"), [(100.0, 30.0), (120.0, 25.0)])
def test_flicker_is_told(still: Observation, lamp_hz: float, fps: float) -> None:
    def spoil(picture: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
        return degraded.flickering(picture, k, rng, lamp_hz=lamp_hz, fps=fps)

    last = judge(still, spoil, 27)[-1]
    assert last.problem is not None
    assert "flickers" in last.problem
    assert last.usable
    assert all(made_up(still, state) == [] for state in watch(still, spoil, 6))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p, k, rng: degraded.exposed(p, 0.0, rng),
        lambda p, k, rng: degraded.exposed(p, -0.03 * k, rng),
        # Exposed for a whole period of the lamp, it does not flicker.
        lambda p, k, rng: degraded.flickering(p, k, rng, exposure_s=0.010),
    ],
    ids=["steady", "dimmed", "exposed for a period"],
)
def test_good_pictures_have_no_problem(still: Observation, spoil: Spoil) -> None:
    assert all(quality.problem is None for quality in judge(still, spoil, 27))


def test_a_frozen_camera_is_told(still: Observation) -> None:
    last = judge(still, lambda p, k, rng: p, 2 * FPS + 4)[-1]
    assert last.problem is not None
    assert "frozen" in last.problem
