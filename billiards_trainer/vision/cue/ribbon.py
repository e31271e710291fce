"""Where a straight narrow thing may lie: a Hough transform of pairs of opposite edges.

A shaft has two long edges, nearly parallel, a cue's width apart, with opposite gradients.  Every
edge pixel votes for the lines through it whose normal is close to its gradient; a shaft is where
votes of one direction and, a cue's width beside them, of the opposite direction are both many.
"""

from __future__ import annotations

import cv2
import numpy as np

from billiards_trainer.vision.cue.line import Line, ideal
from billiards_trainer.vision.detection.arrays import Array, Single
from billiards_trainer.vision.detection.view import View
from billiards_trainer.vision.detection.working import Working

TURNS = 240
"""Bins of the normal's direction over the whole circle; 1.5 degrees each."""
FAN = 3
"""Bins to either side in which a pixel votes: its gradient's direction is that uncertain."""
MOST_PIXELS = 4000
NARROW, WIDE = 0.007, 0.040
"""Metres: no shaft is narrower or wider, blur and height above the cloth allowed for."""
SHORTEST = 0.09
"""Metres of visible shaft worth a closer look."""
SLACK, TURN_SLACK = 2.0, 0.006
"""How far a shaft lies beside its line: working pixels, and half a bin's turn at the ends."""
BALL_REACH = 1.25
"""Edges within so many radii of a ball's middle are the ball's."""


def find_ribbons(working: Working, balls: Array, radii: Array, keep: int = 4) -> list[Line]:
    """The best pairs of edges, strongest first.

    Args:
        working: the picture made ready.
        balls: middles of the balls' discs in working pixels, (N, 2).
        radii: their radii in working pixels, (N,).
        keep: how many at most.
    """
    view, found = working.view, working.edges
    inside = view.shaft[found.row, found.column] > 0
    if len(balls):
        covered = np.zeros((view.height, view.width), np.uint8)
        for (x, y), r in zip(balls, radii, strict=True):
            centre = (round(float(x) * 16), round(float(y) * 16))
            cv2.circle(covered, centre, round(float(r) * BALL_REACH * 16), 1, -1, shift=4)
        inside &= covered[found.row, found.column] == 0
    chosen = np.flatnonzero(inside)
    if len(chosen) < 20:
        return []
    step = max(1, -(-len(chosen) // MOST_PIXELS))
    chosen, thinning = chosen[::step], step * found.thinning
    x = found.column[chosen] - view.width / 2
    y = found.row[chosen] - view.height / 2
    direction = np.arctan2(found.dy[chosen], found.dx[chosen]) * (TURNS / (2 * np.pi))
    nearest = np.rint(direction).astype(np.int64)
    half = int(np.hypot(view.width, view.height) / 2) + 2
    bins = 2 * half + 1
    angle = np.arange(TURNS) * (2 * np.pi / TURNS)
    cos, sin = np.cos(angle), np.sin(angle)
    fan = np.arange(-FAN, FAN + 1)
    turn = (nearest[:, None] + fan) % TURNS
    rho = np.rint(x[:, None] * cos[turn] + y[:, None] * sin[turn]).astype(np.int64) + half
    tally = np.bincount((turn * bins + rho).ravel(), minlength=TURNS * bins)
    votes = cv2.blur(tally.reshape(TURNS, bins).astype(np.float32), (2, 1)) * 2
    # Opposite edges, written in the first edge's direction: half a turn on, offset negated.
    first = votes[: TURNS // 2]
    opposite = np.ascontiguousarray(votes[TURNS // 2 :, ::-1])
    scale = view.mean_radius / view.table.balls.radius
    narrow, wide = max(1, round(NARROW * scale)), round(WIDE * scale) + 1
    # A bright shaft has its partner on the side to which the gradient points, a dark one behind.
    window = np.ones((1, wide - narrow + 1), np.uint8)
    ahead = cv2.dilate(_shift(opposite, -narrow), window, anchor=(0, 0))
    behind = cv2.dilate(_shift(opposite, narrow), window, anchor=(wide - narrow, 0))
    pair = np.minimum(first, np.maximum(ahead, behind))
    least = SHORTEST * scale / thinning
    ribbons = []
    for _ in range(keep):
        i, j = divmod(int(pair.argmax()), bins)
        value = float(pair[i, j])
        if value < least:
            break
        widths = np.concatenate([np.arange(-wide, -narrow + 1), np.arange(narrow, wide + 1)])
        width = int(widths[opposite[i, np.clip(j + widths, 0, bins - 1)].argmax()])
        ribbons.append(_line(view, (cos[i], sin[i]), j - half + width / 2))
        _forget(pair, i, j + width // 2, 2 * wide)
    return ribbons


def _line(view: View, normal: tuple[float, float], offset: float) -> Line:
    """From the Hough plane's frame, working pixels from the image's middle, to ideal pixels."""
    nx, ny = normal
    foot = np.array([view.width / 2 + nx * offset, view.height / 2 + ny * offset])
    ends = ideal(view.camera, view.to_full(foot + np.outer([-40.0, 40.0], [-ny, nx])))
    direction = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    slack = SLACK * view.shrink + TURN_SLACK * max(view.width, view.height) * view.shrink
    return Line(ends.mean(axis=0), direction, None, 0.0, slack)


def _shift(image: Single, by: int) -> Single:
    """Move columns; what comes in is empty."""
    out = np.zeros_like(image)
    if by > 0:
        out[:, by:] = image[:, :-by]
    else:
        out[:, :by] = image[:, -by:]
    return out


def _forget(pair: Single, turn: int, column: int, reach: int) -> None:
    """Erase a place of the (half) Hough plane and its surroundings; offsets flip at the seam."""
    turns, bins = pair.shape
    for d in range(-8, 9):
        row, at = turn + d, column
        if not 0 <= row < turns:
            row, at = row % turns, bins - 1 - column
        pair[row, max(0, at - reach) : at + reach + 1] = 0
