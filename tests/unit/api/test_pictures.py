from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer.api import mjpeg, preview
from billiards_trainer.api.preview import Preview, encode
from billiards_trainer.frames import RingPicture, remove_ring
from tests.unit.api.stage import PICTURE, Stage, until


def decode(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


async def read_part(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    assert (await reader.readline()).strip() == f"--{mjpeg.BOUNDARY}".encode()
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    body = await reader.readexactly(int(headers["Content-Length"]))
    assert await reader.readline() == b"\r\n"
    return headers, body


async def test_the_newest_picture(stage: Stage) -> None:
    stage.take_picture(7)
    async with stage.client.get("/api/v1/camera/frame.jpg") as response:
        assert response.status == 200
        assert response.content_type == "image/jpeg"
        assert response.headers["X-Frame"] == "7"
        assert float(response.headers["X-Age-Ms"]) >= 0
        assert response.headers["Cache-Control"] == "no-store"
        image = decode(await response.read())
    assert image.shape == PICTURE.shape
    assert np.abs(image.astype(int) - PICTURE).max() < 12


async def test_no_picture_yet_is_404(stage: Stage) -> None:
    assert "not taken a picture" in (await stage.json("/api/v1/camera/frame.jpg", 404))["detail"]


async def test_no_ring_is_404(stage: Stage) -> None:
    remove_ring(stage.ring)
    await stage.json("/api/v1/camera/frame.jpg", 404)


async def test_a_stalled_camera_s_last_picture_is_shown_with_its_age(stage: Stage) -> None:
    stage.take_picture(3)
    for _ in range(2):
        async with stage.client.get("/api/v1/camera/frame.jpg") as response:
            assert response.headers["X-Frame"] == "3"


async def test_the_live_picture_is_a_stream_of_parts(stage: Stage) -> None:
    async with stage.client.get("/api/v1/camera/preview.mjpeg") as response:
        assert response.headers["Content-Type"] == (
            f"multipart/x-mixed-replace; boundary={mjpeg.BOUNDARY}"
        )
        frames = []
        for frame in (1, 2, 3):
            stage.take_picture(frame)
            headers, body = await read_part(response.content)  # type: ignore[arg-type]
            assert decode(body).shape == PICTURE.shape
            frames.append(int(headers["X-Frame"]))
        assert frames == [1, 2, 3]
        assert stage.services.preview.viewers == 1
        response.close()
    stage.take_picture(4)
    await until(lambda: stage.services.preview.viewers == 0)


async def test_a_picture_is_encoded_once_for_all_viewers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, int]] = []

    def counting(picture: RingPicture) -> preview.Jpeg | None:
        encoded.append((picture.frame, threading.get_ident()))
        return encode(picture)

    monkeypatch.setattr(preview, "encode", counting)
    get = stage.client.get
    async with get("/api/v1/camera/preview.mjpeg") as a, get("/api/v1/camera/preview.mjpeg") as b:
        for frame in (1, 2):
            stage.take_picture(frame)
            for response in (a, b):
                headers, _ = await read_part(response.content)  # type: ignore[arg-type]
                assert headers["X-Frame"] == str(frame)
        a.close()
        b.close()
    assert [frame for frame, _ in encoded] == [1, 2]
    assert threading.get_ident() not in {thread for _, thread in encoded}


async def test_a_picture_that_cannot_be_encoded_does_not_end_the_preview(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choosy(picture: RingPicture) -> preview.Jpeg | None:
        if picture.frame == 1:
            raise cv2.error("no codec")
        return encode(picture)

    monkeypatch.setattr(preview, "encode", choosy)
    stage.take_picture(1)
    await stage.json("/api/v1/camera/frame.jpg", 404)
    stage.take_picture(2)
    async with stage.client.get("/api/v1/camera/frame.jpg") as response:
        assert response.headers["X-Frame"] == "2"


async def test_the_last_picture_is_repeated_when_no_new_one_comes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, "REPEAT_S", 0.05)
    stage.take_picture(1)
    async with stage.client.get("/api/v1/camera/preview.mjpeg") as response:
        for _ in range(3):
            headers, _ = await read_part(response.content)  # type: ignore[arg-type]
            assert headers["X-Frame"] == "1"
        response.close()


async def test_no_more_viewers_than_can_be_served(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "MOST_VIEWERS", 1)
    async with stage.client.get("/api/v1/camera/preview.mjpeg") as response:
        await stage.json("/api/v1/camera/preview.mjpeg", 429)
        response.close()


async def test_a_viewer_that_takes_nothing_is_let_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, "SEND_LIMIT_S", 0.1)
    monkeypatch.setattr(mjpeg, "REPEAT_S", 0.001)
    noise = np.random.default_rng(1).integers(0, 255, PICTURE.shape, np.uint8)
    stage.take_picture(1, noise)
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=1024)
    writer.write(b"GET /api/v1/camera/preview.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readexactly(100)
    await until(lambda: stage.services.preview.viewers == 1)
    await until(lambda: stage.services.preview.viewers == 0, 30)
    writer.close()


async def test_the_end_of_the_server_ends_the_stream(stage: Stage) -> None:
    stage.take_picture(1)
    async with stage.client.get("/api/v1/camera/preview.mjpeg") as response:
        await read_part(response.content)  # type: ignore[arg-type]
        stage.services.preview.close()
        assert await asyncio.wait_for(response.content.read(), 10) == b""
    assert await stage.services.preview.next(None, 0.01) is None


async def test_head_of_the_endless_picture_is_refused(stage: Stage) -> None:
    async with stage.client.head("/api/v1/camera/preview.mjpeg") as response:
        assert response.status in (404, 405)


def test_a_picture_without_pixels_is_none() -> None:
    empty = np.zeros((0, 0, 3), np.uint8)
    assert encode(RingPicture(empty, 1, 1, 1, 1)) is None


async def test_the_encoder_sleeps_while_nobody_looks(tmp_path: Path) -> None:
    quiet = Preview(tmp_path / "none", 15.0)
    quiet.start()
    assert not quiet._wanted.is_set()
    with quiet.viewer():
        assert quiet._wanted.is_set()
    assert not quiet._wanted.is_set()
    await quiet.stop()
    assert not quiet._thread.is_alive()
