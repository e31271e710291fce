"""The camera model maps both ways, agrees with OpenCV, and knows heights."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.camera_model import CameraModel

poses = st.builds(
    lambda dx, dy, height, tx, ty, k1, k2, p1: CameraModel.look_at(
        (0.635 + dx, 1.27 + dy, height),
        (0.635 + tx, 1.27 + ty, 0.0),
        (-1.0, 0.0, 0.0),
        width=1280,
        height=720,
        focal=900.0,
        distortion=(k1, k2, p1, 0.0004, 0.0),
    ),
    *[st.floats(-0.5, 0.5)] * 2,
    st.floats(1.8, 3.5),
    *[st.floats(-0.3, 0.3)] * 2,
    st.floats(-0.12, 0.08),
    st.floats(-0.01, 0.01),
    st.floats(-0.001, 0.001),
)
places = st.tuples(st.floats(0.0, 1.27), st.floats(0.0, 2.54), st.floats(0.0, 0.06))


@given(camera=poses, points=st.lists(places, min_size=1, max_size=20))
def test_pixels_and_planes_are_inverse(
    camera: CameraModel, points: list[tuple[float, float, float]]
) -> None:
    p = np.array(points)
    back = camera.to_plane(camera.to_pixels(p), p[:, 2])
    assert np.abs(back - p[:, :2]).max() < 1e-9


@given(camera=poses, point=places)
def test_it_projects_as_opencv_does(camera: CameraModel, point: tuple[float, float, float]) -> None:
    # The matrix, not a rotation vector: near half a turn the vector keeps only half the digits.
    expected, _ = cv2.projectPoints(
        np.array([[point]]),
        camera.rotation_matrix,
        np.array(camera.translation),
        camera.matrix,
        np.array(camera.distortion),
    )
    assert np.allclose(camera.to_pixels(point), np.reshape(expected, 2), atol=1e-7)


def camera_above() -> CameraModel:
    return CameraModel.look_at(
        (0.6, 1.2, 2.5), (0.6, 1.2, 0.0), (-1.0, 0.0, 0.0), width=1280, height=720, focal=1000.0
    )


def test_a_camera_above_sees_the_table_the_right_way_round() -> None:
    camera = camera_above()
    assert np.allclose(camera.position, (0.6, 1.2, 2.5))
    middle, right, far = camera.to_pixels([(0.6, 1.2), (0.8, 1.2), (0.6, 1.4)])
    assert np.allclose(middle, (639.5, 359.5))
    # The picture's top is towards -x: x runs down and y to the right; z comes towards the eye.
    assert right[1] > middle[1]
    assert far[0] > middle[0]
    assert camera.pixels_per_metre(0.6, 1.2) == pytest.approx(400.0, rel=1e-6)
    assert camera.pixels_per_metre(0.6, 1.2, 0.1) > 400


def test_height_shifts_what_is_off_the_axis() -> None:
    camera = camera_above()
    low, high = camera.to_pixels([(1.0, 1.2, 0.0), (1.0, 1.2, 0.03)])
    assert high[1] > low[1]
    # Ignoring the height of a ball's centre would be wrong by z·(distance off axis)/(eye - z).
    seen = camera.to_plane(high, 0.0)
    assert seen[0] - 1.0 == pytest.approx(0.4 * 0.03 / (2.5 - 0.03), rel=1e-6)


def test_a_ray_above_the_horizon_meets_no_plane() -> None:
    camera = CameraModel.look_at(
        (0.6, -2.0, 1.0), (0.6, 2.0, 0.8), (0.0, 0.0, 1.0), width=640, height=480, focal=300.0
    )
    where = camera.to_plane([(320.0, 0.0), (320.0, 470.0)])
    assert np.isnan(where[0]).all()
    assert np.isfinite(where[1]).all()


def test_the_homography_is_the_model_without_distortion() -> None:
    camera = camera_above()
    p = camera.homography(0.028) @ np.array([0.3, 0.9, 1.0])
    assert np.allclose(p[:2] / p[2], camera.to_pixels((0.3, 0.9, 0.028)))


def test_it_survives_a_file() -> None:
    camera = camera_above()
    assert CameraModel.from_dict(camera.to_dict()) == camera
    assert not camera.is_distorted
    data = camera.to_dict()
    del data["focal"]
    with pytest.raises(ValueError, match="focal"):
        CameraModel.from_dict(data)
    with pytest.raises(ValueError, match="finite"):
        CameraModel.from_dict({**camera.to_dict(), "centre": [1.0, float("nan")]})
    with pytest.raises(ValueError, match="expected 9"):
        CameraModel.from_dict({**camera.to_dict(), "rotation": [1.0]})


def test_a_pose_of_opencv_becomes_the_same_camera() -> None:
    camera = camera_above()
    rvec, _ = cv2.Rodrigues(camera.rotation_matrix)
    same = CameraModel.from_pose(
        rvec,
        camera.translation,
        width=camera.width,
        height=camera.height,
        focal=camera.focal,
        centre=camera.centre,
    )
    assert np.allclose(same.rotation, camera.rotation)
    assert np.allclose(same.to_pixels((0.2, 0.3)), camera.to_pixels((0.2, 0.3)))
