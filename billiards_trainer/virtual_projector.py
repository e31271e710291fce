"""The virtual table's projector: where its pixels' light really falls.

A real projector's optics are what they are, whatever its calibration says.  For the virtual table
this module stands for them, so that a calibration can be wrong, and be solved.
"""

from __future__ import annotations

import math

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table


def misset_projector(table: Table, seed: int, width: int, height: int) -> CameraModel:
    """A projector hung and tilted by hand, with a lens of its own; the same seed, the same one.

    Args:
        table: what it hangs above.
        seed: of the draw.
        width: of its picture, pixels.
        height: of its picture, pixels.

    Returns:
        Table metres to projector pixels; the whole cloth lies within its picture.
    """
    rng = np.random.default_rng((seed, 23))
    eye = np.array(
        [
            table.width * rng.uniform(0.15, 0.85),
            table.length * rng.uniform(0.35, 0.65),
            rng.uniform(2.0, 3.0),
        ]
    )
    target = np.array([table.width / 2, table.length / 2, 0.0])
    target[:2] += rng.uniform(-0.15, 0.15, 2)
    roll = math.radians(rng.normal(0.0, 2.0))
    lens = (float(rng.uniform(-0.04, 0.04)), 0.0, 0.0, 0.0, 0.0)
    # Lens shift: the optical axis leaves the picture's middle, mostly upwards or downwards.
    shift = rng.uniform(-0.02, 0.02) * width, rng.uniform(-0.25, 0.25) * height
    middle = ((width - 1) / 2, (height - 1) / 2)
    head_to = 1.0 if rng.random() < 0.5 else -1.0
    up = (-head_to * math.cos(roll), head_to * math.sin(roll), 0.0)
    free = float(rng.uniform(0.0, 0.03)) * height

    def hung(focal: float) -> CameraModel:
        looking = CameraModel.look_at(
            eye, target, up, width=width, height=height, focal=focal, distortion=lens
        )
        cloth = looking.to_pixels(table.corners)
        offset = (cloth.min(axis=0) + cloth.max(axis=0)) / 2 - np.array(middle)
        # The lens is shifted so that the picture meets the table, and a little beside it.
        centre = np.array(looking.centre) - offset + np.array(shift) * 0.1
        return CameraModel(
            width, height, looking.focal, (float(centre[0]), float(centre[1])),
            looking.rotation, looking.translation, lens,
        )  # fmt: skip

    def fits(focal: float) -> bool:
        p = hung(focal).to_pixels(table.corners)
        low, high = p.min(axis=0), p.max(axis=0)
        return bool(
            (low >= free).all() and high[0] <= width - 1 - free and high[1] <= height - 1 - free
        )

    low, high = 0.05 * width, 8.0 * width
    for _ in range(40):
        between = (low + high) / 2
        low, high = (between, high) if fits(between) else (low, between)
    return hung(low)
