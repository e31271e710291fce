"""The budgets, measured by the shipped benchmarks and written into the documents."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import pytest

from tests.appliance_process import ROOT, Appliance
from tests.measured_page import DOCS, record
from tests.web.browser import Browser

pytestmark = [pytest.mark.acceptance, pytest.mark.appliance, pytest.mark.timeout(900)]

PAGE = DOCS / "performance.md"
_SETTLING_S = 10.0
_LOADED = "performance.getEntriesByType('navigation')[0]?.loadEventEnd || 0"


def bench(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "billiards_trainer", "bench", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def both(measure: dict[str, float], unit: str = "ms") -> str:
    return f"{measure['median']:.3g} / {measure['p99']:.3g} {unit}"


def test_the_whole_appliance() -> None:
    live = bench("pipeline", "--seconds", "60")
    measures = live["measures"]
    record(PAGE, "start with everything installed until HEALTHY", f"{live['healthy_after_s']} s")
    record(PAGE, "exposure to flip, live virtual table", both(measures["exposure to flip ms"]))
    record(
        PAGE, "prediction of the live aim in the running appliance", both(measures["prediction ms"])
    )
    assert live["fps"] > 1
    ahead = bench("pipeline", "--seconds", "30", "--drawn-ahead")
    flips = both(ahead["measures"]["exposure to flip ms"])
    record(
        PAGE,
        "exposure to flip, pictures drawn ahead at 60 fps",
        f"{flips}, {ahead['fps']:.0f} fps seen",
    )


def test_vision_on_one_core() -> None:
    stages = {
        name: bench("vision", "--table", name)["stages_ms"] for name in ("pool-9ft", "snooker-12ft")
    }
    said = ", ".join(
        f"{name} {both(found['all'])} (aiming {found['aiming']['median']:.3g})"
        for name, found in stages.items()
    )
    record(PAGE, "vision, one picture of 1280×720, all stages, one core", said)


def test_handing_over() -> None:
    measures = bench("ipc")["measures"]
    record(
        PAGE, "a picture handed over to another process", both(measures["picture, written to read"])
    )
    record(
        PAGE,
        "a table state handed over to another process",
        both(measures["table.state, sent to read"]),
    )


def test_the_page_and_the_live_table(appliance: Appliance, browser: Browser) -> None:
    time.sleep(_SETTLING_S)
    loads = []
    for _ in range(5):
        browser.open(appliance.url)
        loads.append(float(browser.wait(_LOADED)))
        browser.wait_for_text("Aiming", seconds=60)
    record(
        PAGE,
        "the page in a browser, from the request to its load event",
        f"median {median(loads):.0f}, worst {max(loads):.0f} ms",
    )
    rates = []
    for _ in range(30):
        time.sleep(1)
        rates.append(appliance.get("/api/v1/system/metrics")["pipeline"]["vision_fps"])
    record(PAGE, "live virtual table with a browser looking on", f"median {median(rates):.1f} fps")
    assert median(rates) > 1
