"""How many requests a worker answers, how quickly, and how many fail."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0
_MOST = 2000
_LEAST = 10
"""Fewer requests say nothing about a share."""


class Traffic:
    """Requests of the last minute, and their total since the start.

    A failure is an error of ours: 500 and the like, but not 503, which speaks of another module.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.failures = 0
        self.seconds = 0.0
        """Spent on all of them."""
        self._recent: deque[tuple[float, float, bool]] = deque(maxlen=_MOST)

    def answered(self, status: int, took_s: float, now: float) -> None:
        """A request was answered; ``now`` in seconds of a monotonic clock."""
        failed = status >= 500 and status != 503
        self.requests += 1
        self.failures += failed
        self.seconds += took_s
        self._recent.append((now, took_s, failed))

    def measures(self, now: float) -> dict[str, float]:
        """Requests a second, mean latency in milliseconds, share of failures in percent."""
        while self._recent and now - self._recent[0][0] > WINDOW_S:
            self._recent.popleft()
        count = len(self._recent)
        out = {"requests_per_s": round(count / WINDOW_S, 3), "latency_ms": 0.0}
        if count:
            out["latency_ms"] = round(1e3 * sum(took for _, took, _ in self._recent) / count, 3)
        failed = sum(failure for _, _, failure in self._recent)
        out["errors_percent"] = round(100.0 * failed / count, 2) if count >= _LEAST else 0.0
        return out
