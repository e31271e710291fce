#!/usr/bin/env python3
"""Make a folder from which a machine without a network is installed.

    wheelhouse.py FOLDER [--runtime cpu|gpu|openvino|jetson]

Run in a checkout, on a machine with a network, of the same kind as the one to be installed.  The
folder then holds the project's wheel (with the page and all that a machine needs), the wheels of
all libraries at the locked versions, and ``requirements.txt`` with the hash of each: nothing else
is installed from it.  ``deployment/`` lies beside them, so that the folder is all one carries.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deployment import files

ROOT = Path(__file__).resolve().parent.parent


def build(folder: Path, runtime: str, python: str = sys.executable) -> Path:
    """Fill a folder; libraries that are there already at the locked hash are left alone.

    Args:
        folder: the wheelhouse.
        runtime: which lock.
        python: an interpreter whose environment has hatchling.

    Returns:
        The project's wheel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    libraries(folder, ROOT / "requirements" / f"{runtime}.txt", python)
    return project(folder, python)


def libraries(folder: Path, lock: Path, python: str) -> None:
    """The wheels of everything in a lock, and a lock over just these files."""
    mark = folder / ".lock"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return
    mark.unlink(missing_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    pip = [python, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, "--require-hashes", "--wheel-dir", str(folder), "-r", str(lock)], check=True
    )
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{files.sha256(wheel)}\n")
    files.write(folder / "requirements.txt", "".join(lines))
    files.write(mark, lock.read_bytes())


def project(folder: Path, python: str) -> Path:
    """The project's own wheel, and deployment/ beside it to run."""
    for old in folder.glob("billiards_trainer-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(
            [python, "-m", "hatchling", "build", "--target", "wheel", "--directory", work],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (built,) = Path(work).glob("*.whl")
        wheel = folder / built.name
        shutil.copyfile(built, wheel)
    shutil.rmtree(folder / "deployment", ignore_errors=True)
    shutil.copytree(
        ROOT / "deployment", folder / "deployment", ignore=shutil.ignore_patterns("__pycache__")
    )
    return wheel


def main() -> int:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(prog="wheelhouse.py")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--runtime", default="cpu", choices=["cpu", "gpu", "openvino", "jetson"])
    asked = parser.parse_args()
    subprocess.run(["bash", str(ROOT / "scripts/build-page.sh")], check=True)
    folder = Path(asked.folder).absolute()
    wheel = build(folder, asked.runtime)
    size = sum(path.stat().st_size for path in folder.glob("*.whl"))
    print(f"{wheel.name} and its libraries are in {folder} ({size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
