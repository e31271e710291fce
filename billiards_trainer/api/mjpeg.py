"""The live picture as a never-ending ``multipart/x-mixed-replace`` answer."""

from __future__ import annotations

import asyncio

from aiohttp import web

from billiards_trainer.api.backpressure import keep_little_in_flight, let_go
from billiards_trainer.api.preview import Jpeg, Preview
from billiards_trainer.api.problem import Problem

BOUNDARY = "picture"
REPEAT_S = 2.0
"""Without a new picture the last one is sent again: a viewer that has gone is noticed."""
SEND_LIMIT_S = 10.0
"""A viewer that takes nothing for so long is let go."""
_IN_FLIGHT_BYTES = 128 * 1024


def part(jpeg: Jpeg) -> bytes:
    """One picture with its headers."""
    head = (
        f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg.data)}\r\n"
        f"X-Frame: {jpeg.frame}\r\n\r\n"
    )
    return head.encode() + jpeg.data + b"\r\n"


async def stream(request: web.Request, preview: Preview) -> web.StreamResponse:
    """Send pictures until the viewer leaves or the process ends.

    Raises:
        Problem: 429 when too many look already.
    """
    if preview.is_full:
        raise Problem(
            429, "too many viewers look at the live picture", headers={"Retry-After": "5"}
        )
    response = web.StreamResponse(
        headers={
            "Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    with preview.viewer():
        await response.prepare(request)
        keep_little_in_flight(request, _IN_FLIGHT_BYTES)
        sent: Jpeg | None = None
        while True:
            jpeg = await preview.next(sent, REPEAT_S) or sent
            if preview.is_closing:
                break
            if jpeg is None:
                continue
            try:
                async with asyncio.timeout(SEND_LIMIT_S):
                    await response.write(part(jpeg))
            except (ConnectionError, TimeoutError):
                let_go(request)
                break
            sent = jpeg
    return response
