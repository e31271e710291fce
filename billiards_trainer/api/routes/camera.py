"""The camera's picture."""

from __future__ import annotations

from aiohttp import web

from billiards_trainer.api import mjpeg
from billiards_trainer.api.problem import Problem
from billiards_trainer.api.route import Call, Route


async def preview(call: Call) -> web.StreamResponse:
    """Pictures without end."""
    return await mjpeg.stream(call.request, call.services.preview)


async def frame(call: Call) -> web.StreamResponse:
    """The newest picture; its age and number stand in headers."""
    jpeg = await call.services.preview.current()
    if jpeg is None:
        raise Problem(404, "the camera has not taken a picture yet")
    age_ms = (call.services.live.clock() - jpeg.exposure_ns) / 1e6
    return web.Response(
        body=jpeg.data,
        content_type="image/jpeg",
        headers={
            "Cache-Control": "no-store",
            "X-Frame": str(jpeg.frame),
            "X-Age-Ms": f"{max(0.0, age_ms):.1f}",
        },
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/camera/preview.mjpeg",
        "The live picture",
        preview,
        "multipart/x-mixed-replace",
        tag="camera",
        problems=(429,),
    ),
    Route(
        "GET",
        "/api/v1/camera/frame.jpg",
        "The newest picture",
        frame,
        "image/jpeg",
        tag="camera",
        problems=(404,),
    ),
)
