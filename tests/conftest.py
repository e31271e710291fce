"""What every test may lean on: quiet displays, reproducible examples, places to work in."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.appliance_process import Appliance

ROOT = Path(__file__).resolve().parent.parent
KERNEL_TESTS = ROOT / "tests" / "unit" / "physics"

# Set for this process and for every one it starts: no window, no sound card, no greeting.
os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
# As in the appliance: threads of BLAS that wait for each other on two cores cost ten times as much.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=60,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=2000)
settings.register_profile(
    "explore", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they live and what they use, so that nobody has to remember it."""
    for item in items:
        if "data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
        if item.path.is_relative_to(KERNEL_TESTS) and not item.get_closest_marker("compiled"):
            item.add_marker(pytest.mark.kernels)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real pictures and films; the test is skipped where there is none."""
    given = os.environ.get("BILLIARDS_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no pictures and films at {folder} (BILLIARDS_DATA names another folder)")
    return folder


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    """A fresh private folder with a short path: a socket's path may be about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="bt-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def new_appliance(runtime_dir: Path) -> Iterator[Callable[..., Appliance]]:
    """Makes appliances (not started yet) that end with the test; flags go to the command line."""
    made: list[Appliance] = []

    def make(*flags: str, folder: Path | None = None) -> Appliance:
        made.append(Appliance(folder or runtime_dir, *flags))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def appliance(new_appliance: Callable[..., Appliance]) -> Appliance:
    """The whole appliance on the virtual table, running and healthy."""
    one = new_appliance()
    one.start()
    one.wait_for_status("HEALTHY")
    return one
