"""Verdicts on the health of each module and of the whole; pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from billiards_trainer.messages import Heartbeat, Level, ModuleStatus
from billiards_trainer.system.supervision import Life, State


def module_status(
    life: Life, pid: int | None, heartbeat: Heartbeat | None, heartbeat_age_s: float | None
) -> ModuleStatus:
    """What is said of one module."""
    level, detail = _verdict(life, heartbeat)
    return ModuleStatus(
        status=level,
        state=life.state.value,
        pid=pid,
        restarts=life.restarts,
        heartbeat_age_s=heartbeat_age_s,
        detail=detail,
        measures=heartbeat.measures if heartbeat is not None else {},
    )


def left_out(name: str) -> ModuleStatus:
    """What is said of a module that was not asked for."""
    return ModuleStatus(
        status=Level.UNKNOWN, state=State.STOPPED.value, detail=f"left out (--no-{name})"
    )


def _verdict(life: Life, heartbeat: Heartbeat | None) -> tuple[Level, str]:
    match life.state:
        case State.RUNNING | State.DEGRADED:
            if heartbeat is None:
                return Level.UNKNOWN, ""
            return heartbeat.level, heartbeat.detail
        case State.STARTING:
            return (Level.UNHEALTHY if life.failures else Level.UNKNOWN), "starting"
        case State.BACKOFF:
            return Level.UNHEALTHY, f"{life.reason}; starting again"
        case State.FATAL:
            return Level.UNHEALTHY, f"given up: {life.reason}"
        case State.STOPPING:
            return Level.UNKNOWN, "stopping"
        case State.STOPPED:
            return Level.UNKNOWN, "waiting for what it needs"


def overall(modules: Mapping[str, ModuleStatus], off: frozenset[str]) -> tuple[Level, str]:
    """The whole: HEALTHY, DEGRADED while it goes on with what works, UNHEALTHY when little does.

    Args:
        modules: by name, those left out included.
        off: names of the modules that were left out on purpose.

    Returns:
        Level and a sentence that names what is wrong.
    """
    wanted = {name: status for name, status in modules.items() if name not in off}
    sick = [name for name, s in wanted.items() if s.status is Level.UNHEALTHY]
    starting = [name for name, s in wanted.items() if s.status is Level.UNKNOWN]
    weak = [name for name, s in wanted.items() if s.status is Level.DEGRADED]
    parts = [f"{name}: {modules[name].detail}" for name in (*sick, *weak) if modules[name].detail]
    parts += [f"{name} is left out" for name in sorted(off)]
    detail = "; ".join(parts)
    if len(sick) >= 2 and len(sick) * 2 >= len(wanted):
        return Level.UNHEALTHY, detail
    if starting and not sick:
        return Level.UNKNOWN, "starting " + ", ".join(starting)
    if sick or weak or off:
        return Level.DEGRADED, detail
    return Level.HEALTHY, ""
