"""deploy.py against a pretended machine: what it does, undoes, resumes and refuses."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from billiards_trainer.config.layers import Layers
from deployment.steps import INSTALL
from tests.unit.deployment_trial import Trial

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    one = Trial(tmp_path)
    yield one
    one.close()


def snapshot(root: Path) -> dict[str, str]:
    """Every file and link of the machine that an installation may change, but logs and locks."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file() and "systemctl" not in name and "__pycache__" not in name:
            found[name] = str(hash(path.read_bytes()))
    return found


def test_install_again_upgrade_and_back(trial: Trial) -> None:
    first = trial.deploy("1.0.0", "--environment", "production")
    assert first["result"] == "installed", first
    assert first["exit"] == 0
    assert (first["version"], first["health"]) == ("1.0.0", "HEALTHY")
    assert trial.running
    assert trial.version == "1.0.0"
    assert 'url = "simulated"' in trial.site.read_text()
    unit = (trial.root / "etc/systemd/system/billiards-trainer.service").read_text()
    assert f"ExecStart={trial.prefix}/current/venv/bin/billiards-trainer run" in unit
    site = (trial.root / "etc/nginx/sites-available/billiards-trainer.conf").read_text()
    assert f"server 127.0.0.1:{trial.port} " in site
    key = trial.root / "etc/billiards-trainer/tls/key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (trial.prefix / "deploy.journal").exists()

    before = snapshot(trial.root)
    again = trial.deploy("1.0.0")
    assert (again["exit"], again["result"], again["steps"]) == (0, "unchanged", [])
    assert snapshot(trial.root) == before

    trial.play("one", "two")
    trial.wheel("1.1.0", "0001", "0002")
    before = snapshot(trial.root)
    dry = trial.deploy("1.1.0", "--dry-run")
    assert (dry["exit"], dry["result"]) == (0, "dry-run")
    assert snapshot(trial.root) == before

    upgraded = trial.deploy("1.1.0")
    assert upgraded["result"] == "installed", upgraded
    assert upgraded["previous"] == "1.0.0"
    assert (trial.prefix / "backups" / upgraded["backup"]).is_file()
    assert trial.shots() == ["one", "two"]
    trial.play("three")
    rows = trial.rows()
    status, told = trial.call("deploy", "list")
    assert {t["version"]: t["current"] for t in told} == {"1.0.0": False, "1.1.0": True}

    # The older program cannot read what the newer one made of the database, and says so.
    status, told = trial.call("deploy", "rollback", "--skip-backup", "--health-limit-s", "3")
    assert (status, told[-1]["result"]) == (1, "undone")
    assert "was written by a newer version" in told[-1]["reason"]
    assert (trial.version, trial.running, trial.rows()) == ("1.1.0", True, rows)
    status, told = trial.call("deploy", "rollback", "--with-data", "--health-limit-s", "3")
    assert (status, told[-1]["result"]) == (0, "rolled back"), told[-1]
    assert (trial.version, trial.running, trial.shots()) == ("1.0.0", True, ["one", "two"])
    trial.database = trial.prefix / "aside/1.0.0/state/billiards.db"
    assert trial.rows() == rows  # what was recorded since is not gone
    status, told = trial.call("deploy", "list")
    assert {t["version"]: t["current"] for t in told} == {"1.0.0": True, "1.1.0": False}


def test_service_and_command_line_agree_about_the_log(trial: Trial) -> None:
    assert trial.deploy("1.0.0")["result"] == "installed"
    log = trial.root / "var/log/billiards-trainer/billiards-trainer.log"
    unit = (trial.root / "etc/systemd/system/billiards-trainer.service").read_text()
    assert f"EnvironmentFile={trial.prefix}/current/environment\n" in unit
    assert "--log-file" not in unit
    lines = (trial.prefix / "current/environment").read_text().splitlines()
    service = dict(line.split("=", 1) for line in lines)
    service.pop("BILLIARDS_CONFIG")
    assert Layers(service, {}).load().logging.file == str(log)
    # The command for technicians becomes the appliance's user; here it shows what with.
    shown = trial.shown_by_command("doctor")
    assert shown["BILLIARDS_LOGGING_FILE"] == str(log)
    assert shown["BILLIARDS_CONFIG"] == str(trial.site)
    rotation = (trial.root / "etc/logrotate.d/billiards-trainer").read_text()
    (pattern,) = re.findall(r"^(\S+)/\*\.log \{", rotation, re.MULTILINE)[:1]
    assert pattern == f"{trial.prefix}/logs"


def test_a_failed_upgrade_is_undone_data_and_all(trial: Trial) -> None:
    trial.deploy("1.0.0", "--environment", "production")
    trial.play("kept")
    rows = trial.rows()
    before = without_aside(snapshot(trial.root))
    trial.wheel("2.0.0", "0001", "0002")

    (trial.root / "refuse-start").touch()
    failed = trial.deploy("2.0.0", "--skip-backup")
    (trial.root / "refuse-start").unlink()
    # The old version could not be started again either: that is said, and kept for the next run.
    assert (failed["exit"], failed["result"]) == (3, "stuck")
    assert "Job failed" in failed["reason"]
    assert (trial.version, trial.running, trial.rows()) == ("1.0.0", False, rows)
    assert (trial.prefix / "deploy.journal").exists()
    assert trial.call("deploy", "recover")[0] == 0
    assert not (trial.prefix / "deploy.journal").exists()
    trial.start()

    (trial.root / "refuse-site").touch()
    failed = trial.deploy("2.0.0", "--skip-backup")
    (trial.root / "refuse-site").unlink()
    assert (failed["exit"], failed["result"]) == (1, "undone")
    assert "bad site" in failed["reason"]
    assert (trial.running, trial.rows()) == (True, rows)
    assert without_aside(snapshot(trial.root)) == before


def without_aside(found: dict[str, str]) -> dict[str, str]:
    """Of a snapshot, all but the copies that an undone installation leaves until the next one."""
    return {name: value for name, value in found.items() if "/aside/" not in name}


DEGRADED = {"status": "DEGRADED", "detail": "vision: not calibrated"}
UNHEALTHY = {"status": "UNHEALTHY", "detail": "core: given up"}


def test_an_upgrade_ends_no_worse_than_it_began(trial: Trial) -> None:
    assert trial.deploy("1.0.0", "--environment", "production")["health"] == "HEALTHY"
    trial.play("one", "two")
    rows = trial.rows()
    before = without_aside(snapshot(trial.root))
    trial.wheel("2.0.0", "0001", "0002")
    quick = ["--skip-backup", "--health-limit-s", "0.3"]
    for bad, said in (
        (DEGRADED, "DEGRADED vision: not calibrated"),
        (UNHEALTHY, "UNHEALTHY core: given up"),
    ):
        trial.health_of["2.0.0"] = bad
        failed = trial.deploy("2.0.0", *quick)
        assert (failed["exit"], failed["result"], failed["version"]) == (1, "undone", "1.0.0")
        assert failed["reason"].endswith(f"is not well enough: {said}")
        assert "start" in failed["steps"]  # it had got as far as that
        assert (trial.version, trial.running, trial.rows()) == ("1.0.0", True, rows)
        assert without_aside(snapshot(trial.root)) == before

    # Where it was DEGRADED before, it may be so afterwards, but not worse.
    trial.health_of = {"1.0.0": DEGRADED, "2.0.0": DEGRADED}
    upgraded = trial.deploy("2.0.0", "--skip-backup", "--health-limit-s", "2")
    assert (upgraded["result"], upgraded["health"]) == ("installed", "DEGRADED")
    assert trial.shots() == ["one", "two"]


def test_nginx_that_does_not_hand_on_undoes_an_upgrade(trial: Trial) -> None:
    trial.deploy("1.0.0")
    rows = trial.rows()
    port = trial.listen()
    trial.site.write_text(trial.site.read_text().replace(str(trial.port), str(port)))
    (trial.root / "deaf-nginx").touch()
    failed = trial.deploy("2.0.0", "--skip-backup", "--health-limit-s", "0.5")
    assert (failed["exit"], failed["result"], trial.version) == (1, "undone", "1.0.0")
    assert failed["reason"] == "the appliance is well, but nginx does not hand its answers on"
    assert trial.rows() == rows


def test_a_first_installation_may_be_degraded_but_not_worse(trial: Trial) -> None:
    trial.health = {"version": "of another appliance"}
    failed = trial.deploy("1.0.0", "--health-limit-s", "0.3")
    assert (failed["exit"], failed["result"], failed["version"]) == (1, "undone", None)
    assert failed["reason"].endswith("no answer of this version")
    assert (trial.version, trial.running, trial.site.exists()) == (None, False, False)
    trial.health = DEGRADED
    first = trial.deploy("1.0.0", "--environment", "production", "--health-limit-s", "2")
    assert (first["result"], first["health"]) == ("installed", "DEGRADED")
    assert "calibrate camera" in first["detail"]
    again = trial.deploy("1.0.0")
    assert (again["result"], again["health"]) == ("unchanged", "DEGRADED")


# --- killed ---------------------------------------------------------------------------------

STEPS = [step.name for step in INSTALL]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An appliance on which something is recorded, upgraded again and again."""
    one = Trial(tmp_path_factory.mktemp("played"))
    assert one.deploy("1.0.0")["result"] == "installed"
    one.play("one", "two")
    yield one
    one.close()


@pytest.mark.xdist_group("killed deploy")
def test_killed_after_each_step_in_turn_it_goes_on_each_time(played: Trial) -> None:
    played.wheel("2.0.0")
    rows = played.rows()
    journal = played.prefix / "deploy.journal"
    for step in STEPS[:-1]:
        # It may have been a step further when it was killed.
        known = json.loads(journal.read_text())["steps"] if journal.exists() else {}
        if known.get(step) != "done":
            played.kill_at("2.0.0", "done", step)
        assert json.loads(journal.read_text())["steps"][step] == "done"
    done = played.deploy("2.0.0")
    assert (done["exit"], done["result"]) == (0, "installed"), done
    assert not set(done["steps"]) - {"start", "healthy"}
    assert (played.version, played.running, played.rows()) == ("2.0.0", True, rows)
    assert not journal.exists()


@pytest.mark.acceptance
@pytest.mark.xdist_group("killed deploy")
@pytest.mark.parametrize("step", STEPS)
def test_killed_after_a_step_the_next_run_finishes(played: Trial, step: str) -> None:
    version = f"1.{STEPS.index(step) + 1}.0"
    played.wheel(version)
    rows = played.rows()
    played.kill_at(version, "done", step)
    done = played.deploy(version)
    if step == "healthy":  # that is the last one: it may have closed its journal already
        assert (done["exit"], done["result"] in ("installed", "unchanged")) == (0, True), done
    else:
        assert (done["exit"], done["result"]) == (0, "installed"), done
        assert step not in done["steps"]
    assert (played.version, played.running, played.rows()) == (version, True, rows)
    assert not (played.prefix / "deploy.journal").exists()


@pytest.mark.xdist_group("killed deploy")
@pytest.mark.parametrize("step", STEPS)
def test_killed_in_a_step_the_next_boot_undoes_it(played: Trial, step: str) -> None:
    before, rows = played.version, played.rows()
    version = f"3.{STEPS.index(step) + 1}.0"
    played.wheel(version, "0001", "0002")
    stood = without_aside(snapshot(played.root))
    # Nothing is compared that others may look at: what was backed up stays.
    played.kill_at(version, "begun", step, "--skip-backup" if step != "backup" else "--json")
    assert (played.prefix / "deploy.journal").exists()
    played.boot()
    assert (played.version, played.running, played.rows()) == (before, True, rows)
    assert not (played.prefix / "deploy.journal").exists()
    found = without_aside(snapshot(played.root))
    assert {n: v for n, v in found.items() if "/backups/" not in n} == {
        n: v for n, v in stood.items() if "/backups/" not in n
    }


def test_an_interrupted_installation_is_undone_before_another_version(trial: Trial) -> None:
    trial.wheel("1.0.0")
    trial.kill_at("1.0.0", "begun", "switch")
    assert trial.call("deploy", "recover")[0] == 0
    assert trial.version is None
    assert not (trial.prefix / "releases/1.0.0").exists()
    assert not trial.site.exists()
    done = trial.deploy("1.2.0")
    assert (done["result"], trial.version) == ("installed", "1.2.0")


def test_what_is_refused_changes_nothing(trial: Trial) -> None:
    def refused(*words: str) -> str:
        status, told = trial.call("deploy", *words)
        assert (status, told[-1]["result"]) == (2, "refused")
        assert not (trial.prefix / "releases").exists()
        return str(told[-1]["detail"])

    house = trial.wheel("1.0.0")
    assert "production names its camera" in refused("--from", str(house))
    empty = trial.wheels / "empty"
    empty.mkdir()
    assert "holds no wheel" in refused("--from", str(empty), "--source", "simulated")
    assert "cannot run" in refused(
        "--from", str(house), "--source", "simulated", "--python", "/nowhere/python3"
    )
    assert "no version before to go back to" in refused("rollback")


def test_another_build_of_the_same_version_is_refused(trial: Trial) -> None:
    assert trial.deploy("1.0.0")["result"] == "installed"
    trial.wheel("1.0.0", "0001", "0009")
    again = trial.deploy("1.0.0")
    assert (again["exit"], again["result"]) == (2, "refused")
    assert "another build" in again["detail"]


def test_a_site_file_is_not_overruled_in_silence(trial: Trial) -> None:
    assert trial.deploy("1.0.0")["result"] == "installed"
    changed = trial.deploy("1.1.0", "--source", "v4l2:3")
    assert (changed["exit"], changed["result"]) == (1, "undone")
    assert "source is 'simulated'" in changed["reason"]
    assert trial.version == "1.0.0"
    assert trial.running


def test_a_camera_s_password_is_kept_apart(trial: Trial) -> None:
    address = 'rtsp://viewer:p%40ss"w@rd@192.168.7.20:554/stream?channel=1'
    first = trial.deploy("1.0.0", "--source", address)
    assert first["result"] == "installed", first
    assert (
        'url = "rtsp://${camera_user}:${camera_password}@192.168.7.20:554/stream?channel=1"'
    ) in trial.site.read_text()
    kept = trial.site.with_name("secrets.toml")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(kept.read_text()) == {
        "camera_user": "viewer",
        "camera_password": 'p%40ss"w@rd',
    }
    readable = [
        path
        for path in trial.root.rglob("*")
        if path.is_file() and b"w@rd" in path.read_bytes() and path.stat().st_mode & 0o077
    ]
    assert readable == []
    # Another address or password is a contradiction, and neither is said aloud.
    changed = address.replace("p%40ss", "other")
    other = trial.deploy("1.1.0", "--skip-backup", "--source", changed)
    assert (other["exit"], other["result"], trial.version) == (1, "undone", "1.0.0")
    assert "camera_password is another one than --source says" in other["reason"]
    changed = address.replace("192.168.7.20", "192.168.7.21")
    elsewhere = trial.deploy("1.1.0", "--skip-backup", "--source", changed)
    assert "${camera_password}@192.168.7.20" in elsewhere["reason"]
    assert "w@rd" not in json.dumps([other, elsewhere])


def test_secrets_that_are_there_already_stay(trial: Trial) -> None:
    kept = trial.site.with_name("secrets.toml")
    kept.parent.mkdir(parents=True)
    kept.write_text('webhook = "hush"')
    kept.chmod(0o600)
    (trial.root / "refuse-site").touch()
    assert trial.deploy("1.0.0", "--source", "http://one:two@camera/")["result"] == "undone"
    assert kept.read_text() == 'webhook = "hush"'
    (trial.root / "refuse-site").unlink()
    assert trial.deploy("1.0.0", "--source", "http://one:two@camera/")["result"] == "installed"
    assert tomllib.loads(kept.read_text()) == {
        "webhook": "hush",
        "camera_user": "one",
        "camera_password": "two",
    }


def vendor_wheel(folder: Path, *needs: str) -> Path:
    """What NVIDIA ships for a JetPack release, as far as pip looks at it."""
    path = folder / "onnxruntime_gpu-1.23.0-cp311-cp311-linux_aarch64.whl"
    text = "Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.23.0\n"
    text += "".join(f"Requires-Dist: {name}\n" for name in needs)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("onnxruntime_gpu-1.23.0.dist-info/METADATA", text)
        archive.writestr("onnxruntime/__init__.py", "")
    return path


def test_a_jetson_gets_the_vendor_s_runtime_and_what_that_leans_on(
    trial: Trial, tmp_path: Path
) -> None:
    needs = ("coloredlogs", "flatbuffers", "numpy (>=1.21.6)", "packaging", "protobuf", "sympy")
    wheel = vendor_wheel(tmp_path, *needs)
    jetson = ["--runtime", "jetson"]
    house = trial.wheel("1.0.0")
    for words, reason in (
        (jetson, "needs NVIDIA's build"),
        ([*jetson, "--onnxruntime-wheel", str(tmp_path / "no.whl")], "no.whl is not there"),
        (["--onnxruntime-wheel", str(wheel)], "goes with --runtime jetson"),
    ):
        refused = trial.deploy("1.0.0", *words)
        assert (refused["exit"], reason in refused["detail"]) == (2, True), refused
    jetson += ["--onnxruntime-wheel", str(wheel)]
    (house / "requirements.txt").write_text("onnxruntime==1.22.0 --hash=sha256:00\n")
    assert "made for another runtime" in trial.deploy("1.0.0", *jetson)["detail"]
    assert not (trial.prefix / "releases").exists()

    (house / "requirements.txt").unlink()  # then the lock in the wheel counts: the real one
    vendor_wheel(tmp_path, *needs, "something-new")
    failed = trial.deploy("1.0.0", *jetson)
    assert (failed["exit"], failed["result"]) == (1, "undone")
    assert "requires something-new, which is not installed" in failed["reason"]
    vendor_wheel(tmp_path, *needs)
    installed = trial.deploy("1.0.0", *jetson)
    assert (installed["exit"], installed["result"]) == (0, "installed"), installed
    packages = trial.prefix / "current/venv/lib/python3.11/site-packages"
    assert (packages / "onnxruntime/__init__.py").is_file()
    record = json.loads((trial.prefix / "current/release.json").read_text())
    assert record["runtime"] == "jetson"
