"""One hour of measures in memory, for the page: bounded, and reserved at the start."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

SERIES = 64
SLOTS = 3600
_PERIOD_NS = 1_000_000_000


class History:
    """A ring of samples, one a second; a sample is a number for each known name.

    Args:
        slots: how many seconds are kept.
        series: how many names there may be; further ones are not kept.
    """

    def __init__(self, slots: int = SLOTS, series: int = SERIES) -> None:
        self._values = np.full((slots, series), np.nan, dtype=np.float32)
        self._times = np.zeros(slots, dtype=np.int64)
        self._columns: dict[str, int] = {}
        self._next = 0
        self._count = 0

    def add(self, now_ns: int, measures: Mapping[str, float]) -> None:
        """Keep a sample; more than one a second is left out."""
        slots, series = self._values.shape
        if self._count and now_ns - self._times[self._next - 1] < 0.9 * _PERIOD_NS:
            return
        row = self._values[self._next]
        row[:] = np.nan
        for name, value in measures.items():
            column = self._columns.get(name)
            if column is None:
                if len(self._columns) == series:
                    continue
                column = self._columns[name] = len(self._columns)
            row[column] = value
        self._times[self._next] = now_ns
        self._next = (self._next + 1) % slots
        self._count = min(self._count + 1, slots)

    def since(
        self, seconds: float, points: int, now_ns: int
    ) -> tuple[tuple[float, ...], dict[str, tuple[float | None, ...]]]:
        """The last seconds, thinned out to means.

        Returns:
            Age of each point in seconds, oldest first; and by name the values, ``None`` where
            nothing was measured.
        """
        order = np.arange(self._next - self._count, self._next) % len(self._times)
        order = order[now_ns - self._times[order] <= seconds * 1e9]
        if len(order) == 0:
            return (), {}
        groups = np.array_split(order, min(points, len(order)))
        ages = tuple(round((now_ns - int(self._times[g].mean())) / 1e9, 1) for g in groups)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is nan
            means = np.array([np.nanmean(self._values[g], axis=0) for g in groups])
        series = {
            name: tuple(None if np.isnan(v) else round(float(v), 3) for v in means[:, column])
            for name, column in self._columns.items()
        }
        return ages, series
