"""Alerts as JSON by POST to addresses of the venue, with patience.

A thread of its own with a queue of limited length: nobody waits for a network.
"""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence

import structlog

from billiards_trainer.messages import Alert
from billiards_trainer.redaction import redact

_log = structlog.get_logger(__name__)

CAPACITY = 100
ATTEMPTS = 5
FIRST_PAUSE_S = 1.0
_TIMEOUT_S = 5.0


class Webhooks(threading.Thread):
    """Sends alerts.

    Args:
        addresses: called for each alert; secrets filled in.
        pause_s: before the second attempt; doubles.
    """

    def __init__(
        self, addresses: Callable[[], Iterable[str]], pause_s: float = FIRST_PAUSE_S
    ) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._addresses = addresses
        self._pause_s = pause_s
        self._waiting: queue.Queue[tuple[Alert, Sequence[str]]] = queue.Queue(CAPACITY)
        self._ended = threading.Event()

    def send(self, alert: Alert) -> None:
        """Hand an alert over; never waits."""
        addresses = tuple(self._addresses())
        if not addresses:
            return
        try:
            self._waiting.put_nowait((alert, addresses))
        except queue.Full:
            _log.error("too many alerts wait for webhooks", dropped=alert.name)

    def run(self) -> None:
        """Until ``end``."""
        while not self._ended.is_set():
            try:
                alert, addresses = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            for address in addresses:
                self._deliver(address, alert)

    def end(self) -> None:
        """Send no more."""
        self._ended.set()

    def _deliver(self, address: str, alert: Alert) -> None:
        request = urllib.request.Request(
            address,
            data=alert.model_dump_json().encode(),
            headers={"Content-Type": "application/json"},
        )
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
                    return
            except (OSError, ValueError) as error:  # URLError and HTTPError are OSErrors
                reason = redact(str(error))
                if isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500:
                    break  # it was understood and refused
            if self._ended.wait(self._pause_s * 2.0**attempt):
                return
        _log.error("webhook not delivered", address=redact(address), alert=alert.name, why=reason)
