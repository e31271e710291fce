"""Addresses: what they mean, what is shown of them, and one sentence for those that are none."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.commands.source_check import validate_source
from billiards_trainer.errors import InputError
from billiards_trainer.source_address import check_present, credentials, is_real, parse
from tests.films import write_film


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("simulated", "simulated", "virtual table"),
        ("v4l2:0", "v4l2", "v4l2:0"),
        ("v4l2:012", "v4l2", "v4l2:12"),
        ("http://10.0.0.5:8080/video?user=eve&pwd=x", "network", "http://10.0.0.5:8080/video"),
        ("https://eve:secret@cam.example/a", "network", "https://cam.example/a"),
        ("rtsp://eve:s3@c:r/t@[::1]:554/live", "network", None),
        ("RTSP://eve:secret@[::1]:554/live", "network", "rtsp://[::1]:554/live"),
    ],
)
def test_addresses_tell_their_kind_and_keep_their_secrets(
    url: str, kind: str, name: str | None
) -> None:
    if name is None:
        with pytest.raises(InputError, match="must be followed by a host"):
            validate_source(url)
        return
    info = validate_source(url)
    assert (info.kind, info.name) == (kind, name)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "empty"),
        ("v4l2:", "written v4l2:N"),
        ("v4l2:cam", "written v4l2:N"),
        ("v4l2:999", "written v4l2:N"),
        ("ftp://host/film", "ftp:// is not a camera's address"),
        ("http://", "must be followed by a host"),
        ("http://host:99999/", "must be followed by a host"),
        ("http://host:0/", "must be followed by a host"),
        ("http://ho st/", "must be followed by a host"),
        ("rtsp:///live", "must be followed by a host"),
        ("http://[::1/", "must be followed by a host"),
        ("/no/such/film.mp4", "there is no film"),
        ("/dev/null", "is a device"),
        ("/", "not a film but a folder"),
        ("a\0b", "not a path"),
        ("x" * 5000, "cannot read the film"),
    ],
)
def test_what_cannot_be_a_source_gets_one_sentence(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        validate_source(url)
    assert str(caught.value).startswith("source.url: ")
    assert "\n" not in str(caught.value)


def test_secrets_are_not_repeated_in_complaints() -> None:
    with pytest.raises(InputError) as caught:
        validate_source("ftp://eve:secret@host/film")
    assert "secret" not in str(caught.value)


def test_a_film_must_be_one(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", pictures=3, fps=25)
    assert (validate_source(str(film)).kind, validate_source(str(film)).name) == (
        "film",
        "film.avi",
    )
    (tmp_path / "notes.mp4").write_text("not a film at all\n" * 50)
    (tmp_path / "empty.mp4").touch()
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "cut.avi").write_bytes(film.read_bytes()[:300])
    for name in ("notes.mp4", "empty.mp4", "still.png", "cut.avi"):
        with pytest.raises(InputError, match="is not a film that can be read"):
            validate_source(str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_film(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", pictures=3, fps=25)
    film.chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        validate_source(str(film))


def test_an_unreadable_film_also_for_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = write_film(tmp_path / "film.avi", pictures=3, fps=25)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="permission denied"):
        check_present(parse(str(film)))


def test_the_key_that_is_wrong_is_named() -> None:
    with pytest.raises(InputError, match=r"^source\.fallback_url: a USB camera"):
        validate_source("v4l2:x", "source.fallback_url")
    with pytest.raises(InputError, match=r"^source\.fallback_url: there is no film"):
        validate_source("/no/film", "source.fallback_url")


def test_only_a_camera_is_real() -> None:
    assert [u for u in ("v4l2:0", "rtsp://c/", "simulated", "a.mp4", "ftp://c/") if is_real(u)] == [
        "v4l2:0",
        "rtsp://c/",
    ]


letters = st.text("abcXYZ019-._~", min_size=1, max_size=8)
any_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)


@given(st.sampled_from(["http", "rtsp"]), any_text, any_text, letters, letters)
def test_login_and_address_come_apart_again(
    scheme: str, user: str, password: str, host: str, path: str
) -> None:
    from urllib.parse import quote

    url = f"{scheme}://{quote(user, '')}:{quote(password, '')}@h{host}/{path}"
    assert credentials(url) == (f"{scheme}://h{host}/{path}", (user, password))
    assert credentials(f"{scheme}://h{host}/{path}") == (f"{scheme}://h{host}/{path}", None)
    assert parse(url).info.name == f"{scheme}://{f'h{host}'.lower()}/{path}"
