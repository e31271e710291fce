"""The whole appliance: started, left incomplete, killed, frozen, stopped, and fed rubbish."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from billiards_trainer import places
from billiards_trainer.config.schema import Config
from billiards_trainer.system.gauges import MEASURES
from tests.appliance_process import ROOT, Appliance

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(240)]

NURSERY = 1
"""Beside the modules there is the process that they are forked from."""
MODULES = ("simulation", "vision", "core", "projector", "api")


def leftovers(appliance: Appliance) -> list[Path]:
    """What an appliance that has ended must not leave behind."""
    config = Config.model_validate({"system": {"runtime_dir": str(appliance.runtime_dir)}})
    rings = [places.ring_path(config, name) for name in ("camera", "light")]
    sockets = list(appliance.runtime_dir.rglob("*")) if appliance.runtime_dir.exists() else []
    return [path for path in (*rings, *sockets) if path.exists()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_and_stops_without_a_trace(appliance: Appliance, number: signal.Signals) -> None:
    health = appliance.get("/health")
    assert set(health["modules"]) == set(MODULES)
    assert health["source"]
    for module in health["modules"].values():
        assert module["status"] == "HEALTHY"
        assert psutil.pid_exists(module["pid"])
        assert module["restarts"] == 0
        assert module["heartbeat_age_s"] < 2
    children = appliance.children()
    assert len(children) == len(MODULES) + NURSERY
    assert leftovers(appliance)
    # Somebody who watches, and never stops watching, holds nothing up.
    with urllib.request.urlopen(
        appliance.url + "/api/v1/camera/preview.mjpeg", timeout=5
    ) as watching:
        assert watching.read(1000)
        assert appliance.stop(number) == 0
    assert not any(child.is_running() for child in children)
    assert leftovers(appliance) == []
    assert "given up" not in appliance.log()
    assert "Traceback" not in appliance.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_while_it_starts_it_leaves_nothing_either(
    new_appliance: Callable[..., Appliance], number: signal.Signals
) -> None:
    appliance = new_appliance()
    appliance.start(wait=False)
    # The rings are the first things that would be left behind.
    appliance.wait(lambda: any("dev" in path.parts for path in leftovers(appliance)), "its rings")
    assert appliance.stop(number) == 0
    assert leftovers(appliance) == []
    assert "Traceback" not in appliance.log()


def test_every_measure_that_is_judged_is_told(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance("--set", "vision.drift_check_s=2")
    appliance.start()
    wanted = {name: set(MEASURES[name]) for name in MODULES}

    def missing() -> dict[str, set[str]]:
        modules = (appliance.get("/api/v1/system/status") or {}).get("modules", {})
        found = {
            name: wanted[name] - set(modules.get(name, {}).get("measures", ())) for name in wanted
        }
        return {name: names for name, names in found.items() if names}

    appliance.wait(lambda: not missing(), f"the measures {missing()}", seconds=90)


def test_each_module_killed_comes_back_and_the_others_go_on(appliance: Appliance) -> None:
    pids = {name: appliance.pid(name) for name in MODULES}
    for name in MODULES:
        killed = appliance.kill(name)

        def replaced(name: str = name, killed: int = killed) -> bool:
            module = appliance.modules().get(name, {})
            return module.get("pid") not in (None, killed) and module["status"] == "HEALTHY"

        appliance.wait(replaced, f"{name} replaced")
        for other in set(MODULES) - {name}:
            assert appliance.pid(other) == pids[other], f"{other} must not stop when {name} dies"
        pids[name] = appliance.pid(name)
        assert appliance.modules()[name]["restarts"] == 1
    appliance.wait_for_status("HEALTHY")

    # The table is seen again: frames flow from the new camera to the new page.
    def frame() -> int | None:
        state = (appliance.get("/api/v1/game/state") or {}).get("table_state")
        return state["frame"] if state else None

    first = appliance.wait(frame, "a state")
    appliance.wait(lambda: frame() not in (None, first), "the next frame")


def test_a_frozen_module_is_noticed_and_replaced(appliance: Appliance) -> None:
    frozen = appliance.kill("core", signal.SIGSTOP)
    appliance.wait(
        lambda: appliance.modules().get("core", {}).get("pid") not in (None, frozen), "a new core"
    )
    appliance.wait_for_status("HEALTHY")
    assert not psutil.pid_exists(frozen)
    assert "no sign of life" in appliance.log_file.read_text()


def test_a_killed_orchestrator_takes_all_along_and_the_next_one_cleans_up(
    appliance: Appliance, new_appliance: Callable[..., Appliance], runtime_dir: Path
) -> None:
    children = appliance.children()
    assert appliance.process is not None
    appliance.process.kill()
    appliance.process.wait()
    _, alive = psutil.wait_procs(children, timeout=2)
    assert alive == []
    assert leftovers(appliance), "it had no chance to clean up"
    successor = new_appliance(folder=runtime_dir)
    successor.start()
    successor.wait_for_status("HEALTHY")
    assert successor.stop() == 0
    assert leftovers(successor) == []


@pytest.mark.parametrize("left_out", ["vision", "core", "projector"])
def test_a_module_left_out_is_left_out_and_the_rest_says_so(
    new_appliance: Callable[..., Appliance], left_out: str
) -> None:
    appliance = new_appliance(f"--no-{left_out}", "--no-monitoring")
    appliance.start()
    health = appliance.wait_for_status("DEGRADED")
    others = set(MODULES) - {left_out}
    appliance.wait(
        lambda: all(appliance.modules()[name]["pid"] for name in others), "the others running"
    )
    assert len(appliance.children()) == len(others) + NURSERY
    module = health["modules"][left_out]
    assert (module["pid"], module["detail"]) == (None, f"left out (--no-{left_out})")
    status, problem = appliance.send("POST", "/api/v1/game/reset")
    assert status == (503 if left_out == "core" else 200), problem


def test_without_an_api_nothing_listens(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance("--no-api")
    appliance.start()
    appliance.wait(lambda: "the appliance runs" in appliance.log() or _status(appliance), "running")
    for process in (psutil.Process(appliance.process.pid), *appliance.children()):  # type: ignore[union-attr]
        assert [c for c in process.net_connections("inet") if c.status == "LISTEN"] == []
    assert appliance.stop() == 0


def _status(appliance: Appliance) -> bool:
    command = [sys.executable, "-m", "billiards_trainer", "status"]
    command += ["--runtime-dir", str(appliance.runtime_dir)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode == 0 and "api is left out" in found.stdout


def test_the_status_command_tells_people_and_scripts(
    appliance: Appliance, runtime_dir: Path
) -> None:
    # A camera that waits for the next start is not yet what is seen.
    status, said = appliance.send("PUT", "/api/v1/config", {"source": {"url": "v4l2:0"}})
    assert (status, "after a restart: source.url" in said["detail"]) == (200, True)
    command = [sys.executable, "-m", "billiards_trainer", "status", "--runtime-dir"]
    found = subprocess.run(
        [*command, str(appliance.runtime_dir)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0
    assert "HEALTHY" in found.stdout
    assert "NOT A REAL TABLE" in found.stdout
    absent = subprocess.run(
        [*command, str(runtime_dir / "nowhere")], capture_output=True, text=True, check=False
    )
    assert absent.returncode == 3
    assert "no appliance is running" in absent.stderr


def test_a_second_appliance_in_the_same_place_is_refused(appliance: Appliance) -> None:
    status, sentence = start_badly("--runtime-dir", str(appliance.runtime_dir), "--port", "0")
    assert status == 2
    assert "another appliance is running" in sentence
    assert appliance.get("/health")["status"] == "HEALTHY"


# --- rubbish ----------------------------------------------------------------------------------


def start_badly(*flags: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and what was said."""
    began = time.monotonic()
    found = subprocess.run(
        [sys.executable, str(ROOT / "system_launcher.py"), *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    assert time.monotonic() - began < 60
    return found.returncode, found.stderr


@pytest.fixture
def folders(runtime_dir: Path) -> list[str]:
    return ["--runtime-dir", str(runtime_dir / "run"), "--state-dir", str(runtime_dir / "state")]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--environment", "moon"], "unknown environment 'moon'"),
        (["--environment", "production"], "production needs a camera"),
        (["--source", "/nowhere/film.mp4"], "/nowhere/film.mp4"),
        (["--source", str(ROOT / "pyproject.toml")], "pyproject.toml"),
        (["--source", str(ROOT)], str(ROOT)),
        (["--table-size", "9x9"], "not a table"),
        (["--table-size", "huge"], "LxW"),
        (["--table", "pool-10ft"], "known tables are"),
        (["--port", "http"], "api.port"),
        (["--log-level", "LOUD"], "logging.level"),
        (["--health-interval", "-1"], "system.health_interval"),
        (["--set", "simulation.sed=3"], "unknown key simulation.sed"),
        (["--set", "simulation.rack=snooker"], "a pool table has no snooker rack"),
        (["--set", "source.fallback_url=simulated"], "source.fallback_url: the second camera"),
        (["--set", "system.shm_dir=/proc/rings"], "cannot create the picture ring"),
        (["--set", f"system.shm_dir={ROOT / 'pyproject.toml'}"], "cannot create the picture ring"),
        (["--runtime-dir", "/tmp/" + "long" * 20], "too long for sockets"),
        (["--set", "nonsense"], "SECTION.KEY=VALUE"),
        (["--config", "/nowhere/site.toml"], "/nowhere/site.toml"),
        (["--frobnicate"], "--frobnicate"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_bad_input_gets_one_sentence(folders: list[str], flags: list[str], said: str) -> None:
    status, sentence = start_badly(*folders, "--port", "0", *flags)
    assert status == 2, sentence
    assert said in sentence
    assert sentence.count("\n") == 1, sentence
    assert "Traceback" not in sentence


def test_a_port_in_use_is_named(folders: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, sentence = start_badly(*folders, "--port", str(port))
    assert status == 2
    assert f"port {port}" in sentence
    assert sentence.count("\n") == 1


def test_a_wrong_key_is_named_with_its_line(folders: list[str], tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[api]\nport = 0\n\n[sourc]\nurl = 'simulated'\n")
    status, sentence = start_badly(*folders, "--config", str(site))
    assert status == 2
    assert f"{site}, line 4: unknown key sourc" in sentence


def test_full_shared_memory_is_said_before_anything_starts(
    folders: list[str], runtime_dir: Path
) -> None:
    small = runtime_dir / "shm"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    ).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        flags = [*folders, "--port", "0", "--set", f"system.shm_dir={small}"]
        status, sentence = start_badly(*flags)
        left = list(small.iterdir())
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert status == 2
    assert "no room for" in sentence
    assert sentence.count("\n") == 1
    assert left == []
