"""Archives that nobody should believe: what is done to a good one, by the name of what is wrong."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Members = list[tuple[tarfile.TarInfo, bytes]]


def read(archive: Path) -> Members:
    with tarfile.open(archive) as tar:
        out: Members = []
        for member in tar:
            file = tar.extractfile(member)
            out.append((member, file.read() if file else b""))
        return out


def write(archive: Path, members: Members) -> None:
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            if member.isreg():
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _member(name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE) -> tuple[Any, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = "/etc/passwd"
    return info, data if kind == tarfile.REGTYPE else b""


def _edited(change: Callable[[dict[str, Any]], None]) -> Callable[[Members], None]:
    """A change of the manifest's content."""

    def apply(members: Members) -> None:
        data = json.loads(members[0][1])
        change(data)
        members[0] = (members[0][0], json.dumps(data).encode())

    return apply


def _tamper(members: Members) -> None:
    info, data = next(m for m in members if m[0].name.endswith("site.toml"))
    at = [m[0] for m in members].index(info)
    members[at] = (info, data.replace(b"production", b"productiom"))


BAD: dict[str, Callable[[Members], None]] = {
    "changed content": _tamper,
    "another size": lambda m: m.__setitem__(1, (m[1][0], m[1][1] + b" ")),
    "a member missing": lambda m: m.__delitem__(-1),
    "a member twice": lambda m: m.append(m[-1]),
    "a member that is not listed": lambda m: m.append(_member("data/extra")),
    "no manifest": lambda m: m.__delitem__(0),
    "manifest not first": lambda m: m.insert(0, m.pop()),
    "absolute path": lambda m: m.append(_member("/etc/cron.d/x")),
    "path upwards": lambda m: m.append(_member("data/../../../etc/cron.d/x")),
    "path outside the areas": lambda m: m.append(_member("elsewhere/x")),
    "symbolic link": lambda m: m.append(_member("data/link", kind=tarfile.SYMTYPE)),
    "hard link": lambda m: m.append(_member("data/link", kind=tarfile.LNKTYPE)),
    "device": lambda m: m.append(_member("data/dev", kind=tarfile.CHRTYPE)),
    "pipe": lambda m: m.append(_member("data/pipe", kind=tarfile.FIFOTYPE)),
    "link named as a listed file": lambda m: m.__setitem__(
        -1, _member(m[-1][0].name, kind=tarfile.SYMTYPE)
    ),
    "manifest lists a path upwards": _edited(
        lambda d: d["files"].append({**d["files"][0], "path": "data/../../x"})
    ),
    "manifest lists a file twice": _edited(lambda d: d["files"].append(d["files"][0])),
    "manifest of another schema": _edited(lambda d: d.update(schema=99)),
    "manifest of another program": _edited(lambda d: d.update(format="something else")),
    "manifest without its files": _edited(lambda d: d.pop("files")),
    "manifest with a negative size": _edited(lambda d: d["files"][0].update(size=-1)),
    "manifest with a hash that is none": _edited(lambda d: d["files"][0].update(sha256="../x")),
    "manifest larger than the disk": _edited(lambda d: d["files"][0].update(size=1 << 49)),
    "manifest that builds upon a path": _edited(
        lambda d: d["files"][0].update(stored_in="../../x.tar.gz")
    ),
    "manifest that counts other rows": _edited(lambda d: d["tables"].update(shots=99)),
}


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda data: data[: len(data) // 2],
    "the last bytes missing": lambda data: data[:-4],
    "another checksum": lambda data: data[:-8] + b"\0\0\0\0" + data[-4:],
    "something appended": lambda data: data + b"rubbish",
    "another stream appended": lambda data: data + gzip.compress(b"more"),
    "empty": lambda data: b"",
    "noise": lambda data: os.urandom(5000),
    "a bomb of zeros": lambda data: gzip.compress(b"\0" * (64 << 20)),
    "another kind of archive": lambda data: b"PK\3\4" + data,
}


def make(what: str, good: Path, bad: Path) -> None:
    """Write a bad archive.

    Args:
        what: of ``BAD`` or ``SPOILT``.
        good: a sound archive.
        bad: the file to write.
    """
    if what in BAD:
        members = read(good)
        BAD[what](members)
        write(bad, members)
    else:
        bad.write_bytes(SPOILT[what](good.read_bytes()))
    assert bad.read_bytes() != good.read_bytes()
