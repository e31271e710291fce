"""Pockets as landmarks: dark holes whose places the table's geometry knows.

They tell a table whose rails look like its cloth from a frame round the whole of it, and they lead
to the table where no colour does.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration.first_pose import rectangle_misfit

Array = NDArray[np.float64]

# A patch round each pocket, metres each way and per pixel.
_PATCH, _CELL = 0.17, 0.0025
# Metres: makers cut pockets differently deep behind the noses, and walls catch light.
_NEAR = 0.042
# Metres beyond that before a hole counts as being elsewhere.
_DOUBTFUL = 0.015
# How high above the cloth the dark of a pocket may lie, metres: seen from the side it is the far
# wall, its lining and its shadow, which all appear to stand farther away, by as much everywhere.
_LINING = 0.055
# Light in a hole against the bed's, coded values: liners and ball returns differ.
_DARK = (0.2, 0.3, 0.42, 0.55)
_SEARCH_SIZE = 720
_MOST_BLOBS = 16


@dataclass(frozen=True, slots=True)
class PocketEvidence:
    """How many holes are seen where they should be, how many elsewhere, of how many in view.

    ``trust`` (0…1) is how much those seen elsewhere say: little in a view from the side, in which
    linings, shadows and the rail's own dark parts are as dark as the holes.
    """

    agreeing: int
    displaced: int
    in_view: int
    trust: float = 1.0

    @property
    def share(self) -> float:
        """Agreement, -1…1; 0 where nothing can be said."""
        if not self.in_view:
            return 0.0
        return (self.agreeing - self.trust * self.displaced) / self.in_view


def look_at_pockets(
    picture: NDArray[np.uint8], camera: CameraModel, table: Table, bed_light: float
) -> PocketEvidence:
    """Compare dark holes with the places where a camera model puts the pockets.

    Args:
        picture: BGR uint8 (H, W, 3).
        camera: the camera to judge.
        table: its table.
        bed_light: coded lightness of the cloth, 0…255.
    """
    in_view = 0
    offs: list[Array] = []
    steps = np.arange(-_PATCH, _PATCH + _CELL / 2, _CELL)
    dx, dy = np.meshgrid(steps, steps)
    for pocket in table.pockets:
        x, y = pocket.centre[0] + dx, pocket.centre[1] + dy
        at = camera.to_pixels(np.column_stack([x.ravel(), y.ravel()])).reshape(*dx.shape, 2)
        middle = at[len(steps) // 2, len(steps) // 2]
        if not (8 < middle[0] < camera.width - 9 and 8 < middle[1] < camera.height - 9):
            continue
        patch = cv2.remap(
            picture,
            at[..., 0].astype(np.float32),
            at[..., 1].astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).max(axis=2)
        in_view += 1
        off = _hole_offset(patch, bed_light, pocket.radius)
        if off is not None:
            offs.append(off)
    if not offs:
        return PocketEvidence(0, 0, in_view)
    away = np.array([table.width / 2, table.length / 2]) - camera.position[:2]
    slant = float(np.linalg.norm(away)) / float(camera.position[2])
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    lean = float(np.clip(np.median(np.array(offs) @ away), 0.0, _LINING * slant))
    distance = np.linalg.norm(np.array(offs) - lean * away, axis=1)
    return PocketEvidence(
        int(np.count_nonzero(distance < _NEAR)),
        int(np.count_nonzero(distance > _NEAR + _DOUBTFUL)),
        in_view,
        float(np.clip(1.5 - slant, 0.0, 1.0)),
    )


def _hole_offset(patch: NDArray[np.uint8], bed_light: float, radius: float) -> Array | None:
    """Where the dark blob nearest to the patch's middle lies from it, (2,) metres."""
    expected = math.pi * (radius / _CELL) ** 2
    centre = (np.array(patch.shape[::-1]) - 1) / 2
    offs: list[Array] = []
    for share in _DARK:
        below = (patch < share * bed_light).astype(np.uint8)
        dark = cv2.morphologyEx(below, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
        count, _, stats, middles = cv2.connectedComponentsWithStats(dark, connectivity=4)
        for k in range(1, count):
            _, _, wide, high, area = stats[k]
            compact = area > 0.4 * wide * high and max(wide, high) <= 3 * min(wide, high)
            if compact and 0.25 * expected < area < 2.5 * expected:
                offs.append(_CELL * (middles[k] - centre))
    return min(offs, key=lambda off: float(np.linalg.norm(off)), default=None)


def quads_by_pockets(
    picture: NDArray[np.uint8], table: Table, focal_px: float | None, limit: int = 3
) -> list[Array]:
    """Nose rectangles whose pockets would lie on dark blobs of the picture, best first.

    Args:
        picture: BGR uint8 (H, W, 3).
        table: whose pockets are looked for.
        focal_px: focal length in pixels, where it is known.
        limit: how many are wanted at most.

    Returns:
        (4, 2) pixels each, in the order of the table's corners.
    """
    if len(table.pockets) != 6:
        return []
    blobs = _dark_blobs(picture)
    corners = np.array([p.centre for p in table.pockets if p.kind == "corner"])
    order = _frame_order(corners, table)
    corners = corners[order]
    sides = np.array([p.centre for p in table.pockets if p.kind == "side"])
    noses = np.array(table.corners)
    height, width = picture.shape[:2]
    rated: list[tuple[float, Array]] = []
    for four in itertools.combinations(range(len(blobs)), 4):
        ring = _anticlockwise(blobs[list(four), :2])
        if ring is None or _area(ring) < 0.05 * width * height:
            continue
        for turn in (0, 1):
            seen = np.roll(ring, -turn, axis=0)
            cost = _cost(seen, corners, sides, blobs)
            if cost is None:
                continue
            h = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
            quad = _project(np.asarray(h, float), noses)
            misfit = rectangle_misfit(
                quad, (table.width, table.length), (width, height), focal_px, 0.03
            )
            if misfit < 40.0:
                rated.append((cost + 0.05 * misfit, quad))
    rated.sort(key=lambda pair: pair[0])
    return [quad for _, quad in rated[:limit]]


def _cost(seen: Array, corners: Array, sides: Array, blobs: Array) -> float | None:
    """How badly blobs fit the side pockets, when four of them are the corner pockets."""
    h = np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32)))
    at = _project(h.astype(float), sides)
    # A pocket's breadth here, along the long side.
    unit = _project(h.astype(float), sides + [0.0, 0.06])
    cost = 0.0
    for place, beside in zip(at, unit, strict=True):
        breadth = max(float(np.linalg.norm(beside - place)), 2.0)
        off = float(np.linalg.norm(blobs[:, :2] - place, axis=1).min()) / breadth
        if off > 1.2:
            return None
        cost += off**2
    return cost


def _dark_blobs(picture: NDArray[np.uint8]) -> Array:
    """Compact dark places, (n, 3): pixels, and how much darker they are than round about."""
    scale = min(1.0, _SEARCH_SIZE / max(picture.shape[:2]))
    light = cv2.resize(picture.max(axis=2), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    light = cv2.GaussianBlur(light, (0, 0), 1.0)
    size = max(light.shape)
    least, most = math.pi * (0.004 * size) ** 2, math.pi * (0.035 * size) ** 2
    found: list[tuple[float, float, float]] = []
    for level in (14, 22, 32, 45, 60, 80):
        dark = (light < level).astype(np.uint8)
        count, labels, stats, middles = cv2.connectedComponentsWithStats(dark, connectivity=4)
        for k in range(1, count):
            x, y, wide, high, area = stats[k]
            if not (least < area < most and area > 0.45 * wide * high):
                continue
            if max(wide, high) > 3.5 * min(wide, high):
                continue
            x0, y0 = max(x - wide, 0), max(y - high, 0)
            window = np.s_[y0 : y + 2 * high, x0 : x + 2 * wide]
            outside = light[window][labels[window] != k]
            inside = light[window][labels[window] == k]
            contrast = math.log((float(np.median(outside)) + 8) / (float(np.median(inside)) + 8))
            found.append((float(middles[k][0]), float(middles[k][1]), contrast))
    found.sort(key=lambda blob: -blob[2])
    kept: list[tuple[float, float, float]] = []
    for blob in found:
        if all(math.dist(blob[:2], other[:2]) > 0.015 * size for other in kept):
            kept.append(blob)
        if len(kept) == _MOST_BLOBS:
            break
    out = np.array(kept).reshape(-1, 3)
    out[:, :2] = (out[:, :2] + 0.5) / scale - 0.5
    return out


def _frame_order(corners: Array, table: Table) -> list[int]:
    """Indices that put corner pockets into the order of the table's corners."""
    return [
        int(np.argmin(np.linalg.norm(corners - np.array(corner), axis=1)))
        for corner in table.corners
    ]


def _anticlockwise(points: Array) -> Array | None:
    """Four points anticlockwise on the screen, ``None`` where they are no convex quadrilateral."""
    hull = cv2.convexHull(points.astype(np.float32), clockwise=False).reshape(-1, 2)
    if len(hull) != 4:
        return None
    x, y = hull.T
    # y runs downwards: a positive shoelace sum is clockwise on the screen.
    area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return np.asarray(hull[::-1] if area > 0 else hull, dtype=np.float64)


def _area(ring: Array) -> float:
    return float(cv2.contourArea(ring.astype(np.float32)))


def _project(h: Array, points: Array) -> Array:
    mapped = np.column_stack([points, np.ones(len(points))]) @ h.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])
