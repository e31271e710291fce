"""What the silence of a source means, and what to do about it: decisions only, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from billiards_trainer.messages import Level, SourceState


class Action(Enum):
    """What the process shall do now."""

    WAIT = "wait"
    OPEN = "open"
    GIVE_UP = "give up"
    """A read hangs for ever.  Threads cannot be ended, so the process ends and is replaced."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient to be, in seconds."""

    stall_s: float = 2.0
    """Without a picture for so long the source is said to stall."""
    hang_s: float = 15.0
    """A call into the source that has not come back for so long never will."""
    backoff_s: float = 0.5
    """Wait before the first try to open it again; each further one waits twice as long."""
    backoff_max_s: float = 2.0
    """Not longer: a camera that is back is to be seen again within seconds."""
    stable_s: float = 5.0
    """Pictures for so long forgive earlier failures."""


def backoff(failures: int, chance: float, limits: Limits) -> float:
    """Seconds to wait after that many failures in a row (≥ 1).

    ``chance`` in [0, 1) spreads it over half to all of the full wait, so that several appliances do
    not ask one camera at the same moment.
    """
    full = min(limits.backoff_max_s, limits.backoff_s * 2.0 ** min(failures - 1, 30))
    return full * (0.5 + 0.5 * chance)


class SourceWatch:
    """Follows one source through its life.

    Tell it what happens (``opened`` … ``ended``) and ask ``next`` what to do.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.state = SourceState.OPENING
        self.detail = "opening"
        self.reopened = 0
        self._opens = 0
        self._failures = 0
        self._busy_since: float | None = None
        self._retry_at: float | None = None
        self._running_since = 0.0

    def next(self, now: float) -> Action:
        """What to do now; ``OPEN`` is said once for each opening."""
        if self.state is SourceState.ENDED:
            return Action.WAIT
        if self._busy_since is None:
            if self._retry_at is not None and now < self._retry_at:
                return Action.WAIT
            self._busy_since = now
            self._retry_at = None
            self.reopened = self._opens
            self._opens += 1
            return Action.OPEN
        silent = now - self._busy_since
        if silent >= self._limits.hang_s:
            self.state = SourceState.STALLED
            self.detail = f"no answer for {silent:.0f} s: starting its reader anew"
            return Action.GIVE_UP
        if self.state is SourceState.RUNNING and silent >= self._limits.stall_s:
            self.state = SourceState.STALLED
            self.detail = "no pictures"
        return Action.WAIT

    def picture(self, now: float) -> None:
        """A picture came."""
        if self.state is not SourceState.RUNNING:
            self._running_since = now
        self.state, self.detail = SourceState.RUNNING, ""
        self._busy_since = now
        if now - self._running_since >= self._limits.stable_s:
            self._failures = 0

    def failed(self, now: float, reason: str, chance: float) -> None:
        """Opening or reading failed; it is closed and will be opened again."""
        self._failures += 1
        wait = backoff(self._failures, chance, self._limits)
        self._busy_since, self._retry_at = None, now + wait
        self.state, self.detail = SourceState.LOST, reason

    def ended(self) -> None:
        """The source is over."""
        self.state, self.detail = SourceState.ENDED, "the film is over"


def verdict(state: SourceState, detail: str) -> tuple[Level, str]:
    """What the process says of itself."""
    match state:
        case SourceState.RUNNING:
            return Level.HEALTHY, ""
        case SourceState.OPENING:
            return Level.DEGRADED, "opening the source"
        case SourceState.ENDED:
            return Level.DEGRADED, detail
        case SourceState.STALLED:
            return Level.DEGRADED, f"the source stalls: {detail}"
        case SourceState.LOST:
            return Level.UNHEALTHY, f"the source is lost: {detail}"
