"""Verdicts on the health of each module and of the whole; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billiards_trainer.messages import Check, Level, ModuleStatus
from billiards_trainer.system.checks import Seen, checks_of
from billiards_trainer.system.supervision import Life, State

_WORST = (Level.UNHEALTHY, Level.DEGRADED)


def module_status(
    name: str, life: Life, pid: int | None, seen: Seen | None, heartbeat_age_s: float | None
) -> ModuleStatus:
    """What is said of one module; ``seen`` is ``None`` before its first heartbeat."""
    running = life.state in (State.RUNNING, State.DEGRADED)
    checks = checks_of(name).of(seen) if running and seen is not None else ()
    level, detail = _verdict(life, seen, checks)
    return ModuleStatus(
        status=level,
        state=life.state.value,
        pid=pid,
        restarts=life.restarts,
        heartbeat_age_s=heartbeat_age_s,
        detail=detail,
        measures=seen.heartbeat.measures if seen is not None else {},
        checks=checks,
    )


def left_out(name: str, why: str = "") -> ModuleStatus:
    """What is said of a module that was not asked for."""
    return ModuleStatus(
        status=Level.UNKNOWN, state=State.STOPPED.value, detail=why or f"left out (--no-{name})"
    )


def _verdict(life: Life, seen: Seen | None, checks: Sequence[Check]) -> tuple[Level, str]:
    match life.state:
        case State.RUNNING | State.DEGRADED:
            if seen is None:
                return Level.UNKNOWN, ""
            if checks:
                return worst(checks), "; ".join(check.detail for check in checks if check.detail)
            return Level.HEALTHY, seen.heartbeat.detail
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


def worst(checks: Sequence[Check]) -> Level:
    """The worst level among checks; HEALTHY when there are none."""
    levels = {check.level for check in checks}
    return next((level for level in (*_WORST, Level.UNKNOWN) if level in levels), Level.HEALTHY)


def overall(
    modules: Mapping[str, ModuleStatus], off: frozenset[str], checks: Sequence[Check] = ()
) -> tuple[Level, str]:
    """The whole: HEALTHY, DEGRADED while it goes on with what works, UNHEALTHY when little does.

    Args:
        modules: by name, those left out included.
        off: names of the modules that were left out on purpose.
        checks: what is wrong with configuration, storage or host.

    Returns:
        Level and a sentence that names what is wrong.
    """
    wanted = {name: status for name, status in modules.items() if name not in off}
    sick = [name for name, s in wanted.items() if s.status is Level.UNHEALTHY]
    starting = [name for name, s in wanted.items() if s.status is Level.UNKNOWN]
    weak = [name for name, s in wanted.items() if s.status is Level.DEGRADED]
    parts = [f"{name}: {modules[name].detail}" for name in (*sick, *weak) if modules[name].detail]
    parts += [f"{check.name}: {check.detail}" for check in checks]
    parts += [f"{name} is left out" for name in sorted(off)]
    detail = "; ".join(parts)
    if len(sick) >= 2 and len(sick) * 2 >= len(wanted):
        return Level.UNHEALTHY, detail
    if starting and not sick:
        return Level.UNKNOWN, "starting " + ", ".join(starting)
    if sick or weak or off or worst(checks) in _WORST:
        return Level.DEGRADED, detail
    return Level.HEALTHY, ""
