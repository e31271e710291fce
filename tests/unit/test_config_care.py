"""What keeps a configuration usable: last good copies, migrations, secrets, quiet logs."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import structlog

from billiards_trainer import atomic_file, logs, redaction
from billiards_trainer.cli import main
from billiards_trainer.config import last_good, migrations, secrets
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import VERSION, Config, LoggingConfig
from billiards_trainer.config.snapshot import read_snapshot, write_snapshot
from billiards_trainer.config.store import ConfigStore
from billiards_trainer.errors import InputError
from billiards_trainer.repetition import Repetition


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    site, changes = tmp_path / "site.toml", tmp_path / "state" / "settings.toml"
    changes.parent.mkdir()
    site.write_text("[core]\nassistance = 'off'\n")
    changes.write_text("[source]\nfps = 25\n")
    flags = {"storage": {"state_dir": str(tmp_path / "state")}}
    return Layers(environ={}, command_line=flags, site_file=site, changes_file=changes)


# --- last good ----------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["site", "changes", "both"])
def test_a_broken_file_is_replaced_by_its_copy_with_a_word(layers: Layers, broken: str) -> None:
    good, problem = last_good.load(layers)
    assert problem == ""
    assert layers.site_file is not None
    assert layers.changes_file is not None
    last_good.keep(layers, last_good.state_dir_of(layers))
    if broken in ("site", "both"):
        layers.site_file.write_text("[cor")
    if broken in ("changes", "both"):
        layers.changes_file.write_text("[source]\nfsp = 3\n")
    given = (layers.site_file, layers.changes_file)
    config, problem = last_good.load(layers)
    assert config == good
    assert "the last good configuration is in use" in problem
    assert str(layers.changes_file if broken == "changes" else layers.site_file) in problem
    assert (layers.site_file, layers.changes_file) == given


def test_without_a_copy_or_with_a_wrong_flag_the_start_is_refused(layers: Layers) -> None:
    assert layers.site_file is not None
    text = layers.site_file.read_text()
    layers.site_file.write_text("[cor")
    with pytest.raises(InputError, match="not valid TOML"):
        last_good.load(layers)
    layers.site_file.write_text(text)
    last_good.keep(layers, last_good.state_dir_of(layers))
    layers.command_line["api"] = {"port": "http"}
    with pytest.raises(InputError, match=r"api\.port"):
        last_good.load(layers)


def test_the_state_folder_is_found_while_a_file_is_broken(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[storage]\nstate_dir = '/s'\n[cor]\n")
    assert last_good.state_dir_of(Layers({}, {}, site_file=site)) == Path("/s")
    named = Layers({"BILLIARDS_STORAGE_STATE_DIR": "/e"}, {}, site_file=site)
    assert last_good.state_dir_of(named) == Path("/e")
    site.write_text("storage = 3")
    assert last_good.state_dir_of(Layers({}, {"storage": {"state_dir": "/f"}}, site)) == Path("/f")


# --- migrations ---------------------------------------------------------------------------------


def test_a_file_of_version_1_is_understood_and_blamed_by_its_own_lines(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[system]\nrecovery = false\nmonitoring = 'x'\n")
    with pytest.raises(InputError, match=r"site.toml, line 3: monitoring\.enabled"):
        Layers({}, {}, site_file=site).load()
    site.write_text("[system]\nrecovery = false\n")
    assert Layers({}, {}, site_file=site).load().recovery.enabled is False
    site.write_text(f"version = {VERSION}\n[system]\nrecovery = false\n")
    with pytest.raises(InputError, match=r"unknown key system\.recovery"):
        Layers({}, {}, site_file=site).load()


@pytest.mark.parametrize("version", ["99", "0", "'2'", "true"])
def test_a_file_from_the_future_is_refused(tmp_path: Path, version: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f"version = {version}\n")
    with pytest.raises(InputError, match=r"version: .* is not known here"):
        Layers({}, {}, site_file=site).load()


def test_migrating_writes_the_file_anew_and_keeps_the_original(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    site = tmp_path / "site.toml"
    text = "# by hand\n[system]\nrecovery = false\nhealth_interval = 2\n"
    site.write_text(text)
    assert main(["validate-config", "--migrate", str(site)]) == 0
    assert "the original is" in capsys.readouterr().out
    assert (tmp_path / "site.toml.v1").read_text() == text
    config = Layers({}, {}, site_file=site).load()
    assert (config.recovery.enabled, config.system.health_interval) == (False, 2)
    assert main(["validate-config", "--migrate", str(site)]) == 0
    assert "up to date" in capsys.readouterr().out
    assert main(["validate-config", "--migrate"]) == 2
    with pytest.raises(InputError, match="cannot bring"):
        migrations.rewrite(tmp_path / "absent")
    site.write_text("[x")
    with pytest.raises(InputError, match="not valid TOML"):
        migrations.rewrite(site)


@pytest.mark.parametrize("step", ["mkstemp", "write", "fsync", "replace", "open"])
def test_a_power_cut_at_any_step_leaves_the_old_file_or_the_new(
    layers: Layers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str
) -> None:
    """Each step in turn never returns; then everything is read again."""
    store = ConfigStore(layers, layers.load(), tmp_path)
    assert layers.changes_file is not None
    old = layers.changes_file.read_bytes()

    class PowerCut(BaseException):
        pass

    def cut(*_arguments: Any, **_named: Any) -> Any:
        raise PowerCut

    with monkeypatch.context() as patch:
        if step == "mkstemp":
            patch.setattr(atomic_file.tempfile, "mkstemp", cut)
        elif step == "write":
            patch.setattr(atomic_file.os, "fdopen", cut)
        else:
            patch.setattr(atomic_file.os, step, cut)
        with pytest.raises(PowerCut):
            store.put({"source": {"fps": 50}})
    config = layers.load()
    assert config.source.fps in (25, 50)
    assert (config.source.fps == 25) == (layers.changes_file.read_bytes() == old)


# --- secrets ------------------------------------------------------------------------------------


def with_secrets(folder: Path, text: str = "camera = 'hunter2'\n", mode: int = 0o600) -> Layers:
    site = folder / "site.toml"
    site.write_text("[source]\nurl = 'rtsp://me:${camera}@10.0.0.5/1'\n")
    file = folder / secrets.FILE
    file.write_text(text)
    file.chmod(mode)
    return Layers({}, {}, site_file=site)


def test_secrets_stay_names_except_in_what_processes_are_handed(tmp_path: Path) -> None:
    layers = with_secrets(tmp_path)
    config = layers.load()
    assert "hunter2" not in config.model_dump_json()
    number, handed = read_snapshot(write_snapshot(tmp_path, 3, config, layers.secrets))
    assert (number, handed.source.url) == (3, "rtsp://me:hunter2@10.0.0.5/1")
    assert redaction.redact("it was hunter2!") == "it was ***!"


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("camera = 'hunter2'", 0o644, "can be read by others: chmod 600"),
        ("camera = 7", 0o600, "camera: secrets are written"),
        ("camera = 'hunter2", 0o600, "is not valid TOML"),
        ("kamera = 'hunter2'", 0o600, "no secret of that name"),
    ],
)
def test_wrong_secrets_are_refused_without_saying_them(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    layers = with_secrets(tmp_path, text, mode)
    with pytest.raises(InputError, match=said) as caught:
        layers.load()
    assert "hunter2" not in str(caught.value)


def test_secrets_may_lie_elsewhere(tmp_path: Path) -> None:
    assert secrets.place({"BILLIARDS_SECRETS": "/x"}, None) == Path("/x")
    assert secrets.place({}, None) is None
    assert secrets.place({}, tmp_path / "site.toml") is None
    with pytest.raises(InputError, match="cannot read the secrets"):
        secrets.read(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:p@host/x", "rtsp://***@host/x"),
        ("cannot open rtsp://u:p@ss@host", "cannot open rtsp://***@host"),
        ("http://host/a@b", "http://host/a@b"),
        ("rtsp://staff:secret@10.0.0.9:554/cam?x=a@b", "rtsp://***@10.0.0.9:554/cam?x=a@b"),
        ("http://user@cam/", "http://***@cam/"),
        ("http://cam/mjpeg?user=a@b", "http://cam/mjpeg?user=a@b"),
        ("films/pot@table.mp4", "films/pot@table.mp4"),
        ("plain", "plain"),
    ],
)
def test_passwords_in_addresses_are_blacked_out(text: str, shown: str) -> None:
    assert redaction.redact(text) == shown


# --- overrides ----------------------------------------------------------------------------------


def test_an_override_lasts_until_the_files_are_read_anew(layers: Layers, tmp_path: Path) -> None:
    store = ConfigStore(layers, layers.load(), tmp_path)
    assert store.override({"source.url": "v4l2:1"}).changed == ("source.url",)
    store.put({"core": {"assistance": "advanced"}})
    assert store.config.source.url == "v4l2:1"
    assert read_snapshot(store.path)[1].source.url == "v4l2:1"
    with pytest.raises(InputError):
        store.override({"source.fps": -1})
    store.reload()
    assert store.config.source.url == "simulated"


# --- logs ---------------------------------------------------------------------------------------


@pytest.fixture
def quiet_afterwards() -> Any:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("quiet_afterwards")
def test_one_stream_with_levels_by_process_and_repetition_held_back(tmp_path: Path) -> None:
    file = tmp_path / "billiards-trainer.log"
    config = LoggingConfig(
        json_lines=True, file=str(file), levels=("vision=DEBUG",), repeats_per_minute=3
    )
    assert Config().logging.level_of("vision") == "INFO"
    logs.configure(config, "vision")
    log = structlog.get_logger("x")
    for _ in range(10):
        log.debug("again", url="rtsp://u:secret@h/")
    file.rename(tmp_path / "rotated.log")
    log.error("after rotation")
    assert (tmp_path / "rotated.log").read_text().count("again") == 3
    assert "secret" not in (tmp_path / "rotated.log").read_text()
    assert '"level": "ERROR"' in file.read_text()
    logs.configure(config, "core")
    structlog.get_logger("x").debug("not for core")
    assert "not for core" not in file.read_text()


@pytest.mark.usefixtures("quiet_afterwards")
def test_a_log_that_cannot_be_written_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "logs"
    logs.configure(LoggingConfig(file=str(folder / "a.log")), "core")
    log = structlog.get_logger("x")
    log.error("first")
    log.error("second")
    said = capsys.readouterr().err
    assert "second" in said
    assert said.count("cannot be written") == 1
    folder.mkdir()
    monkeypatch.setattr(logs._PatientFile, "_RETRY_S", -1.0)
    log.error("third")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logs._PatientFile):
            handler._blocked_until = 0.0
    log.error("fourth")
    assert "fourth" in (folder / "a.log").read_text()
    assert os.path.getsize(folder / "a.log")


@pytest.mark.parametrize("bad", ["vision", "vision=LOUD", "=DEBUG"])
def test_levels_are_pairs(bad: str) -> None:
    with pytest.raises(ValueError, match="PROCESS=LEVEL"):
        LoggingConfig(levels=(bad,))


def test_what_was_held_back_is_said_in_the_next_minute() -> None:
    repetition = Repetition(2)
    assert [repetition.held_back("a", t) for t in (0, 1, 2, 3)] == [0, 0, None, None]
    assert repetition.held_back("b", 3) == 0
    assert repetition.held_back("a", 61) == 2
    for i in range(300):
        repetition.held_back(i, 62)
    assert repetition.held_back("a", 63) == 0
