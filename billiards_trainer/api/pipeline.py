"""Frame rates and latency over the last seconds, from the messages themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pydantic import BaseModel

from billiards_trainer import messages as m

WINDOW_S = 5.0
_MOST = 1200


class PipelineMetrics(BaseModel):
    """From camera to cloth over the last five seconds; ``None`` where nothing was seen."""

    camera_fps: float | None = None
    vision_fps: float | None = None
    flips_per_second: float | None = None
    latency_ms_median: float | None = None
    """Middle of the exposure to the projector's flip."""
    latency_ms_p99: float | None = None
    stages_ms: dict[str, float] = {}
    """Stages of vision in the newest picture."""


class PipelineMeter:
    """Counts pictures by their numbers, so that a conflated reader still sees the true rate."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._camera: deque[tuple[int, int]] = deque(maxlen=_MOST)
        self._vision: deque[tuple[int, int]] = deque(maxlen=_MOST)
        self._flips: deque[tuple[int, float]] = deque(maxlen=_MOST)
        self._stages: dict[str, float] = {}

    def take(self, message: m.Message) -> None:
        """Look at a message of any topic."""
        now = self._clock()
        if isinstance(message, m.CameraFrame):
            self._camera.append((now, message.frame))
        elif isinstance(message, m.TableState):
            self._vision.append((now, message.frame))
            self._stages = message.stages_ms
        elif isinstance(message, m.Flip):
            self._flips.append((now, message.latency_s * 1e3))

    def metrics(self) -> PipelineMetrics:
        """The figures of the window that ends now."""
        since = self._clock() - int(WINDOW_S * 1e9)
        for samples in (self._camera, self._vision, self._flips):
            while samples and samples[0][0] < since:
                samples.popleft()
        latencies = sorted(latency for _, latency in self._flips)
        return PipelineMetrics(
            camera_fps=_rate(self._camera, self._camera[-1][1] - self._camera[0][1])
            if self._camera
            else None,
            vision_fps=_rate(self._vision, len(self._vision) - 1),
            flips_per_second=_rate(self._flips, len(self._flips) - 1),
            latency_ms_median=_quantile(latencies, 0.5),
            latency_ms_p99=_quantile(latencies, 0.99),
            stages_ms=self._stages if self._vision else {},
        )


def _rate(samples: deque[tuple[int, int]] | deque[tuple[int, float]], steps: int) -> float | None:
    if len(samples) < 2 or steps < 0 or samples[-1][0] <= samples[0][0]:
        return None
    return round(steps * 1e9 / (samples[-1][0] - samples[0][0]), 2)


def _quantile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
