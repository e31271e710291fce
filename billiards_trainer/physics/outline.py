"""The outline of a table: where the cloth ends, found from rubber and holes of any arrangement.

Cushions, jaws and holes are taken together wherever no ball can pass between them.  What is then
enclosed, seen from far outside, is the table; walls that stand free in it, or part it, do not
matter.  Whether a ball lies on the right side of an island's noses is not asked here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from billiards_trainer.physics.layout import SLENGTH, STX, STY, SX, SY
from billiards_trainer.physics.state import Floats

# Points nearer than this are one, m.
_JOINED = 1e-6

# More lines than this are not looked at: nobody's table, and the time goes with their square.
_MOST_LINES = 3000

Point = tuple[float, float]
Edge = tuple[int, int]


def outline(segments: Floats, jaws: Floats, pockets: Floats, radius: float) -> Floats:
    """Directed edges (K, 4) of the table's outer boundary: x0, y0, x1, y1 in metres.

    A point lies on the table where they wind around it.  There are none where the cushions do not
    enclose all that there is, or where there are thousands of pieces.

    Args:
        segments: (S, 9), columns as in ``layout``.
        jaws: (J, 4), without the free ends of segments.
        pockets: (K, 3).
        radius: of the balls, m.
    """
    if not len(segments):
        return np.empty((0, 4))
    starts = segments[:, [SX, SY]]
    ends = starts + segments[:, SLENGTH, None] * segments[:, [STX, STY]]
    lines = np.concatenate([np.hstack([starts, ends]), _links(starts, ends, jaws, pockets, radius)])
    if len(lines) > _MOST_LINES:
        return np.empty((0, 4))
    points, edges = _planar(lines)
    walks = [np.array([points[k] for k in walk]) for walk in _outer_walks(points, edges)]
    closed = [walk for walk in walks if abs(_area(walk)) > 1e-9]
    if not closed:
        return np.empty((0, 4))
    every, around = np.array(points), np.concatenate(closed)
    for pick in (np.min, np.max):
        if np.abs(pick(every, axis=0) - pick(around, axis=0)).max() > _JOINED:
            return np.empty((0, 4))
    return np.concatenate([np.hstack([walk, np.roll(walk, -1, axis=0)]) for walk in closed])


def _links(starts: Floats, ends: Floats, jaws: Floats, pockets: Floats, radius: float) -> Floats:
    """Lines (L, 4) that no ball's centre can cross: between loose ends, jaws and holes."""
    points = np.concatenate([starts, ends])
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    is_loose = (apart < _JOINED).sum(axis=1) == 1
    points = points[is_loose]
    # A ball's centre stays its radius away from rubber, but may touch a hole's rim.
    circles = np.concatenate([jaws[:, :2], pockets[:, :2]])
    sizes = np.concatenate([jaws[:, 2] + radius, pockets[:, 2]])
    centres = np.concatenate([points, circles])
    reach = np.concatenate([np.full(len(points), radius), sizes])
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    first, second = np.nonzero(np.triu(apart < reach[:, None] + reach[None], 1))
    found = [np.hstack([centres[first], centres[second]])]
    # A facing may pass a hole more closely than it ends.
    some = is_loose[: len(starts)] | is_loose[len(starts) :]
    start, way = starts[some, None], (ends - starts)[some, None]
    share = ((pockets[None, :, :2] - start) * way).sum(axis=2) / (way * way).sum(axis=2)
    nearest = start + np.clip(share, 0.0, 1.0)[..., None] * way
    gap = np.hypot(*(nearest - pockets[None, :, :2]).transpose(2, 0, 1))
    edge, hole = np.nonzero(gap < pockets[None, :, 2] + radius)
    found.append(np.hstack([nearest[edge, hole], pockets[hole, :2]]))
    return np.concatenate(found)


def _planar(lines: Floats) -> tuple[list[Point], set[Edge]]:
    """Points and the edges between them, when all lines are cut where they meet."""
    points: list[Point] = []
    cells: dict[tuple[int, int], list[int]] = {}

    def number(x: float, y: float) -> int:
        i, j = round(x / _JOINED), round(y / _JOINED)
        for cell in ((i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
            for k in cells.get(cell, ()):
                if math.dist(points[k], (x, y)) < _JOINED:
                    return k
        points.append((x, y))
        cells.setdefault((i, j), []).append(len(points) - 1)
        return len(points) - 1

    edges: set[Edge] = set()
    for k, line in enumerate(lines):
        start, way = line[:2], line[2:] - line[:2]
        length = math.hypot(*way)
        if length < _JOINED:
            continue
        cuts = np.concatenate([[0.0, 1.0], _cuts(lines, k, length)])
        chain = [number(*(start + t * way)) for t in np.sort(cuts)]
        edges |= {(min(a, b), max(a, b)) for a, b in itertools.pairwise(chain) if a != b}
    return points, edges


def _cuts(lines: Floats, k: int, length: float) -> Floats:
    """Where along line ``k``, as shares of it, others cross it or end on it."""
    start, way = lines[k, :2], lines[k, 2:] - lines[k, :2]
    found = []
    off = lines.reshape(-1, 2, 2) - start
    side = (way[0] * off[..., 1] - way[1] * off[..., 0]) / length
    share = (off @ way) / length**2
    inside = (share > 0.0) & (share < 1.0)
    found.append(share[(np.abs(side) < _JOINED) & inside])
    a, b = side.T
    crossing = a * b < 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        at = share[:, 0] + (share[:, 1] - share[:, 0]) * a / (a - b)
    found.append(at[crossing & (at > 0.0) & (at < 1.0)])
    return np.concatenate(found)


def _outer_walks(points: Sequence[Point], edges: set[Edge]) -> Iterator[list[int]]:
    """For every connected part the closed walk around it, counter-clockwise."""
    neighbours: dict[int, list[tuple[float, int]]] = {}
    for edge in edges:
        for a, b in (edge, edge[::-1]):
            angle = math.atan2(points[b][1] - points[a][1], points[b][0] - points[a][0])
            neighbours.setdefault(a, []).append((angle, b))
    for around in neighbours.values():
        around.sort()
    left = set(neighbours)
    while left:
        # Nothing of its part lies below the lowest point, so the walk can begin there.
        part = _part(min(left), neighbours)
        left -= part
        begin = min(part, key=lambda k: (points[k][1], points[k][0]))
        second = _turn(neighbours[begin], -0.5 * math.pi)
        walk = [begin]
        before, here = begin, second
        while True:
            back = math.atan2(
                points[before][1] - points[here][1], points[before][0] - points[here][0]
            )
            after = _turn(neighbours[here], back)
            if here == begin and after == second:
                break
            walk.append(here)
            before, here = here, after
        yield walk


def _part(begin: int, neighbours: dict[int, list[tuple[float, int]]]) -> set[int]:
    found, ahead = {begin}, [begin]
    while ahead:
        for _, k in neighbours[ahead.pop()]:
            if k not in found:
                found.add(k)
                ahead.append(k)
    return found


def _turn(around: list[tuple[float, int]], back: float) -> int:
    """The neighbour met first when turning counter-clockwise from the direction ``back``."""
    return next((k for angle, k in around if angle > back + 1e-12), around[0][1])


def _area(walk: Floats) -> float:
    x, y = walk.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
