from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import preset
from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.detection.lookup import Lookup
from billiards_trainer.vision.detection.view import make_view
from tests.unit.drawn_tables import camera_over

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE, distortion=-0.06)
VIEW = make_view(TABLE, CAMERA)
places = st.tuples(st.floats(0.03, TABLE.width - 0.03), st.floats(0.03, TABLE.length - 0.03))


@given(places)
def test_the_outline_is_where_lines_of_sight_touch_the_ball(at: tuple[float, float]) -> None:
    radius = TABLE.balls.radius
    ring = geometry.outlines(CAMERA, np.array([at]), radius, 12)[0]
    centre = np.array([*at, radius])
    for ray in CAMERA.rays(ring):
        along = centre - CAMERA.position
        away = np.linalg.norm(along - (along @ ray) * ray)
        assert away == pytest.approx(radius, rel=1e-6)


@given(places)
def test_centres_follow_from_discs(at: tuple[float, float]) -> None:
    middle, _ = geometry.discs(CAMERA, np.array([at]), TABLE.balls.radius)
    found = geometry.centres_from_discs(CAMERA, middle, TABLE.balls.radius)[0]
    assert found == pytest.approx(at, abs=1e-7)
    assert VIEW.centre.at(middle)[0] == pytest.approx(at, abs=5e-5)


@given(places)
def test_the_slope_is_how_the_centre_moves(at: tuple[float, float]) -> None:
    middle, _ = geometry.discs(CAMERA, np.array([at]), TABLE.balls.radius)
    slope = VIEW.centre.slope(middle)[0]
    for k in (0, 1):
        step = np.zeros(2)
        step[k] = 1e-3
        moved = geometry.centres_from_discs(
            CAMERA, np.vstack([middle - step, middle + step]), TABLE.balls.radius
        )
        assert slope[:, k] == pytest.approx((moved[1] - moved[0]) / 2e-3, rel=0.02, abs=2e-5)


def test_straight_below_the_camera_a_disc_is_round() -> None:
    camera = CameraModel.look_at(
        (0.6, 1.2, 2.5), (0.6, 1.2, 0), (-1, 0, 0), width=1280, height=720, focal=1000
    )
    ring = geometry.outlines(camera, np.array([[0.6, 1.2]]), 0.03)[0]
    reach = np.linalg.norm(ring - ring.mean(axis=0), axis=1)
    assert np.ptp(reach) < 1e-9


def test_a_table_of_bilinear_values_is_exact_between_and_beyond() -> None:
    columns, rows = np.meshgrid(np.arange(5) * 8.0 + 3, np.arange(4) * 6.0 - 2)
    table = Lookup((3.0, -2.0), (8.0, 6.0), np.stack([2 * columns - rows, rows], axis=-1))
    pixels = np.array([[3.0, -2.0], [17.3, 9.1], [40.0, 20.0]])
    assert table.at(pixels) == pytest.approx(
        np.column_stack([2 * pixels[:, 0] - pixels[:, 1], pixels[:, 1]])
    )
    assert table.slope(pixels)[0] == pytest.approx(np.array([[2, -1], [0, 1]]))


def test_the_view_knows_where_balls_can_lie() -> None:
    def mask_at(mask: np.ndarray, x: float, y: float) -> int:
        middle, _ = geometry.discs(CAMERA, np.array([[x, y]]), TABLE.balls.radius)
        column, row = np.rint(VIEW.to_work(middle)[0]).astype(int)
        return int(mask[row, column])

    assert mask_at(VIEW.centres, 0.6, 1.2)
    assert mask_at(VIEW.centres, TABLE.balls.radius, 0.6)
    assert not mask_at(VIEW.centres, -0.02, 0.6)
    assert not mask_at(VIEW.centres, *TABLE.pockets[0].centre)
    assert mask_at(VIEW.search, -0.0, 0.6)


def test_pixels_survive_the_way_to_the_working_image_and_back() -> None:
    pixels = np.array([[100.5, 200.25], [640.0, 360.0]])
    assert VIEW.to_full(VIEW.to_work(pixels)) == pytest.approx(pixels)


def test_a_camera_that_looks_elsewhere_has_no_view() -> None:
    away = CameraModel.look_at(
        (40, 40, 2.5), (40, 40, 0), (-1, 0, 0), width=320, height=240, focal=300
    )
    with pytest.raises(ValueError, match="no part of the playing area"):
        make_view(TABLE, away)
