"""Lines that point at a ball: where the shaft of a cue that addresses it may lie.

A player's cue points at a ball and lies behind it, over cloth, hand, rail and floor.  Around the
ball all edge pixels are taken, whatever they lie on; those whose tangent passes the ball vote for
the directed line through them, and a shaft is where both of two opposite edges, a cue's width
apart, have many votes.  Whatever does not point at the ball (rails, seams, arms) has no vote.
"""

from __future__ import annotations

import cv2
import numpy as np

from billiards_trainer.vision.cue.line import Line, ideal, pixels_per_metre
from billiards_trainer.vision.cue.shaft import Flags
from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.candidates import NEAR
from billiards_trainer.vision.detection.cloth import GREY, PEDESTAL
from billiards_trainer.vision.detection.working import Working

REACH_M = 0.6
"""Shaft farther behind the ball does not help to find it."""
TURNS = 360
FAN = 3
"""Bins to either side in which an edge pixel votes: its gradient's direction is that uncertain."""
EDGE = 30
"""Weakest edge: sum of absolute Sobel responses where the surroundings have ``GREY`` levels."""
DIMMEST = 0.35
"""Edges are judged against their surroundings, but not against darkness: share of the cloth."""
BESIDE = 1.2
"""A cue's axis passes the ball's centre within so many radii."""
NARROW_M, WIDE_M = 0.007, 0.034
SHORTEST_M = 0.06
MOST_PIXELS = 3000
BALL_REACH = 1.2


def lines_at(
    working: Working, ball: Array, radius: float, others: Array, radii: Array, keep: int = 3
) -> list[Line]:
    """The best lines behind a ball, strongest first.

    Args:
        working: the picture made ready.
        ball: middle of the ball's disc, full-resolution pixels, (2,).
        radius: its radius, pixels.
        others: middles of all balls' discs, (N, 2); their outlines are no shafts.
        radii: their radii, (N,).
        keep: how many at most.
    """
    view = working.view
    shrink = view.shrink
    scale = pixels_per_metre(view) / shrink
    crop, corner = _crop(working.picture, ball, REACH_M * scale * shrink, shrink)
    if min(crop.shape[:2]) < 8:
        return []
    row, column, dx, dy = _edges(crop, sum(working.cloth.colour) / 3)
    centre = (ball - corner + 0.5) / shrink - 0.5
    covered = np.zeros(crop.shape[:2], np.uint8)
    for middle, r in zip((others - corner + 0.5) / shrink - 0.5, radii / shrink, strict=True):
        at = (round(float(middle[0]) * 16), round(float(middle[1]) * 16))
        cv2.circle(covered, at, round(float(r) * BALL_REACH * 16), 1, -1, shift=4)
    x, y = column - centre[0], row - centre[1]
    reach = np.hypot(x, y)
    wide = round(WIDE_M * scale) + 1
    limit = BESIDE * radius / shrink + wide
    near = np.abs(x * dx + y * dy) < limit + 0.08 * reach
    near &= (reach < REACH_M * scale) & (covered[row, column] == 0)
    chosen = np.flatnonzero(near)
    chosen = chosen[~_on_plain_cloth(working, corner, row[chosen], column[chosen])]
    step = max(1, -(-len(chosen) // MOST_PIXELS))
    chosen = chosen[::step]
    if len(chosen) < 12:
        return []
    return _vote(working, ball, x[chosen], y[chosen], dx[chosen], dy[chosen], limit, step, keep)


def _on_plain_cloth(working: Working, corner: Array, row: Array, column: Array) -> Flags:
    """Edges in the cloth's texture, and those that own light draws on it."""
    view = working.view
    at = np.column_stack([column, row]) + np.rint((corner - [view.left, view.top]) / view.shrink)
    x, y = at.astype(np.intp).T
    inside = (x >= 0) & (y >= 0) & (x < view.width) & (y < view.height)
    plain = np.zeros(len(row), np.bool_)
    x, y = x[inside], y[inside]
    near = cv2.dilate(cv2.blur(working.unlike, (3, 3)), np.ones((5, 5), np.uint8))
    plain[inside] = (near[y, x] <= NEAR) & (view.cloth[y, x] > 0)
    return plain


def _vote(
    working: Working,
    ball: Array,
    x: Array,
    y: Array,
    dx: Single,
    dy: Single,
    limit: float,
    thinning: int,
    keep: int,
) -> list[Line]:
    view = working.view
    scale = pixels_per_metre(view) / view.shrink
    half = int(limit) + 1
    bins = 2 * half + 1
    angle = np.arange(TURNS) * (2 * np.pi / TURNS)
    cos, sin = np.cos(angle), np.sin(angle)
    nearest = np.rint(np.arctan2(dy, dx) * (TURNS / (2 * np.pi))).astype(np.int64)
    turn = (nearest[:, None] + np.arange(-FAN, FAN + 1)) % TURNS
    rho = np.rint(x[:, None] * cos[turn] + y[:, None] * sin[turn]).astype(np.int64) + half
    # On which side of the ball, along the line's direction (-sin, cos), the pixel lies.
    side = (y * dx - x * dy < 0).astype(np.int64)[:, None]
    valid = (rho >= 0) & (rho < bins)
    cell = ((side * TURNS + turn) * bins + rho)[valid]
    tally = np.bincount(cell, minlength=2 * TURNS * bins).astype(np.float32)
    votes = tally.reshape(2, TURNS, bins)
    votes = votes + np.roll(votes, 1, axis=2)
    first = votes[0]
    opposite = np.roll(votes[1], TURNS // 2, axis=0)[:, ::-1]
    opposite = np.roll(opposite, 1, axis=1)
    narrow, wide = max(1, round(NARROW_M * scale)), round(WIDE_M * scale) + 1
    widths = np.concatenate([np.arange(-wide, -narrow + 1), np.arange(narrow, wide + 1)])
    pair = np.zeros_like(first)
    best = np.zeros(first.shape, np.int64)
    for width in widths:
        shifted = np.zeros_like(opposite)
        if width > 0:
            shifted[:, :-width] = opposite[:, width:]
        else:
            shifted[:, -width:] = opposite[:, :width]
        both = np.minimum(first, shifted) + 0.2 * np.maximum(first, shifted)
        better = both > pair
        pair[better] = both[better]
        best[better] = width
    least = SHORTEST_M * scale / thinning
    lines: list[Line] = []
    for _ in range(keep):
        i, j = divmod(int(pair.argmax()), bins)
        value = float(pair[i, j])
        if value < least:
            break
        width = int(best[i, j])
        offset = (j - 0.5 - half + width / 2) * view.shrink
        normal = np.array([cos[i], sin[i]])
        butt = np.array([-sin[i], cos[i]])
        points = ball + offset * normal + np.array([[0.0], [0.3 * scale * view.shrink]]) * butt
        through, behind = ideal(view.camera, points)
        direction = (through - behind) / np.linalg.norm(through - behind)
        lines.append(
            Line(
                through,
                direction,
                0.0,
                0.0,
                3.0 + 1.5 * view.shrink + 0.012 * scale * view.shrink * REACH_M,
            )
        )
        turns = (i + np.arange(-4, 5)) % TURNS
        pair[turns, max(0, j - 2 * wide) : j + 2 * wide + 1] = 0
    return lines


def _crop(picture: Mask, middle: Array, reach: float, shrink: int) -> tuple[Mask, Array]:
    """Surroundings of a point, shrunk; and the full-resolution pixel of their first corner."""
    height, width = picture.shape[:2]
    left, top = (max(0, int(v - reach)) for v in middle)
    right = min(width, int(middle[0] + reach) + 1)
    bottom = min(height, int(middle[1] + reach) + 1)
    size = (max(0, right - left) // shrink, max(0, bottom - top) // shrink)
    corner = np.array([left, top], dtype=np.float64)
    if min(size) < 1:
        return picture[:0, :0], corner
    part = picture[top : top + size[1] * shrink, left : left + size[0] * shrink]
    if shrink > 1:
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(part), corner


def _edges(crop: Mask, light: float) -> tuple[Array, Array, Single, Single]:
    """Row, column and unit gradient of the edge pixels."""
    soft = cv2.GaussianBlur(crop, (3, 3), 0)
    slopes = [cv2.spatialGradient(channel) for channel in cv2.split(soft)]
    sizes = [
        cv2.add(cv2.convertScaleAbs(x, alpha=0.5), cv2.convertScaleAbs(y, alpha=0.5))
        for x, y in slopes
    ]
    strongest = cv2.max(cv2.max(sizes[0], sizes[1]), sizes[2])
    grey = cv2.blur(cv2.transform(crop, np.full((1, 3), 1 / 3, np.float32)), (9, 9))
    floor = np.full_like(grey, int(min(255.0, DIMMEST * light + PEDESTAL)))
    relative = cv2.divide(strongest, cv2.max(grey, floor), scale=GREY)
    index = np.flatnonzero(relative > EDGE / 2)
    channel = np.stack([s.reshape(-1)[index] for s in sizes]).argmax(axis=0)
    rows = np.arange(len(index))
    dx = np.stack([x.reshape(-1)[index] for x, _ in slopes])[channel, rows].astype(np.float32)
    dy = np.stack([y.reshape(-1)[index] for _, y in slopes])[channel, rows].astype(np.float32)
    size = np.hypot(dx, dy) + np.float32(1e-6)
    row, column = np.divmod(index, crop.shape[1])
    return row, column, dx / size, dy / size
