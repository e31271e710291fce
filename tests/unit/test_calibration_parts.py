"""Regions, quadrilaterals, rails, pose and evidence, each by itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import preset
from billiards_trainer.vision.calibration import rails
from billiards_trainer.vision.calibration.cloth import cloth_regions
from billiards_trainer.vision.calibration.drift import measure_drift
from billiards_trainer.vision.calibration.first_pose import rectangle_misfit, start_camera
from billiards_trainer.vision.calibration.noses import corners_px, find_noses
from billiards_trainer.vision.calibration.pose import RailPoints, fit_pose
from billiards_trainer.vision.calibration.quadrilateral import fit_quads
from tests.drawn_table import Look, ceiling_camera, draw, true_corners

POOL = preset("pool-9ft")
SIZE = (POOL.width, POOL.length)
small = st.floats(-1.0, 1.0)


def looking(east: float, north: float, up: float, focal: float, k1: float = 0.0) -> CameraModel:
    model = CameraModel.look_at(
        (0.635 + east, 1.27 + north, up),
        (0.635, 1.27, 0.0),
        (-1.0, 0.1, 0.05),
        width=1280,
        height=720,
        focal=focal,
    )
    return CameraModel(
        1280,
        720,
        model.focal,
        model.centre,
        model.rotation,
        model.translation,
        (k1, 0.0, 0.0, 0.0, 0.0),
    )


def rail_points(camera: CameraModel, noise: float = 0.0, outer: bool = False) -> list[RailPoints]:
    rng = np.random.default_rng(1)
    margin, rise = (0.05, 0.006) if outer else (0.0, 0.0)
    out = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * margin + np.array(POOL.corners)
    t = np.linspace(0.05, 0.95, 28)[:, None]
    groups = []
    for k in range(4):
        line = out[k] * (1 - t) + out[(k + 1) % 4] * t
        z = np.full(len(line), POOL.cushion_height + rise)
        pixels = camera.to_pixels(np.column_stack([line, z]))
        pixels = pixels + rng.normal(0, noise, pixels.shape)
        groups.append(RailPoints(k, pixels, outer, 0.3, 0.001))
    return groups


class TestPose:
    @given(small, small, st.floats(1.8, 3.5), st.floats(0.6, 1.3), st.floats(-0.12, 0.05))
    def test_noses_give_the_camera_back(self, east, north, up, ratio, k1):
        truth = looking(0.7 * east, 0.7 * north, up, ratio * 1280, k1)
        corners = corners_px(truth, POOL)
        first = start_camera(corners, SIZE, 0.0, POOL.cushion_height, (1280, 720))
        assert first is not None
        fit = fit_pose(rail_points(truth) + rail_points(truth, outer=True), POOL, first)
        assert np.abs(corners_px(fit.camera, POOL) - corners).max() < 1.5
        middle = truth.to_pixels([0.635, 1.27, POOL.balls.radius])
        assert np.abs(fit.camera.to_plane(middle, POOL.balls.radius) - [0.635, 1.27]).max() < 2e-3

    def test_outliers_do_not_move_it(self):
        truth = looking(0.3, -0.4, 2.4, 1100.0)
        groups = rail_points(truth, noise=0.2)
        groups[1].pixels[::5] += [0.0, 25.0]
        first = start_camera(corners_px(truth, POOL), SIZE, 0.0, POOL.cushion_height, (1280, 720))
        assert first is not None
        fit = fit_pose(groups, POOL, first)
        assert np.abs(corners_px(fit.camera, POOL) - corners_px(truth, POOL)).max() < 1.0
        assert fit.residual_px < 0.6

    def test_straight_cushions_get_no_lens_term(self):
        truth = looking(0.2, 0.1, 2.5, 1000.0)
        first = start_camera(corners_px(truth, POOL), SIZE, 0.0, POOL.cushion_height, (1280, 720))
        assert first is not None
        fit = fit_pose(rail_points(truth, noise=0.05), POOL, first)
        assert not fit.camera.is_distorted

    def test_no_camera_above_sees_a_mirrored_table(self):
        corners = corners_px(looking(0.2, 0.1, 2.5, 1000.0), POOL)
        mirrored = corners * [-1.0, 1.0] + [1279.0, 0.0]
        assert start_camera(mirrored, SIZE, 0.0, 0.0, (1280, 720)) is None

    @given(small, small, st.floats(1.6, 3.5))
    def test_the_right_sides_are_the_long_ones(self, east, north, up):
        corners = corners_px(looking(1.5 * east, 1.5 * north, up, 1000.0), POOL)
        right = rectangle_misfit(corners, SIZE, (1280, 720))
        wrong = rectangle_misfit(np.roll(corners, 1, axis=0), SIZE, (1280, 720))
        assert right < 3.0
        assert right < wrong

    def test_a_known_focal_length_is_not_searched(self):
        corners = corners_px(looking(1.0, -1.0, 2.0, 1000.0), POOL)
        assert rectangle_misfit(corners, SIZE, (1280, 720), 1000.0) < 0.1
        assert rectangle_misfit(corners, SIZE, (1280, 720), 2500.0) > 5.0


class TestQuadrilateral:
    @given(st.lists(st.tuples(st.integers(-30, 30), st.integers(-25, 25)), min_size=4, max_size=4))
    def test_finds_the_corners_of_what_was_filled(self, moves):
        corners = np.array([[90, 60], [80, 215], [400, 225], [380, 50]]) + np.array(moves)
        mask = np.zeros((270, 480), np.uint8)
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
        best = fit_quads(mask)[0]
        errors = [np.abs(np.roll(best.corners, k, axis=0) - corners).max() for k in range(4)]
        assert min(errors) < 2.5
        assert best.score > 0.85

    def test_sides_broken_by_players_and_pockets_survive(self):
        corners = np.array([[70, 50], [60, 230], [420, 235], [405, 45]])
        mask = np.zeros((270, 480), np.uint8)
        cv2.fillConvexPoly(mask, corners, 255)
        for spot, radius in (((70, 50), 14), ((405, 45), 14), ((238, 46), 12)):
            cv2.circle(mask, spot, radius, 0, cv2.FILLED)
        cv2.line(mask, (40, 150), (200, 140), 0, 26)
        best = fit_quads(mask)[0]
        errors = [np.abs(np.roll(best.corners, k, axis=0) - corners).max() for k in range(4)]
        assert min(errors) < 3.0

    def test_nothing_and_round_things_are_none(self):
        assert fit_quads(np.zeros((100, 100), np.uint8)) == []
        tiny = np.zeros((100, 100), np.uint8)
        tiny[50:53, 50:53] = 255
        assert fit_quads(tiny) == []
        disc = np.zeros((270, 480), np.uint8)
        cv2.circle(disc, (240, 135), 90, 255, cv2.FILLED)
        assert all(q.score < 0.8 for q in fit_quads(disc))


class TestCloth:
    def test_uneven_light_does_not_break_the_region(self):
        camera = ceiling_camera(POOL)
        picture = draw(POOL, camera).astype(float)
        x = np.linspace(-1, 1, 1280)[None, :, None]
        lamp = 0.35 + 0.75 * np.exp(-0.5 * (x / 0.5) ** 2)
        regions = cloth_regions(np.clip(picture * lamp, 0, 255).astype(np.uint8))
        inside = np.zeros(regions[0].mask.shape, np.uint8)
        corners = true_corners(POOL, camera) * regions[0].scale
        cv2.fillConvexPoly(inside, corners.astype(np.int32), 255)
        overlaps = [
            cv2.countNonZero(cv2.bitwise_and(r.mask, inside))
            / cv2.countNonZero(cv2.bitwise_or(r.mask, inside))
            for r in regions
        ]
        assert max(overlaps) > 0.85

    def test_a_small_picture_is_not_enlarged(self):
        picture = np.full((200, 300, 3), (40, 120, 30), np.uint8)
        assert cloth_regions(picture)[0].scale == 1.0


class TestUnlikeCloth:
    @staticmethod
    def features(*bgr: float) -> np.ndarray:
        b, g, r = np.log(np.array(bgr) + 16.0)
        return np.array([r - g, b - g, (b + g + r) / 3])

    @pytest.mark.parametrize("cloth", [(60, 140, 40), (220, 160, 45), (60, 40, 170)])
    @pytest.mark.parametrize("light", [0.35, 0.7, 1.3])
    def test_shadow_and_light_are_still_cloth(self, cloth, light):
        bed = self.features(*cloth)
        lit = self.features(*np.minimum(np.array(cloth) * light, 255))
        assert rails.unlike_cloth(lit, bed) < 0.15

    @pytest.mark.parametrize("rail", [(60, 60, 60), (3, 3, 3), (25, 45, 90), (230, 230, 230)])
    def test_wood_plastic_and_black_are_not(self, rail):
        bed = self.features(60, 140, 40)
        assert rails.unlike_cloth(self.features(*rail), bed) > 0.4

    def test_grey_cloth_is_told_from_grey_rails_by_lightness(self):
        bed = self.features(120, 120, 120)
        assert rails.unlike_cloth(self.features(40, 40, 40), bed) > 0.5
        assert rails.unlike_cloth(self.features(105, 105, 105), bed) < 0.2


class TestNosesAndDrift:
    camera = ceiling_camera(POOL, k1=-0.07)
    picture = draw(POOL, camera)

    def test_noses_are_found_where_they_are(self):
        for nose in find_noses(self.picture, self.camera, POOL, 0.005):
            assert nose is not None
            assert nose.edge.share > 0.5
            assert abs(float(np.median(nose.outwards))) < 0.002

    def test_a_still_camera_has_not_drifted(self):
        drift = measure_drift(self.picture, self.camera, POOL)
        assert drift.drift_mm is not None
        assert drift.drift_mm < 4.0

    def test_a_knocked_camera_has(self):
        shift = np.array([[1.0, 0.0, 4.0], [0.0, 1.0, 0.0]])
        knocked = cv2.warpAffine(self.picture, shift, (1280, 720), borderMode=cv2.BORDER_REPLICATE)
        drift = measure_drift(knocked, self.camera, POOL)
        # Four pixels to the right, along the table.
        per_metre = self.camera.pixels_per_metre(0.6, 1.2, POOL.cushion_height)
        assert drift.drift_mm == pytest.approx(4000.0 / per_metre, abs=4.0)
        assert drift.rails_mm[0] is not None
        assert drift.rails_mm[2] is not None
        assert drift.rails_mm[0] < 0 < drift.rails_mm[2]

    def test_a_covered_camera_says_nothing(self):
        drift = measure_drift(np.zeros((720, 1280, 3), np.uint8), self.camera, POOL)
        assert drift.drift_mm is None
        assert drift.rails_mm == (None, None, None, None)

    def test_a_rail_outside_the_picture_is_not_seen(self):
        close = ceiling_camera(POOL, eye=(0.6, 0.9, 2.0), focal=1400.0)
        noses = find_noses(draw(POOL, close, Look(noise=0.5)), close, POOL, 0.005)
        assert noses[2] is None
