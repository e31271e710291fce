"""The address of a source: what kind it is, what people may see of it, whether it can be right."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from billiards_trainer.errors import InputError
from billiards_trainer.messages import SourceInfo

Scheme = Literal["simulated", "film", "http", "rtsp", "v4l2"]

_SCHEMES: dict[str, Scheme] = {"http": "http", "https": "http", "rtsp": "rtsp", "rtsps": "rtsp"}
_LARGEST_DEVICE = 255


@dataclass(frozen=True, slots=True)
class Address:
    """A source's address, taken apart.

    ``url`` is complete and may hold a password; ``info`` is what may be shown and logged.
    """

    scheme: Scheme
    url: str
    info: SourceInfo
    device: int = 0
    path: Path = Path()


def validate_source(url: str) -> SourceInfo:
    """Check an address before anything is started; for a film, that it can be played.

    Raises:
        InputError: one sentence why it cannot be a source.
    """
    address = parse(url)
    if address.scheme == "film":
        # Imported here: OpenCV takes longer to load than all other addresses take to be checked.
        from billiards_trainer.vision.sources.film import probe

        probe(address.path)
    return address.info


def parse(url: str) -> Address:
    """Take an address apart.

    Raises:
        InputError: it is malformed, or a film's file is not there.
    """
    if url == "simulated":
        return Address("simulated", url, SourceInfo(kind="simulated", name="virtual table"))
    if url.startswith("v4l2:"):
        return _device(url)
    if "://" in url:
        return _network(url)
    return _film(url)


def _device(url: str) -> Address:
    number = url.removeprefix("v4l2:")
    if not re.fullmatch("[0-9]{1,3}", number) or int(number) > _LARGEST_DEVICE:
        raise InputError(f"source.url: a USB camera is written v4l2:N, e.g. v4l2:0, not {url!r}")
    name = f"v4l2:{int(number)}"
    return Address("v4l2", name, SourceInfo(kind="v4l2", name=name), device=int(number))


def _network(url: str) -> Address:
    scheme = url.split("://", 1)[0]
    kind = _SCHEMES.get(scheme.lower())
    if kind is None:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise InputError(f"source.url: {scheme}:// is not a camera's address; known are {known}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult(scheme, "", "", "", ""), None
    if not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f]", url):
        raise InputError(
            f"source.url: {scheme}:// must be followed by a host, e.g. {scheme}://192.168.1.20/stream"
        )
    return Address(kind, url, SourceInfo(kind="network", name=_public(parts)))


def _public(parts: SplitResult) -> str:
    """The address without user, password and query, any of which may be a secret."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without user and password, and these two, if there are any."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    bare = parts._replace(netloc=place).geturl()
    if parts.username is None:
        return bare, None
    return bare, (unquote(parts.username), unquote(parts.password or ""))


def _film(url: str) -> Address:
    if not url.strip():
        raise InputError("source.url: it is empty; simulated is the virtual table")
    path = Path(url).expanduser()
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(f"source.url: there is no film {url!r}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InputError(f"source.url: cannot read the film {url!r}: {reason}") from None
    if stat.S_ISCHR(found.st_mode):
        raise InputError(f"source.url: {url!r} is a device; a USB camera is written v4l2:N")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"source.url: {url!r} is not a film but a folder or the like")
    if not os.access(path, os.R_OK):
        raise InputError(f"source.url: cannot read the film {url!r}: permission denied")
    path = path.absolute()
    return Address("film", str(path), SourceInfo(kind="film", name=path.name), path=path)
