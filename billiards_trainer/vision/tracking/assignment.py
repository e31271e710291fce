"""Who is who: the cheapest one-to-one pairing, where anyone may also stay alone.

Few pairs are possible, so the problem falls into small independent groups; each is solved exactly
by shortest augmenting paths (the Hungarian method) [Jonker & Volgenant 1987].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
    made: list[Pair] = []
    for rows, columns in _groups(useful):
        if len(rows) == 1 and len(columns) == 1:
            made.append((rows[0], columns[0]))
            continue
        # One extra column a row, each free of charge to stay alone.
        matrix = [
            [useful.get((r, c), math.inf) - alone for c in columns]
            + [0.0 if k == i else math.inf for k in range(len(rows))]
            for i, r in enumerate(rows)
        ]
        for i, j in enumerate(solve(matrix)):
            if j < len(columns):
                made.append((rows[i], columns[j]))
    return sorted(made)


def _groups(pairs: Mapping[Pair, float]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that are connected by possible pairs."""
    by_row: dict[int, list[int]] = {}
    by_column: dict[int, list[int]] = {}
    for r, c in pairs:
        by_row.setdefault(r, []).append(c)
        by_column.setdefault(c, []).append(r)
    groups: list[tuple[list[int], list[int]]] = []
    seen: set[int] = set()
    for start in by_row:
        if start in seen:
            continue
        rows, columns, queue = {start}, set[int](), [start]
        while queue:
            for c in by_row[queue.pop()]:
                if c not in columns:
                    columns.add(c)
                    fresh = [r for r in by_column[c] if r not in rows]
                    rows.update(fresh)
                    queue += fresh
        seen |= rows
        groups.append((sorted(rows), sorted(columns)))
    return groups


def solve(matrix: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row in the cheapest complete assignment.

    Args:
        matrix: n rows of m >= n costs; infinite costs are impossible.  A complete assignment must
            exist.
    """
    n, m = len(matrix), len(matrix[0])
    row_price, column_price = [0.0] * (n + 1), [0.0] * (m + 1)
    row_of = [0] * (m + 1)  # rows and columns count from 1; 0 is the root of the search
    for row in range(1, n + 1):
        row_of[0] = row
        column = 0
        least = [math.inf] * (m + 1)
        before = [0] * (m + 1)
        used = [False] * (m + 1)
        while row_of[column]:
            used[column] = True
            current, delta, nearest = row_of[column], math.inf, 0
            costs = matrix[current - 1]
            for c in range(1, m + 1):
                if used[c]:
                    continue
                slack = costs[c - 1] - row_price[current] - column_price[c]
                if slack < least[c]:
                    least[c], before[c] = slack, column
                if least[c] < delta:
                    delta, nearest = least[c], c
            for c in range(m + 1):
                if used[c]:
                    row_price[row_of[c]] += delta
                    column_price[c] -= delta
                else:
                    least[c] -= delta
            column = nearest
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    answer = [0] * n
    for c in range(1, m + 1):
        if row_of[c]:
            answer[row_of[c] - 1] = c - 1
    return answer
