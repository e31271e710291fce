"""One booted machine with the appliance on it, shared by all tests here."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployment import wheelhouse
from tests.appliance import machine
from tests.conftest import ROOT

HERE = Path(__file__).parent
DEPLOY = "/mnt/wheels/deployment/deploy.py"
HEALTHY_S = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these share machines, so one worker runs them, and the first one waits for a boot."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("machine"))
            item.add_marker(pytest.mark.timeout(1200))


@dataclass
class Deployed:
    """A machine with the appliance on it."""

    machine: machine.Machine
    told: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def fetch(self, path: str, *, tls: bool = True, method: str = "GET") -> Reply:
        """Ask it from outside, as a browser would that trusts any certificate."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        address = f"{'https' if tls else 'http'}://{self.machine.address}{path}"
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _StayHere()
        )
        request = urllib.request.Request(address, method=method)
        try:
            with opener.open(request, timeout=10) as answer:
                return Reply(answer.status, dict(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers.items()), error.read())

    def health(self) -> str | None:
        """How it is, asked over plain HTTP from outside; ``None`` while nobody answers."""
        try:
            reply = self.fetch("/health", tls=False)
            return str(json.loads(reply.body)["status"])
        except (OSError, ValueError, KeyError):
            return None

    def wait(self, probe: Callable[[], Any], what: str, seconds: float = HEALTHY_S) -> Any:
        """Wait until ``probe`` gives something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := probe():
                return found
            time.sleep(0.25)
        log = self.machine.sh("journalctl -u billiards-trainer -n 30 -o cat", check=False)
        raise AssertionError(f"no {what} after {seconds} s: {self.health()}\n{log[-4000:]}")

    def wait_healthy(self) -> None:
        """Until it says HEALTHY."""
        self.wait(lambda: self.health() == "HEALTHY", "health")

    def shots(self) -> int:
        """How many shots are recorded."""
        script = (
            "import sqlite3; db = sqlite3.connect('file:/var/lib/billiards-trainer/billiards.db"
            "?mode=ro', uri=True); print(db.execute('select count(*) from shots').fetchone()[0])"
        )
        return int(self.machine.run("python3", "-c", script).stdout)

    def deploy(self, *words: str, timeout: float = 900) -> list[dict[str, Any]]:
        """Run deploy.py; what it told."""
        done = self.machine.run("python3", DEPLOY, *words, "--json", check=False, timeout=timeout)
        assert done.stdout, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, too."""

    def redirect_request(self, *_words: Any) -> None:
        return None


@pytest.fixture(scope="session")
def wheels() -> Path:
    """A wheelhouse of this checkout; $BILLIARDS_WHEELHOUSE names one made before."""
    reason = machine.why_not()
    if reason is not None:
        pytest.skip(reason)
    given = os.environ.get("BILLIARDS_WHEELHOUSE")
    if given:
        return Path(given).absolute()
    page = ROOT / "billiards_trainer/api/static/index.html"
    if not page.is_file():
        subprocess.run(["bash", str(ROOT / "scripts/build-page.sh")], check=True)
    folder = ROOT / ".cache/wheelhouse-cpu"
    wheelhouse.build(folder, "cpu", sys.executable)
    return folder


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where trees of machines are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "billiards-trainer"


@pytest.fixture(scope="session")
def upgrades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host folder that the machine sees as /mnt/upgrades, for wheels made by tests."""
    return tmp_path_factory.mktemp("upgrades")


@pytest.fixture(scope="session")
def deployed(
    wheels: Path, cache: Path, upgrades: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """Bare Debian, then deploy.py, then healthy."""
    folder = tmp_path_factory.mktemp("machine")
    shared = {"/mnt/wheels": wheels, "/mnt/upgrades": upgrades}
    one = machine.Machine(folder / "one", 0, shared)
    try:
        tree = machine.base_tree(cache)
    except RuntimeError as error:  # without the mirror there is no machine
        pytest.skip(f"no machine could be made: {error}")
    one.create(tree)
    one.boot()
    appliance = Deployed(one)
    try:
        began = time.monotonic()
        appliance.told = appliance.deploy(
            "--environment", "production", "--source", "simulated", "--from", "/mnt/wheels"
        )
        appliance.wait_healthy()
        appliance.seconds = time.monotonic() - began
        yield appliance
    finally:
        one.destroy()
