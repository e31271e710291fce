"""The numbers that alerts, history, score and recovery are judged by, gathered in one place."""

from __future__ import annotations

import time
from collections.abc import Mapping

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.system import score

_STALE_NS = 3_000_000_000
MEASURES = {
    "vision": ("fps", "total_ms", "confidence", "drift_mm"),
    "core": ("step_ms", "age_ms", "predict_ms", "shots_waiting"),
    "projector": ("draw_ms",),
    "api": ("requests_per_s", "latency_ms", "errors_percent", "sockets"),
    "camera": ("fps",),
    "simulation": ("fps",),
}
"""By module, the measures of its heartbeat that are judged and kept in the history."""


class Gauges:
    """What was measured last.

    Attributes:
        machine: the newest sample of the machine.
        source: where the pictures come from, as their taker says; ``None`` before it has spoken.
    """

    def __init__(self, bus: Bus) -> None:
        self.machine: m.SystemMetrics | None = None
        self.source: m.SourceInfo | None = None
        self._cameras = bus.subscribe("camera.status")
        self._flips = bus.subscribe("projector.flip")
        self._games = bus.subscribe("game.state")
        self._latency_ms: float | None = None
        self._flip_ns = 0

    def look(self) -> None:
        """Take in what was said of pictures and of what is drawn: the newest of each is enough."""
        camera = self._cameras.receive()
        if isinstance(camera, m.SourceStatus):
            self.source = camera.source
        flip = self._flips.receive()
        now = time.monotonic_ns()
        if isinstance(flip, m.Flip):
            fresh = flip.latency_s * 1e3
            before = self._latency_ms
            self._latency_ms = fresh if before is None else 0.8 * before + 0.2 * fresh
            self._flip_ns = now
        elif now - self._flip_ns > _STALE_NS:
            self._latency_ms = None

    def playing(self) -> bool:
        """Whether a shot is being aimed or played right now."""
        self._games.receive()  # the one that has waited since the last question
        game = self._games.receive(timeout_ms=100)
        return isinstance(game, m.GameState) and game.phase in (m.Phase.AIMING, m.Phase.SHOT)

    def measures(self, modules: Mapping[str, m.ModuleStatus]) -> dict[str, float]:
        """By name, what is known now."""
        out: dict[str, float] = {}
        if (machine := self.machine) is not None:
            out |= {
                "cpu": machine.cpu_percent,
                "load": machine.load_1,
                "memory": machine.memory_percent,
                "disk": machine.disk_percent,
            }
            if machine.temperature_c is not None:
                out["temperature"] = machine.temperature_c
        for name, status in modules.items():
            for measure in MEASURES.get(name, ()):
                # What a silent camera or a dead module said last is no measure of now.
                if measure in status.measures and status.status is not m.Level.UNHEALTHY:
                    out[f"{name}_{measure}"] = status.measures[measure]
        if out.get("vision_fps") == 0:
            del out["vision_fps"]  # no camera: that is an alert of its own
        if "api_errors_percent" in out:
            out["api_errors"] = out.pop("api_errors_percent")
        if self._latency_ms is not None:
            out["latency_ms"] = self._latency_ms
        return out

    def by_module(self) -> dict[str, float]:
        """Processor, memory and descriptors of each process."""
        out: dict[str, float] = {}
        if self.machine is not None:
            for name, usage in self.machine.processes.items():
                out[f"{name}_cpu_percent"] = usage.cpu_percent
                out[f"{name}_rss_mb"] = usage.rss_bytes / 1e6
                out[f"{name}_fds"] = float(usage.fds)
        return out

    def score_parts(
        self, modules: Mapping[str, m.ModuleStatus], config: Config, restarts: int
    ) -> dict[str, int]:
        """The parts of the score."""
        measures = self.measures(modules)
        return score.parts(
            score.Performance(
                fps=measures.get("vision_fps"),
                wanted_fps=config.source.fps,
                latency_ms=measures.get("latency_ms"),
                cpu_percent=measures.get("cpu"),
                memory_percent=measures.get("memory"),
                confidence=measures.get("vision_confidence"),
                restarts=restarts,
            )
        )

    @staticmethod
    def score(parts: dict[str, int]) -> int | None:
        """One number of the parts."""
        return score.score(parts)
