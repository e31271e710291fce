"""Random shots and breaks: for benchmarks, and for anyone who wants many fair shots."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from billiards_trainer.physics.cue_ball import (
    CUE_MASS,
    DIRECTION,
    END_MASS,
    HEIGHT,
    SIDE,
    SPEED,
    STRIKE_COLUMNS,
)
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import Table


def random_shots(
    rng: np.random.Generator, table: Table, balls: int, count: int
) -> tuple[Floats, Floats]:
    """Shots with balls anywhere: half aimed at the second ball within some degrees, half anywhere.

    Cue speeds from 0.5 to 6 m/s, tip offsets of up to 0.3 to the side and 0.4 up or down.

    Returns:
        Positions (count, balls, 2) and strikes (count, 8), as ``simulate_batch`` takes them.
    """
    radius = table.balls.radius
    low = np.array([radius, radius])
    high = np.array([table.width - radius, table.length - radius])
    first, second = np.triu_indices(balls, 1)
    positions = np.empty((0, balls, 2))
    while len(positions) < count:
        drawn = rng.uniform(low, high, (2 * count + 10, balls, 2))
        if len(first):
            gap = np.linalg.norm(drawn[:, first] - drawn[:, second], axis=2)
            drawn = drawn[(gap > 2 * radius).all(axis=1)]
        positions = np.concatenate([positions, drawn])[:count]
    strikes = _strikes(count)
    strikes[:, SPEED] = rng.uniform(0.5, 6.0, count)
    strikes[:, DIRECTION] = rng.uniform(0.0, 2 * math.pi, count)
    if balls > 1:
        aimed = rng.random(count) < 0.5
        way = positions[aimed, 1] - positions[aimed, 0]
        strikes[aimed, DIRECTION] = np.arctan2(way[:, 1], way[:, 0]) + rng.normal(
            0.0, 0.03, len(way)
        )
    strikes[:, SIDE] = rng.uniform(-0.3, 0.3, count)
    strikes[:, HEIGHT] = rng.uniform(-0.4, 0.4, count)
    return positions, strikes


def rack(table: Table, kind: Literal["eight", "nine"], gap: float = 0.0) -> Floats:
    """Centres of a tight rack, (15 or 9, 2) in metres, apex on the foot spot.

    ``gap`` is the distance between the surfaces of neighbours, m.
    """
    rows = (1, 2, 3, 4, 5) if kind == "eight" else (1, 2, 3, 2, 1)
    step = table.balls.diameter + gap
    x0, y0 = table.spots["foot"]
    return np.array(
        [
            (x0 + (k - (n - 1) / 2) * step, y0 + row * step * math.sqrt(3) / 2)
            for row, n in enumerate(rows)
            for k in range(n)
        ]
    )


def breaks(
    rng: np.random.Generator, table: Table, kind: Literal["eight", "nine"], count: int
) -> tuple[Floats, Floats]:
    """Breaks of slightly loose racks (gaps of up to 0.1 mm), cue speed 7 to 11 m/s.

    Returns:
        Positions (count, 16 or 10, 2), the cue ball first, and strikes (count, 8).
    """
    tight = rack(table, kind, gap=1e-4)
    positions = np.empty((count, len(tight) + 1, 2))
    positions[:, 1:] = tight + rng.uniform(-3e-5, 3e-5, (count, *tight.shape))
    positions[:, 0, 0] = table.width * rng.uniform(0.3, 0.7, count)
    positions[:, 0, 1] = table.length * 0.2
    strikes = _strikes(count)
    way = tight[0] - positions[:, 0]
    strikes[:, DIRECTION] = np.arctan2(way[:, 1], way[:, 0]) + rng.normal(0.0, 0.003, count)
    strikes[:, SPEED] = rng.uniform(7.0, 11.0, count)
    return positions, strikes


def _strikes(count: int) -> Floats:
    strikes = np.zeros((count, STRIKE_COLUMNS))
    strikes[:, CUE_MASS] = 0.54
    strikes[:, END_MASS] = 0.00567
    return strikes
