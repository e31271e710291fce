"""Pictures to learn from: rooms with truth, projected light over everything, other cameras.

What ``randomise`` draws are rooms of this appliance.  A learned detector must also cope with what
it was never meant for: oblique views of broadcasts, balls of every make, cameras that overexpose,
tint and compress.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.light_map import LightMap, table_to_map
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.randomise import random_look, random_setup
from billiards_trainer.simulation.setup import BallLook, Colour, Setup
from billiards_trainer.simulation.stills import random_balls
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import Table

Picture = NDArray[np.uint8]
Place = Sequence[float] | NDArray[np.float64]

_HUES = (
    (255, 255, 0),
    (255, 255, 255),
    (0, 255, 255),
    (0, 255, 0),
    (255, 120, 60),
    (255, 0, 255),
)


def lesson_setup(table: Table, seed: int, *, oblique_share: float = 0.35) -> Setup:
    """A room; some are seen from a stand beside the table, under lamps of any white.

    Args:
        table: what stands in it.
        seed: of the draw.
        oblique_share: share of rooms with an oblique view.
    """
    rng = np.random.default_rng((seed, 31))
    wide = rng.random() < 0.3
    setup = random_setup(table, seed, width=1920 if wide else 1280, height=1080 if wide else 720)
    if rng.random() < oblique_share:
        setup = replace(setup, camera=oblique_camera(table, rng, 1280, 720))
    cast = np.exp(rng.normal(0, 0.10, 3))
    blue, green, red = (float(v * c) for v, c in zip(setup.sensor.white_balance, cast, strict=True))
    return replace(
        setup,
        sensor=replace(setup.sensor, white_balance=(blue, green, red)),
        balls=lesson_look(rng),
    )


def lesson_look(rng: np.random.Generator) -> BallLook:
    """Balls of makes that differ by more than a shade.

    Browns reach from earth to brick, pool's four and seven are purple and maroon or, as on
    television, pink and tan.
    """
    look = random_look(rng)
    out = dict(look.colours)

    def tint(low: float, high: float, saturation: float, value: float) -> Colour:
        hue = rng.uniform(low, high) / 360
        shade = value * rng.uniform(0.75, 1.3)
        r, g, b = colorsys.hsv_to_rgb(hue % 1, min(1.0, saturation * rng.uniform(0.9, 1.1)), shade)
        return (r, g, b)

    # Linear light: a hue of 4° there is one of 11° as displays show it.
    out["brown"] = tint(3, 14, 0.93, 0.24)
    if rng.random() < 0.3:
        out["4"] = out["12"] = tint(338, 356, 0.70, 0.85)
        out["7"] = out["15"] = tint(14, 24, 0.82, 0.34)
    return replace(look, colours=out)


def oblique_camera(table: Table, rng: np.random.Generator, width: int, height: int) -> CameraModel:
    """A camera that looks along or across the table at 20 to 60 degrees, picture upright."""
    middle = np.array([table.width / 2, table.length / 2, 0.0])
    around = rng.uniform(0, 2 * math.pi)
    rise = math.radians(rng.uniform(20, 60))
    away = rng.uniform(1.6, 4.0) * table.length
    eye = middle + away * np.array(
        [math.cos(around) * math.cos(rise), math.sin(around) * math.cos(rise), math.sin(rise)]
    )
    rim = table.rail_width
    corners = [(x, y, 0.04) for x in (-rim, table.width + rim) for y in (-rim, table.length + rim)]

    def camera(focal: float) -> CameraModel:
        sight = (float(eye[0]), float(eye[1]), float(eye[2]))
        target = (float(middle[0]), float(middle[1]), 0.0)
        return CameraModel.look_at(
            sight, target, (0.0, 0.0, 1.0), width=width, height=height, focal=focal
        )

    # Without a lens's distortion everything scales with the focal length.
    spread = np.abs(camera(1.0).to_pixels(corners) - [(width - 1) / 2, (height - 1) / 2])
    fits = min(width / 2 / spread[:, 0].max(), height / 2 / spread[:, 1].max())
    return camera(float(fits * rng.uniform(0.8, 1.02)))


def observe(
    virtual: VirtualTable, pictures: int, rng: np.random.Generator
) -> Iterator[Observation]:
    """Pictures of play and of strewn balls in turn, with random light, each with other balls."""
    table = virtual.table
    virtual.skip(rng.uniform(3, 9))
    lying: list[tuple[float, float]] = []
    for _ in range(pictures):
        virtual.renderer.set_balls(lesson_look(rng))
        seen = virtual.step(random_light(table, rng, lying))
        lying = [(float(b.position[0]), float(b.position[1])) for b in seen.truth.balls]
        yield seen
        virtual.skip(rng.uniform(0.2, 1.6))
        virtual.renderer.set_balls(lesson_look(rng))
        strewn = random_balls(table, rng)
        light = random_light(table, rng, [at for _, at in strewn])
        yield virtual.render_state(strewn, light=light, seed=int(rng.integers(1_000_000)))


def random_light(table: Table, rng: np.random.Generator, balls: Sequence[Place]) -> Picture | None:
    """Rings round balls, lines, ghost balls and words, as a light map; ``None``: projector off."""
    if rng.random() < 0.25:
        return None
    rows, columns = LightMap.shape(table)
    light: Picture = np.zeros((rows, columns, 3), np.uint8)
    to_map = table_to_map()

    def cell(at: Place) -> tuple[int, int]:
        column, row = to_map @ np.array([at[0], at[1], 1.0])
        return round(column * 16), round(row * 16)

    def colour() -> tuple[int, ...]:
        return tuple(int(v * rng.uniform(0.5, 1)) for v in _HUES[rng.integers(len(_HUES))])

    def ring(at: Place, size: float) -> None:
        radius = round(size * table.balls.radius / LightMap.RESOLUTION * 16)
        # Now and then a full disc instead of a ring.
        width = -1 if rng.random() < 0.08 else int(rng.integers(1, 4))
        cv2.circle(light, cell(at), radius, colour(), width, cv2.LINE_AA, 4)

    for ball in balls:
        if rng.random() < 0.7:
            ring(np.asarray(ball) + rng.normal(0, 0.006, 2), rng.uniform(1.2, 2.2))
    for _ in range(rng.integers(0, 6)):
        start = rng.uniform(0, [table.width, table.length])
        end = start + rng.normal(0, 0.6, 2)
        cv2.line(light, cell(start), cell(end), colour(), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
        if rng.random() < 0.6:
            ring(end, rng.uniform(0.8, 1.2))
    if rng.random() < 0.4:
        column, row = cell(rng.uniform(0, [table.width / 2, table.length]))
        cv2.putText(
            light, "7 IN THE CORNER 63%", (column // 16, row // 16), cv2.FONT_HERSHEY_SIMPLEX,
            rng.uniform(0.4, 1.2), colour(), int(rng.integers(1, 4)), cv2.LINE_AA,
        )  # fmt: skip
    return light


def develop(picture: Picture, rng: np.random.Generator) -> Picture:
    """Another camera: blur, exposure, contrast, saturation, white balance, compression."""
    if rng.random() < 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
    levels = np.arange(256) / 255
    gain = rng.uniform(0.5, 2.2) * rng.uniform(0.85, 1.18, 3)
    curve = np.clip(levels[:, None] ** rng.uniform(0.7, 1.3) * gain * 255, 0, 255)
    developed = cv2.LUT(picture, curve.astype(np.uint8).reshape(256, 1, 3))
    grey = np.full((3, 3), 1 / 3)
    mix = grey + rng.uniform(0.6, 1.7) * (np.eye(3) - grey)
    out: Picture = np.asarray(cv2.transform(developed, mix), np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))]
        code = cv2.imencode(".jpg", out, quality)[1]
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return out
