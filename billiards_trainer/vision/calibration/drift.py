"""Has somebody knocked the camera?  The noses in the present picture against the calibration.

Cheap enough to run every few seconds while nobody plays: four narrow strips are looked at, where
the calibration says the noses are, and the small turn and shift of the camera that explains what
is seen there is solved for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.noses import NoseEdge, corners_px, find_noses

Array = NDArray[np.float64]

# How far a knock usually turns (rad) and shifts (m) a camera that hangs on a bracket.
_KNOCK = np.array([0.05, 0.05, 0.05, 0.03, 0.03, 0.03])
# Metres: how well the nose of one rail is seen.
_NOSE_SIGMA = 0.001
# Metres: a rail whose nose lies farther off than this after the fit was mistaken for another edge.
_MISTAKEN = 0.004
_FINE = 0.006
# Metres: how far off a nose is looked for; farther only where nothing agrees nearer by.
_REACHES = (0.020, 0.045)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the picture has moved against a calibration.

    Attributes:
        drift_mm: how far the corner of the noses that moved most lies from where the calibration
            puts it, millimetres; ``None`` where fewer than three rails agree and nothing can be
            said.
        rails_mm: outwards per rail, median along it, millimetres; ``None`` for a rail not seen.
        camera: the camera as it hangs now; ``None`` with ``drift_mm``.
    """

    drift_mm: float | None
    rails_mm: tuple[float | None, float | None, float | None, float | None]
    camera: CameraModel | None = None


def measure_drift(picture: NDArray[np.uint8], camera: CameraModel, table: Table) -> Drift:
    """Compare a picture with a calibration.

    Args:
        picture: BGR uint8 (H, W, 3), of the size the camera was calibrated with.
        camera: the calibration in force.
        table: its table.
    """
    found = Drift(None, (None, None, None, None))
    for reach in _REACHES:
        found = _measured(picture, camera, table, reach)
        if found.drift_mm is not None:
            break
    return found


def _measured(picture: NDArray[np.uint8], camera: CameraModel, table: Table, reach: float) -> Drift:
    noses = find_noses(picture, camera, table, reach)
    rails_mm = [None if n is None else 1e3 * float(np.median(n.outwards)) for n in noses]
    seen = (rails_mm[0], rails_mm[1], rails_mm[2], rails_mm[3])
    least = _explained(picture, noses, camera, table)
    if least is None or least[0] > 1e3 * _MISTAKEN:
        # A shadow's edge taken for one rail's nose can look like a turn.  Who knocks a camera moves
        # all rails: without any one of them, the other three still tell of it.
        for mistaken in range(4):
            others = [None if side == mistaken else nose for side, nose in enumerate(noses)]
            found = _explained(picture, others, camera, table)
            if found is not None and (least is None or found[0] < least[0]):
                least = found
    return Drift(None, seen) if least is None else Drift(least[0], seen, least[1])


def _explained(
    picture: NDArray[np.uint8], noses: list[NoseEdge | None], camera: CameraModel, table: Table
) -> tuple[float, CameraModel] | None:
    """How far the camera has moved, millimetres, and the moved one; if three rails agree on it."""
    now, agreeing = _knocked(noses, camera, table)
    if agreeing < 3:
        return None
    # Once more, where the noses are now: at first a shadow's edge may have been nearer.
    now, agreeing = _knocked(find_noses(picture, now, table, _FINE), now, table)
    return (moved_mm(camera, now, table), now) if agreeing >= 3 else None


def moved_mm(before: CameraModel, after: CameraModel, table: Table) -> float:
    """How far the corner that moved most lies from where ``before`` puts it, millimetres."""
    there = after.to_plane(corners_px(before, table), table.cushion_height)
    return float(1e3 * np.linalg.norm(there - np.array(table.corners), axis=1).max())


def _knocked(
    noses: list[NoseEdge | None], camera: CameraModel, table: Table
) -> tuple[CameraModel, int]:
    """The camera turned and shifted so that the noses fit, and how many rails agree with it.

    Three unknowns hardly differ in what they do to a table seen from above; the knock's usual
    size decides between them, and the mapping does not care.
    """
    groups = [n for n in noses if n is not None]
    if len(groups) < 3:
        return camera, 0
    pixels = np.concatenate([n.edge.pixels for n in groups])
    sides = np.concatenate([np.full(len(n.edge.pixels), n.edge.side) for n in groups])
    counts = np.bincount(sides, minlength=4)
    change = np.zeros(6)
    for _ in range(8):
        off = _outwards(_moved(camera, change), table, pixels, sides)
        step = 1e-5
        slope = np.column_stack(
            [
                (_outwards(_moved(camera, change + step * axis), table, pixels, sides) - off) / step
                for axis in np.eye(6)
            ]
        )
        # Points of one rail err together; rails that disagree with the others count less.
        medians = np.array([np.median(off[sides == s]) if counts[s] else 0.0 for s in range(4)])
        weight = 1.0 / (1.0 + (medians[sides] / _MISTAKEN) ** 2)
        weight /= counts[sides] * _NOSE_SIGMA**2 / 8.0
        matrix = slope.T @ (slope * weight[:, None]) + np.diag(_KNOCK**-2)
        right = -slope.T @ (weight * off) - change / _KNOCK**2
        delta = np.linalg.solve(matrix, right)
        change = change + delta
        if float(np.abs(delta).max()) < 1e-6:
            break
    now = _moved(camera, change)
    off = _outwards(now, table, pixels, sides)
    agree = [abs(float(np.median(off[sides == s]))) < _MISTAKEN for s in range(4) if counts[s]]
    return now, sum(agree)


def _moved(camera: CameraModel, change: Array) -> CameraModel:
    """The camera turned by ``change[:3]`` (rad) and shifted by ``change[3:]`` (m), its own axes."""
    turn = np.asarray(cv2.Rodrigues(change[:3].reshape(3, 1))[0], dtype=np.float64)
    rotation = turn @ camera.rotation_matrix
    shift = turn @ np.array(camera.translation) + change[3:]
    return replace(
        camera,
        rotation=tuple(float(v) for v in rotation.ravel()),
        translation=(float(shift[0]), float(shift[1]), float(shift[2])),
    )


def _outwards(camera: CameraModel, table: Table, pixels: Array, sides: NDArray[np.intp]) -> Array:
    """How far outside its rail's nose each pixel (n, 2) lies, metres."""
    x, y = camera.to_plane(pixels, table.cushion_height).T
    return np.asarray(np.choose(sides, [-y, x - table.width, y - table.length, -x]))
