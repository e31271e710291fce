"""Places from which a ball may drop."""

from __future__ import annotations

import math

from billiards_trainer.table import Table


def in_mouth(x: float, y: float, table: Table) -> bool:
    """Whether a place lies within a pocket's mouth (metres)."""
    return any(math.dist((x, y), p.mouth_centre) < math.dist(*p.jaws) / 2 for p in table.pockets)


def near_pocket(x: float, y: float, speed: float, table: Table) -> bool:
    """Whether a ball there (metres, m/s) may drop: over a mouth, or about to be."""
    nearest = table.nearest_pocket(x, y)
    if nearest is None:
        return False
    pocket, distance = nearest
    return distance < pocket.radius + table.balls.diameter + 0.03 * speed
