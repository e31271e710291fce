"""State and figures of the appliance."""

from __future__ import annotations

from typing import cast

from aiohttp import web
from pydantic import BaseModel

from billiards_trainer import messages as m
from billiards_trainer.api.live import STATUS_STALE_MS
from billiards_trainer.api.pipeline import PipelineMetrics
from billiards_trainer.api.problem import unavailable
from billiards_trainer.api.route import Call, Route, command


class Metrics(BaseModel):
    """What the machine and the pipeline do; ``age_ms`` and ``stale`` speak of ``machine``."""

    age_ms: float | None
    stale: bool
    machine: m.SystemMetrics | None
    """``None`` before the first sample, and when nothing is sampled (--no-monitoring)."""
    pipeline: PipelineMetrics


async def status(call: Call) -> BaseModel:
    """Every module, as the orchestrator sees it."""
    known = call.services.live.status()
    if known is None:
        raise unavailable("the orchestrator has not spoken yet")
    return known


async def metrics(call: Call) -> BaseModel:
    """The newest sample, and frame rates and latency over the last seconds."""
    live = call.services.live
    sample = live.newest("system.metrics")
    age = None if sample is None else round(sample.age_ms(live.clock()), 1)
    return Metrics(
        age_ms=age,
        stale=age is None or age > max(STATUS_STALE_MS, _interval_ms(call) * 3),
        machine=None if sample is None else cast(m.SystemMetrics, sample.message),
        pipeline=live.pipeline.metrics(),
    )


async def prometheus(call: Call) -> web.StreamResponse:
    """The same and more, for Prometheus."""
    # Here rather than at the top: it is loaded when somebody scrapes.
    from billiards_trainer.api.prometheus import CONTENT_TYPE, exposition

    body = exposition(call.services.live, call.services.traffic)
    return web.Response(
        body=body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    )


def _interval_ms(call: Call) -> float:
    return call.services.config.system.health_interval * 1e3


ROUTES = (
    Route(
        "GET",
        "/api/v1/system/status",
        "State of every module",
        status,
        m.SystemStatus,
        tag="system",
        problems=(503,),
    ),
    Route(
        "GET",
        "/api/v1/system/metrics",
        "Load of the machine, frame rates, latency",
        metrics,
        Metrics,
        tag="system",
    ),
    Route(
        "GET",
        "/metrics",
        "Everything measured, for Prometheus",
        prometheus,
        "text/plain",
        tag="system",
    ),
    command("system/alerts", "system.alerts", "Alerts and repairs, newest first", method="GET"),
    command("system/alerts/acknowledge", "system.acknowledge", "Somebody takes note of an alert"),
    command("system/history", "system.history", "Measures of the last hour", refusal=422),
    command("system/restart_module", "system.restart_module", "Start a module anew"),
    command("system/restart", "system.restart", "Start everything anew"),
)
