"""Which boot a monotonic time belongs to, and how it maps to wall-clock time.

Nothing decides by wall clock; it is only kept so that people can read when something happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BootClock:
    """The machine's boot and the offset of its wall clock.

    Attributes:
        boot_id: differs after each start of the machine; monotonic times compare within one only.
        wall_offset_ns: wall-clock time (Unix, ns) minus monotonic time when it was taken.
    """

    boot_id: str
    wall_offset_ns: int

    @classmethod
    def now(cls) -> BootClock:
        """The present boot, with the wall clock as it stands now."""
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return cls(boot_id, time.time_ns() - time.monotonic_ns())


def wall_time(monotonic_ns: int, wall_offset_ns: int) -> datetime:
    """The moment a monotonic time meant, in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=(monotonic_ns + wall_offset_ns) // 1000)
