"""Where balls lie at the start, and where they are spotted again."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from billiards_trainer.table import Point, Table

Rack = Literal["8-ball", "9-ball", "snooker", "carom"]
Placed = list[tuple[str, Point]]

# Balls are set by hand: gaps of some hundredths of a millimetre remain between them.
_GAP = 4e-5


def default_rack(table: Table) -> Rack:
    """The rack usually played on such a table."""
    if table.game == "snooker":
        return "snooker"
    return "carom" if table.game == "carom" else "8-ball"


def racked(table: Table, rack: Rack, rng: np.random.Generator) -> Placed:
    """The opening position: the cue ball first.

    Raises:
        ValueError: the table's game has no such rack.
    """
    if (rack in ("8-ball", "9-ball")) != (table.game == "pool") or (
        rack in ("snooker", "carom") and rack != table.game
    ):
        raise ValueError(f"a {table.game} table has no {rack} rack")
    if rack == "carom":
        return _carom(table)
    if rack == "snooker":
        return _snooker(table, rng)
    return _pool(table, rack, rng)


def _rows(
    table: Table, apex: Point, counts: tuple[int, ...], rng: np.random.Generator
) -> list[Point]:
    """Rows of touching balls away from the head, the first one at the apex, with tiny gaps."""
    pitch = table.balls.diameter + _GAP
    places = []
    for row, count in enumerate(counts):
        for k in range(count):
            x = apex[0] + (k - (count - 1) / 2) * pitch
            y = apex[1] + row * pitch * math.sqrt(3) / 2
            jitter = rng.uniform(-_GAP / 5, _GAP / 5, 2)
            places.append((float(x + jitter[0]), float(y + jitter[1])))
    return places


def _pool(table: Table, rack: Rack, rng: np.random.Generator) -> Placed:
    foot = table.spots["foot"]
    if rack == "9-ball":
        places = _rows(table, foot, (1, 2, 3, 2, 1), rng)
        others = [str(n) for n in range(2, 9)]
        rng.shuffle(others)
        labels = ["1", *others[:3], "9", *others[3:]]
    else:
        places = _rows(table, foot, (1, 2, 3, 4, 5), rng)
        solids, stripes = [str(n) for n in range(1, 8)], [str(n) for n in range(9, 16)]
        rng.shuffle(solids)
        rng.shuffle(stripes)
        # One of each kind in the back corners, the eight in the middle of the third row.
        left, right = solids.pop(), stripes.pop()
        if rng.random() < 0.5:
            left, right = right, left
        rest = solids + stripes
        rng.shuffle(rest)
        labels = [*rest[:4], "8", *rest[4:9], left, *rest[9:12], right]
    offset = float(rng.uniform(-0.2, 0.2)) * table.width
    head = (table.width / 2 + offset, table.length / 4 - 0.02)
    return [("cue", head), *zip(labels, places, strict=True)]


def _snooker(table: Table, rng: np.random.Generator) -> Placed:
    spots = table.spots
    pitch = table.balls.diameter
    apex = (spots["pink"][0], spots["pink"][1] + pitch + 0.001)
    reds = _rows(table, apex, (1, 2, 3, 4, 5), rng)
    d = table.d_radius or 0.29
    cue = (spots["brown"][0] + 0.45 * d, spots["brown"][1] - 0.12 * d)
    colours = [(name, spots[name]) for name in spots]
    return [("cue", cue), *(("red", p) for p in reds), *colours]


def _carom(table: Table) -> Placed:
    spots = table.spots
    return [("cue", spots["left"]), ("yellow", spots["head"]), ("red", spots["foot"])]


def free_spot(
    table: Table, wanted: list[Point], taken: list[Point], towards: Point | None = None
) -> Point:
    """The first wanted place where a ball fits, else the nearest one on the way ``towards``.

    Args:
        table: where.
        wanted: places in order of preference.
        taken: centres of the balls on the table.
        towards: direction in which to look further from the first; the foot rail when ``None``.
    """
    gap = table.balls.diameter + 1e-4
    for place in wanted:
        if all(math.dist(place, other) >= gap for other in taken):
            return place
    x, y = wanted[0]
    goal = towards or (x, table.length)
    reach = math.dist((x, y), goal) or 1.0
    for step in range(1, 4000):
        shift = step * 0.001
        for sign in (1, -1):
            place = (
                x + sign * shift * (goal[0] - x) / reach,
                y + sign * shift * (goal[1] - y) / reach,
            )
            if table.contains(*place, table.balls.radius) and all(
                math.dist(place, other) >= gap for other in taken
            ):
                return place
    raise ValueError("no room for a ball on the table")
