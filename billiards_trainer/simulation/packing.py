"""Descriptions of things as the plain numbers that the kernels take (see ``optics``)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.light_map import table_to_map
from billiards_trainer.simulation.setup import BallLook, Colour, ProjectorLook, Setup, srgb
from billiards_trainer.table import Table

Array = NDArray[np.float64]

POOL_COLOURS: tuple[Colour, ...] = tuple(
    srgb(c)
    for c in (
        "#f3b61f",
        "#1547a8",
        "#d4151f",
        "#4f1f87",
        "#f2661b",
        "#0c6e3d",
        "#7b1420",
        "#131315",
    )
)
"""Balls 1 to 8; the stripes 9 to 15 wear the colours of 1 to 7."""

SNOOKER_COLOURS: dict[str, Colour] = {
    "red": srgb("#bf0f1a"),
    "yellow": srgb("#f5c518"),
    "green": srgb("#0d7a53"),
    "brown": srgb("#8a3d12"),
    "blue": srgb("#1a63c9"),
    "pink": srgb("#ef7c93"),
    "black": srgb("#141316"),
}

CAROM_COLOURS: dict[str, Colour] = {"yellow": srgb("#f6c21a"), "red": srgb("#c4141c")}


def bgr(colour: Colour) -> Array:
    """A colour in the kernels' order."""
    return np.array(colour[::-1], dtype=np.float64)


def pack_camera(camera: CameraModel) -> Array:
    """The 21 numbers of a camera."""
    return np.array(
        [
            *camera.focal,
            *camera.centre,
            *camera.distortion,
            *camera.rotation,
            *camera.translation,
        ],
        dtype=np.float64,
    )


def pack_lamps(setup: Setup) -> Array:
    """Lamps, shape (N, 10)."""
    rows = []
    for lamp in setup.lamps:
        radius = math.sqrt(4 * lamp.size[0] * lamp.size[1] / math.pi)
        rows.append([*lamp.position, *lamp.size, lamp.power, *lamp.colour[::-1], radius])
    return np.array(rows, dtype=np.float64).reshape(-1, 10)


def pack_projector(look: ProjectorLook) -> Array:
    """Projector: position (3) and the matrix (9) from a lit point on the cloth to the light map."""
    to_map = np.vstack([table_to_map(), [0.0, 0.0, 1.0]])
    error = np.array(look.error).reshape(3, 3)
    return np.concatenate([np.array(look.position), (to_map @ error).ravel()])


def base_colour(label: str, look: BallLook) -> Colour:
    """The colour that names a ball: of its body or its stripe."""
    if label in look.colours:
        return look.colours[label]
    if label == "cue":
        return look.white
    if label.isdigit():
        number = int(label)
        return POOL_COLOURS[(number - 1) % 8 if number <= 8 else number - 9]
    return SNOOKER_COLOURS[label] if label in SNOOKER_COLOURS else CAROM_COLOURS[label]


def pack_look(label: str, look: BallLook, table: Table) -> Array:
    """The 12 numbers of a ball's appearance."""
    kind = 0
    if label.isdigit():
        kind = 1 if int(label) <= 8 else 2
    colour = base_colour(label, look)
    if table.game == "carom" and label in CAROM_COLOURS and label not in look.colours:
        colour = CAROM_COLOURS[label]
    dots = look.cue_dots if label == "cue" or table.game == "carom" else 0.0
    return np.array(
        [
            kind,
            look.stripe_half_width,
            look.disc_radius,
            dots,
            look.gloss,
            *colour[::-1],
            *look.white[::-1],
            0.0,
        ],
        dtype=np.float64,
    )
