"""The appliance looks after itself: broken files, modules that never start, full disks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer import places
from billiards_trainer.config.schema import Config
from tests.appliance_process import Appliance

pytestmark = [pytest.mark.appliance, pytest.mark.fault, pytest.mark.timeout(240)]

LEAN = ("--no-vision", "--no-core", "--no-projector")
"""Enough to see the orchestrator and the page, and quick to start."""
BROKEN_PROJECTOR = """
[projector]
mode = "offscreen"
corners_px = [[0, 0], [0, 0], [0, 0], [0, 0]]
"""


def alerts(appliance: Appliance) -> dict[str, dict[str, Any]]:
    log = appliance.get("/api/v1/system/alerts")
    return {a["name"]: a for a in (log or {}).get("alerts", []) if a["active"]}


def test_a_module_that_never_starts_is_given_up_and_the_rest_serves(
    new_appliance: Callable[..., Appliance], tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(BROKEN_PROJECTOR)
    appliance = new_appliance("--config", str(site), "--no-vision", "--no-core")
    appliance.start()

    def given_up() -> bool:
        return "given up" in appliance.modules().get("projector", {}).get("detail", "")

    appliance.wait(given_up, "projector given up", seconds=120)
    health = appliance.get("/health")
    assert health["status"] == "DEGRADED"
    assert health["modules"]["projector"]["restarts"] == 4
    appliance.wait(lambda: "projector" in alerts(appliance), "an alert")
    alert = alerts(appliance)["projector"]
    assert (alert["severity"], alert["acknowledged_by"]) == ("CRITICAL", "")
    assert "restart the module" in alert["advice"]
    appliance.send("POST", "/api/v1/system/alerts/acknowledge", {"name": "projector", "by": "Eva"})
    assert alerts(appliance)["projector"]["acknowledged_by"] == "Eva"
    # Somebody mends the file, has it read, and says the word.
    site.write_text('[projector]\nmode = "offscreen"\n')
    assert appliance.send("POST", "/api/v1/config/reload")[0] == 200
    assert (
        appliance.send("POST", "/api/v1/system/restart_module", {"module": "projector"})[0] == 200
    )
    appliance.wait(
        lambda: appliance.modules()["projector"]["status"] in ("HEALTHY", "DEGRADED"), "projector"
    )
    appliance.wait(lambda: "projector" not in alerts(appliance) or _mild(appliance), "alert over")


def _mild(appliance: Appliance) -> bool:
    return alerts(appliance).get("projector", {}).get("severity") == "WARNING"


def test_a_broken_file_leads_to_the_last_good_one_with_an_alarm(
    new_appliance: Callable[..., Appliance], runtime_dir: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    good = "version = 2\n[system]\nboot_s = 1\n[core]\nassistance = 'advanced'\n"
    site.write_text(good)
    first = new_appliance("--config", str(site), *LEAN)
    first.start()
    first.wait(lambda: list((runtime_dir / "state").glob("last-good/*")), "a copy")
    assert first.stop() == 0
    site.write_text(good + "[cor]\n")
    second = new_appliance("--config", str(site), *LEAN)
    second.start()
    assert "the last good configuration is in use" in second.log()
    assert second.get("/api/v1/config")["core"]["assistance"] == "advanced"
    second.wait(lambda: "configuration" in alerts(second), "an alarm")
    assert f"{site}, line 6: unknown key cor" in alerts(second)["configuration"]["text"]
    # Mended and read by SIGHUP, as systemctl reload does.
    site.write_text(good.replace("advanced", "drill"))
    assert second.process is not None
    second.process.send_signal(signal.SIGHUP)
    second.wait(
        lambda: second.get("/api/v1/config")["core"]["assistance"] == "drill", "the new value"
    )
    second.wait(lambda: "configuration" not in alerts(second), "the alarm over")


@pytest.fixture
def small_disk(runtime_dir: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = runtime_dir / "state"
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_forgotten_when_there_is_room(
    small_disk: Path, new_appliance: Callable[..., Appliance]
) -> None:
    log = small_disk / "logs" / "billiards-trainer.log"
    log.parent.mkdir()
    appliance = new_appliance(*LEAN, "--log-file", str(log))
    appliance.start()
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    appliance.wait(lambda: "storage" in alerts(appliance), "an alert")
    alert = alerts(appliance)["storage"]
    assert "No space left" in alert["text"] or "MB free" in alert["text"]
    assert "tell the staff" in alert["player"]
    status, said = appliance.send("PUT", "/api/v1/config", {"core": {"assistance": "off"}})
    assert (status, "cannot be kept" in said["detail"]) == (422, True)
    filler.unlink()
    appliance.wait(lambda: "storage" not in alerts(appliance), "the alert over")
    assert appliance.stop() == 0
    assert [path.name for path in small_disk.glob("*settings*")] == []


def test_failed_boots_end_in_safe_mode_and_a_restart_at_a_word(
    new_appliance: Callable[..., Appliance], runtime_dir: Path
) -> None:
    state = runtime_dir / "state"
    state.mkdir(mode=0o700)
    (state / "boots.json").write_text(json.dumps({"failed": 3}))
    appliance = new_appliance(*LEAN)
    appliance.start()
    assert appliance.process is not None
    health = appliance.wait_for_status("DEGRADED")
    assert "safe mode: 3 starts in a row failed" in health["detail"]
    assert [name for name, m in health["modules"].items() if m["pid"]] == ["api"]
    begin = appliance.log_file.stat().st_size
    assert appliance.send("POST", "/api/v1/system/restart")[0] == 200

    def address() -> str:
        text = appliance.log_file.read_bytes()[begin:].decode()
        return text.partition("Billiards Trainer: ")[2].partition("\n")[0]

    appliance.url = appliance.wait(address, "its new address")
    appliance.wait(lambda: appliance.modules().get("simulation", {}).get("pid"), "simulation")
    assert "safe mode" not in appliance.get("/health")["detail"]
    assert os.path.exists(f"/proc/{appliance.process.pid}")


def test_descriptors_shared_memory_and_events_stay_as_they_are(appliance: Appliance) -> None:
    """A short soak; `make acceptance` judges an hour, and memory too."""

    def sample() -> dict[str, int]:
        machine = (appliance.get("/api/v1/system/metrics") or {}).get("machine") or {}
        return {name: usage["fds"] for name, usage in machine.get("processes", {}).items()}

    def settled() -> dict[str, int]:
        """Once everybody listens to everybody: the same for some seconds."""
        first = sample()
        time.sleep(5)
        return first if first == sample() else {}

    config = Config.model_validate({"system": {"runtime_dir": str(appliance.runtime_dir)}})
    rings = {
        path: path.stat().st_blocks
        for path in (places.ring_path(config, name) for name in ("camera", "light"))
    }
    before = appliance.wait(settled, "settled descriptors")
    for _ in range(40):
        for path in ("/health", "/api/v1/game/state", "/metrics", "/api/v1/system/alerts"):
            if path != "/metrics":
                appliance.get(path)
            else:
                with urllib.request.urlopen(appliance.url + path) as answer:
                    text = answer.read().decode()
    after = sample()
    for name, count in after.items():
        assert count <= before[name] + 4, f"{name} keeps descriptors open"
    lost = [line for line in text.splitlines() if line.startswith("billiards_topic_missed_total")]
    assert lost
    assert all(line.endswith(" 0.0") for line in lost), lost
    assert {path: path.stat().st_blocks for path in rings} == rings
