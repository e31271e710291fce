"""One row of the table of routes, and how a request becomes a checked call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from billiards_trainer import messages as m
from billiards_trainer.api.problem import Problem, of_validation
from billiards_trainer.api.services import SERVICES, Services
from billiards_trainer.topics import COMMANDS


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose parts have been checked against the route's models."""

    services: Services
    request: web.Request
    body: Any = None
    query: Any = None


Handler = Callable[[Call], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A row: what can be asked, with what, and what comes back.

    ``answer`` is a model (JSON) or a media type; ``problems`` the statuses that may come instead,
    beside those that any route with a body or a query gives.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answer: type[BaseModel] | str
    tag: str
    body: type[BaseModel] | None = None
    body_required: bool = True
    query: type[BaseModel] | None = None
    problems: tuple[int, ...] = ()
    statuses: dict[int, str] = field(default_factory=dict)
    """Statuses beside 200 that carry the same answer."""


def command(
    path: str, name: str, summary: str, *, method: str = "POST", refusal: int = 409
) -> Route:
    """A route that hands a command of the table of commands on."""
    row = COMMANDS[name]
    takes_body = row.request is not m.Empty

    async def handler(call: Call) -> BaseModel:
        message = call.body if call.body is not None else row.request()
        return await call.services.ask(name, message, refusal=refusal)

    return Route(
        method,
        f"/api/v1/{path}",
        summary,
        handler,
        row.reply,
        tag=path.partition("/")[0],
        body=row.request if takes_body else None,
        body_required=takes_body
        and any(f.is_required() for f in row.request.model_fields.values()),
        problems=(refusal, 503) if method != "GET" else (503,),
    )


def aiohttp_handler(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Check the request, call the handler, write the answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        services.worked()
        query = _query(route, request)
        answer = await route.handler(Call(services, request, await _body(route, request), query))
        if isinstance(answer, web.StreamResponse):
            return answer
        return json_response(answer)

    return handle


def json_response(answer: BaseModel, status: int = 200) -> web.Response:
    """A model as the answer; never kept by caches, it is old the moment it is sent."""
    return web.Response(
        body=answer.model_dump_json().encode(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _body(route: Route, request: web.Request) -> BaseModel | None:
    if route.body is None:
        return None
    data = await request.read()
    if not data:
        if route.body_required:
            raise Problem(400, "a JSON body is needed")
        return None
    if request.content_type != "application/json":
        raise Problem(415, "the body must be application/json")
    try:
        return route.body.model_validate_json(data, strict=True, extra="forbid")
    except ValidationError as error:
        raise of_validation(error) from None


def _query(route: Route, request: web.Request) -> BaseModel | None:
    if route.query is None:
        return None
    given = dict(request.query)
    if len(given) != len(request.query):
        raise Problem(422, "a parameter is given twice")
    try:
        return route.query.model_validate(given, extra="forbid")
    except ValidationError as error:
        raise of_validation(error) from None
