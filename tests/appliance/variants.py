"""Other versions of a wheel: what an upgrade brings, with a fault in it where a test wants one."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

Change = Callable[[str], str]


def variant(
    wheel: Path, version: str, folder: Path, changes: Mapping[str, Change] | None = None
) -> Path:
    """The same program under another version number.

    Args:
        wheel: the program.
        version: the new number.
        folder: gets the new wheel.
        changes: by file inside, what becomes of its text.

    Returns:
        The new wheel.
    """
    stem, old = wheel.name.split("-")[:2]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.name.replace(f"-{old}-", f"-{version}-")
    left = dict(changes or {})
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            data = source.read(name)
            if name == "billiards_trainer/__init__.py" or name.endswith("dist-info/METADATA"):
                data = data.decode().replace(old, version).encode()
            elif name.endswith("dist-info/RECORD"):
                # Names have to be right; hashes of files are not asked for when installing.
                data = data.decode().replace(f"{stem}-{old}.", f"{stem}-{version}.").encode()
            if name in left:
                data = left.pop(name)(data.decode()).encode()
            made.writestr(name.replace(f"{stem}-{old}.", f"{stem}-{version}."), data)
    assert not left, f"not in the wheel: {sorted(left)}"
    return target
