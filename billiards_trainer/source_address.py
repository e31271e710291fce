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

SIMULATED = "simulated"
"""The address of the virtual table."""
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


def parse(url: str, key: str = "source.url") -> Address:
    """Take an address apart; nothing is opened or looked for.

    Args:
        url: the address.
        key: of the configuration, to be named when it is wrong.

    Raises:
        InputError: it is malformed.
    """
    try:
        if url == SIMULATED:
            return Address("simulated", url, SourceInfo(kind="simulated", name="virtual table"))
        if url.startswith("v4l2:"):
            return _device(url)
        if "://" in url:
            return _network(url)
        return _film(url)
    except ValueError as error:
        raise InputError(f"{key}: {error}") from None


def is_real(url: str) -> bool:
    """Whether an address is a camera's: not a film's, nor the virtual table's, nor malformed."""
    try:
        return parse(url).info.is_real
    except InputError:
        return False


def check_present(address: Address, key: str = "source.url") -> None:
    """Check that a film lies where it is said to; a camera may come later.

    Raises:
        InputError: it does not, or cannot be read.
    """
    if address.scheme != "film":
        return
    shown = repr(address.path.name if len(address.url) > 200 else address.url)
    try:
        found = address.path.stat()
    except FileNotFoundError:
        raise InputError(f"{key}: there is no film {shown}") from None
    except OSError as error:
        raise InputError(f"{key}: cannot read the film {shown}: {error.strerror}") from None
    if stat.S_ISCHR(found.st_mode):
        raise InputError(f"{key}: {shown} is a device; a USB camera is written v4l2:N")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{key}: {shown} is not a film but a folder or the like")
    if not os.access(address.path, os.R_OK):
        raise InputError(f"{key}: cannot read the film {shown}: permission denied")


def credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without user and password, and these two, if there are any."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    bare = parts._replace(netloc=place).geturl()
    if parts.username is None:
        return bare, None
    return bare, (unquote(parts.username), unquote(parts.password or ""))


def _device(url: str) -> Address:
    number = url.removeprefix("v4l2:")
    if not re.fullmatch("[0-9]{1,3}", number) or int(number) > _LARGEST_DEVICE:
        raise ValueError(f"a USB camera is written v4l2:N, e.g. v4l2:0, not {url!r}")
    name = f"v4l2:{int(number)}"
    return Address("v4l2", name, SourceInfo(kind="v4l2", name=name), device=int(number))


def _network(url: str) -> Address:
    scheme = url.split("://", 1)[0]
    kind = _SCHEMES.get(scheme.lower())
    if kind is None:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise ValueError(f"{scheme}:// is not a camera's address; known are {known}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult(scheme, "", "", "", ""), None
    if not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError(
            f"{scheme}:// must be followed by a host, e.g. {scheme}://192.168.1.20/stream"
        )
    return Address(kind, url, SourceInfo(kind="network", name=_public(parts)))


def _public(parts: SplitResult) -> str:
    """The address without user, password and query, any of which may be a secret."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _film(url: str) -> Address:
    if not url.strip():
        raise ValueError(f"it is empty; {SIMULATED} is the virtual table")
    if "\0" in url:
        raise ValueError(f"{url!r} is not a path")
    path = Path(url).expanduser().absolute()
    return Address("film", str(path), SourceInfo(kind="film", name=path.name), path=path)
