"""The projector's pattern, its dots in pictures, and the projector solved from them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import preset
from billiards_trainer.virtual_projector import misset_projector
from billiards_trainer.vision.calibration import projector_dots
from billiards_trainer.vision.calibration.projector_fit import (
    ProjectorNotSolved,
    fit_projector,
    on_cloth,
)
from billiards_trainer.vision.calibration.projector_session import ProjectorSession

POOL = preset("pool-9ft")
SIZE = (1920, 1080)
PIXELS = projector_dots.dot_places() * SIZE - 0.5
CAMERA = CameraModel.look_at(
    (0.6, 1.2, 2.5), (0.635, 1.27, 0), (-1, 0, 0), width=640, height=360, focal=480
)


def seen(projector: CameraModel) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and places of the dots that fall on the cloth."""
    places = projector.to_plane(PIXELS, 0.0)
    usable = on_cloth(POOL, places)
    return PIXELS[usable], places[usable]


def worst_mm(one: CameraModel, other: CameraModel) -> float:
    places = np.stack(np.meshgrid(np.linspace(0, 1.27, 5), np.linspace(0, 2.54, 9)), -1)
    places = places.reshape(-1, 2)
    falls = one.to_plane(other.to_pixels(places), 0.0)
    return 1e3 * float(np.linalg.norm(falls - places, axis=1).max())


# --- the pattern --------------------------------------------------------------------------------


def test_digits_spell_every_dot_differently() -> None:
    shown = [set(projector_dots.shown_dots(k).tolist()) for k in range(projector_dots.DIGITS)]
    words = [tuple(n in s for s in shown) for n in range(len(PIXELS))]
    assert len(set(words)) == len(PIXELS)
    assert all(any(word) for word in words)
    assert len(projector_dots.shown_dots(None)) == len(PIXELS)


def picture(numbers: np.ndarray, offset: tuple[float, float] = (0.3, -0.2)) -> np.ndarray:
    """Dots as a camera of 960 x 540 might see them, on an uneven ground."""
    image = np.tile(np.linspace(40, 90, 960, dtype=np.float32)[None, :, None], (540, 1, 3))
    light = np.zeros((540, 960), np.float32)
    for x, y in (PIXELS[numbers] + 0.5) / 2 - 0.5 + offset:
        cv2.circle(light, (round(x * 256), round(y * 256)), 6 * 256, 60.0, -1, cv2.LINE_AA, 8)
    return image + cv2.GaussianBlur(light, (0, 0), 1.0)[..., None]


def test_dots_are_found_and_told_apart() -> None:
    nothing = np.array([], dtype=int)
    digits = [picture(projector_dots.shown_dots(k)) for k in range(projector_dots.DIGITS)]
    found = projector_dots.find_dots(
        picture(nothing), picture(projector_dots.shown_dots(None)), digits
    )
    assert len(found.number) == len(PIXELS)
    expected = (PIXELS[found.number] + 0.5) / 2 - 0.5 + (0.3, -0.2)
    assert float(np.abs(found.pixel - expected).max()) < 0.15


def test_light_that_spells_no_number_is_no_dot() -> None:
    nothing = np.array([], dtype=int)
    dark, lit = picture(nothing), picture(projector_dots.shown_dots(None))
    half = (dark + lit) / 2
    assert len(projector_dots.find_dots(dark, lit, [half] * projector_dots.DIGITS).number) == 0
    # All digits dark: number -1; all lit: beyond the last dot.
    assert len(projector_dots.find_dots(dark, lit, [dark] * projector_dots.DIGITS).number) == 0
    assert len(projector_dots.find_dots(dark, lit, [lit] * projector_dots.DIGITS).number) == 0


# --- the fit ------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_any_projector_is_solved_from_clean_dots(seed: int) -> None:
    truth = misset_projector(POOL, seed, *SIZE)
    pixels, places = seen(truth)
    fit = fit_projector(pixels, places, POOL, SIZE, height=2.5)
    assert worst_mm(truth, fit.model) < 0.4
    assert fit.dots > 0.9 * fit.seen
    assert math.isclose(fit.residual_mm, fit.dots_mm)


def test_dots_on_balls_and_wrong_numbers_are_left_out() -> None:
    truth = misset_projector(POOL, 4, *SIZE)
    pixels, places = seen(truth)
    rng = np.random.default_rng(0)
    places = places + rng.normal(0, 2e-4, places.shape)
    bad = rng.choice(len(places), len(places) // 6, replace=False)
    places[bad] += rng.uniform(-0.03, 0.03, (len(bad), 2))
    places[bad[:3]] = (0.6, 1.0)
    fit = fit_projector(pixels, places, POOL, SIZE, height=2.5, camera_mm=0.3)
    assert worst_mm(truth, fit.model) < 0.8
    assert fit.dots <= fit.seen - len(bad) // 2
    assert fit.residual_mm == pytest.approx(math.hypot(fit.dots_mm, 0.3))


def test_what_cannot_be_solved_is_said() -> None:
    pixels, places = seen(misset_projector(POOL, 1, *SIZE))
    with pytest.raises(ProjectorNotSolved, match=r"only 5 of the projector's dots"):
        fit_projector(pixels[:5], places[:5], POOL, SIZE)
    near = places[:, 1] < 0.6
    with pytest.raises(ProjectorNotSolved, match=r"% of the cloth only"):
        fit_projector(pixels[near], places[near], POOL, SIZE)
    mirrored = np.column_stack([SIZE[0] - pixels[:, 0], pixels[:, 1]])
    with pytest.raises(ProjectorNotSolved, match="mirrored"):
        fit_projector(mirrored, places, POOL, SIZE)
    shuffled = np.random.default_rng(1).permutation(pixels)
    with pytest.raises(ProjectorNotSolved, match="do not fit"):
        fit_projector(shuffled, places, POOL, SIZE)


# --- the session --------------------------------------------------------------------------------


def session(**more: float) -> ProjectorSession:
    return ProjectorSession(7, CAMERA, POOL, 0, **more)


def blank(value: int = 60) -> np.ndarray:
    return np.full((360, 640, 3), value, np.uint8)


def answer(one: ProjectorSession, flip_ns: int, width: int = 1920) -> None:
    one.shown(m.PatternShown(number=one.pattern.number, flip_ns=flip_ns, width=width, height=1080))


def test_pictures_count_only_when_the_pattern_has_settled() -> None:
    one = session(settle_s=0.1)
    first = one.pattern.number
    one.see(blank(), 10)
    one.shown(m.PatternShown(number=first - 1, flip_ns=0, width=1920, height=1080))
    one.see(blank(), 500_000_000)
    assert one.pattern.number == first
    answer(one, 0)
    for exposure_ns in (50_000_000, 100_000_000, 133_000_000):
        one.see(blank(), exposure_ns)
    assert one.pattern.number == first
    assert not one.pattern.dots
    one.see(blank(), 166_000_000)
    assert one.pattern.number == first + 1
    assert len(one.pattern.dots) == len(PIXELS)


def test_nothing_seen_at_the_end_is_said() -> None:
    one, now = session(settle_s=0.0), 0
    while not one.over:
        answer(one, now)
        one.see(blank(), now + 1)
        now += 2
    assert "only 0 of the projector's dots" in one.problem


def test_something_moving_is_said_to_have_disturbed_it() -> None:
    one, now = session(settle_s=0.0), 0
    while not one.over:
        answer(one, now)
        one.see(blank(60 if now < 60 else 200), now + 1)
        now += 2
    assert one.problem
    assert one.disturbed


def test_patience_ends() -> None:
    one = session()
    one.wait(7_000_000_000)
    assert not one.over
    one.wait(9_000_000_000)
    assert "does not show the pattern" in one.problem
    other = session()
    answer(other, 1)
    other.wait(9_000_000_000)
    assert "no pictures" in other.problem


def test_displays_and_pictures_that_change_are_said() -> None:
    one = session(settle_s=0.0)
    answer(one, 0)
    for k in range(3):
        one.see(blank(), k + 1)
    answer(one, 10, width=1280)
    assert "display changed" in one.problem
    other = session(settle_s=0.0)
    answer(other, 0)
    other.see(blank()[::2, ::2], 5)
    assert "changed its size" in other.problem
