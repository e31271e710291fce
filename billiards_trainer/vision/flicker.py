"""Lamps that flicker with the mains: told by how the light changes from picture to picture.

Such a lamp shines 100 or 120 times a second.  A camera whose exposure is no multiple of that
catches more light in one picture than in the next, and with a rolling shutter in some rows.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

_PICTURES = 24
_LEAST = 0.012
"""Change of light from picture to picture, relative; noise and players make far less of the rows'
medians."""
_DARK = 12
PROBLEM = (
    "the light flickers with the mains: set the exposure to 10 ms (or 8.3 ms where the mains has "
    "60 Hz), or a multiple of it"
)


class FlickerWatch:
    """Told of one thumbnail after the other."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._changes: deque[NDArray[np.float32]] = deque(maxlen=_PICTURES)

    def see(self, small: NDArray[np.uint8]) -> None:
        """Take in a thumbnail, grey uint8 (h, w)."""
        logs = np.log(small.astype(np.float32) + 4.0)
        before, self._before = self._before, logs
        if before is None or before.shape != logs.shape:
            self._changes.clear()
            return
        # Half a row may be covered by somebody who moves; the light falls on all of it.
        lit = small > _DARK
        rows = lit.mean(axis=1) > 0.5
        change = np.median(logs - before, axis=1)
        self._changes.append(np.where(rows, change, np.nan).astype(np.float32))

    @property
    def flickers(self) -> bool:
        """Whether the light goes up and down in most pictures."""
        if len(self._changes) < _PICTURES:
            return False
        changes = np.array(self._changes)
        seen = ~np.isnan(changes).any(axis=0)
        if np.count_nonzero(seen) < 0.3 * changes.shape[1]:
            return False
        changes = changes[:, seen]
        strength = np.sqrt((changes**2).mean(axis=1))
        if np.median(strength) <= _LEAST:
            return False
        # A lamp that is dimmed, or a cloud, changes the light one way only.
        drift = np.abs(changes.sum(axis=0)).mean() / np.abs(changes).sum(axis=0).mean()
        return bool(drift < 0.5)
