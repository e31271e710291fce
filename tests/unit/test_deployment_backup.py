"""backup.py against a pretended machine: what is kept, what comes back, what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.config import secrets
from deployment import report
from deployment.backups import command, manifest, reader, restore, store, writer
from deployment.errors import Failed
from deployment.layout import Layout
from tests.appliance import bad_archives
from tests.unit.deployment_trial import Trial

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    one = Trial(tmp_path)
    installed = one.deploy("1.0.0", "--environment", "production")
    assert installed["result"] == "installed", installed
    one.play("one", "two")
    (one.state / "calibrations").mkdir()
    (one.state / "calibrations/camera-1.json").write_text('{"schema": 1}')
    yield one
    one.close()


def test_back_up_while_shots_are_recorded_and_bring_them_back(trial: Trial) -> None:
    stop = threading.Event()

    def record() -> None:
        with closing(sqlite3.connect(trial.database, timeout=30)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            while not stop.wait(0.001):
                with database:
                    database.execute("INSERT INTO shots (what) VALUES ('a'), ('b')")

    recording = threading.Thread(target=record)
    recording.start()
    try:
        made = trial.backup("backup", "--name", "now")
    finally:
        stop.set()
        recording.join()
    assert made["exit"] == 0, made
    archive = Path(made["file"])
    assert archive.stat().st_mode & 0o777 == 0o600
    checked = trial.backup("verify", str(archive))
    assert checked["result"] == "done"
    assert checked["tables"]["shots"] % 2 == 0  # no transaction was cut in two

    kept = checked["tables"]["shots"]
    for path in trial.state.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    trial.site.write_text('environment = "testing"\n[api]\nport = 1\n')
    back = trial.backup("restore", "--backup-file", str(archive), "--health-limit-s", "3")
    assert (back["exit"], back["result"], back["health"]) == (0, "done", "HEALTHY"), back
    assert len(trial.shots()) == kept
    assert (trial.state / "calibrations/camera-1.json").read_text() == '{"schema": 1}'
    assert 'url = "simulated"' in trial.site.read_text()
    assert trial.running
    assert not (trial.prefix / "restore.journal").exists()
    assert not list(trial.state.parent.glob(".*incoming"))


def test_only_data_come_back_when_asked(trial: Trial) -> None:
    made = trial.backup("backup", "--data-only")
    trial.play("three")
    site = trial.site.read_text() + "# of this machine\n"
    trial.site.write_text(site)
    back = trial.backup("restore", "--backup-file", made["file"], "--data-only")
    assert back["result"] == "done", back
    assert trial.shots() == ["one", "two"]
    assert trial.site.read_text() == site


def test_increments_hold_what_changed_and_restore_as_a_chain(trial: Trial) -> None:
    (trial.state / "big.bin").write_bytes(os.urandom(300_000))
    full = trial.backup("backup", "--data-only", "--name", "base")
    trial.play("three")
    first = trial.backup("backup", "--data-only", "--incremental")
    (trial.state / "later.json").write_text("{}")
    second = trial.backup("backup", "--data-only", "--incremental", "--name", "last")
    assert [Path(m["file"]).name for m in (first, second)] == ["base+1.tar.gz", "base+last.tar.gz"]
    assert first["bytes"] < full["bytes"] / 3
    trial.play("four")
    (trial.state / "big.bin").unlink()
    back = trial.backup("restore", "--backup-file", second["file"], "--data-only")
    assert back["result"] == "done", back
    assert trial.shots() == ["one", "two", "three"]
    assert (trial.state / "big.bin").stat().st_size == 300_000
    assert (trial.state / "later.json").exists()

    listed = trial.backup("list")["backups"]
    assert [row["incremental"] for row in listed] == [False, True, True]
    # A newer chain makes the older one superfluous, and then all of it.
    trial.backup("backup", "--data-only", "--name", "newer")
    assert trial.backup("cleanup", "--keep-count", "2")["deleted"] == []
    gone = trial.backup("cleanup", "--keep-count", "1")["deleted"]
    assert sorted(gone) == ["base+1.tar.gz", "base+last.tar.gz", "base.tar.gz"]
    Path(trial.backup("list")["backups"][0]["file"]).unlink()
    assert trial.backup("list")["backups"] == []


def test_a_chain_with_a_link_missing_or_exchanged_is_refused(trial: Trial) -> None:
    base = trial.backup("backup", "--name", "base")
    other = trial.backup("backup", "--name", "other")
    trial.play("three")
    last = trial.backup("backup", "--incremental")
    assert Path(last["file"]).name == "other+1.tar.gz"
    shutil.copy(base["file"], other["file"])
    assert "it is not the other.tar.gz" in trial.backup("verify", last["file"])["reason"]
    Path(other["file"]).unlink()
    assert "which is not beside it" in trial.backup("verify", last["file"])["reason"]


def test_what_does_not_work_is_put_back(trial: Trial) -> None:
    made = trial.backup("backup")
    trial.play("three")
    (trial.root / "refuse-start").touch()
    back = trial.backup("restore", "--backup-file", made["file"], "--health-limit-s", "2")
    assert back["exit"] == 1
    assert "data are as they were, but systemctl start" in back["reason"]
    (trial.root / "refuse-start").unlink()
    assert trial.backup("recover")["undone"] is False
    assert not (trial.prefix / "restore.journal").exists()
    assert trial.shots() == ["one", "two", "three"]


def test_nginx_follows_what_is_restored_and_what_is_put_back(trial: Trial) -> None:
    tls = trial.site.with_name("tls")
    made = trial.backup("backup")
    first_port, first = trial.port, trial.certificate()
    # Later the interface moves to another port, and somebody brings another certificate.
    second_port = trial.listen()
    trial.site.write_text(trial.site.read_text().replace(str(first_port), str(second_port)))
    for name in ("certificate.pem", "key.pem"):
        (tls / name).unlink()  # then an installation makes new ones
    assert trial.deploy("1.0.0")["result"] == "installed"
    second = trial.certificate()
    assert second != first
    assert trial.upstream == second_port

    restore_it = ["restore", "--backup-file", made["file"], "--health-limit-s", "1"]
    for fault, reason in (
        ("refuse-site", "not restored, data are as they were, but nginx -t"),
        ("deaf-nginx", "everything is as it was: the appliance is well, but nginx does not hand"),
    ):
        (trial.root / fault).touch()
        back = trial.backup(*restore_it)
        (trial.root / fault).unlink()
        assert (back["exit"], reason in back["reason"]) == (1, True), back
        assert (trial.certificate(), trial.upstream) == (second, second_port)
        assert trial.running

    back = trial.backup(*restore_it)
    assert (back["exit"], back["health"]) == (0, "HEALTHY"), back
    assert (trial.certificate(), trial.upstream) == (first, first_port)


def test_a_certificate_that_nginx_refuses_is_not_restored(trial: Trial) -> None:
    certificate = trial.site.with_name("tls") / "certificate.pem"
    good = certificate.read_text()
    certificate.write_text("")
    made = trial.backup("backup")
    certificate.write_text(good)
    back = trial.backup("restore", "--backup-file", made["file"])
    assert (back["exit"], "everything is as it was: nginx -t" in back["reason"]) == (1, True), back
    assert certificate.read_text() == good
    assert trial.running


def test_a_restore_cut_off_between_its_renames_is_undone(trial: Trial) -> None:
    made = trial.backup("backup")
    trial.play("three")
    before = trial.state.with_name(f".{trial.state.name}.before")
    trial.state.rename(before)
    shutil.copytree(before, trial.state.with_name(f".{trial.state.name}.incoming"))
    note = {"was_active": True, "targets": [str(trial.state)]}
    (trial.prefix / "restore.journal").write_text(json.dumps(note))
    assert trial.backup("recover")["undone"] is True
    assert trial.shots() == ["one", "two", "three"]
    assert trial.backup("recover")["undone"] is False
    (trial.prefix / "deploy.journal").touch()
    refused = trial.backup("restore", "--backup-file", made["file"])
    assert "run deploy.py recover first" in refused["reason"]
    (trial.prefix / "deploy.journal").unlink()
    back = trial.backup("restore", "--backup-file", made["file"], "--health-limit-s", "3")
    assert back["result"] == "done"


def test_a_backup_of_a_newer_program_is_refused(trial: Trial) -> None:
    with closing(sqlite3.connect(trial.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0099'")
    made = trial.backup("backup")
    with closing(sqlite3.connect(trial.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    back = trial.backup("restore", "--backup-file", made["file"])
    assert back["exit"] == 2
    assert "install 1.0.0 first" in back["reason"]
    assert trial.running


def test_a_configuration_that_the_program_refuses_is_refused(trial: Trial) -> None:
    good = trial.site.read_text()
    trial.site.write_text(good + "[nonsense]\n")
    made = trial.backup("backup")
    trial.site.write_text(good)
    back = trial.backup("restore", "--backup-file", made["file"])
    assert (back["exit"], "unknown key nonsense" in back["reason"]) == (2, True)
    assert trial.site.read_text() == good


def test_trial_restore_and_extraction(trial: Trial, tmp_path: Path) -> None:
    layout = Layout(trial.prefix, trial.root)
    assert "no backup" in trial.backup("trial")["reason"]
    assert re.search("last trial restore: 20.*, FAILED: there is no backup", report.trial(layout))
    trial.backup("backup", "--name", "old")
    trial.play("three")
    trial.backup("backup", "--name", "new")
    tried = trial.backup("trial")
    assert Path(tried["file"]).name == "new.tar.gz"
    assert tried["tables"]["shots"] == 3
    assert re.fullmatch("last trial restore: 20.*, good", report.trial(layout))
    spoilt = Path(tried["file"])
    whole = spoilt.read_bytes()
    spoilt.write_bytes(whole[:-9])
    assert trial.backup("trial")["exit"] == 2
    assert re.search("last trial restore: 20.*, FAILED: .*damaged", report.trial(layout))
    spoilt.write_bytes(whole)
    out = tmp_path / "out"
    assert trial.backup("extract", tried["file"], "--to", str(out))["result"] == "done"
    assert list((out / "code/wheel").glob("billiards_trainer-1.0.0-*.whl"))
    assert json.loads((out / "system/host.json").read_text())["machine"]
    assert "not empty" in trial.backup("extract", tried["file"], "--to", str(out))["reason"]


def test_restored_files_belong_to_whom_they_did() -> None:
    own, shared = ("billiards-trainer", "billiards-trainer"), ("root", "billiards-trainer")
    for area, inside, expected in [
        ("data", ".", own),
        ("data", "billiards.db", own),
        ("config", ".", shared),
        ("config", "site.toml", shared),
        ("config", "secrets.toml", own),
        ("config", "tls", ("root", "root")),
        ("config", "tls/key.pem", ("root", "root")),
        ("config", "tls/secrets.toml", ("root", "root")),
    ]:
        assert restore.owners(area, Path(inside)) == expected, inside


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_appliance_can_read_restored_secrets_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "USER", "daemon")  # stands for the appliance's own user
    config = tmp_path / "config"
    (config / "tls").mkdir(parents=True)
    for name, mode in (("site.toml", 0o640), ("secrets.toml", 0o600), ("tls/key.pem", 0o600)):
        (config / name).write_text('camera_password = "hush"')
        (config / name).chmod(mode)
    restore._own(Layout(), config, restore.Swap("config", config))

    def readable_by(user: str) -> list[str]:
        script = "for f in $(find . -type f); do cat $f >/dev/null && echo $f; done"
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=config,
            user=user,
            group=user,
            extra_groups=[],
            check=False,
            capture_output=True,
            text=True,
        )
        return sorted(done.stdout.split())

    assert readable_by("daemon") == ["./secrets.toml", "./site.toml"]
    assert readable_by("games") == []
    found = (config / "secrets.toml").stat()
    child = os.fork()
    if child == 0:  # and the program itself is content with owner and mode
        good = False
        try:
            os.chdir(config)
            os.setgid(found.st_gid)
            os.setuid(found.st_uid)
            good = secrets.read(Path("secrets.toml")) == {"camera_password": "hush"}
        finally:
            os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def library(trial: Trial) -> Any:
    """The encryption library for the installed program, borrowed from the tests."""
    pyrage = pytest.importorskip("pyrage")
    packages = trial.prefix / "releases/1.0.0/venv/lib/python3.11/site-packages"
    source = Path(pyrage.__file__).parent
    (packages / source.name).symlink_to(source)
    # Isolated interpreters look at no variable: this one is told by its own start.
    python = trial.prefix / "releases/1.0.0/venv/bin/python"
    text = python.read_text().replace('["', '[w for w in ["', 1)
    assert text
    python.write_text(
        python.read_text().replace(
            "words = sys.argv[1:]", "words = [w for w in sys.argv[1:] if w != '-I']"
        )
    )
    return pyrage


def test_encryption_by_passphrase_and_by_key(trial: Trial, library: Any, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple\n")
    made = trial.backup("backup", "--passphrase-file", str(secret))
    assert made["file"].endswith(".tar.gz.age"), made
    raw = Path(made["file"]).read_bytes()
    assert raw.startswith(b"age-encryption.org/v1")
    assert b"manifest" not in raw
    assert "it is encrypted" in trial.backup("verify", made["file"])["reason"]
    bad = trial.backup("verify", made["file"], "--passphrase-file", str(wrong))
    assert "cannot decrypt" in bad["reason"]
    assert trial.backup("verify", made["file"], "--passphrase-file", str(secret))["exit"] == 0
    Path(made["file"]).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    bad = trial.backup("verify", made["file"], "--passphrase-file", str(secret))
    assert "cannot decrypt" in bad["reason"]

    identity = library.x25519.Identity.generate()
    key = tmp_path / "key"
    key.write_text(f"# a key\n{identity}\n")
    made = trial.backup("backup", "--recipient", str(identity.to_public()), "--name", "k")
    trial.play("three")
    back = trial.backup(
        "restore", "--backup-file", made["file"], "--identity-file", str(key), "--data-only"
    )
    assert back["result"] == "done", back
    assert trial.shots() == ["one", "two"]
    row = next(r for r in trial.backup("list")["backups"] if r["file"] == made["file"])
    assert row["encrypted"]


# --- archives that nobody should believe ----------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, Path]:
    """An archive, made without an installation."""
    root = tmp_path_factory.mktemp("sample")
    layout = Layout(root / "opt/billiards-trainer", root)
    for folder in (layout.state, layout.config, layout.logs, layout.prefix):
        folder.mkdir(parents=True)
    layout.site_file.write_text('environment = "production"\n')
    (layout.logs / "billiards-trainer.log").write_text("ERROR\n" * 100)
    with closing(sqlite3.connect(layout.state / "billiards.db")) as database, database:
        database.execute("CREATE TABLE shots (row INTEGER PRIMARY KEY)")
    return layout, writer.write(layout, scope="full", name="good")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trial, Path]]:
    """A running appliance and a good archive of it, kept elsewhere."""
    one = Trial(tmp_path_factory.mktemp("attacked"))
    assert one.deploy("1.0.0", "--environment", "production")["result"] == "installed"
    one.play("one", "two")
    made = Path(one.backup("backup", "--name", "good")["file"])
    good = tmp_path_factory.mktemp("stick") / "good.tar.gz"
    made.rename(good)
    yield one, good
    one.close()


def everything(folder: Path) -> dict[str, Any]:
    """All files below a folder: content, mode, owner, and whether each is still the same one."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (
            hashlib.sha256(content).hexdigest(),
            (seen.st_mode, seen.st_uid, seen.st_gid, seen.st_ino),
        )
    return found


@pytest.mark.xdist_group("attacked")
@pytest.mark.parametrize("what", [*bad_archives.BAD, *bad_archives.SPOILT])
def test_bad_archives_are_refused_before_anything_is_touched(
    attacked: tuple[Trial, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    trial, good = attacked
    bad = tmp_path / "bad.tar.gz"
    bad_archives.make(what, good, bad)
    before = everything(trial.root)
    for name, value in trial.environment.items():
        monkeypatch.setenv(name, value)
    words = trial.command("backup", "restore", "--backup-file", str(bad))
    status = command.main(words[words.index("restore") :])
    told = json.loads(capsys.readouterr().out)
    assert (status, told["result"]) == (2, "failed"), told
    if what != "manifest that counts other rows":  # that one only the database can tell
        assert told["reason"].startswith(f"{bad}: "), told
    # No file has changed: not the data, not the configuration, not what systemd was asked for.
    assert everything(trial.root) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]
    assert trial.running


@pytest.mark.xdist_group("attacked")
def test_the_good_archive_among_the_bad_is_restored(attacked: tuple[Trial, Path]) -> None:
    trial, good = attacked
    trial.play("three")
    back = trial.backup("restore", "--backup-file", str(good), "--health-limit-s", "3")
    assert (back["exit"], trial.shots()) == (0, ["one", "two"]), back


def test_a_header_that_asks_for_more_memory_than_there_is_is_refused(
    sample: tuple[Layout, Path], tmp_path: Path
) -> None:
    layout, _ = sample
    huge = tarfile.TarInfo("pax")
    huge.type = tarfile.XHDTYPE
    huge.size = (8 << 30) - 1
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(gzip.compress(huge.tobuf(tarfile.USTAR_FORMAT) + b"\0" * (40 << 20)))
    with pytest.raises(Failed):
        reader.verify(layout, bad)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "data",
        "data/",
        "data//x",
        "data/./x",
        "data/../x",
        "../x",
        "DATA/x",
        "data/\0",
        "data/\n",
    ],
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(Failed):
        manifest.safe_path(path)


def test_names_of_archives(sample: tuple[Layout, Path]) -> None:
    layout, _ = sample
    for name in ("../x", "", "a/b", ".hidden", "a+b"):
        with pytest.raises(Failed, match="--name"):
            writer.write(layout, scope="data", name=name)
    with pytest.raises(Failed, match="there already"):
        writer.write(layout, scope="full", name="good")
    assert [a.stem for a in store.archives(layout)] == ["good"]
    assert not list(store.folder(layout).glob(".gathering*"))


def test_a_damaged_database_is_not_taken_for_a_backup(sample: tuple[Layout, Path]) -> None:
    layout, _ = sample
    good = (layout.state / "billiards.db").read_bytes()
    (layout.state / "billiards.db").write_bytes(good[:100] + b"\xff" * 500 + good[600:])
    try:
        with pytest.raises(Failed, match=r"database|copy"):
            writer.write(layout, scope="data", name="worse")
    finally:
        (layout.state / "billiards.db").write_bytes(good)
    assert not (store.folder(layout) / "worse.tar.gz").exists()
