"""Temperatures, and whether the processor is held back by heat; Jetson and Intel where present."""

from __future__ import annotations

from pathlib import Path

import psutil

_INTEL = "devices/system/cpu/cpu*/thermal_throttle/*_throttle_count"
_JETSON = "class/thermal/cooling_device*"


def temperatures_c() -> dict[str, float]:
    """Every sensor by name, °C; none where the machine reports none."""
    out: dict[str, float] = {}
    for chip, sensors in psutil.sensors_temperatures().items():
        for number, sensor in enumerate(sensors):
            if sensor.current is not None:
                out[f"{chip}/{sensor.label or number}"] = sensor.current
    return out


class Throttling:
    """Watches the counters of Intel processors and the cooling states of Jetson boards.

    Args:
        sys_folder: where the kernel tells, ``/sys``.
    """

    def __init__(self, sys_folder: Path = Path("/sys")) -> None:
        self._counters = sorted(sys_folder.glob(_INTEL))
        self._coolers = [
            folder / "cur_state"
            for folder in sorted(sys_folder.glob(_JETSON))
            # Fans are cooling devices too; only those that slow something down count.
            if any(word in _text(folder / "type") for word in ("throttle", "cpufreq", "devfreq"))
        ]
        self._last = self._count()

    def now(self) -> bool | None:
        """Whether it was held back since the last call; ``None`` where nothing tells."""
        if not self._counters and not self._coolers:
            return None
        before, self._last = self._last, self._count()
        return self._last > before or any(_number(path) > 0 for path in self._coolers)

    def _count(self) -> int:
        return sum(_number(path) for path in self._counters)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip().lower()
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdigit() else 0
