"""Configuration: read, changed and reloaded; the orchestrator alone holds it."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web
from pydantic import BaseModel

from billiards_trainer import messages as m
from billiards_trainer.api.route import Call, Route, command
from billiards_trainer.config.schema import Config
from billiards_trainer.redaction import redact


async def get(call: Call) -> web.StreamResponse:
    """What is in force, without passwords."""
    return web.json_response(_public(await _in_force(call)), headers={"Cache-Control": "no-store"})


async def put(call: Call) -> BaseModel:
    """Change the keys that are given; the others stay as they are.

    Only what differs is handed on, so that the whole configuration may be read, changed in one
    place and sent back: what was a default stays one, and a hidden password stays what it is.
    """
    wanted: dict[str, Any] = call.body.model_dump(mode="json", exclude_unset=True)
    shown = _public(await _in_force(call))
    changes: dict[str, Any] = {}
    for name, value in wanted.items():
        if not isinstance(value, dict):
            if value != shown.get(name):
                changes[name] = value
            continue
        section = shown.get(name)
        known = section if isinstance(section, dict) else {}
        different = {k: v for k, v in value.items() if k not in known or known[k] != v}
        if different:
            changes[name] = different
    return await call.services.ask("config.put", m.ConfigChange(changes=changes), refusal=422)


async def _in_force(call: Call) -> dict[str, Any]:
    reply = cast(m.ConfigReply, await call.services.ask("config.get", m.Empty()))
    return cast(dict[str, Any], reply.config)


def _public(value: Any) -> Any:
    """The same without passwords, wherever they stand."""
    if isinstance(value, dict):
        return {key: _public(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_public(part) for part in value]
    return redact(value) if isinstance(value, str) else value


ROUTES = (
    Route(
        "GET",
        "/api/v1/config",
        "The configuration in force",
        get,
        Config,
        tag="config",
        problems=(409, 503),
    ),
    Route(
        "PUT",
        "/api/v1/config",
        "Change the keys that are given",
        put,
        m.Done,
        tag="config",
        body=Config,
        problems=(409, 422, 503),
    ),
    command("config/reload", "config.reload", "Read the configuration files anew", refusal=422),
)
