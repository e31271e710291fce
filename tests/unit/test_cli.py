"""The command line as people and scripts meet it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from billiards_trainer import __version__, cli
from billiards_trainer import messages as m
from billiards_trainer.commands.status import screen


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status and what was printed where."""
    try:
        status = cli.main(arguments)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_it_says_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "--help")
    assert status == 0
    for name in cli.COMMANDS:
        assert name in out
    assert call(capsys, "--version")[1].strip() == __version__


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, _ = call(capsys, name, "--help")
    assert status == 0
    assert out.startswith(f"usage: billiards-trainer {name}")


@pytest.mark.parametrize("arguments", [(), ("fly",), ("run", "--fly"), ("bench", "beauty")])
def test_what_it_cannot_do_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("billiards-trainer")


def test_a_configuration_is_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("environment = 'testing'\n[core]\nassistance = 'drill'\n")
    status, out, _ = call(capsys, "validate-config", str(site))
    assert (status, out) == (0, f"{site} is valid (testing, source simulated)\n")
    status, out, _ = call(capsys, "validate-config", "--config", str(site), "--json")
    assert json.loads(out)["core"]["assistance"] == "drill"
    site.write_text("[core]\nassistance = 'shout'\n")
    status, _, err = call(capsys, "validate-config", str(site))
    assert status == 2
    assert f"{site}, line 2: core.assistance" in err


def test_the_doctor_finds_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    well = ["--set", f"storage.state_dir={tmp_path}", "--set", "api.port=0"]
    status, out, _ = call(capsys, "doctor", "--json", *well)
    found = json.loads(out)
    assert found.pop("page") in (None, "the page has not been built: run make web")
    assert set(found.values()) == {None}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sick = ["--set", f"api.port={port}", "--set", "source.url=/nowhere/film.mp4"]
        sick += ["--set", "storage.state_dir=/proc/here", "--set", "system.shm_dir=/nowhere"]
        status, out, _ = call(capsys, "doctor", *sick)
    assert status == 1
    assert out.count("MEND") >= 4
    assert f"port {port}" in out
    assert "/nowhere/film.mp4" in out
    status, out, _ = call(capsys, "doctor", *well, "--set", "source.url=v4l2:63")
    assert "/dev/video63 is not there: plug the camera in" in out


def test_the_status_on_one_screen() -> None:
    status = m.SystemStatus(
        status=m.Level.DEGRADED,
        version="1.2.3",
        source="film.mp4",
        source_kind="film",
        uptime_s=3725,
        environment="development",
        detail="core: died",
        modules={
            "core": m.ModuleStatus(
                status=m.Level.UNHEALTHY, state="BACKOFF", restarts=2, detail="died"
            ),
            "vision": m.ModuleStatus(status=m.Level.HEALTHY, state="RUNNING", pid=7),
        },
    )
    assert screen(status).splitlines() == [
        "Billiards Trainer 1.2.3: DEGRADED",
        "running for 1 h 2 min 5 s, source film.mp4",
        "NOT A REAL TABLE: these pictures come from a virtual table or a film",
        "core: died",
        "  core    UNHEALTHY  2 restarts  died",
        "  vision  HEALTHY  ",
    ]


def test_an_appliance_that_does_not_answer_is_not_running(
    capsys: pytest.CaptureFixture[str], runtime_dir: Path
) -> None:
    status, _, err = call(capsys, "status", "--runtime-dir", str(runtime_dir))
    assert status == 3
    assert "no answer from the appliance" in err


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "billiards_trainer", "validate-config", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in said


@pytest.mark.appliance
@pytest.mark.timeout(240)
def test_the_benchmarks_of_the_whole_appliance(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(
        capsys, "bench", "pipeline", "--json", "--settle", "2", "--seconds", "3"
    )
    assert status == 0, err
    found = json.loads(out)
    assert found["fps"] > 1
    assert found["measures"]["exposure to flip ms"]["count"] > 1
    assert set(found["processes"]) >= {"vision", "core", "projector", "api", "orchestrator"}
    status, out, err = call(
        capsys, "bench", "recovery", "--modules", "projector", "--faults", "killed", "--times", "1"
    )
    assert status == 0, err
    assert "projector killed" in out
    assert call(capsys, "bench", "recovery", "--faults", "tickled")[0] == 2
