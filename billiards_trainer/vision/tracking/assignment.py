"""Who is who: the cheapest one-to-one pairing, where anyone may also stay alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

Pair = tuple[int, int]


def assign(costs: Mapping[Pair, float], alone: float) -> list[Pair]:
    """The pairing with the least total cost.

    Args:
        costs: cost of each possible pair (row, column); others are impossible.
        alone: cost of leaving a row *and* a column unpaired; pairs that cost more are never made.

    Returns:
        The pairs made, sorted.
    """
    useful = {pair: cost for pair, cost in costs.items() if cost < alone}
    if not useful:
        return []
    rows = sorted({r for r, _ in useful})
    columns = sorted({c for _, c in useful})
    at_row = {r: i for i, r in enumerate(rows)}
    at_column = {c: j for j, c in enumerate(columns)}
    matrix = np.full((len(rows), len(columns) + len(rows)), np.inf)
    for (r, c), cost in useful.items():
        matrix[at_row[r], at_column[c]] = cost - alone
    # One more column a row, its own, free of charge to stay alone.
    matrix[np.arange(len(rows)), len(columns) + np.arange(len(rows))] = 0.0
    return [
        (rows[i], columns[j])
        for i, j in zip(*linear_sum_assignment(matrix), strict=True)
        if j < len(columns)
    ]
