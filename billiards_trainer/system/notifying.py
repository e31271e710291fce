"""What systemd is told: ready once, the state when it changes, and that the loop advances."""

from __future__ import annotations

import sdnotify

from billiards_trainer.messages import SystemStatus

LONGEST_START_S = 30.0
"""After so long a start counts as over, whatever came up: what did not is the supervision's."""


class Notifier:
    """Speaks to systemd where there is one; call ``tell`` from the loop that is to be watched."""

    def __init__(self) -> None:
        self._systemd = sdnotify.SystemdNotifier()
        self._ready = False
        self._said = ""

    def tell(self, status: SystemStatus, *, settled: bool) -> bool:
        """Say how it is.

        Args:
            status: the whole.
            settled: whether every module is up, or known not to come up.

        Returns:
            Whether this was the moment when the start was over.
        """
        now_ready = not self._ready and (settled or status.uptime_s > LONGEST_START_S)
        if now_ready:
            self._ready = True
            self._systemd.notify("READY=1")
        said = f"{status.status.value} {status.safe_mode or status.detail}".strip()
        if said != self._said:
            self._said = said
            self._systemd.notify(f"STATUS={said}")
        self._systemd.notify("WATCHDOG=1")
        return now_ready

    def stopping(self) -> None:
        """The end has begun."""
        self._systemd.notify("STOPPING=1")
