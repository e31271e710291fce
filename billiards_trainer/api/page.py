"""The page: files that the build has put into the package, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"

_NOT_BUILT = (
    "The page has not been built: run `make web`. The interface is described at /openapi.json."
)
# Names in this folder carry a hash of their content; what the page itself is may change any time.
_HASHED = "assets"
# Browsers run no script of a kind they do not know, and what a system knows differs.
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


def page_handler(
    folder: Path = STATIC,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that answers with the files of a folder; ``index.html`` for ``/``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"] or "index.html"
        path = _find(folder, name)
        if path is None:
            if name == "index.html":
                return web.Response(text=_NOT_BUILT + "\n", status=404)
            raise web.HTTPNotFound(text="there is nothing at this address")
        hashed = name.startswith(f"{_HASHED}/")
        cache = "public, max-age=31536000, immutable" if hashed else "no-cache"
        headers = {"Cache-Control": cache}
        if (kind := _KINDS.get(path.suffix)) is not None:
            headers["Content-Type"] = kind
        return web.FileResponse(path, headers=headers)

    return handle


def _find(folder: Path, name: str) -> Path | None:
    """A file of the folder; symbolic links and dots lead nowhere else."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return None
