"""``/health``: for supervisors, load balancers and people with curl."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel

from billiards_trainer import __version__
from billiards_trainer import messages as m
from billiards_trainer.api.route import Call, Route, json_response
from billiards_trainer.redaction import redact


class ModuleHealth(BaseModel):
    """One supervised process."""

    status: m.Level
    pid: int | None
    restarts: int
    heartbeat_age_s: float | None
    detail: str


class Health(BaseModel):
    """The whole appliance in a few lines."""

    status: m.Level
    version: str
    source: str
    uptime_s: float
    modules: dict[str, ModuleHealth]
    detail: str = ""


async def health(call: Call) -> web.StreamResponse:
    """From the orchestrator's last word; nobody is asked, so it answers at once."""
    status = call.services.live.status()
    if status is None:
        answer = Health(
            status=m.Level.UNKNOWN,
            version=__version__,
            source=redact(call.services.config.source.url),
            uptime_s=0.0,
            modules={},
            detail="the orchestrator has not spoken yet",
        )
    else:
        answer = Health(
            status=status.status,
            version=status.version,
            source=status.source,
            uptime_s=round(status.uptime_s, 3),
            modules={
                name: ModuleHealth.model_validate(module.model_dump())
                for name, module in status.modules.items()
            },
            detail=status.detail,
        )
    return json_response(answer, 503 if answer.status is m.Level.UNHEALTHY else 200)


ROUTES = (
    Route(
        "GET",
        "/health",
        "Whether the appliance works",
        health,
        Health,
        tag="system",
        statuses={503: "It does not work: UNHEALTHY"},
    ),
)
