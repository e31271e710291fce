"""The life of a child process, on real processes and real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import write_snapshot

CHILD = """
import sys, time
from billiards_trainer.errors import InputError
from billiards_trainer.messages import Level
from billiards_trainer.process import ChildProcess
mode = sys.argv.pop(1)
with ChildProcess("core") as process:
    if mode == "bad-input":
        raise InputError("the film x.mp4 cannot be read")
    if mode == "crash":
        raise RuntimeError("boom")
    process.on_config(lambda config: print(config.core.assistance, flush=True))
    process.on_reset(lambda: print("reset", flush=True))
    process.ready()
    while process.running():
        process.advance()
        process.report(Level.DEGRADED, "as a test", step_ms=1.5)
        time.sleep(0.01)
        if mode == "once":
            process.stop()
print("ended", flush=True)
"""


@pytest.fixture
def world(runtime_dir: Path) -> Iterator[tuple[Config, Bus, Path]]:
    config = Config.model_validate({"system": {"runtime_dir": str(runtime_dir)}})
    path = write_snapshot(runtime_dir, 1, config)
    bus = Bus(runtime_dir, "orchestrator")
    bus.announce("config.snapshot")
    yield config, bus, path
    bus.close()


def start(mode: str, snapshot: Path, parent: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(CHILD),
            mode,
            "--snapshot",
            str(snapshot),
            "--parent",
            str(os.getpid() if parent is None else parent),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_heartbeat(reader: object, *, ready: bool = True) -> m.Heartbeat:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        beat = reader.receive(500)  # type: ignore[attr-defined]
        if isinstance(beat, m.Heartbeat) and beat.ready == ready:
            return beat
    pytest.fail("no heartbeat")


def test_it_tells_that_it_lives_and_what_it_does(world: tuple[Config, Bus, Path]) -> None:
    _, bus, path = world
    reader = bus.subscribe("heartbeat", ["core"])
    child = start("run", path)
    try:
        first = wait_for_heartbeat(reader)
        beat = wait_for_heartbeat(reader)
        while not beat.detail:
            beat = wait_for_heartbeat(reader)
        assert (beat.process, beat.pid, beat.config_number) == ("core", child.pid, 1)
        assert (beat.level, beat.detail) == (m.Level.DEGRADED, "as a test")
        assert beat.measures == {"step_ms": 1.5}
        assert beat.progress > first.progress or wait_for_heartbeat(reader).progress > 0
        child.send_signal(signal.SIGINT)  # Ctrl-C is the orchestrator's business
        wait_for_heartbeat(reader)
        child.terminate()
        assert child.communicate(timeout=10)[0] == "ended\n"
        assert child.returncode == 0
    finally:
        child.kill()
        child.wait()


def test_new_configuration_reaches_it(world: tuple[Config, Bus, Path], runtime_dir: Path) -> None:
    config, bus, path = world
    reader = bus.subscribe("heartbeat", ["core"])
    child = start("run", path)
    try:
        wait_for_heartbeat(reader)
        changed = config.model_copy(
            update={"core": config.core.model_copy(update={"assistance": "drill"})}
        )
        bad = runtime_dir / "config-9.json"
        bad.write_text("{")
        new = write_snapshot(runtime_dir, 2, changed)
        bus.publish("config.snapshot", m.ConfigSnapshot(number=9, path=str(bad)))
        for _ in range(100):
            bus.publish("config.snapshot", m.ConfigSnapshot(number=2, path=str(new)))
            if wait_for_heartbeat(reader).config_number == 2:
                break
        child.terminate()
        out, err = child.communicate(timeout=10)
        assert out == "drill\nended\n"
        assert "new configuration not taken" in err
    finally:
        child.kill()
        child.wait()


def test_it_takes_care_of_itself_when_asked(world: tuple[Config, Bus, Path]) -> None:
    _, bus, path = world
    bus.announce("system.care")
    reader = bus.subscribe("heartbeat", ["core"])
    child = start("run", path)
    try:
        wait_for_heartbeat(reader)
        for _ in range(5):
            bus.publish("system.care", m.Care(module="vision", what="reset_state"))
            bus.publish("system.care", m.Care(module="*", what="clear_cache"))
            bus.publish("system.care", m.Care(module="core", what="reset_state"))
            wait_for_heartbeat(reader)
            wait_for_heartbeat(reader)
        child.terminate()
        out, err = child.communicate(timeout=10)
        assert 1 <= out.count("reset") <= 5
        assert "what=clear_cache" in err
    finally:
        child.kill()
        child.wait()


def test_how_it_ends_tells_why(world: tuple[Config, Bus, Path]) -> None:
    _, _, path = world
    bad = start("bad-input", path)
    out, err = bad.communicate(timeout=20)
    assert (bad.returncode, out) == (2, "")
    assert "the film x.mp4 cannot be read" in err
    assert "Traceback" not in err
    crash = start("crash", path)
    _, err = crash.communicate(timeout=20)
    assert crash.returncode == 1
    assert "RuntimeError: boom" in err
    once = start("once", path)
    assert once.communicate(timeout=20)[0] == "ended\n"
    assert once.returncode == 0


def test_one_whose_parent_is_somebody_else_does_not_start(world: tuple[Config, Bus, Path]) -> None:
    _, _, path = world
    child = start("run", path, parent=1)
    child.communicate(timeout=20)
    assert child.returncode == 1


def test_it_dies_with_its_parent(world: tuple[Config, Bus, Path], runtime_dir: Path) -> None:
    _, bus, path = world
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], 'run', '--snapshot',"
        " sys.argv[2], '--parent', str(os.getpid())])\n"
        "child.wait()\n"
    )
    reader = bus.subscribe("heartbeat", ["core"])
    parent = subprocess.Popen([sys.executable, "-c", code, textwrap.dedent(CHILD), str(path)])
    try:
        child = psutil.Process(wait_for_heartbeat(reader).pid)
    finally:
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=5)
    assert gone
    assert not alive
