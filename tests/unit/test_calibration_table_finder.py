"""The whole way from a drawn picture to corners and pose."""

from __future__ import annotations

import numpy as np
import pytest

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import build, preset
from billiards_trainer.vision.calibration.table_finder import (
    TableNotFound,
    find_table,
    turned_round,
)
from tests.drawn_table import RISE, Look, ceiling_camera, draw, true_corners

POOL = preset("pool-9ft")


def farthest(a, b):
    return float(np.linalg.norm(np.asarray(a) - np.asarray(b), axis=1).max())


@pytest.mark.parametrize(
    "cloth",
    [(90, 140, 40), (220, 150, 30), (50, 30, 170), (150, 150, 150), (60, 58, 57), (110, 40, 80)],
    ids=["green", "blue", "red", "grey", "dark", "purple"],
)
def test_any_cloth_colour_from_the_ceiling(cloth):
    camera = ceiling_camera(POOL)
    fit = find_table(draw(POOL, camera, Look(cloth=cloth, rail=(35, 50, 110))), POOL)
    assert farthest(fit.corners_px, true_corners(POOL, camera)) < 2.0
    assert fit.confidence > 0.6
    assert fit.residual_mm < 2.0
    assert fit.head_guessed
    assert fit.source == "detected"


@pytest.mark.parametrize("name", ["pool-7ft", "snooker-12ft", "carom-10ft"])
def test_other_tables(name):
    table = preset(name)
    camera = ceiling_camera(table, eye=(0.4 * table.width, 0.55 * table.length, 3.0))
    fit = find_table(draw(table, camera), table)
    assert farthest(fit.corners_px, true_corners(table, camera)) < 2.0


def test_maps_balls_to_the_millimetre_through_a_lens_that_bends():
    camera = ceiling_camera(POOL, k1=-0.09)
    fit = find_table(draw(POOL, camera), POOL)
    x, y = np.meshgrid(np.linspace(0.1, 1.17, 5), np.linspace(0.1, 2.44, 7))
    places = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, POOL.balls.radius)])
    found = fit.camera.to_plane(camera.to_pixels(places), POOL.balls.radius)
    assert np.linalg.norm(found - places[:, :2], axis=1).max() < 0.004
    assert -0.14 < fit.camera.distortion[0] < -0.05


def test_oblique_view_tells_focal_length_and_height():
    camera = CameraModel.look_at(
        (2.4, -1.8, 2.2), (0.6, 1.2, 0.0), (0, 0, 1), width=1280, height=720, focal=1150.0
    )
    fit = find_table(draw(POOL, camera, Look(shadow=0.02)), POOL)
    assert farthest(fit.corners_px, true_corners(POOL, camera)) < 6.0
    cloth = true_corners(POOL, camera, 0.05, RISE)
    assert farthest(fit.cloth_corners_px, cloth) < 6.0
    assert fit.camera.focal[0] == pytest.approx(1150.0, rel=0.06)
    assert fit.camera.position[2] == pytest.approx(2.2, rel=0.06)


def test_a_known_height_settles_what_a_ceiling_picture_cannot_tell():
    camera = ceiling_camera(POOL, eye=(0.635, 1.27, 3.4))
    fit = find_table(draw(POOL, camera), POOL, camera_height=3.4)
    assert fit.camera.position[2] == pytest.approx(3.4, abs=0.1)
    fit = find_table(draw(POOL, camera), POOL, focal_px=camera.focal[0])
    assert fit.camera.focal[0] == pytest.approx(camera.focal[0], rel=0.03)


def test_head_end_is_left_else_below():
    lying = find_table(draw(POOL, ceiling_camera(POOL)), POOL).corners_px
    assert lying[:2, 0].max() < lying[2:, 0].min()
    assert lying[0, 1] < lying[1, 1]
    upright = CameraModel.look_at(
        (0.6, 1.2, 2.5), (0.635, 1.27, 0), (0, 1, 0), width=720, height=1280, focal=920.0
    )
    standing = find_table(draw(POOL, upright), POOL).corners_px
    assert standing[:2, 1].min() > standing[2:, 1].max()
    assert standing[0, 0] < standing[1, 0]


def test_without_a_size_says_that_it_assumed_one():
    camera = ceiling_camera(POOL)
    fit = find_table(draw(POOL, camera))
    assert fit.table_assumed
    assert fit.table.name == "pool-9ft"
    assert farthest(fit.corners_px, true_corners(POOL, camera)) < 3.0


def test_says_that_the_size_cannot_be_right():
    camera = ceiling_camera(POOL)
    picture = draw(POOL, camera)
    assert find_table(picture, POOL).note is None
    wrong = build("measured badly", "pool", 1.06 * POOL.length, POOL.width)
    note = find_table(picture, wrong).note
    assert note is not None
    assert "measure it from nose to nose" in note


class TestGivenCorners:
    camera = ceiling_camera(POOL)
    true = true_corners(POOL, camera)
    picture = draw(POOL, camera)

    def test_are_refined(self):
        rough = self.true + np.array([[4, -3], [-3, 4], [5, 2], [-2, -5]])
        fit = find_table(self.picture, POOL, corners=rough)
        assert farthest(fit.corners_px, self.true) < 2.0
        assert fit.source == "given"
        assert not fit.head_guessed

    def test_are_taken_as_they_are(self):
        fit = find_table(self.picture, POOL, corners=self.true, refine=False)
        assert farthest(fit.corners_px, self.true) < 1.0

    def test_name_the_head_end_themselves(self):
        turned = np.roll(self.true, 2, axis=0)
        fit = find_table(self.picture, POOL, corners=turned)
        assert farthest(fit.corners_px, turned) < 2.0

    def test_clockwise_or_crossed_are_only_places(self):
        for order in ([3, 2, 1, 0], [0, 2, 1, 3]):
            fit = find_table(self.picture, POOL, corners=self.true[order])
            assert farthest(fit.corners_px, self.true) < 2.0
            assert fit.head_guessed
            kept = find_table(self.picture, POOL, corners=self.true[order], refine=False)
            assert farthest(kept.corners_px, self.true) < 1.5

    def test_far_from_any_edge_stay_where_they_are(self):
        elsewhere = self.true * 0.5 + np.array([300.0, 180.0])
        fit = find_table(self.picture, POOL, corners=elsewhere)
        assert farthest(fit.corners_px, elsewhere) < 12.0

    def test_work_on_a_black_picture(self):
        fit = find_table(np.zeros((720, 1280, 3), np.uint8), POOL, corners=self.true)
        assert farthest(fit.corners_px, self.true) < 1.0

    @pytest.mark.parametrize(
        "corners",
        [
            [[0, 0], [100, 0], [100, 100]],
            [[0, 0], [100, 0], [200, 0], [300, 0]],
            [[0, 0], [100, 0], [100, float("nan")], [0, 100]],
            [[0, 0], [200, 0], [50, 40], [0, 200]],
        ],
    )
    def test_that_are_none_are_refused(self, corners):
        with pytest.raises(InputError, match="corners"):
            find_table(self.picture, POOL, corners=corners)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((720, 1280, 3), np.uint8), "black"),
        (np.full((720, 1280, 3), 255, np.uint8), "overexposed"),
        (np.full((720, 1280, 3), 120, np.uint8), "even surface"),
        (np.zeros((40, 60, 3), np.uint8), "only 60x40"),
    ],
)
def test_says_what_is_wrong_with_the_picture(picture, sentence):
    with pytest.raises(TableNotFound, match=sentence):
        find_table(picture, POOL)


def test_says_that_a_picture_is_blurred():
    import cv2

    picture = draw(POOL, ceiling_camera(POOL), Look(noise=0.0))
    with pytest.raises(TableNotFound, match="blurred"):
        find_table(cv2.GaussianBlur(picture, (0, 0), 90), POOL)


def test_finds_no_table_in_noise_and_none_half_outside():
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    with pytest.raises(TableNotFound, match="no table"):
        find_table(noise, POOL)
    close = ceiling_camera(POOL, eye=(0.6, 0.2, 1.0), focal=1500.0)
    with pytest.raises(TableNotFound):
        find_table(draw(POOL, close), POOL)


@pytest.mark.parametrize(
    "picture", [np.zeros((720, 1280), np.uint8), np.zeros((720, 1280, 3), np.float32)]
)
def test_refuses_what_is_not_a_picture(picture):
    with pytest.raises(InputError, match="8 bits"):
        find_table(picture, POOL)


def test_turning_the_table_round_keeps_the_picture():
    camera = ceiling_camera(POOL, k1=-0.05)
    turned = turned_round(camera, POOL)
    there = np.array([[0.2, 0.5, 0.03], [1.0, 2.2, 0.0]])
    back = np.column_stack([POOL.width - there[:, 0], POOL.length - there[:, 1], there[:, 2]])
    assert np.allclose(camera.to_pixels(there), turned.to_pixels(back))
    assert np.allclose(turned_round(turned, POOL).rotation, camera.rotation)
