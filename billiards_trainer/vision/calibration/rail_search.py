"""From a rough quadrilateral to noses and pose: one hypothesis about which way the table lies.

Every rail offers a few lines where the cloth may end.  The four that together look most like a
rectangle of the table's proportions, and are strong, are taken; then the noses are sought a
cushion's width inside them, the same on all four rails.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.calibration import rails
from billiards_trainer.vision.calibration.evidence import Evidence, gather
from billiards_trainer.vision.calibration.first_pose import (
    ASPECT_SPREAD,
    rectangle_misfit,
    start_camera,
)
from billiards_trainer.vision.calibration.noses import corners_px, find_noses
from billiards_trainer.vision.calibration.pose import RAIL_RISE, PoseFit, RailPoints, fit_pose

Array = NDArray[np.float64]

# Metres: no camera hangs lower above a table.
_LOWEST = 0.3


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beforehand: the table, perhaps the camera's height and focal length."""

    table: Table
    camera_height: float | None
    focal_px: float | None
    picture: tuple[int, int]
    aspect_spread: float = ASPECT_SPREAD

    @property
    def size(self) -> tuple[float, float]:
        """Width and length of the nose rectangle, metres."""
        return (self.table.width, self.table.length)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way to see the table in the picture.

    Attributes:
        fit: the camera.
        evidence: what the picture shows where this camera puts the rails.
        quad_score: how well the rough quadrilateral fitted the cloth, 0…1.
    """

    fit: PoseFit
    evidence: Evidence
    quad_score: float

    @property
    def is_plain(self) -> bool:
        """Whether nothing else needs to be tried."""
        return self.evidence.is_plain and self.fit.oddness < 12.0 and self.fit.residual_mm < 4.0

    @property
    def rank(self) -> float:
        """Higher is more believable."""
        misfit = min(self.fit.residual_mm / 6.0, 3.0) + 0.15 * self.fit.oddness
        return self.quad_score + self.evidence.weight - misfit


def search(
    picture: NDArray[np.uint8], known: Known, quad: Array, score: float, spread: float = 0.06
) -> Hypothesis | None:
    """Refine a quadrilateral round the cloth, its first side taken for the head rail.

    Args:
        picture: BGR uint8 (H, W, 3).
        known: the table and what is known of the camera.
        quad: (4, 2) pixels, anticlockwise on the screen.
        score: how good the quadrilateral was.
        spread: how far from it the cloth may well end, metres.
    """
    size = known.size
    homography = rails.plane_homography(quad, *size)
    bed = _bed_colour(picture, homography, size)
    ends = _cloth_ends(picture, known, quad, homography, bed, spread)
    lines = [_line(e.pixels) if e else _through(quad, s) for s, e in enumerate(ends)]
    outer = _intersections(lines)
    if outer is None:
        return None
    margin = rails.CUSHION_WIDTH
    big = (size[0] + 2 * margin, size[1] + 2 * margin)
    homography = rails.plane_homography(outer, *big)
    strips = [rails.sample_strip(picture, homography, big, s, (-0.060, 0.140)) for s in range(4)]
    height = known.table.cushion_height
    first = start_camera(outer, size, margin, height + RAIL_RISE, known.picture, known.focal_px)
    if first is None:
        return None
    bends = [
        _bend(ends[s], homography, big, strips[s]) + _lean(first, known.table, s) for s in range(4)
    ]
    width = _cushion_width(strips, bends)
    noses = _noses(strips, bends, width)
    supports = _end_points(ends, outer, [nose is None for nose in noses])
    fit = _fitted(known, first, noses, supports, width if width is not None else margin)
    found = _settled(picture, known, fit, supports, bed, score)
    odd = _odd_rail(found) if found is not None else None
    if found is None or odd is None:
        return found
    # Three rails tell where the fourth must be, if its end was mistaken for something else.
    kept = [points for points in supports if points.side != odd]
    three = [None if nose and nose.side == odd else nose for nose in noses]
    fit = _fitted(known, found.fit.camera, three, kept, found.fit.cushion_width)
    again = _settled(picture, known, fit, kept, bed, score)
    return max((h for h in (found, again) if h is not None), key=lambda h: h.rank)


def _odd_rail(found: Hypothesis) -> int | None:
    """The one rail at which the cloth does not end where it should, if the others are plain."""
    ends = found.evidence.ends
    worst = int(np.argmin(ends))
    others = [share for side, share in enumerate(ends) if side != worst]
    return worst if ends[worst] < 0.4 and min(others) > 0.6 else None


def search_from_noses(
    picture: NDArray[np.uint8], known: Known, quad: Array, score: float
) -> Hypothesis | None:
    """Refine a rough nose rectangle by the noses alone: for rails that look like the cloth.

    Args:
        picture: BGR uint8 (H, W, 3).
        known: the table and what is known of the camera.
        quad: (4, 2) pixels in the order of the table's corners.
        score: how good it was.
    """
    height = known.table.cushion_height
    first = start_camera(quad, known.size, 0.0, height, known.picture, known.focal_px)
    if first is None:
        return None
    bed = _bed_colour(picture, rails.plane_homography(quad, *known.size), known.size)
    fit: PoseFit | None = None
    for tolerance in (0.020, 0.010):
        seen = find_noses(picture, first, known.table, tolerance)
        noses = [nose.edge if nose else None for nose in seen]
        if sum(nose is not None for nose in noses) < 3:
            return None
        fit = _fitted(known, first, noses, [], rails.CUSHION_WIDTH)
        first = fit.camera
    assert fit is not None
    return _settled(picture, known, fit, [], bed, score)


def _fitted(
    known: Known,
    start: CameraModel,
    noses: list[rails.Edge | None],
    supports: list[RailPoints],
    cushion_width: float,
) -> PoseFit:
    return fit_pose(
        _nose_points(noses) + supports,
        known.table,
        start,
        cushion_width=cushion_width,
        camera_height=known.camera_height,
        focal_px=known.focal_px,
        aspect_spread=known.aspect_spread,
    )


def _settled(
    picture: NDArray[np.uint8],
    known: Known,
    fit: PoseFit,
    supports: list[RailPoints],
    bed: Array,
    score: float,
) -> Hypothesis | None:
    """Now that the camera is known, the noses are looked for where they ought to be.

    Once more where that has moved them.
    """
    noses: list[rails.Edge | None] = []
    for _ in range(3):
        if fit.camera.position[2] < _LOWEST:
            return None
        again = find_noses(picture, fit.camera, known.table, 0.004)
        noses = [nose.edge if nose else None for nose in again]
        if not supports and sum(nose is not None for nose in noses) < 3:
            return None
        before = corners_px(fit.camera, known.table), fit.camera.distortion[0]
        fit = _fitted(known, fit.camera, noses, supports, fit.cushion_width)
        moved = float(np.abs(corners_px(fit.camera, known.table) - before[0]).max())
        if moved < 0.3 and abs(fit.camera.distortion[0] - before[1]) < 0.005:
            break
    if fit.camera.position[2] < _LOWEST or not math.isfinite(fit.residual_mm):
        return None
    evidence = gather(
        picture, fit.camera, known.table, fit.cushion_width, fit.rail_rise, noses, bed
    )
    return Hypothesis(fit, evidence, score)


def _nose_points(noses: list[rails.Edge | None]) -> list[RailPoints]:
    return [
        RailPoints(e.side, e.pixels, False, 1.5 * max(e.scatter_px, 0.15), 0.0015)
        for e in noses
        if e
    ]


def _end_points(ends: list[rails.Edge | None], outer: Array, alone: list[bool]) -> list[RailPoints]:
    """The cloth's ends as evidence; a rail of which nothing was seen keeps its rough line."""
    groups = []
    for side, end in enumerate(ends):
        if end is not None:
            sigma = 2.0 * max(end.scatter_px, 0.3)
            groups.append(RailPoints(side, end.pixels, True, sigma, 0.003 / end.share**2))
        elif alone[side]:
            t = np.linspace(0.1, 0.9, 7)[:, None]
            at = outer[side] * (1 - t) + outer[(side + 1) % 4] * t
            groups.append(RailPoints(side, at, True, 6.0, 0.01))
    return groups


def _cloth_ends(
    picture: NDArray[np.uint8],
    known: Known,
    quad: Array,
    homography: Array,
    bed: Array,
    spread: float,
) -> list[rails.Edge | None]:
    """For each rail the line where the cloth ends, or ``None`` where none is seen."""
    offers: list[list[rails.Edge | None]] = []
    for side in range(4):
        # Seen at a flat angle, a far cushion's face and top cover much of the plane behind them.
        a, b = quad[side], quad[(side + 1) % 4]
        metre = float(np.linalg.norm(b - a)) / known.size[side % 2]
        flat = metre * rails.metres_per_pixel(homography, known.size, side)
        wide = spread * float(np.clip(1.2 * flat, 1.0, 5.0))
        strip = rails.sample_strip(
            picture, homography, known.size, side, (-2.0 * wide, min(1.5 * wide, 0.2))
        )
        edges = [e for e in rails.find_cloth_ends(strip, bed, wide) if e.share > 0.2]
        best = max((e.strength * e.share for e in edges), default=0.0)
        edges = [e for e in edges if e.strength * e.share > 0.2 * best]
        offers.append(list(edges) or [None])
    margin = rails.CUSHION_WIDTH
    big = (known.size[0] + 2 * margin, known.size[1] + 2 * margin)
    strongest = [max((_weight(e) for e in offer), default=0.0) for offer in offers]
    best_cost, chosen = math.inf, [offer[0] for offer in offers]
    for four in itertools.product(*offers):
        lines = [_line(e.pixels) if e else _through(quad, s) for s, e in enumerate(four)]
        corners = _intersections(lines)
        if corners is None:
            continue
        cost = rectangle_misfit(corners, big, known.picture, known.focal_px, known.aspect_spread)
        for edge, most in zip(four, strongest, strict=True):
            if edge is not None:
                cost += 3.0 * math.log(most / _weight(edge))
        if cost < best_cost:
            best_cost, chosen = cost, list(four)
    return chosen


def _weight(edge: rails.Edge | None) -> float:
    return edge.strength * edge.share if edge is not None else 0.0


def _noses(
    strips: list[rails.Strip], bends: list[Array], width: float | None
) -> list[rails.Edge | None]:
    if width is None:
        return [None] * 4
    found: list[rails.Edge | None] = []
    for strip, bend in zip(strips, bends, strict=True):
        edge = rails.find_nose(strip, bend + width, 0.0045)
        seen = edge is not None and edge.strength > 2.0 and edge.share > 0.25
        found.append(edge if seen else None)
    return found


def _bed_colour(picture: NDArray[np.uint8], homography: Array, size: tuple[float, float]) -> Array:
    """Median log features of the bed's middle, shape (3,)."""
    strip = rails.sample_strip(picture, homography, size, 0, (0.15 * size[1], 0.85 * size[1]))
    return np.asarray(np.nanmedian(strip.logs.reshape(-1, 3), axis=0))


def _through(quad: Array, side: int) -> Array:
    return _line(np.array([quad[side], quad[(side + 1) % 4]]))


def _line(pixels: Array) -> Array:
    """Homogeneous line through points, total least squares with two rounds of cutting."""
    use = pixels
    for _ in range(3):
        mean = use.mean(axis=0)
        _, _, axes = np.linalg.svd(use - mean)
        normal = axes[1]
        off = np.abs((use - mean) @ normal)
        limit = max(3.0 * float(np.median(off)), 0.7)
        if (off < limit).sum() < 3:
            break
        use = use[off < limit]
    return np.array([normal[0], normal[1], -float(normal @ mean)])


def _intersections(lines: list[Array]) -> Array | None:
    """Corner k is where side k-1 meets side k; ``None`` where they hardly meet."""
    corners = np.empty((4, 2))
    for k in range(4):
        point = np.cross(lines[k - 1], lines[k])
        if abs(point[2]) < 0.15:
            return None
        corners[k] = point[:2] / point[2]
    return corners


def _bend(
    edge: rails.Edge | None, homography: Array, size: tuple[float, float], strip: rails.Strip
) -> Array:
    """Where the cloth's end really runs along a strip, (S,) metres: lenses bend it."""
    if edge is None or len(edge.pixels) < 6:
        return np.zeros(len(strip.along))
    inverse = np.linalg.inv(homography)
    at = np.column_stack([edge.pixels, np.ones(len(edge.pixels))]) @ inverse.T
    x, y = (at[:, :2] / at[:, 2:]).T
    w, length = size
    depth = [y, w - x, length - y, x][edge.side]
    along = [x / w, y / length, 1 - x / w, 1 - y / length][edge.side]
    fit = np.polynomial.Polynomial.fit(along, depth, 2)
    return np.asarray(np.clip(fit(strip.along), -0.05, 0.05))


def _lean(camera: CameraModel, table: Table, side: int) -> float:
    """How far outwards the cloth's end appears on the noses' plane for lying higher, metres."""
    w, length, m = table.width, table.length, rails.CUSHION_WIDTH
    x, y = [(w / 2, -m), (w + m, length / 2), (w / 2, length + m), (-m, length / 2)][side]
    seen = camera.to_plane(
        camera.to_pixels([x, y, table.cushion_height + RAIL_RISE]), table.cushion_height
    )
    return float([y - seen[1], seen[0] - x, seen[1] - y, x - seen[0]][side])


def _cushion_width(strips: list[rails.Strip], bends: list[Array]) -> float | None:
    """The distance from the cloth's end at which all rails together show the nose.

    The cushion's top is even and ends at the nose; inside the nose come its shadow on the bed and
    that shadow's end, often stronger edges.  So an edge counts less when others lie before it.
    """
    widths = np.arange(0.008, rails.CUSHION_RANGE[1], 0.001)
    total = np.zeros(len(widths))
    for strip, bend in zip(strips, bends, strict=True):
        strength = np.nan_to_num(rails.nose_strength(strip))
        pairs = zip(strength, bend, strict=True)
        rows = [np.interp(widths + b, strip.depth, row) for row, b in pairs]
        noise = float(np.median(strength)) + 0.004
        clear = np.clip(np.median(rows, axis=0) / noise, 0.0, 8.0)
        # What lies more than a few millimetres nearer to the rail's top.
        blur = max(0.005, 2.0 * rails.depth_per_pixel(strip))
        clear_of_end = np.where(widths < max(0.008, blur), 0.0, clear)
        before = np.maximum.accumulate(clear_of_end)
        before = np.interp(widths - blur, widths, before, left=0.0)
        # A rail on which nothing is seen, or of which hardly a pixel is left, has no veto.
        weight = min(1.0, 0.004 / rails.depth_per_pixel(strip))
        total += weight * np.clip(clear - 0.8 * before, -1.0, 8.0)
    smooth = np.convolve(np.pad(total, 3, mode="edge"), np.hanning(9)[1:-1] / 4, mode="valid")
    typical = np.exp(-0.5 * ((widths - rails.CUSHION_WIDTH) / 0.015) ** 2)
    smooth = np.where(smooth > 0, smooth * (0.4 + 0.6 * typical), smooth)
    smooth[widths < rails.CUSHION_RANGE[0]] = -np.inf
    best = int(smooth.argmax())
    if smooth[best] < 0.5 * len(strips):
        return None
    return float(widths[best])
