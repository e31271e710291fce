"""The doctor's checks one by one, and the archive for support."""

from __future__ import annotations

import fcntl
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.bus import Bus
from billiards_trainer.cli import main
from billiards_trainer.commands import doctor_checks as checks
from billiards_trainer.commands import support_bundle
from billiards_trainer.commands.status import screen, todo
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.frames import RingWriter, create_ring, remove_ring


def config(folder: Path, **changes: Any) -> Config:
    values: dict[str, Any] = {
        "system": {"runtime_dir": str(folder / "run"), "shm_dir": str(folder)},
        "storage": {"state_dir": str(folder / "state")},
        "api": {"port": 0},
    }
    return Config.model_validate(values | changes)


def test_a_machine_that_is_well(tmp_path: Path) -> None:
    found = {name: check(config(tmp_path)) for name, check in checks.CHECKS.items()}
    found.pop("page")  # built or not, that is another test's
    assert {name for name, problem in found.items() if problem} == set()
    assert "virtual table" in checks.NOTES["pictures"](config(tmp_path))
    camera = config(tmp_path, source={"url": "rtsp://me:secret@10.0.0.5/1"})
    assert checks.NOTES["pictures"](camera) == "rtsp://***@10.0.0.5/1"
    assert "onnxruntime" in checks.NOTES["providers"](camera)


def test_what_is_wrong_is_said_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = config(tmp_path)
    (tmp_path / "state").mkdir(mode=0o755)
    assert "chmod 700" in str(checks.check_permissions(here))
    log = config(tmp_path, logging={"file": "/proc/none/x.log"})
    assert "cannot be written" in str(checks.check_log(log))
    assert checks.check_log(config(tmp_path, logging={"file": str(tmp_path / "x.log")})) is None
    spare = config(tmp_path, source={"url": "simulated", "fallback_url": "v4l2:77"})
    assert "/dev/video77 is not there" in str(checks.check_source(spare))
    shown = config(tmp_path, projector={"mode": "fullscreen"})
    monkeypatch.setattr("billiards_trainer.projector.display.Monitors.look", lambda _self: ())
    assert "no display can be reached" in str(checks.check_display(shown))
    monkeypatch.setattr(checks, "_OLDEST", datetime(9999, 1, 1, tzinfo=UTC))
    assert "date in the past" in str(checks.check_clock(here))
    monkeypatch.setattr(checks.resource, "getrlimit", lambda _which: (256, 256))
    assert "raise the limit" in str(checks.check_descriptors(here))


def test_a_running_appliance_is_no_stranger_on_its_own_port(tmp_path: Path) -> None:
    here = config(tmp_path)
    assert not checks.is_running(here)
    (tmp_path / "run").mkdir(mode=0o700)
    lock = os.open(tmp_path / "run" / "lock", os.O_CREAT | os.O_RDWR)
    assert not checks.is_running(here)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert checks.is_running(here)
    assert checks.check_port(here) is None
    os.close(lock)


# --- the archive --------------------------------------------------------------------------------


def contents(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {
            Path(entry.name).name: archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive.getmembers()
        }


def test_the_archive_holds_what_support_needs_and_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "billiards-trainer.log"
    log.write_text("opening rtsp://me:secret@host/1\n")
    here = config(
        tmp_path,
        source={"url": "rtsp://me:secret@10.0.0.5/1"},
        logging={"file": str(log)},
    )
    target = tmp_path / "support.tar.gz"
    support_bundle.write(target, here, {"port": None}, pictures=False)
    found = contents(target)
    assert set(found) == {
        "versions.json",
        "configuration.json",
        "doctor.json",
        "not-running.txt",
        "billiards-trainer.log",
    }
    assert b"secret" not in b"".join(found.values())
    assert json.loads(found["configuration.json"])["source"]["url"] == "rtsp://***@10.0.0.5/1"
    assert "pydantic" in json.loads(found["versions.json"])["packages"]
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="cannot write"):
        support_bundle.write(tmp_path / "no" / "x", here, {}, pictures=False)


def test_a_picture_only_when_asked_for_and_silence_is_said(
    runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = config(runtime_dir)
    (runtime_dir / "run").mkdir(mode=0o700)
    monkeypatch.setattr(support_bundle, "_ASKED", {"status.json": ("system.status", m.Empty())})
    target = runtime_dir / "x.tar.gz"
    support_bundle.write(target, here, {}, pictures=True)
    found = contents(target)
    assert b"did not answer" in found["status.json.error.txt"]
    assert "no-picture.txt" in found
    ring = places.ring_path(here, "camera")
    create_ring(ring, 4, 72 * 128 * 3)
    support_bundle.write(target, here, {}, pictures=True)
    assert b"has given no picture" in contents(target)["no-picture.txt"]
    with RingWriter(ring) as writer:
        writer.write(np.zeros((72, 128, 3), np.uint8), frame=1, exposure_ns=1)
    support_bundle.write(target, here, {}, pictures=True)
    assert contents(target)["camera.jpg"][:2] == b"\xff\xd8"
    remove_ring(ring)
    Bus(runtime_dir / "run", "api").close()


def test_the_command_writes_it_even_for_a_broken_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    site = tmp_path / "site.toml"
    site.write_text("[cor]\n")
    flags = ["doctor", "--config", str(site), "--runtime-dir", str(tmp_path / "run")]
    assert main(flags) == 2
    target = tmp_path / "x.tar.gz"
    assert main([*flags, "--bundle", str(target)]) == 1
    said = capsys.readouterr().out
    assert "MEND  configuration" in said
    assert f"wrote {target}" in said
    assert b"unknown key cor" in contents(target)["doctor.json"]


# --- one screen ---------------------------------------------------------------------------------


def test_the_screen_says_what_to_do_each_thing_once() -> None:
    check = m.Check(name="frame_rate", level=m.Level.DEGRADED, detail="slow", advice="hurry")
    alert = m.Alert(
        epoch=1,
        sequence=1,
        raised_ns=1,
        severity="ERROR",
        name="vision",
        text="vision: slow",
        advice="hurry",
        acknowledged_by="Eva",
    )
    status = m.SystemStatus(
        status=m.Level.DEGRADED,
        version="1",
        source="x",
        source_kind="v4l2",
        uptime_s=1,
        environment="production",
        score=61,
        safe_mode="safe mode: why",
        alerts=(alert,),
        modules={
            "vision": m.ModuleStatus(status=m.Level.DEGRADED, state="RUNNING", checks=(check,))
        },
    )
    lines = screen(status).splitlines()
    assert lines[0].endswith("DEGRADED, performance 61 of 100")
    assert "SAFE MODE: WHY" in lines
    assert "ERROR: vision: slow (noted by Eva)" in lines
    assert lines[-1] == "TO DO: hurry"
    assert todo(status) == ("hurry",)
