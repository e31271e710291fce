"""The flags of ``billiards-trainer run``: each reaches the key that it stands for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from billiards_trainer.cli import OneSentence
from billiards_trainer.commands import run, settings
from billiards_trainer.config.schema import Config


def configured(*flags: str) -> Config:
    parser = OneSentence()
    run.add_arguments(parser)
    arguments: argparse.Namespace = parser.parse_args(flags)
    return settings.gather(arguments, run._flags(arguments)).load()


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        ("--environment testing", lambda c: c.environment, "testing"),
        ("--debug", lambda c: c.logging.level, "DEBUG"),
        ("--log-level warning", lambda c: c.logging.level, "WARNING"),
        ("--log-file /var/log/x.log", lambda c: c.logging.file, "/var/log/x.log"),
        ("--no-vision --no-api", lambda c: c.system.modules_off, ("vision", "api")),
        ("--no-core", lambda c: c.system.modules_off, ("core",)),
        ("--no-projector", lambda c: c.system.modules_off, ("projector",)),
        ("--no-monitoring", lambda c: c.monitoring.enabled, False),
        ("--no-recovery", lambda c: c.recovery.enabled, False),
        ("--health-interval 7.5", lambda c: c.system.health_interval, 7.5),
        ("--host ::1", lambda c: c.api.host, "::1"),
        ("--port 8123", lambda c: c.api.port, 8123),
        ("--workers 3", lambda c: c.api.workers, 3),
        ("--shutdown-timeout 3", lambda c: c.system.shutdown_timeout, 3.0),
        ("--source rtsp://camera/live", lambda c: c.source.url, "rtsp://camera/live"),
        ("--table snooker-12ft", lambda c: c.table.preset, "snooker-12ft"),
        ("--set simulation.seed=7", lambda c: c.simulation.seed, 7),
        ("--state-dir /srv/state", lambda c: c.storage.state_dir, "/srv/state"),
        ("--runtime-dir /run/x", lambda c: c.system.runtime_dir, "/run/x"),
    ],
)
def test_each_flag_sets_its_key(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flags: str,
    key: Callable[[Config], object],
    value: object,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("BILLIARDS_CONFIG", raising=False)
    assert key(configured(*flags.split())) == value
    assert key(configured()) != value


def test_a_site_file_is_read(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[api]\nport = 8124\n")
    assert configured("--config", str(site)).api.port == 8124
