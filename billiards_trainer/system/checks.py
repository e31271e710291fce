"""Checks of each module: small named functions of what its heartbeats say.

A check answers ``None`` when all is well, else with a finding.  Levels: DEGRADED goes on with what
works, UNHEALTHY is no use as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from billiards_trainer.config.schema import Config
from billiards_trainer.messages import Check, Heartbeat, Level


@dataclass(frozen=True, slots=True)
class Seen:
    """What the checks look at; times in seconds.

    Attributes:
        heartbeat: the last one.
        config: in force.
        config_number: its number.
        stuck_s: for how long its progress has stood still.
        behind_s: for how long it has not taken the configuration in force.
    """

    heartbeat: Heartbeat
    config: Config
    config_number: int = 1
    stuck_s: float = 0.0
    behind_s: float = 0.0

    def measure(self, name: str) -> float | None:
        """A number that the module reports."""
        return self.heartbeat.measures.get(name)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found wrong."""

    level: Level
    detail: str
    advice: str = ""


CheckFunction = Callable[[Seen], Finding | None]

_STUCK_S = 5.0
_BEHIND_S = 3.0


def own_word(seen: Seen) -> Finding | None:
    """What the module says of itself."""
    if seen.heartbeat.level is Level.HEALTHY:
        return None
    return Finding(seen.heartbeat.level, seen.heartbeat.detail)


def progress(seen: Seen) -> Finding | None:
    """It does something."""
    if seen.stuck_s <= _STUCK_S:
        return None
    return Finding(Level.UNHEALTHY, f"has done nothing for {seen.stuck_s:.0f} s")


def configuration(seen: Seen) -> Finding | None:
    """It has taken the configuration in force."""
    if seen.behind_s <= _BEHIND_S:
        return None
    return Finding(
        Level.DEGRADED,
        f"works by configuration {seen.heartbeat.config_number}, not {seen.config_number}",
        "restart the module",
    )


def frame_rate(seen: Seen) -> Finding | None:
    """Pictures are looked at often enough to be of use."""
    fps = seen.measure("fps")
    # A camera that is silent, and a world that waits for answers, set the pace themselves.
    silent = seen.heartbeat.level is not Level.HEALTHY
    if fps is None or fps == 0 or silent or seen.config.simulation.lock_step:
        return None
    if fps >= seen.config.alerts.vision_fps_critical:
        return None
    return Finding(Level.DEGRADED, f"only {fps:.1f} pictures a second", "lower source.fps")


def confidence(seen: Seen) -> Finding | None:
    """Balls are recognised with some certainty."""
    value = seen.measure("confidence")
    if value is None or value >= 0.4:
        return None
    return Finding(
        Level.DEGRADED,
        f"balls are recognised with a confidence of {value:.2f} only",
        "see to the light and the lens, and calibrate the colours",
    )


def drift(seen: Seen) -> Finding | None:
    """The camera hangs where it hung."""
    moved = seen.measure("drift_mm")
    if moved is None or moved <= seen.config.vision.drift_limit_mm:
        return None
    return Finding(
        Level.DEGRADED, f"the camera has moved by {moved:.0f} mm", "calibrate the camera"
    )


def state_fresh(seen: Seen) -> Finding | None:
    """The state of play is that of now."""
    age = seen.measure("age_ms")
    if age is None or age <= 1e3 * seen.config.core.stale_s or own_word(seen) is not None:
        return None
    return Finding(Level.DEGRADED, f"the state of play is {age / 1e3:.1f} s old")


def step_time(seen: Seen) -> Finding | None:
    """The game keeps up with the camera."""
    took = seen.measure("step_ms")
    if took is None or took <= 500:
        return None
    return Finding(Level.DEGRADED, f"one step of the game takes {took:.0f} ms")


def shot_log(seen: Seen) -> Finding | None:
    """Shots are written as they are played."""
    waiting = seen.measure("shots_waiting")
    if waiting is None or waiting <= 3:
        return None
    return Finding(
        Level.DEGRADED, f"{waiting:.0f} shots wait to be recorded", "see to the disk of the records"
    )


def errors(seen: Seen) -> Finding | None:
    """Requests are answered."""
    share = seen.measure("errors_percent")
    if share is None or share < seen.config.alerts.api_errors_critical:
        return None
    return Finding(Level.DEGRADED, f"{share:.0f} % of the requests fail", "read the log")


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one kind of process, in the order in which they are told."""

    functions: tuple[CheckFunction, ...] = field(default=())

    def of(self, seen: Seen) -> tuple[Check, ...]:
        """What is wrong."""
        found = ((function.__name__, function(seen)) for function in self.functions)
        return tuple(
            Check(name=name, level=it.level, detail=it.detail, advice=it.advice)
            for name, it in found
            if it is not None
        )


_ALL = (own_word, progress, configuration)

CHECKS: dict[str, Checks] = {
    "camera": Checks(_ALL),
    "simulation": Checks(_ALL),
    "vision": Checks((*_ALL, frame_rate, confidence, drift)),
    "core": Checks((*_ALL, state_fresh, step_time, shot_log)),
    "projector": Checks(_ALL),
    "api": Checks((*_ALL, errors)),
}
"""By process; further api workers are checked like the first."""


def checks_of(name: str) -> Checks:
    """The checks of a process."""
    return CHECKS[name.partition("-")[0]]
