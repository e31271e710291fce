"""From a region's outline to the four straight lines that bound it.

Players, cues, score boards and pockets break the outline; lines that much of it supports survive.
Each outline point votes for the line through it along its local direction, the best lines are
combined four at a time, and the quadrilateral that the region fills and the outline supports wins.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ANGLE_STEP = np.deg2rad(1.5)
_LINES = 11


@dataclass(frozen=True, slots=True)
class Quad:
    """Four lines and their corners.

    Attributes:
        corners: (4, 2) pixels, in the order of the table frame's corners as seen from above:
            anticlockwise on the screen.
        score: 0…1, how much of the outline and of the region the quadrilateral explains.
        support: share of the visible perimeter with outline on it, 0…1.
    """

    corners: Array
    score: float
    support: float


def fit_quads(mask: NDArray[np.uint8], keep: int = 3) -> list[Quad]:
    """The best quadrilaterals round a filled region, best first; corners may lie outside.

    Args:
        mask: uint8 (h, w), 255 inside.
        keep: how many to return at most.
    """
    points, normals = _outline(mask, 6)
    if len(points) < 40:
        return []
    lines = _lines(mask)
    quads = []
    area = float(np.count_nonzero(mask))
    for four in itertools.combinations(lines, 4):
        corners = _corners(np.array(four), mask.shape)
        if corners is None:
            continue
        quads.append((corners, _polygon_area(corners)))
    scored = []
    for corners, size in quads:
        if not 0.6 * area < size < 2.5 * area:
            continue
        overlap = _overlap(mask, corners)
        if overlap < 0.6:
            continue
        support = _support(points, normals, corners, mask.shape)
        scored.append(Quad(corners, overlap * (0.25 + 0.75 * support), support))
    scored.sort(key=lambda q: -q.score)
    return _distinct(scored, keep)


def _outline(mask: NDArray[np.uint8], reach: int, hull: bool = False) -> tuple[Array, Array]:
    """Outline points inside the picture, (n, 2), and their outward unit normals.

    Args:
        mask: uint8 (h, w).
        reach: points before and after between which the direction is taken.
        hull: the outline of the convex hull instead: it bridges what breaks a side.
    """
    height, width = mask.shape
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    nothing = np.empty((0, 2)), np.empty((0, 2))
    if not contours:
        return nothing
    longest = max(contours, key=len)
    if hull:
        drawn = np.zeros_like(mask)
        cv2.fillConvexPoly(drawn, cv2.convexHull(longest), 255)
        contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        longest = max(contours, key=len)
    chain = longest.reshape(-1, 2).astype(np.float64)
    if len(chain) < 4 * reach:
        return nothing
    tangent = np.roll(chain, -reach, axis=0) - np.roll(chain, reach, axis=0)
    length = np.linalg.norm(tangent, axis=1)
    keep = length > reach * 0.8
    keep &= (chain[:, 0] > 2) & (chain[:, 0] < width - 3)
    keep &= (chain[:, 1] > 2) & (chain[:, 1] < height - 3)
    tangent = tangent[keep] / length[keep, None]
    # OpenCV walks outer contours anticlockwise on the screen: with y downwards the outside lies
    # at (-ty, tx).
    return chain[keep], np.column_stack([-tangent[:, 1], tangent[:, 0]])


def _lines(mask: NDArray[np.uint8]) -> list[tuple[float, ...]]:
    """Well supported lines as (nx, ny, d) with the outward normal and n·p = d."""
    diagonal = float(np.hypot(mask.shape[0], mask.shape[1]))
    n_angle = int(2 * np.pi / _ANGLE_STEP)
    n_rho = int(2 * diagonal / 1.5)
    votes: NDArray[np.float32] = np.zeros((n_angle, n_rho), np.float32)
    sources = [_outline(mask, 6), _outline(mask, 15), _outline(mask, 6, hull=True)]
    for (points, normals), share in zip(sources, (1.0, 0.6, 0.6), strict=True):
        angle = np.arctan2(normals[:, 1], normals[:, 0])
        for offset in range(-4, 5):
            bins = (np.round(angle / _ANGLE_STEP).astype(int) + offset) % n_angle
            theta = bins * (2 * np.pi / n_angle)
            rho = points[:, 0] * np.cos(theta) + points[:, 1] * np.sin(theta)
            rho_bin = ((rho + diagonal) / (2 * diagonal) * n_rho).astype(int)
            weight = share * np.exp(-0.5 * (offset / 2.5) ** 2)
            np.add.at(votes, (bins, np.clip(rho_bin, 0, n_rho - 1)), weight)
    # Wrap round in angle before smoothing.
    votes = np.vstack([votes[-3:], votes, votes[:3]])
    votes = cv2.GaussianBlur(votes, (0, 0), 1.0)[3:-3].astype(np.float32)
    found: list[tuple[float, ...]] = []
    spread_angle, spread_rho = int(np.deg2rad(7) / _ANGLE_STEP), max(3, int(4 / 1.5))
    floor = 0.05 * float(votes.max(initial=0))
    for _ in range(_LINES * 2):
        i, j = divmod(int(votes.argmax()), n_rho)
        if votes[i, j] <= floor or len(found) >= _LINES:
            break
        rows = np.arange(i - spread_angle, i + spread_angle + 1) % n_angle
        votes[rows, max(j - spread_rho, 0) : j + spread_rho + 1] = 0
        theta = i * 2 * np.pi / n_angle
        rho = (j + 0.5) / n_rho * 2 * diagonal - diagonal
        first = np.array([np.cos(theta), np.sin(theta), rho])
        line = _polish(*sources[0], first)
        if line is None:
            line = _polish(*sources[2], first)
        if line is not None and all(_differs(line, np.array(f)) for f in found):
            found.append(tuple(float(v) for v in line))
    return found


def _polish(points: Array, normals: Array, line: Array) -> Array | None:
    """Total least squares over the points near a line, outliers cut twice."""
    for reach in (4.0, 2.5, 1.8):
        near = np.abs(points @ line[:2] - line[2]) < reach
        near &= normals @ line[:2] > 0.9
        if int(near.sum()) < 12:
            return None
        chosen = points[near]
        mean = chosen.mean(axis=0)
        _, _, axes = np.linalg.svd(chosen - mean, full_matrices=False)
        normal = axes[1]
        if normal @ line[:2] < 0:
            normal = -normal
        line = np.array([normal[0], normal[1], float(normal @ mean)])
    return line


def _differs(a: Array, b: Array) -> bool:
    return bool(a[:2] @ b[:2] < np.cos(np.deg2rad(3)) or abs(a[2] - b[2]) > 3.0)


def _corners(four: Array, shape: tuple[int, ...]) -> Array | None:
    """Corners of four lines with outward normals, anticlockwise on the screen, if convex."""
    height, width = shape[:2]
    # With y downwards, a falling angle of the normal walks anticlockwise on the screen.
    order = np.argsort(-np.arctan2(four[:, 1], four[:, 0]))
    lines = four[order]
    corners = np.empty((4, 2))
    for k in range(4):
        a, b = lines[k - 1], lines[k]
        turn = a[1] * b[0] - a[0] * b[1]
        if turn < np.sin(np.deg2rad(18)):
            return None
        corners[k] = np.array([a[1] * b[2] - b[1] * a[2], b[0] * a[2] - a[0] * b[2]]) / turn
    reach = 0.6 * max(height, width)
    if (corners < -reach).any() or (corners > np.array([width, height]) + reach).any():
        return None
    return corners


def _polygon_area(corners: Array) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _overlap(mask: NDArray[np.uint8], corners: Array) -> float:
    """Intersection over union of region and quadrilateral, within the picture."""
    drawn = np.zeros_like(mask)
    cv2.fillConvexPoly(drawn, np.round(corners).astype(np.int32), 255)
    both = cv2.countNonZero(cv2.bitwise_and(mask, drawn))
    either = cv2.countNonZero(cv2.bitwise_or(mask, drawn))
    return both / max(either, 1)


def _support(points: Array, normals: Array, corners: Array, shape: tuple[int, ...]) -> float:
    """Share of the perimeter within the picture that outline points lie on, worst side weighed."""
    height, width = shape[:2]
    shares, lengths = [], []
    for k in range(4):
        a, b = corners[k], corners[(k + 1) % 4]
        length = float(np.linalg.norm(b - a))
        along = (b - a) / max(length, 1e-9)
        steps = np.arange(0, length, 4.0)
        at = a + steps[:, None] * along
        shown = (at[:, 0] > 2) & (at[:, 0] < width - 3) & (at[:, 1] > 2) & (at[:, 1] < height - 3)
        offset = points - a
        t = offset @ along
        outward = np.array([-along[1], along[0]])
        near = (np.abs(offset @ outward) < 2.2) & (normals @ outward > 0.85)
        hit = np.zeros(len(steps), bool)
        index = (t[near & (t >= 0) & (t < length)] / 4.0).astype(int)
        hit[np.clip(index, 0, max(len(steps) - 1, 0))] = True
        if shown.sum() < 6:
            # A side of which next to nothing is in the picture has nothing to stand on.
            shares.append(0.0)
        else:
            shares.append(float(hit[shown].mean()))
        lengths.append(max(float(shown.sum()), 6.0))
    mean = float(np.average(shares, weights=lengths))
    return 0.7 * mean + 0.3 * min(shares)


def _distinct(quads: list[Quad], keep: int) -> list[Quad]:
    kept: list[Quad] = []
    for quad in quads:
        if all(np.abs(quad.corners - other.corners).max() > 4.0 for other in kept):
            kept.append(quad)
        if len(kept) == keep:
            break
    return kept
