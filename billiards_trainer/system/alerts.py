"""Alerts: what a person should know, said once when it begins and once when it is over.

Pure: the time is handed in.  Nothing is said before it has lasted its hold time, nothing is over
before it has been well for a while, and the same thing is never said twice while it lasts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from billiards_trainer.messages import Alert

Severity = Literal["WARNING", "ERROR", "CRITICAL"]

_RANK: dict[str, int] = {"WARNING": 1, "ERROR": 2, "CRITICAL": 3}
HISTORY = 500
CLEAR_S = 2.0
"""What comes and goes faster than this is one alert, not many."""


@dataclass(frozen=True, slots=True)
class Concern:
    """What gives cause for an alert at this moment.

    Attributes:
        severity: how bad it is.
        text: one sentence.
        hold_s: how long it must last before anybody is told.
        advice: what staff can do.
        player: what the cloth says, when the player must act.
    """

    severity: Severity
    text: str
    hold_s: float = 0.0
    advice: str = ""
    player: str = ""


class AlertBook:
    """Turns concerns into alerts.

    Args:
        epoch: tells this run of the appliance from others.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._sequence = 0
        self._since: dict[str, tuple[int, float]] = {}
        """By name: rank of what is held, and since when."""
        self._well_since: dict[str, float] = {}
        self._active: dict[str, Alert] = {}
        self._over: deque[Alert] = deque(maxlen=HISTORY)

    @property
    def active(self) -> tuple[Alert, ...]:
        """What is wrong now, the worst first."""
        return tuple(sorted(self._active.values(), key=lambda alert: -_RANK[alert.severity]))

    @property
    def history(self) -> tuple[Alert, ...]:
        """What was wrong and is over, newest first; the last few hundred."""
        return tuple(reversed(self._over))

    @property
    def standing(self) -> dict[str, Severity]:
        """Severity of what is wrong now, by name."""
        return {name: alert.severity for name, alert in self._active.items()}

    def update(self, concerns: Mapping[str, Concern], now_ns: int) -> list[Alert]:
        """The alerts that begin, change or end with these concerns."""
        now = now_ns / 1e9
        said = []
        for name, concern in concerns.items():
            self._well_since.pop(name, None)
            if self._is_due(name, concern, now):
                said.append(self._begin(name, concern, now_ns))
        for name in [name for name in self._since if name not in concerns]:
            if name not in self._active:
                del self._since[name]
            elif now - self._well_since.setdefault(name, now) >= CLEAR_S:
                said.append(self._end(name, now_ns))
        return said

    def acknowledge(self, name: str, by: str) -> Alert | None:
        """Somebody has taken note; ``None`` when there is no such alert."""
        alert = self._active.get(name)
        if alert is None:
            return None
        self._sequence += 1
        self._active[name] = alert.model_copy(
            update={"acknowledged_by": by, "sequence": self._sequence}
        )
        return self._active[name]

    def _is_due(self, name: str, concern: Concern, now: float) -> bool:
        rank = _RANK[concern.severity]
        held, since = self._since.get(name, (0, now))
        if rank != held:
            # Worse than before is held anew; the hold of what is less bad has been served.
            since = since if rank < held else now
            self._since[name] = (rank, since)
        known = self._active.get(name)
        if known is not None and known.severity == concern.severity:
            return False
        return now - since >= concern.hold_s

    def _begin(self, name: str, concern: Concern, now_ns: int) -> Alert:
        self._sequence += 1
        known = self._active.get(name)
        alert = Alert(
            epoch=self._epoch,
            sequence=self._sequence,
            raised_ns=known.raised_ns if known is not None else now_ns,
            severity=concern.severity,
            name=name,
            text=concern.text,
            advice=concern.advice,
            player=concern.player,
        )
        self._active[name] = alert
        return alert

    def _end(self, name: str, now_ns: int) -> Alert:
        self._sequence += 1
        del self._since[name], self._well_since[name]
        alert = self._active.pop(name).model_copy(
            update={"active": False, "sequence": self._sequence, "ended_ns": now_ns}
        )
        self._over.append(alert)
        return alert
