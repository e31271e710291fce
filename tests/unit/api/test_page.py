from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from tests.unit.api.stage import Stage, on_stage


@pytest.fixture
async def built(runtime_dir: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>Billiards Trainer</title>")
    (static / "site.webmanifest").write_text("{}")
    (static / "icon.svg").write_text("<svg/>")
    (static / "assets" / "index-abc123.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    async with on_stage(runtime_dir, tmp_path / "state", static=static) as stage:
        yield stage


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        ("/", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
        ("/site.webmanifest", "application/manifest+json", "no-cache"),
        ("/assets/index-abc123.js", "text/javascript", "public, max-age=31536000, immutable"),
    ],
)
async def test_the_page_and_its_files(built: Stage, path: str, kind: str, cache: str) -> None:
    async with built.client.get(path) as response:
        assert response.status == 200
        assert response.content_type == kind
        assert response.headers["Cache-Control"] == cache
        etag = response.headers["ETag"]
    async with built.client.get(path, headers={"If-None-Match": etag}) as response:
        assert response.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/link.txt",
        "/assets",
        "/assets/",
        "/%00",
        "/" + "x" * 5000,
        "//etc/passwd",
        "/assets/index-000.js",
    ],
)
async def test_nothing_else_is_given_out(built: Stage, path: str) -> None:
    url = URL(built.address + path, encoded=True)
    async with built.client.get(url) as response:
        assert response.status == 404
        assert "secret" not in await response.text()


async def test_a_page_that_is_not_built_says_how_to_build_it(
    runtime_dir: Path, tmp_path: Path
) -> None:
    async with (
        on_stage(runtime_dir, tmp_path, static=tmp_path / "nothing") as stage,
        stage.client.get("/") as response,
    ):
        assert response.status == 404
        assert "make web" in await response.text()
