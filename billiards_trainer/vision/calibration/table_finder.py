"""From a picture to the table in it and the camera that took it.

The picture alone does not say which of a rectangle's sides are the long ones once the view is
oblique: both ways are tried, and pose, edges and the side pockets decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.calibration import picture_check, rails
from billiards_trainer.vision.calibration.cloth import cloth_regions
from billiards_trainer.vision.calibration.pose import (
    PoseFit,
    RailPoints,
    fit_pose,
    start_camera,
)
from billiards_trainer.vision.calibration.quadrilateral import Quad, fit_quads

Array = NDArray[np.float64]

ASSUMED_TABLE = "pool-9ft"


class TableNotFound(InputError):
    """No table in the picture; the message says in one sentence why, or what to do."""


@dataclass(frozen=True, slots=True)
class TableFit:
    """The table as found.

    Attributes:
        corners_px: (4, 2) pixels of the cushion-nose corners (0,0), (w,0), (w,l), (0,l).
        cloth_corners_px: (4, 2) the same for the outer edge of the cloth, where the rails' tops
            begin (a cushion's width outside the noses).
        camera: pose, focal length and lens; maps at any height above the cloth.
        table: the table whose size was used.
        table_assumed: no size was given, and 9-ft pool proportions were taken.
        head_guessed: nothing in the picture told the head end; see the table frame's convention.
        residual_px: root mean square distance of nose edge points from the fitted noses.
        residual_mm: the same in millimetres on the plane of the noses.
        cushion_width: visible cloth from nose to rail's top, metres.
        confidence: 0…1.
        source: ``detected``, or ``given`` where corners came from outside.
    """

    corners_px: Array
    cloth_corners_px: Array
    camera: CameraModel
    table: Table
    table_assumed: bool
    head_guessed: bool
    residual_px: float
    residual_mm: float
    cushion_width: float
    confidence: float
    source: Literal["detected", "given"]


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    fit: PoseFit
    corners: Array
    evidence: float
    share: float
    quad_score: float

    @property
    def rank(self) -> float:
        """Higher is more believable."""
        misfit = min(self.fit.residual_mm / 6.0, 3.0)
        return 2.0 * self.quad_score + 1.5 * self.share + self.evidence - misfit


def find_table(
    picture: NDArray[np.uint8],
    table: Table | None = None,
    *,
    corners: ArrayLike | None = None,
    refine: bool = True,
    camera_height: float | None = None,
    focal_px: float | None = None,
) -> TableFit:
    """Find the table and the camera's pose.

    Args:
        picture: BGR uint8 (H, W, 3).
        table: the table's size; 9-ft pool proportions when ``None``.
        corners: (4, 2) pixels of the cushion-nose corners, in the table frame's order where they
            run anticlockwise on the screen; in any other order they are only places.
        refine: with ``corners``, whether they are moved onto the noses seen in the picture.
        camera_height: lens above the cloth in metres, where it is known: from straight above a
            picture cannot tell height from focal length.
        focal_px: focal length in pixels, where it is known.

    Raises:
        TableNotFound: no table is seen.
        InputError: not a picture, or corners that are not a quadrilateral.
    """
    picture_check.require_picture(picture)
    used = table if table is not None else preset(ASSUMED_TABLE)
    known = _Known(used, camera_height, focal_px, (picture.shape[1], picture.shape[0]))
    if corners is not None:
        given = _ordered(np.asarray(corners, dtype=np.float64))
        if not refine:
            return _from_corners(given, known, table is None)
        fault = picture_check.describe_fault(picture)
        best = None if fault else _refined(picture, known, given)
        if best is None:
            return _from_corners(given, known, table is None)
        return _finished(best, known, table is None, given.is_oriented, "given")
    fault = picture_check.describe_fault(picture)
    if fault:
        raise TableNotFound(fault)
    hypotheses = []
    for quad in _coarse_quads(picture):
        for turn in (0, 1):
            found = _hypothesis(picture, known, np.roll(quad.corners, -turn, axis=0), quad.score)
            if found is not None:
                hypotheses.append(found)
    if not hypotheses:
        if picture_check.is_blurred(picture):
            raise TableNotFound("the picture is too blurred to find the table: focus the camera")
        raise TableNotFound("no table was found in the picture: all four rails must be in view")
    best = max(hypotheses, key=lambda h: h.rank)
    return _finished(best, known, table is None, False, "detected")


@dataclass(frozen=True, slots=True)
class _Known:
    table: Table
    camera_height: float | None
    focal_px: float | None
    picture: tuple[int, int]

    @property
    def size(self) -> tuple[float, float]:
        return (self.table.width, self.table.length)


@dataclass(frozen=True, slots=True)
class _Given:
    corners: Array
    is_oriented: bool


def _ordered(corners: Array) -> _Given:
    """Corners anticlockwise on the screen, and whether they came so."""
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise InputError("corners are four points: x,y,x,y,x,y,x,y")
    hull = cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2)
    if len(hull) != 4 or cv2.contourArea(hull) < 400:
        raise InputError("corners must be the four corners of a quadrilateral")
    x, y = corners.T
    area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    if abs(area) < 0.9 * cv2.contourArea(hull):
        centre = corners.mean(axis=0)
        angle = np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0])
        return _Given(corners[np.argsort(-angle)], False)
    # y runs downwards: a positive shoelace sum is clockwise on the screen.
    return _Given(corners[::-1].copy(), False) if area > 0 else _Given(corners, True)


def _coarse_quads(picture: NDArray[np.uint8], keep: int = 3) -> list[Quad]:
    found: list[Quad] = []
    for region in cloth_regions(picture):
        for quad in fit_quads(region.mask, 2):
            corners = (quad.corners + 0.5) / region.scale - 0.5
            found.append(Quad(corners, quad.score, quad.support))
    found.sort(key=lambda q: -q.score)
    kept: list[Quad] = []
    tolerance = 0.01 * max(picture.shape)
    for quad in found:
        if quad.score > 0.35 and all(
            min(
                float(np.abs(np.roll(quad.corners, k, axis=0) - other.corners).max())
                for k in range(4)
            )
            > tolerance
            for other in kept
        ):
            kept.append(quad)
        if len(kept) == keep:
            break
    return kept


def _hypothesis(
    picture: NDArray[np.uint8], known: _Known, quad: Array, score: float
) -> _Hypothesis | None:
    """Refine one quadrilateral whose side 0 is taken for a short rail."""
    size = known.size
    homography = rails.plane_homography(quad, *size)
    bed = _bed_colour(picture, homography, size)
    ends: list[rails.Edge] = []
    for side in range(4):
        strip = rails.sample_strip(picture, homography, size, side, (-0.085, 0.075))
        edge = rails.find_cloth_end(strip, bed)
        if edge is not None:
            ends.append(edge)
    lines = {e.side: _line(e.pixels) for e in ends if e.share > 0.2}
    for side in range(4):
        if side not in lines:
            lines[side] = _line(np.array([quad[side], quad[(side + 1) % 4]]))
    outer = _intersections([lines[s] for s in range(4)])
    if outer is None:
        return None
    margin = rails.CUSHION_WIDTH
    big = (size[0] + 2 * margin, size[1] + 2 * margin)
    homography = rails.plane_homography(outer, *big)
    strips = [rails.sample_strip(picture, homography, big, s, (-0.030, 0.115)) for s in range(4)]
    bends = [_bend(ends, s, homography, big, strips[s]) for s in range(4)]
    width = _cushion_width(strips, bends)
    noses = []
    if width is not None:
        for strip, bend in zip(strips, bends, strict=True):
            edge = rails.find_nose(strip, bend + width, 0.007)
            if edge is not None and edge.strength > 2.0 and edge.share > 0.25:
                noses.append(edge)
    groups = [RailPoints(e.side, e.pixels, False, 0.7) for e in noses]
    groups += [RailPoints(e.side, e.pixels, True, 2.0) for e in ends if e.share > 0.2]
    seen = {g.side for g in groups}
    for side in range(4):
        if side not in seen:
            t = np.linspace(0.1, 0.9, 7)[:, None]
            at = outer[side] * (1 - t) + outer[(side + 1) % 4] * t
            groups.append(RailPoints(side, at, True, 6.0))
    first = start_camera(
        outer, size, margin, known.table.cushion_height, known.picture, known.focal_px
    )
    if first is None:
        return None
    fit = fit_pose(
        groups,
        known.table,
        first,
        cushion_width=width if width is not None else margin,
        camera_height=known.camera_height,
        focal_px=known.focal_px,
    )
    if fit.camera.position[2] < 0.3 or not math.isfinite(fit.residual_mm):
        return None
    share = float(
        np.mean([max((e.share for e in noses if e.side == s), default=0.0) for s in range(4)])
    )
    evidence = _pocket_evidence(strips) if known.table.pockets else 0.0
    return _Hypothesis(fit, _nose_corners(fit.camera, known.table), evidence, share, score)


def _refined(picture: NDArray[np.uint8], known: _Known, given: _Given) -> _Hypothesis | None:
    """Corners that were given, moved onto the edges in the picture."""
    found = []
    for turn in (0,) if given.is_oriented else (0, 1):
        corners = np.roll(given.corners, -turn, axis=0)
        homography = rails.plane_homography(corners, *known.size)
        m, (w, length) = rails.CUSHION_WIDTH, known.size
        outer = np.array([[-m, -m], [w + m, -m], [w + m, length + m], [-m, length + m]])
        quad = np.column_stack([outer, np.ones(4)]) @ homography.T
        one = _hypothesis(picture, known, quad[:, :2] / quad[:, 2:], 1.0)
        if one is not None:
            found.append(one)
    if not found:
        return None
    best = max(found, key=lambda h: h.rank)
    moved = float(np.abs(best.corners - given.corners).max())
    if given.is_oriented and moved > 0.04 * max(known.picture):
        return None
    return best


def _from_corners(given: _Given, known: _Known, assumed: bool) -> TableFit:
    """Pose from the four corners alone."""
    best: tuple[float, PoseFit] | None = None
    for turn in (0,) if given.is_oriented else (0, 1):
        corners = np.roll(given.corners, -turn, axis=0)
        first = start_camera(
            corners, known.size, 0.0, known.table.cushion_height, known.picture, known.focal_px
        )
        if first is None:
            continue
        t = np.linspace(0.0, 1.0, 9)[:, None]
        groups = [
            RailPoints(s, corners[s] * (1 - t) + corners[(s + 1) % 4] * t, False, 1.0)
            for s in range(4)
        ]
        fit = fit_pose(
            groups,
            known.table,
            first,
            lens=False,
            camera_height=known.camera_height,
            focal_px=known.focal_px,
        )
        if best is None or fit.cost < best[0]:
            best = (fit.cost, fit)
    if best is None:
        raise TableNotFound("no camera above a table sees its corners where they were given")
    hypothesis = _Hypothesis(best[1], _nose_corners(best[1].camera, known.table), 0.0, 1.0, 1.0)
    return _finished(hypothesis, known, assumed, given.is_oriented, "given")


def _finished(
    best: _Hypothesis,
    known: _Known,
    assumed: bool,
    oriented: bool,
    source: Literal["detected", "given"],
) -> TableFit:
    camera, table = best.fit.camera, known.table
    corners = _nose_corners(camera, table)
    if not oriented and _head_is_at_far_end(corners):
        camera = turned_round(camera, table)
        corners = _nose_corners(camera, table)
    fitness = math.exp(-((best.fit.residual_mm / 12.0) ** 2))
    confidence = min(1.0, best.quad_score * 1.15) * fitness * (0.6 + 0.4 * best.share)
    return TableFit(
        corners_px=corners,
        cloth_corners_px=_nose_corners(camera, table, best.fit.cushion_width),
        camera=camera,
        table=table,
        table_assumed=assumed,
        head_guessed=not oriented,
        residual_px=best.fit.residual_px,
        residual_mm=best.fit.residual_mm,
        cushion_width=best.fit.cushion_width,
        confidence=float(np.clip(confidence, 0.0, 1.0)),
        source=source,
    )


def _head_is_at_far_end(corners: Array) -> bool:
    """Whether the end taken for the head is not the one the convention names.

    The head is the end nearer the left edge where the table lies along the picture, else the end
    nearer the lower edge.
    """
    head, foot = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
    dx, dy = foot - head
    return bool(dx < 0) if abs(dx) >= abs(dy) else bool(dy > 0)


def turned_round(camera: CameraModel, table: Table) -> CameraModel:
    """The same camera when the table's other end is called the head."""
    half_turn = np.diag([-1.0, -1.0, 1.0])
    rotation = camera.rotation_matrix @ half_turn
    shift = np.array(camera.translation) + camera.rotation_matrix @ np.array(
        [table.width, table.length, 0.0]
    )
    return CameraModel(
        camera.width,
        camera.height,
        camera.focal,
        camera.centre,
        tuple(float(v) for v in rotation.ravel()),
        (float(shift[0]), float(shift[1]), float(shift[2])),
        camera.distortion,
    )


def _nose_corners(camera: CameraModel, table: Table, margin: float = 0.0) -> Array:
    corners = np.array(table.corners)
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    points = corners + margin * outwards
    return camera.to_pixels(np.column_stack([points, np.full(4, table.cushion_height)]))


def _bed_colour(picture: NDArray[np.uint8], homography: Array, size: tuple[float, float]) -> Array:
    """Median log features of the bed's middle, shape (3,)."""
    strip = rails.sample_strip(picture, homography, size, 0, (0.15 * size[1], 0.85 * size[1]))
    return np.asarray(np.nanmedian(strip.logs.reshape(-1, 3), axis=0))


def _line(pixels: Array) -> Array:
    """Homogeneous line through points, total least squares with two rounds of cutting."""
    use = pixels
    for _ in range(3):
        mean = use.mean(axis=0)
        _, _, axes = np.linalg.svd(use - mean, full_matrices=False)
        normal = axes[-1] if len(axes) > 1 else np.array([-axes[0][1], axes[0][0]])
        off = np.abs((use - mean) @ normal)
        limit = max(3.0 * float(np.median(off)), 0.7)
        if (off < limit).sum() < 3:
            break
        use = use[off < limit]
    return np.array([normal[0], normal[1], -float(normal @ mean)])


def _intersections(lines: list[Array]) -> Array | None:
    """Corner k is where side k-1 meets side k; None where they hardly meet."""
    corners = np.empty((4, 2))
    for k in range(4):
        point = np.cross(lines[k - 1], lines[k])
        if abs(point[2]) < 0.15:
            return None
        corners[k] = point[:2] / point[2]
    return corners


def _bend(
    ends: list[rails.Edge],
    side: int,
    homography: Array,
    size: tuple[float, float],
    strip: rails.Strip,
) -> Array:
    """Where the cloth's end really runs along a strip, (S,) metres: lenses bend it."""
    for edge in ends:
        if edge.side == side and edge.share > 0.2 and len(edge.pixels) >= 6:
            inverse = np.linalg.inv(homography)
            at = np.column_stack([edge.pixels, np.ones(len(edge.pixels))]) @ inverse.T
            at = at[:, :2] / at[:, 2:]
            x, y = at.T
            w, length = size
            depth = [y, w - x, length - y, x][side]
            along = [x / w, y / length, 1 - x / w, 1 - y / length][side]
            fit = np.polynomial.Polynomial.fit(along, depth, 2)
            return np.clip(fit(strip.along), -0.02, 0.02)
    return np.zeros(len(strip.along))


def _cushion_width(strips: list[rails.Strip], bends: list[Array]) -> float | None:
    """The distance from the cloth's end at which all rails together show an edge."""
    widths = np.arange(rails.CUSHION_RANGE[0], rails.CUSHION_RANGE[1], 0.001)
    total = np.zeros(len(widths))
    voters = 0
    for strip, bend in zip(strips, bends, strict=True):
        strength = np.nan_to_num(rails.nose_strength(strip))
        aligned = np.array(
            [np.interp(widths + b, strip.depth, row) for row, b in zip(strength, bend, strict=True)]
        )
        profile = np.median(aligned, axis=0)
        noise = float(np.median(strength)) + 0.004
        total += np.clip(profile / noise, 0, 8)
        voters += 1
    total = np.convolve(np.pad(total, 3, mode="edge"), np.hanning(9)[1:-1] / 4, mode="valid")
    typical = np.exp(-0.5 * ((widths - rails.CUSHION_WIDTH) / 0.012) ** 2)
    total = total * (0.4 + 0.6 * typical)
    best = int(total.argmax())
    if total[best] < 1.2 * voters:
        return None
    return float(widths[best])


def _pocket_evidence(strips: list[rails.Strip]) -> float:
    """Side pockets in the middle of the rails taken for long, less those of the short ones."""
    dips = []
    for strip in strips:
        use = (strip.depth > 0.0) & (strip.depth < 0.055)
        logs = strip.logs[:, use]
        typical = np.nanmedian(logs, axis=0)
        unlike = np.hypot(logs[..., 0] - typical[:, 0], logs[..., 1] - typical[:, 1])
        unlike = np.nanmean(np.hypot(unlike, logs[..., 2] - typical[:, 2]), axis=1)
        middle = np.abs(strip.along - 0.5) < 0.035
        beside = (np.abs(strip.along - 0.5) > 0.08) & (np.abs(strip.along - 0.5) < 0.36)
        if not np.isfinite(unlike[middle]).any() or not np.isfinite(unlike[beside]).any():
            dips.append(0.0)
            continue
        spread = float(np.nanquantile(unlike[beside], 0.8))
        dips.append(float(np.nanmax(unlike[middle])) - spread)
    difference = dips[1] + dips[3] - dips[0] - dips[2]
    return float(np.clip(1.2 * difference, -2.0, 2.0))
