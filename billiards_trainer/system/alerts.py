"""Alerts: what a person should know, said once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from billiards_trainer.messages import Alert, Level, ModuleStatus
from billiards_trainer.system.supervision import State

Severity = Literal["WARNING", "ERROR", "CRITICAL"]


class AlertBook:
    """Turns verdicts into alerts without repeating itself.

    ``hold_s`` is how long something must be wrong before it is worth an alert.
    """

    def __init__(self, epoch: int, hold_s: float = 1.5) -> None:
        self._epoch = epoch
        self._hold_s = hold_s
        self._sequence = 0
        self._pending: dict[str, float] = {}
        self._active: dict[str, Alert] = {}

    @property
    def active(self) -> tuple[Alert, ...]:
        """What is wrong now."""
        return tuple(self._active.values())

    def update(self, modules: Mapping[str, ModuleStatus], now_ns: int) -> list[Alert]:
        """The alerts that begin or end with these verdicts."""
        wrong = {name: found for name, status in modules.items() if (found := _judge(status))}
        out = []
        for name, (severity, text) in wrong.items():
            began = self._pending.setdefault(name, now_ns / 1e9)
            held = now_ns / 1e9 - began >= self._hold_s or severity == "CRITICAL"
            known = self._active.get(name)
            if held and (known is None or known.severity != severity):
                out.append(self._say(name, severity, f"{name}: {text}", now_ns, active=True))
        for name in [n for n in self._pending if n not in wrong]:
            del self._pending[name]
            if (over := self._active.get(name)) is not None:
                out.append(self._say(name, over.severity, over.text, now_ns, active=False))
        return out

    def _say(self, name: str, severity: Severity, text: str, now_ns: int, *, active: bool) -> Alert:
        self._sequence += 1
        alert = Alert(
            epoch=self._epoch,
            sequence=self._sequence,
            raised_ns=now_ns,
            severity=severity,
            name=name,
            text=text,
            active=active,
        )
        if active:
            self._active[name] = alert
        else:
            self._active.pop(name, None)
        return alert


def _judge(status: ModuleStatus) -> tuple[Severity, str] | None:
    if status.state == State.FATAL.value:
        return "CRITICAL", status.detail
    if status.status is Level.UNHEALTHY:
        return "ERROR", status.detail
    if status.status is Level.DEGRADED:
        return "WARNING", status.detail
    return None
