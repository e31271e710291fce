"""Pictures of tables drawn with a few polygons: cloth, rails, balls, cue; the truth is known."""

from __future__ import annotations

import math

import cv2
import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.detection import geometry

BALLS = {
    "cue": (222, 240, 245),
    "1": (20, 185, 240),
    "2": (165, 60, 20),
    "3": (35, 25, 205),
    "6": (65, 105, 10),
    "8": (26, 24, 24),
    "red": (35, 20, 195),
    "yellow": (25, 190, 240),
}
CLOTH = (150, 130, 60)
SHIFT = 4


def camera_over(table: Table, *, tilt: float = 0.15, distortion: float = 0.0) -> CameraModel:
    """A ceiling camera, head end to the left, a little off-centre."""
    middle = (table.width / 2, table.length / 2, 0.0)
    return CameraModel.look_at(
        (middle[0] + tilt, middle[1] - tilt, 2.5),
        middle,
        (-1.0, 0.0, 0.0),
        width=1280,
        height=720,
        focal=1150.0 * 2.54 / table.length,
        distortion=(distortion, 0.0, 0.0, 0.0, 0.0),
    )


def polygon(picture: np.ndarray, pixels: np.ndarray, colour: tuple[int, ...]) -> None:
    """Fill a polygon with smooth edges."""
    points = np.round(pixels * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(picture, [points], colour, cv2.LINE_AA, SHIFT)


def empty_table(table: Table, camera: CameraModel, cloth: tuple[int, ...] = CLOTH) -> np.ndarray:
    """Cloth, wooden rails, dark pockets and noise."""
    picture = np.full((camera.height, camera.width, 3), 45, np.uint8)
    w, length = table.width, table.length

    def rectangle(margin: float, z: float) -> np.ndarray:
        corners = [
            (-margin, -margin), (w + margin, -margin),
            (w + margin, length + margin), (-margin, length + margin),
        ]  # fmt: skip
        return camera.to_pixels([(x, y, z) for x, y in corners])

    polygon(picture, rectangle(0.13, 0.04), (30, 45, 80))
    polygon(picture, rectangle(0.05, 0.04), tuple(int(v * 0.8) for v in cloth))
    polygon(picture, rectangle(0.0, table.cushion_height), cloth)
    turn = np.arange(32) * math.tau / 32
    for pocket in table.pockets:
        ring = np.array(pocket.centre) + pocket.radius * np.column_stack(
            [np.cos(turn), np.sin(turn)]
        )
        polygon(picture, camera.to_pixels(ring), (15, 15, 15))
    return picture


def add_ball(
    picture: np.ndarray,
    table: Table,
    camera: CameraModel,
    at: tuple[float, float],
    colour: tuple[int, ...],
    *,
    stripe: bool = False,
) -> None:
    """A ball: disc, shading towards the limb, a highlight; a stripe wears two white caps."""
    ring = geometry.outlines(camera, np.array([at]), table.balls.radius, 64)[0]
    middle = ring.mean(axis=0)
    for share, shade in ((1.0, 0.82), (0.85, 0.93), (0.65, 1.0)):
        disc = middle + share * (ring - middle)
        polygon(picture, disc, tuple(int(v * shade) for v in colour))
        if stripe:
            white = tuple(int(v * shade) for v in BALLS["cue"])
            spoke = disc - middle
            reach = np.abs(spoke[:, 1]).max()
            for side in (1, -1):
                cap = disc[side * spoke[:, 1] > 0.33 * reach]
                polygon(picture, cap, white)
    highlight = middle + 0.08 * (ring - middle) + 0.2 * (ring[5] - middle)
    polygon(picture, highlight, (255, 255, 255))


def add_cue(
    picture: np.ndarray,
    camera: CameraModel,
    tip: tuple[float, float, float],
    angle: float,
    elevation: float = math.radians(4),
    colour: tuple[int, ...] = (150, 200, 230),
    length: float = 1.45,
) -> None:
    """A tapered shaft from its tip backwards, 13 to 29 mm wide."""
    pointing = np.array(
        [
            math.cos(angle) * math.cos(elevation),
            math.sin(angle) * math.cos(elevation),
            -math.sin(elevation),
        ]
    )
    start, end = np.array(tip), np.array(tip) - length * pointing
    outline = []
    for point, radius, sides in ((start, 0.0065, (1, -1)), (end, 0.0145, (-1, 1))):
        sight = camera.position - point
        across = np.cross(pointing, sight)
        across /= np.linalg.norm(across)
        outline += [point + side * radius * across for side in sides]
    corners = np.array(outline)
    # Along the edges in small steps: a lens bends them.
    dense = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dense += [a + t * (b - a) for t in np.linspace(0, 1, 40, endpoint=False)]
    polygon(picture, camera.to_pixels(np.array(dense)), colour)


def develop(picture: np.ndarray, seed: int = 0, noise: float = 1.5) -> np.ndarray:
    """Light that falls off, a little blur and noise."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    light = 1.05 - 0.15 * np.hypot(columns / picture.shape[1] - 0.4, rows / picture.shape[0] - 0.5)
    out = cv2.GaussianBlur(picture, (0, 0), 0.7) * light[:, :, None]
    out += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(out, 0, 255).astype(np.uint8)
