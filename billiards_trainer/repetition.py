"""How often the same thing may be said: a pure count with the time handed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_WINDOW_S = 60.0
_REMEMBERED = 256


class Repetition:
    """Counts sayings within windows of a minute.

    Args:
        per_window: how often the same thing may be said in one window.
    """

    def __init__(self, per_window: int) -> None:
        self._limit = per_window
        self._seen: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def held_back(self, key: Hashable, now_s: float) -> int | None:
        """Whether to say it: ``None`` for no, else how often it was held back before."""
        began, count = self._seen.get(key, (now_s, 0))
        held = 0
        if not 0 <= now_s - began < _WINDOW_S:
            held = max(0, count - self._limit)
            began, count = now_s, 0
        self._seen[key] = (began, count + 1)
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return held if count < self._limit else None
