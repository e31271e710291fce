"""Reading of films and MJPEG streams: what comes out, and how it ends."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.config.schema import SourceConfig
from billiards_trainer.source_address import parse
from billiards_trainer.vision.sources import capture as captures
from billiards_trainer.vision.sources import mjpeg
from billiards_trainer.vision.sources.film import FilmReader, probe
from billiards_trainer.vision.sources.jpeg_stream import JpegSplitter
from billiards_trainer.vision.sources.mjpeg import MjpegReader
from billiards_trainer.vision.sources.opening import opener
from billiards_trainer.vision.sources.picture import SourceEnded, SourceError, as_bgr, fitted
from tests.camera_stand_in import (
    HEAD,
    Behaviour,
    CameraStandIn,
    Conversation,
    good,
    jpeg,
    locked,
    part,
)
from tests.films import write_film


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def clock_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.avi", pictures=5, fps=25)


def level(picture: np.ndarray) -> int:
    return round(float(picture.mean()))


# --- films ------------------------------------------------------------------------------------


def test_a_film_plays_at_its_own_speed_and_ends(film: Path) -> None:
    time = Time()
    reader = FilmReader(film, loop=False, clock_ns=time.clock_ns, sleep=time.sleep)
    seen = [reader.read() for _ in range(5)]
    steps = np.diff([g.arrived_ns for g in seen])
    assert steps == pytest.approx(40_000_000, abs=2)
    assert [level(g.picture) for g in seen] == pytest.approx([20, 60, 100, 140, 180], abs=8)
    with pytest.raises(SourceEnded):
        reader.read()
    reader.close()


def test_a_film_begins_again(film: Path) -> None:
    time = Time()
    reader = FilmReader(film, loop=True, clock_ns=time.clock_ns, sleep=time.sleep)
    shown = [reader.read() for _ in range(12)]
    levels = [level(grabbed.picture) for grabbed in shown]
    assert levels[5:10] == pytest.approx(levels[:5], abs=1)
    # What was seen before does not go on: each time round is a take of its own.
    first = shown[0].take
    assert [grabbed.take - first for grabbed in shown] == [0] * 5 + [1] * 5 + [2] * 2
    film.unlink()
    for _ in range(3):
        reader.read()
    with pytest.raises(SourceError, match="cannot be opened"):
        reader.read()


def test_after_a_pause_a_film_goes_on_at_its_speed_instead_of_hurrying(film: Path) -> None:
    time = Time()
    reader = FilmReader(film, loop=True, clock_ns=time.clock_ns, sleep=time.sleep)
    reader.read()
    time.sleep(7.0)
    times = [reader.read().arrived_ns for _ in range(3)]
    assert np.diff(times) == pytest.approx(40_000_000, abs=2)


def test_a_film_is_known_by_its_head(film: Path) -> None:
    found = probe(film)
    assert (found.width, found.height, found.fps) == (160, 120, 25)


def test_a_file_that_vanished_is_a_broken_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        FilmReader(tmp_path / "gone.avi", loop=True)


# --- pictures ---------------------------------------------------------------------------------


def test_all_kinds_of_pictures_become_bgr() -> None:
    assert as_bgr(np.zeros((4, 5), np.uint8)).shape == (4, 5, 3)
    assert as_bgr(np.zeros((4, 5, 4), np.uint8)).shape == (4, 5, 3)
    for strange in (np.zeros((4, 5, 2), np.uint8), np.zeros((4, 5, 3)), np.zeros((0, 5, 3), "u1")):
        with pytest.raises(SourceError, match="strange"):
            as_bgr(strange)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(30, 60_000))
def test_pictures_are_made_to_fit(width: int, height: int, capacity: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    small = fitted(picture, capacity)
    assert small.size <= max(capacity, 3 * max(width, height))
    assert (small is picture) == (picture.size <= capacity)


# --- JPEG streams -----------------------------------------------------------------------------


@given(st.lists(st.sampled_from(range(6)), max_size=6), st.data())
def test_pictures_are_found_whatever_stands_between_and_however_it_comes(
    numbers: list[int], data: st.DataObject
) -> None:
    rubbish = st.binary(max_size=30).filter(lambda b: b"\xff" not in b)
    pictures = [jpeg(n, 24, 16) for n in numbers]
    stream = b"".join(data.draw(rubbish) + picture for picture in pictures) + data.draw(rubbish)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    splitter = JpegSplitter()
    found = [
        picture
        for a, b in itertools.pairwise([0, *cuts, len(stream)])
        for picture in splitter.feed(stream[a:b])
    ]
    assert found == pictures


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_no_bytes_can_upset_it_or_hide_the_next_pictures(before: bytes, between: bytes) -> None:
    splitter = JpegSplitter()
    list(splitter.feed(before))
    list(splitter.feed(b"\xff\xd8\xff" + between))
    good_one = jpeg(3, 24, 16)
    found = []
    for _ in range(400):  # as long as a lying header may make it skip
        found += list(splitter.feed(part(good_one)))
    assert found[-1] == good_one


def test_a_picture_inside_a_picture_and_one_cut_off() -> None:
    outer, thumbnail = jpeg(1, 64, 48), jpeg(2, 24, 16)
    exif = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    nested = outer[:2] + exif + outer[2:]
    cut = jpeg(3, 64, 48)[:-40]
    assert list(JpegSplitter().feed(nested + cut + outer)) == [nested, outer]


def test_fill_bytes_restarts_and_progressive_pictures() -> None:
    picture = jpeg(1, 64, 48)
    filled = picture[:2] + b"\xff\xff" + picture[2:]
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    progressive = bytes(cv2.imencode(".jpg", noise, flags)[1])
    assert list(JpegSplitter().feed(filled + progressive)) == [filled, progressive]


def test_pictures_beyond_all_measure_are_refused() -> None:
    with pytest.raises(SourceError, match="without end"):
        list(JpegSplitter(largest=1000).feed(jpeg(1)[:-2] + bytes(2000)))
    huge = bytearray(jpeg(1, 64, 48))
    at = huge.find(b"\xff\xc0")
    huge[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert list(JpegSplitter().feed(bytes(huge) + jpeg(2))) == [jpeg(2)]


# --- MJPEG over HTTP --------------------------------------------------------------------------


@pytest.fixture
def camera() -> Iterator[list[CameraStandIn]]:
    cameras: list[CameraStandIn] = []
    yield cameras
    for one in cameras:
        one.close()


def reader_of(cameras: list[CameraStandIn], behave: Behaviour, timeout_s: float = 2) -> MjpegReader:
    cameras.append(CameraStandIn(behave))
    return MjpegReader(cameras[-1].url, timeout_s)


def test_a_good_camera_gives_pictures(camera: list[CameraStandIn]) -> None:
    reader = reader_of(camera, good)
    first, second = reader.read(), reader.read()
    assert first.picture.shape == (120, 160, 3)
    assert second.arrived_ns > first.arrived_ns
    reader.close()


def test_of_pictures_that_came_at_once_the_newest_counts(camera: list[CameraStandIn]) -> None:
    def burst(talk: Conversation) -> None:
        talk.send(HEAD + b"".join(part(jpeg(n, 24, 16)) for n in range(5)))
        talk.hold()

    reader = reader_of(camera, burst, timeout_s=0.5)
    last = 0
    with contextlib.suppress(SourceError):
        while True:
            last = level(reader.read().picture)
    assert last == pytest.approx(90, abs=3)


def test_a_password_is_given_to_the_camera_and_to_nobody_else(camera: list[CameraStandIn]) -> None:
    camera.append(CameraStandIn(locked))
    bare = camera[0].url
    with_login = bare.replace("http://", "http://eve:p%40ss%2Fword@")
    assert MjpegReader(with_login, 2.0).read().picture.size
    for url in (bare, bare.replace("http://", "http://eve:wrong@")):
        with pytest.raises(SourceError, match="401") as caught:
            MjpegReader(url, 2.0)
        assert "wrong" not in str(caught.value)
    assert "ss" not in parse(with_login).info.name.replace("address", "")


def answers(text: bytes) -> Behaviour:
    def behave(talk: Conversation) -> None:
        talk.send(text)

    return behave


def silent_before_answering(talk: Conversation) -> None:
    talk.hold()


def drips(talk: Conversation) -> None:
    talk.send(HEAD)
    data = part(jpeg(1))
    for i in range(len(data) // 2):
        if talk.stop.wait(0.05):
            return
        talk.send(data[i : i + 1])


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "404"),
        (answers(b"SSH-2.0-OpenSSH\r\n"), "no connection: BadStatusLine"),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>"), "text/html"),
        (answers(b""), "no connection"),
        (silent_before_answering, "no answer in time"),
        (answers(b"HTTP/1.1 302 Found\r\nLocation: ftp://x/y\r\n\r\n"), "302 Found"),
    ],
)
def test_what_is_no_camera_is_refused_in_a_few_words(
    behave: Behaviour, words: str, camera: list[CameraStandIn]
) -> None:
    with pytest.raises(SourceError, match=words):
        reader_of(camera, behave, timeout_s=0.3)


def freezes(talk: Conversation) -> None:
    talk.send(HEAD + part(jpeg(1)))
    talk.hold()


def hangs_up(talk: Conversation) -> None:
    talk.send(HEAD + part(jpeg(1)))


def turns_to_rubbish(talk: Conversation) -> None:
    talk.send(HEAD + part(jpeg(1)))
    broken = bytearray(jpeg(1))
    broken[20:60] = b"\x01" * 40
    while not talk.stop.wait(0.001):
        talk.send(part(bytes(broken)) + b"\xff\xd8\xff\xda\x00\x02\x00\xff\xd9")


def breaks_chunks(talk: Conversation) -> None:
    head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")
    data = part(jpeg(1))
    talk.send(head + f"{len(data):x}\r\n".encode() + data + b"\r\nnonsense\r\n")
    talk.hold()


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (freezes, "no pictures in time"),
        (hangs_up, "closed the connection"),
        (turns_to_rubbish, "cannot be decoded"),
        (breaks_chunks, "broke"),
    ],
)
def test_a_camera_that_goes_bad_is_found_out(
    behave: Behaviour, words: str, camera: list[CameraStandIn]
) -> None:
    reader = reader_of(camera, behave, timeout_s=0.5)
    assert reader.read().picture.size
    with pytest.raises(SourceError, match=words):
        reader.read()
    reader.close()


def test_a_picture_that_never_becomes_whole_is_found_out(camera: list[CameraStandIn]) -> None:
    reader = reader_of(camera, drips, timeout_s=0.5)
    with pytest.raises(SourceError, match="no whole picture"):
        reader.read()


def test_nobody_there(free_port: int) -> None:
    with pytest.raises(SourceError, match="refused"):
        MjpegReader(f"http://127.0.0.1:{free_port}/", 0.5)


def test_a_page_in_a_file_is_no_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<p>")
    with pytest.raises(SourceError, match="HTTP"):
        mjpeg._connect(f"file://{tmp_path}/page", 0.5)


# --- what OpenCV reads ------------------------------------------------------------------------


class FakeCapture:
    """An opened V4L2 camera with a driver's clock."""

    def __init__(self, stamp_ms: float) -> None:
        self.stamp_ms = stamp_ms
        self.left = 1

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, np.zeros((4, 4, 3), np.uint8)) if self.left >= 0 else (False, None)

    def get(self, _: int) -> float:
        return self.stamp_ms

    def release(self) -> None:
        """Nothing."""


def test_a_drivers_time_stamp_counts_where_it_can_be_one() -> None:
    now_ns = captures.time.monotonic_ns()
    just_now = FakeCapture(now_ns / 1e6 - 8)
    reader = captures.CaptureReader(just_now, timestamped=True)  # type: ignore[arg-type]
    assert reader.read().arrived_ns == pytest.approx(now_ns - 8e6, abs=1e5)
    for strange in (0.0, 1e15, now_ns / 1e6 + 500):
        fake = FakeCapture(strange)
        reader = captures.CaptureReader(fake, timestamped=True)  # type: ignore[arg-type]
        assert reader.read().arrived_ns >= now_ns
    with pytest.raises(SourceError, match="no more"):
        reader.read()
    reader.close()


def test_devices_and_streams_that_are_not_there(free_port: int) -> None:
    with pytest.raises(SourceError, match="opened"):
        opener(parse("v4l2:251"), SourceConfig())()
    with pytest.raises(SourceError, match="opened"):
        opener(parse(f"rtsp://127.0.0.1:{free_port}/x"), SourceConfig())()


def test_each_kind_of_address_is_opened_by_its_reader(film: Path) -> None:
    reader = opener(parse(str(film)), SourceConfig(loop=False))()
    assert isinstance(reader, FilmReader)
    reader.close()
    with CameraStandIn(good) as one:
        http = opener(parse(one.url), SourceConfig())()
        assert isinstance(http, MjpegReader)
        http.close()
    with pytest.raises(ValueError, match="virtual table"):
        opener(parse("simulated"), SourceConfig())()
