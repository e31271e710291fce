"""A table drawn with a few polygons: cheap pictures with known corners for calibration tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table

RISE = 0.006


@dataclass(frozen=True)
class Look:
    """Colours are BGR."""

    cloth: tuple[int, int, int] = (90, 140, 40)
    rail: tuple[int, int, int] = (40, 55, 100)
    floor: tuple[int, int, int] = (70, 70, 75)
    cushion: float = 0.050
    shadow: float = 0.012
    top_light: float = 1.08
    noise: float = 2.0
    blur: float = 0.7


def ceiling_camera(table: Table, *, width: int = 1280, height: int = 720, **changes) -> CameraModel:
    """A camera above the table, its head end to the left."""
    w, length = table.width, table.length
    eye = changes.get("eye", (0.55 * w, 0.46 * length, 2.5))
    focal = changes.get("focal", 0.86 * width * eye[2] / (length + 0.4))
    camera = CameraModel.look_at(
        eye, (w / 2, length / 2, 0.0), (-1.0, 0.03, 0.0), width=width, height=height, focal=focal
    )
    k1 = changes.get("k1", 0.0)
    return replace(camera, distortion=(k1, 0.0, 0.0, 0.0, 0.0))


def draw(table: Table, camera: CameraModel, look: Look = Look(), seed: int = 0):
    """The picture, (H, W, 3) BGR."""
    scale = 2
    canvas = np.empty((camera.height * scale, camera.width * scale, 3), np.uint8)
    canvas[:] = look.floor
    w, length, h = table.width, table.length, table.cushion_height

    def fill(points: NDArray[np.float64], z: float, colour: tuple[float, ...]) -> None:
        p = camera.to_pixels(np.column_stack([points, np.full(len(points), z)]))
        p = (p + 0.5) * scale - 0.5
        clipped = tuple(float(min(max(c, 0), 255)) for c in colour)
        cv2.fillPoly(canvas, [np.round(p * 16).astype(np.int32)], clipped, cv2.LINE_AA, 4)

    def rectangle(margin: float) -> NDArray[np.float64]:
        c = np.array(
            [
                [-margin, -margin],
                [w + margin, -margin],
                [w + margin, length + margin],
                [-margin, length + margin],
            ]
        )
        t = np.linspace(0, 1, 40, endpoint=False)[:, None]
        return np.vstack([c[k] * (1 - t) + c[(k + 1) % 4] * t for k in range(4)])

    cloth = np.array(look.cloth, float)
    fill(rectangle(table.rail_width), h + RISE, look.rail)
    fill(rectangle(look.cushion), h + RISE, tuple(cloth * look.top_light))
    fill(rectangle(0.0), h, tuple(cloth * 0.45))
    # The bed is seen only inside the noses: what they hide is painted dark above.
    fill(rectangle(-look.shadow), h, tuple(cloth))
    for pocket in table.pockets:
        turn = np.linspace(0, 2 * np.pi, 40)
        ring = np.array(pocket.centre) + 1.15 * pocket.radius * np.column_stack(
            [np.cos(turn), np.sin(turn)]
        )
        fill(ring, h, (12, 12, 12))
    picture = cv2.resize(canvas, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(seed)
    light = np.linspace(0.8, 1.1, camera.width)[None, :, None]
    noisy = cv2.GaussianBlur(picture, (0, 0), look.blur) * light
    noisy = noisy + rng.normal(0, look.noise, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def true_corners(table: Table, camera: CameraModel, margin: float = 0.0, rise: float = 0.0):
    """(4, 2) pixels of the nose corners, grown and lifted."""
    out = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * margin + np.array(table.corners)
    return camera.to_pixels(np.column_stack([out, np.full(4, table.cushion_height + rise)]))
