"""How well the appliance performs, as one number from 0 to 100 and the parts it is made of."""

from __future__ import annotations

from dataclasses import dataclass

_WEIGHTS = {"frame_rate": 35, "latency": 25, "machine": 20, "recognition": 10, "steadiness": 10}


@dataclass(frozen=True, slots=True)
class Performance:
    """What the score is made of; ``None`` where nothing is known.

    Attributes:
        fps: pictures a second that vision looks at.
        wanted_fps: pictures a second that the source is asked for.
        latency_ms: middle of the exposure to the projector's flip.
        cpu_percent: processor in use.
        memory_percent: memory in use.
        confidence: of the balls, 0 to 1.
        restarts: of modules, within the last hour.
    """

    fps: float | None = None
    wanted_fps: float = 30.0
    latency_ms: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    confidence: float | None = None
    restarts: int = 0


def parts(found: Performance) -> dict[str, int]:
    """Each part from 0 (bad) to 100 (as good as it gets); what is not known is left out."""
    out: dict[str, int] = {}
    if found.fps is not None:
        out["frame_rate"] = _share(found.fps, 0.0, 0.95 * found.wanted_fps)
    if found.latency_ms is not None:
        out["latency"] = _share(found.latency_ms, 250.0, 50.0)
    if found.cpu_percent is not None and found.memory_percent is not None:
        out["machine"] = min(
            _share(found.cpu_percent, 100.0, 70.0), _share(found.memory_percent, 100.0, 80.0)
        )
    if found.confidence is not None:
        out["recognition"] = _share(found.confidence, 0.2, 0.8)
    if out:
        out["steadiness"] = _share(float(found.restarts), 4.0, 0.0)
    return out


def score(found: dict[str, int]) -> int | None:
    """The weighted mean of the parts; ``None`` when none is known."""
    weight = sum(_WEIGHTS[name] for name in found)
    if not weight:
        return None
    return round(sum(_WEIGHTS[name] * value for name, value in found.items()) / weight)


def _share(value: float, bad: float, good: float) -> int:
    return round(100 * min(1.0, max(0.0, (value - bad) / (good - bad))))
