"""The web application: routes, page, socket, and what every request passes through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from billiards_trainer.api import openapi, page, websocket
from billiards_trainer.api.guard import SECURITY_HEADERS, check_host, check_origin
from billiards_trainer.api.problem import Problem, of_http
from billiards_trainer.api.route import aiohttp_handler
from billiards_trainer.api.routes import ROUTES
from billiards_trainer.api.services import SERVICES, Services

_log = structlog.get_logger(__name__)

LARGEST_BODY = 256 * 1024

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(services: Services, static: Path = page.STATIC) -> web.Application:
    """Put the application together; it connects to the other processes when it is started."""
    app = web.Application(middlewares=[_counted, _guarded], client_max_size=LARGEST_BODY)
    app[SERVICES] = services
    for route in ROUTES:
        # HEAD is answered like GET, except where that would never end.
        endless = route.answer == "multipart/x-mixed-replace"
        if route.method == hdrs.METH_GET:
            app.router.add_get(route.path, aiohttp_handler(route), allow_head=not endless)
        else:
            app.router.add_route(route.method, route.path, aiohttp_handler(route))
    description = openapi.document(ROUTES)

    async def describe(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=description, content_type="application/json")

    async def socket(request: web.Request) -> web.StreamResponse:
        check_origin(request.method, request.headers, upgrade=True)
        return await websocket.serve(request, services)

    app.router.add_get("/openapi.json", describe)
    app.router.add_get("/ws", socket, allow_head=False)
    # Not below /api/: there a wrong method shall be told from a wrong address.
    app.router.add_get("/{file:(?!api/).*}", page.page_handler(static))
    app.on_response_prepare.append(_secure)
    app.cleanup_ctx.append(_connected)
    app.on_shutdown.append(_say_goodbye)
    return app


@web.middleware
async def _counted(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """How quickly requests are answered, and how; streams and sockets are no requests."""
    began = time.monotonic()
    response = await handler(request)
    if isinstance(response, web.Response):
        now = time.monotonic()
        request.app[SERVICES].traffic.answered(response.status, now - began, now)
    return response


@web.middleware
async def _guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse strangers; turn whatever goes wrong into a problem."""
    services = request.app[SERVICES]
    try:
        check_host(request.headers.get(hdrs.HOST), services.allowed_hosts)
        check_origin(request.method, request.headers)
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return of_http(error).response()
    except ConnectionError:
        raise  # the client has left: there is nobody to answer
    except Exception:
        _log.exception("a request failed", method=request.method, path=request.path)
        return Problem(500, "something went wrong here; the log knows more").response()


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value


async def _connected(app: web.Application) -> AsyncIterator[None]:
    await app[SERVICES].start()
    yield
    await app[SERVICES].stop()


async def _say_goodbye(app: web.Application) -> None:
    """Let the answers that never end come to an end."""
    app[SERVICES].preview.close()
    await websocket.close_all(app[SERVICES])
