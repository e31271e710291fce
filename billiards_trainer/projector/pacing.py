"""When to flip: decisions only, times in nanoseconds."""

from __future__ import annotations


class Pacer:
    """Evenly spaced flips, and an estimate of how long drawing takes.

    Args:
        rate_hz: flips a second.
        start_ns: any moment; flips fall on whole periods after it.
    """

    def __init__(self, rate_hz: float, start_ns: int) -> None:
        self.period_ns = round(1e9 / rate_hz)
        self._start_ns = start_ns
        self._draw_ns = 2e6

    def next_after(self, time_ns: int) -> int:
        """The first flip later than that."""
        return self._start_ns + ((time_ns - self._start_ns) // self.period_ns + 1) * self.period_ns

    def drew(self, took_ns: int) -> None:
        """Learn from a drawing: quickly when it took longer, slowly when it took less time."""
        share = 0.5 if took_ns > self._draw_ns else 0.05
        self._draw_ns += share * (took_ns - self._draw_ns)

    def expected_flip(self, now_ns: int) -> int:
        """The flip that a drawing begun now will make."""
        return self.next_after(now_ns + round(self._draw_ns))

    def has_time(self, now_ns: int, flip_ns: int) -> bool:
        """Whether another drawing can be done before a flip that has its picture already."""
        return now_ns + self._draw_ns < flip_ns
