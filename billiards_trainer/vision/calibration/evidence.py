"""What the picture shows where a camera model puts the rails: is this really the table?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration import rails
from billiards_trainer.vision.calibration.noses import bend_of, corners_px, expected_strips
from billiards_trainer.vision.calibration.pockets import PocketEvidence, look_at_pockets

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a table.

    Attributes:
        ends: for each rail, the part along which the cloth ends where it should, 0…1.
        noses: for each rail, the part along which the nose was seen, 0…1, less for a faint one.
        pockets: side pockets in the middle of the long rails (positive) or of the short (negative).
        holes: dark holes against the places of the table's pockets.
    """

    ends: tuple[float, ...]
    noses: tuple[float, ...]
    pockets: float
    holes: PocketEvidence

    @property
    def weight(self) -> float:
        """One number to compare hypotheses by."""
        ends = 3.0 * float(np.mean(self.ends)) + min(self.ends)
        return ends + 3.0 * float(np.mean(self.noses)) + self.pockets + 4.0 * self.holes.share

    @property
    def seen(self) -> float:
        """How much of what should be seen of the table was, 0…1.

        Rails may look like the cloth, and then only the noses and the holes tell where it ends.
        """
        ends = min(1.0, 1.1 * float(np.mean(self.ends)))
        believed = max(ends, 0.95 * max(0.0, self.holes.share))
        return believed * (0.7 + 0.3 * float(np.mean(self.noses)))

    @property
    def is_plain(self) -> bool:
        """Whether nothing else needs to be tried."""
        holes = self.holes.share >= 0.0
        return min(self.ends) > 0.6 and float(np.mean(self.ends)) > 0.8 and holes


def gather(
    picture: NDArray[np.uint8],
    camera: CameraModel,
    table: Table,
    cushion_width: float,
    rail_rise: float,
    noses: list[rails.Edge | None],
    bed: Array,
) -> Evidence:
    """Look at the rails where a camera model puts them.

    Args:
        picture: BGR uint8 (H, W, 3).
        camera: the camera to judge.
        table: its table.
        cushion_width: nose to cloth's end, metres.
        rail_rise: height of the cloth's end above the nose, metres.
        noses: the nose edges found.
        bed: (3,) the bed's log features.
    """
    cushion = float(np.clip(cushion_width, 0.01, 0.12))
    ends, dips = [], []
    homography = rails.plane_homography(corners_px(camera, table), table.width, table.length)
    for strip, expected in expected_strips(picture, camera, table, (-cushion - 0.07, 0.05)):
        along, end = bend_of(camera, table, homography, strip.side, cushion, rail_rise)
        ends.append(_end_share(strip, np.interp(strip.along, along, end), bed))
        dips.append(_middle_dip(strip, expected, cushion))
    pockets = dips[1] + dips[3] - dips[0] - dips[2] if table.pockets else 0.0
    return Evidence(
        tuple(ends),
        tuple(_clarity(e) if e else 0.0 for e in noses),
        float(np.clip(1.2 * pockets, -2.0, 2.0)),
        look_at_pockets(picture, camera, table, _brightest(bed)),
    )


def _brightest(bed: Array) -> float:
    """The largest of the bed's three coded values."""
    green = bed[2] - (bed[0] + bed[1]) / 3.0
    return float(np.exp(green + max(bed[0], bed[1], 0.0)) - rails.FLOOR)


def _clarity(nose: rails.Edge) -> float:
    """How plainly a nose was seen, 0…1: grain and nap make weak edges, and crooked ones."""
    contrast = float(np.clip(math.log(max(nose.strength, 1.0) / 2.0) / math.log(25.0), 0.0, 1.0))
    return nose.share * contrast / (1.0 + (nose.scatter_px / 0.8) ** 2)


def _end_share(strip: rails.Strip, at: Array, bed: Array) -> float:
    """Part of a rail along which cloth-like turns to something else at depth ``at``, (S,)."""
    pixel = rails.depth_per_pixel(strip)
    guard, reach = max(0.004, 1.0 * pixel), max(0.020, 2.5 * pixel)
    offset = strip.depth[None, :] - at[:, None]
    unlike = rails.unlike_cloth(strip.logs, bed)
    outside = _mean_where(unlike, (offset > -guard - reach) & (offset < -guard))
    inside = _mean_where(unlike, (offset > guard) & (offset < guard + reach))
    with np.errstate(invalid="ignore"):
        return float(np.mean((outside - inside > 0.25) & (inside < 0.5)))


def _mean_where(values: Array, where: NDArray[np.bool_]) -> Array:
    """Mean of each row's chosen values, NaN where none is chosen or one is not in the picture."""
    total = np.where(where, values, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / where.sum(axis=1))


def _middle_dip(strip: rails.Strip, expected: Array, cushion: float) -> float:
    """How much darker or otherwise unlike itself the cushion is in the middle of a rail."""
    offset = float(np.median(expected))
    use = (strip.depth > offset - cushion) & (strip.depth < offset + 0.004)
    logs = strip.logs[:, use]
    middle = np.abs(strip.along - 0.5) < 0.035
    beside = (np.abs(strip.along - 0.5) > 0.08) & (np.abs(strip.along - 0.5) < 0.36)
    shown = np.isfinite(logs).all(axis=(1, 2))
    if logs.shape[1] == 0 or not (shown & middle).any() or (shown & beside).sum() < 4:
        return 0.0
    typical = np.median(logs[shown], axis=0)
    unlike = np.linalg.norm(logs - typical, axis=2).mean(axis=1)
    spread = float(np.quantile(unlike[shown & beside], 0.8))
    return float(unlike[shown & middle].max()) - spread
