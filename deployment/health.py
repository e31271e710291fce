"""How the running appliance says it is, asked over its own interface."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RANK = {"HEALTHY": 3, "DEGRADED": 2, "UNKNOWN": 1, "UNHEALTHY": 0}

SETTLE_S = 15.0
"""So long it has to be DEGRADED without a break before that counts as its final word, at most."""
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """One answer of ``/health``."""

    status: str
    version: str
    source: str = ""
    detail: str = ""

    @property
    def rank(self) -> int:
        """Higher is better."""
        return RANK.get(self.status, 0)


def ask(port: int, *, tls: bool = False) -> Health | None:
    """The present answer; ``None`` when nobody answers.

    Args:
        port: on this machine.
        tls: through nginx, whose certificate may be one that it made itself.
    """
    address = f"{'https' if tls else 'http'}://127.0.0.1:{port}/health"
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(address, timeout=5, context=context) as reply:
            return _read(json.load(reply))
    except urllib.error.HTTPError as error:
        with error:
            try:
                return _read(json.load(error))
            except ValueError:
                return None
    except (OSError, ValueError):
        return None


def _read(data: Any) -> Health | None:
    if not isinstance(data, dict) or not isinstance(data.get("version"), str):
        return None
    return Health(
        status=str(data.get("status")),
        version=data["version"],
        source=str(data.get("source", "")),
        detail=str(data.get("detail", "")),
    )


def wait(
    probe: Callable[[], Health | None],
    version: str,
    needed: int,
    limit_s: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[bool, Health | None]:
    """Wait for an appliance that is as well as it has to be.

    HEALTHY is believed at once; a lesser level that would do is believed when it has lasted, for
    an appliance that is starting passes through it.

    Args:
        probe: asks it.
        version: that has to answer.
        needed: least rank.
        limit_s: seconds to wait at most.
        now: monotonic seconds.
        sleep: waits.

    Returns:
        Whether it is well enough, and the last answer of that version.
    """
    deadline = now() + limit_s
    last: Health | None = None
    enough_since: float | None = None
    while now() < deadline:
        found = probe()
        last = found if found is not None and found.version == version else None
        if last is not None and last.rank == RANK["HEALTHY"]:
            return True, last
        if last is None or last.rank < needed:
            enough_since = None
        else:
            enough_since = now() if enough_since is None else enough_since
            if now() - enough_since >= min(SETTLE_S, limit_s / 2):
                return True, last
        sleep(_POLL_S)
    return False, last
