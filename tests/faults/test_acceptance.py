"""The long tables of docs/reliability.md: `make acceptance` runs them and writes the figures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.appliance_process import ROOT, Appliance
from tests.measured_page import DOCS, record

PAGE = DOCS / "reliability.md"

pytestmark = [pytest.mark.acceptance, pytest.mark.appliance]

_TIMES = 100
_WARM_UP_S, _HOUR_S = 600, 3600


def bench(*flags: str) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "billiards_trainer", "bench", "recovery", "--json", *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize(("fault", "limit_s"), [("killed", 2.0), ("frozen", 3.0)])
def test_modules_come_back(fault: str, limit_s: float) -> None:
    found = bench("--faults", fault, "--times", str(_TIMES))
    shots = found.pop("shots")
    for name, row in found.items():
        record(
            PAGE,
            name,
            f"median {row['median_s']} s, p99 {row['p99_s']} s, n {row['count']}, others "
            f"stopped {row['others_stopped']}",
        )
    record(PAGE, "shots recorded meanwhile", f"{shots['recorded']} recorded, {shots['lost']} lost")
    assert shots["lost"] == 0
    for name, row in found.items():
        assert row["others_stopped"] == 0, name
        assert row["p99_s"] <= limit_s, name


@pytest.mark.timeout(3 * 3600)
def test_an_hour_of_play(appliance: Appliance) -> None:
    """Memory is judged by the slope of a straight line after warm-up."""
    time.sleep(_WARM_UP_S)
    times: list[float] = []
    samples: dict[str, list[tuple[int, int]]] = {}
    end = time.monotonic() + _HOUR_S
    while time.monotonic() < end:
        machine = appliance.get("/api/v1/system/metrics")["machine"]
        times.append(time.monotonic())
        for name, usage in machine["processes"].items():
            samples.setdefault(name, []).append((usage["rss_bytes"], usage["fds"]))
        time.sleep(10)
    hours = np.array(times) / 3600
    slopes = {
        name: float(np.polyfit(hours, [rss / 1e6 for rss, _ in rows], 1)[0])
        for name, rows in samples.items()
    }
    fds = {name: rows[-1][1] - rows[0][1] for name, rows in samples.items()}
    worst = max(slopes, key=lambda name: slopes[name])
    record(
        PAGE,
        "one hour of play",
        f"worst slope {slopes[worst]:.2f} MB/h ({worst}), descriptors {fds}",
    )
    assert all(slope <= 1.0 for slope in slopes.values()), slopes
    assert all(growth <= 2 for growth in fds.values()), fds


def test_the_page_is_written_row_by_row(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    shutil.copy(PAGE, page)
    record(page, "one hour of play", "well")
    assert "| one hour of play | RSS" in page.read_text()
    assert "well (" in page.read_text()
    with pytest.raises(LookupError):
        record(page, "nothing", "x")
