"""Rooms, cameras, balls and players drawn at random: domain randomisation for tests and training.

The same table and seed give the same room.  Ranges are those of real places: cloths of any colour,
lamps from one tube to five panels, dim clubs and sunny rooms, good and bad cameras.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import replace

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.physics.parameters import PhysicsParameters, for_table
from billiards_trainer.simulation.packing import CAROM_COLOURS, POOL_COLOURS, SNOOKER_COLOURS
from billiards_trainer.simulation.setup import (
    BallLook,
    ClothLook,
    Colour,
    CueLook,
    Lamp,
    PlayerLook,
    ProjectorLook,
    RailLook,
    RoomLook,
    Sensor,
    Setup,
    fitted_camera,
    srgb,
)
from billiards_trainer.table import Table

# What people cover tables with, by how often it is seen.
_CLOTHS = (
    "#2f8f6f",
    "#1f7a4d",
    "#116644",
    "#2a6fb0",
    "#1f8fb5",
    "#23406e",
    "#8c2f39",
    "#6b6f73",
    "#4a8c8a",
    "#b08d57",
    "#5a3c7a",
    "#2b2b2e",
)
_WOODS = ("#6b3423", "#3a1d14", "#8a5a33", "#b58a58", "#201c1a", "#7a7a78", "#4a2a1c", "#c8c2b6")
_SKINS = ("#f1c9ad", "#d9a27f", "#c68863", "#9c6644", "#6f452d", "#46291b")
_SLEEVES = ("#39445c", "#15161a", "#e9e6df", "#7a2430", "#d8cfa9", "#2f5b3c", "#6d7075", "#b9632d")
_HAIRS = ("#3b2a1f", "#15110f", "#8b6b45", "#a9a49d", "#5b3a22", "#d6c9a8")
_SHAFTS = ("#dcb887", "#e8cfa4", "#c79a63", "#26262a", "#f1e4c8")
_TIPS = ("#3f6f8f", "#6b4a33", "#2f7a4a")
_BUTTS = ("#3a2016", "#15161a", "#6b1f22", "#22406b", "#7a5a3a", "#d9d4c8")


def random_setup(
    table: Table, seed: int, *, width: int = 1280, height: int = 720, misset: bool = False
) -> Setup:
    """A room drawn by its seed.

    Args:
        table: what stands in it.
        seed: of the draw.
        width: of the picture, pixels.
        height: of the picture, pixels.
        misset: whether the projector's own calibration is off (by some centimetres).
    """
    rng = np.random.default_rng((seed, 21))
    scale = width / 1280
    lamps, ambient = _light(table, rng)
    return Setup(
        camera=_camera(table, rng, width, height),
        lamps=lamps,
        ambient=ambient,
        sensor=_sensor(rng, scale),
        cloth=ClothLook(
            colour=_near(rng, srgb(str(rng.choice(_CLOTHS))), 0.05, 0.15, 0.25),
            nap=float(rng.uniform(0.0, 0.09)),
            wear=float(rng.uniform(0.0, 0.2)),
            chalk=int(rng.integers(0, 60)),
            markings=(0.75, 0.75, 0.72) if rng.random() < 0.6 else (0.02, 0.02, 0.02),
        ),
        rails=_rails(rng),
        balls=random_look(rng),
        cue=CueLook(
            length=float(rng.uniform(1.42, 1.50)),
            tip_diameter=float(rng.uniform(0.0095, 0.0135)),
            butt_diameter=float(rng.uniform(0.027, 0.032)),
            tip=_near(
                rng, srgb(str(rng.choice(["#3f6f8f", "#6b4a33", "#2f7a4a"]))), 0.05, 0.2, 0.3
            ),
            shaft=_near(rng, srgb(str(rng.choice(_SHAFTS))), 0.02, 0.1, 0.15),
            butt=_near(rng, srgb(str(rng.choice(_BUTTS))), 0.02, 0.1, 0.3),
            wrap=_near(rng, srgb(str(rng.choice(_BUTTS))), 0.02, 0.1, 0.3),
            ferrule=srgb("#f5f2ea") if rng.random() < 0.8 else srgb("#1c1c20"),
        ),
        player=PlayerLook(
            skin=_near(rng, srgb(str(rng.choice(_SKINS))), 0.01, 0.08, 0.12),
            sleeve=(sleeve := _near(rng, srgb(str(rng.choice(_SLEEVES))), 0.08, 0.3, 0.3)),
            torso=sleeve,
            hair=_near(rng, srgb(str(rng.choice(_HAIRS))), 0.02, 0.1, 0.2),
            bare_forearm=bool(rng.random() < 0.45),
            left_handed=bool(rng.random() < 0.15),
        ),
        projector=ProjectorLook(
            position=(
                float(table.width * rng.uniform(0.2, 0.8)),
                float(table.length * rng.uniform(0.35, 0.65)),
                float(rng.uniform(1.9, 3.0)),
            ),
            strength=float(rng.uniform(0.5, 2.8)),
            black=float(rng.uniform(0.0, 0.03)),
            error=random_misset(table, rng) if misset else ProjectorLook().error,
        ),
        room=RoomLook(
            floor=_near(rng, srgb("#6f675f"), 0.1, 0.3, 0.9),
            floor_pattern=float(rng.uniform(0, 1)),
            clutter=int(rng.integers(0, 12)),
        ),
        seed=seed,
    )


def random_parameters(table: Table, seed: int, spread: float = 1.0) -> PhysicsParameters:
    """True physics around the standard of the table's game, as tables differ from each other."""
    rng = np.random.default_rng((seed, 22))

    def vary(value: float, share: float, low: float, high: float) -> float:
        factor = 1 + spread * share * rng.uniform(-1, 1)
        return float(min(max(value * factor, low), high))

    base = for_table(table)
    return replace(
        base,
        mu_slide=vary(base.mu_slide, 0.25, 0.05, 0.5),
        mu_roll=vary(base.mu_roll, 0.35, 0.003, 0.03),
        mu_spin=vary(base.mu_spin, 0.3, 0.002, 0.05),
        e_ball=vary(base.e_ball, 0.03, 0.85, 0.99),
        mu_ball_a=vary(base.mu_ball_a, 0.4, 0.0, 0.1),
        mu_ball_b=vary(base.mu_ball_b, 0.3, 0.0, 0.3),
        e_cushion=vary(base.e_cushion, 0.08, 0.6, 0.95),
        mu_cushion=vary(base.mu_cushion, 0.3, 0.05, 0.5),
    )


def random_misset(
    table: Table, rng: np.random.Generator, reach: float = 0.04
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """A keystone error: each corner of the cloth is lit up to ``reach`` metres off."""
    import cv2

    corners = np.array(table.corners, np.float32)
    believed = corners + rng.uniform(-reach, reach, corners.shape).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, believed.astype(np.float32))
    a, b, c, d, e, f, g, h, i = (float(v) for v in np.asarray(matrix).ravel())
    return (a, b, c, d, e, f, g, h, i)


def _near(
    rng: np.random.Generator, colour: Colour, hue: float, saturation: float, value: float
) -> Colour:
    """A colour like the given one; spreads of hue, saturation and brightness are uniform."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    h = (h + rng.uniform(-hue, hue)) % 1.0
    s = min(max(s * (1 + rng.uniform(-saturation, saturation)), 0.0), 1.0)
    v = min(max(v * (1 + rng.uniform(-value, value)), 0.002), 0.95)
    r, g, b = colorsys.hsv_to_rgb(h, s, v)
    return (r, g, b)


def _camera(table: Table, rng: np.random.Generator, width: int, height: int) -> CameraModel:
    rise = float(rng.uniform(2.0, 3.4))
    # The angle between the viewing axis and the vertical, at most 15°.
    tilt, around = math.radians(15) * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    aim = rng.uniform(-0.06, 0.06, 2)
    out = rise * math.tan(tilt)
    middle = np.array([table.width / 2, table.length / 2]) + aim
    eye = (
        float(middle[0] + out * math.cos(around)),
        float(middle[1] + out * math.sin(around)),
        rise,
    )
    k1 = float(rng.uniform(-0.16, 0.04))
    return fitted_camera(
        table,
        eye=eye,
        width=width,
        height=height,
        roll=math.radians(float(rng.normal(0, 1.5))),
        aim=(float(aim[0]), float(aim[1])),
        distortion=(
            k1,
            float(0.15 * k1 * k1 + rng.uniform(-0.004, 0.004)),
            float(rng.normal(0, 6e-4)),
            float(rng.normal(0, 6e-4)),
            0.0,
        ),
        margin=float(rng.uniform(-0.015, 0.08)),
    )


def _light(table: Table, rng: np.random.Generator) -> tuple[tuple[Lamp, ...], Colour]:
    count = int(rng.integers(1, 6))
    warm = rng.uniform(0, 1)
    tint = (1.0, float(1 - 0.10 * warm), float(1 - 0.28 * warm))
    # All lamps together fill the camera's range between sparsely and a little too well.
    total = float(rng.uniform(0.75, 1.9))
    share = float(rng.uniform(0.45, 0.93))
    lamps = []
    weights = rng.uniform(0.4, 1.0, count)
    for weight in weights / weights.sum():
        rise = float(rng.uniform(1.0, 3.0))
        long_side = float(rng.uniform(0.05, 0.6))
        size = (float(rng.uniform(0.03, 0.2)), long_side)
        position = (
            float(table.width * rng.uniform(-0.3, 1.3)),
            float(table.length * rng.uniform(-0.1, 1.1)),
            rise,
        )
        # Lamps far aside shine obliquely and give less: make up for it.
        aside = (position[0] - table.width / 2) ** 2 + (position[1] - table.length / 2) ** 2
        gain = (1 + aside / rise**2) ** 1.5
        lamps.append(Lamp(position, size, float(total * share * weight * min(gain, 3.0)), tint))
    level = total * (1 - share)
    ambient = (
        float(level * rng.uniform(0.9, 1.1)),
        float(level),
        float(level * rng.uniform(0.85, 1.15)),
    )
    return tuple(lamps), ambient


def _sensor(rng: np.random.Generator, scale: float) -> Sensor:
    cast = rng.normal(0, 0.06, 3)
    return Sensor(
        exposure_s=float(rng.choice([0.001, 0.002, 0.004, 0.006, 0.010, 0.016])),
        readout_s=float(rng.uniform(0.002, 0.025)),
        gain=float(rng.uniform(0.6, 1.15)),
        white_balance=(float(1 + cast[0]), 1.0, float(1 + cast[2])),
        saturation=float(rng.uniform(0.8, 1.4)),
        contrast=float(rng.uniform(-0.1, 0.35)),
        noise=float(rng.uniform(0.5, 6.0)),
        grain=float(rng.uniform(0.0, 0.9)),
        blur=float(rng.uniform(0.3, 1.0)) * scale,
        vignette=float(rng.uniform(0.0, 0.35)),
    )


def _rails(rng: np.random.Generator) -> RailLook:
    return RailLook(
        wood=_near(rng, srgb(str(rng.choice(_WOODS))), 0.03, 0.2, 0.4),
        grain=float(rng.uniform(0.0, 0.7)),
        gloss=float(rng.uniform(0.0, 0.8)),
        sight=srgb("#efe9dc") if rng.random() < 0.85 else srgb("#caa35a"),
        sight_radius=float(rng.uniform(0.004, 0.009)),
        corner=_near(rng, srgb(str(rng.choice(["#55585e", "#1c1c1e", "#b9bbbe", "#6b3423"]))),
                     0.02, 0.1, 0.3),
        corner_reach=float(rng.uniform(0.14, 0.22)),
        liner=_near(rng, srgb(str(rng.choice(["#1d1c1c", "#3a2a1d", "#101010"]))), 0.02, 0.2, 0.4),
        cushion_width=float(rng.uniform(0.040, 0.055)),
        rounding=float(rng.uniform(0.01, 0.10)),
    )  # fmt: skip


def random_look(rng: np.random.Generator) -> BallLook:
    """A set of some make: hues and shades differ, old balls are yellowed and dull."""
    colours: dict[str, Colour] = {}
    modern = rng.random() < 0.2
    for k, colour in enumerate(POOL_COLOURS):
        base = colour
        if modern and k == 3:
            base = srgb("#f08aa0")  # pink instead of purple, as on television
        if modern and k == 6:
            base = srgb("#a8703f")  # light brown instead of maroon
        mixed = _near(rng, base, 0.012, 0.12, 0.22)
        colours[str(k + 1)] = mixed
        if k < 7:
            colours[str(k + 9)] = mixed
    for label, colour in {**SNOOKER_COLOURS, **CAROM_COLOURS}.items():
        colours[label] = _near(rng, colour, 0.012, 0.12, 0.22)
    age = rng.uniform(0, 1)
    return BallLook(
        colours=colours,
        white=(
            float(0.80 - 0.08 * age),
            float(0.77 - 0.12 * age),
            float(0.68 - 0.24 * age),
        ),
        stripe_half_width=float(rng.uniform(0.45, 0.66)),
        disc_radius=float(rng.uniform(0.28, 0.42)),
        gloss=float(rng.uniform(0.3, 1.2)),
        cue_dots=float(rng.choice([0.0, 0.0, 0.12, 0.18, 0.24])),
    )
