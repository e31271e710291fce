"""The promises the project's own files make."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import billiards_trainer
from tests.conftest import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
RUNTIMES = {"cpu": "onnxruntime", "gpu": "onnxruntime-gpu", "openvino": "onnxruntime-openvino"}


def pinned(lock: Path) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), flags=re.MULTILINE))


def test_every_extra_has_a_lock() -> None:
    assert [lock.stem for lock in LOCKS] == ["cpu", "dev", "gpu", "jetson", "openvino"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"://|^-|\s@\s|file:|/(opt|home|root|usr|tmp)/", text, re.MULTILINE)
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        if re.match(r"[A-Za-z0-9]", block):
            assert "--hash=sha256:" in block, block


def test_each_lock_holds_one_build_of_onnxruntime() -> None:
    for name in ("cpu", "gpu", "openvino", "jetson"):
        found = {p for p in pinned(ROOT / "requirements" / f"{name}.txt") if "onnxruntime" in p}
        assert found == ({RUNTIMES[name]} if name in RUNTIMES else set())


def test_the_extras_exclude_each_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = set(project["project"]["optional-dependencies"])
    assert extras == {"cpu", "gpu", "openvino", "jetson"}
    assert extras in [
        {row["extra"] for row in rows if "extra" in row}
        for rows in project["tool"]["uv"]["conflicts"]
    ]


def test_the_page_lock_names_no_registry() -> None:
    lock = ROOT / "web" / "package-lock.json"
    packages = json.loads(lock.read_text())["packages"]
    assert all("resolved" not in entry for name, entry in packages.items() if name)
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_the_version_is_written_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", billiards_trainer.__version__)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == billiards_trainer.__version__
