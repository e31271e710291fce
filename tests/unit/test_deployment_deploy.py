"""deploy.py against a pretended machine: what it does, undoes, resumes and refuses."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from billiards_trainer.config.layers import Layers
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
    dry = trial.deploy("1.1.0", "--dry-run")
    assert dry["result"] == "dry-run"
    assert snapshot(trial.root) == before | snapshot(trial.root)
    assert trial.version == "1.0.0"

    upgraded = trial.deploy("1.1.0", revisions=("0001", "0002"))
    assert upgraded["result"] == "installed", upgraded
    assert upgraded["previous"] == "1.0.0"
    assert (trial.prefix / "backups" / upgraded["backup"]).is_file()
    assert trial.shots() == ["one", "two"]
    trial.play("three")

    # The older program cannot read what the newer one made of the database, and says so.
    status, told = trial.call("deploy", "rollback", "--health-limit-s", "3")
    assert status == 0, told[-1]  # the wheel of 1.1.0 was made before the revisions were named
    assert trial.version == "1.0.0"
    assert trial.shots() == ["one", "two", "three"]
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
    before = snapshot(trial.root)
    trial.wheel("2.0.0", "0001", "0002")

    trial.health = {"status": "DEGRADED", "detail": "core: given up"}
    assert trial.deploy("1.0.0")["result"] == "unchanged"
    trial.health = {"status": "HEALTHY", "detail": ""}
    (trial.root / "refuse-start").touch()
    failed = trial.deploy("2.0.0", "--skip-backup")
    (trial.root / "refuse-start").unlink()
    # The old version could not be started again either: that is said, and kept for the next run.
    assert failed["exit"] == 3
    assert "Job failed" in failed["reason"]
    assert trial.version == "1.0.0"
    assert trial.call("deploy", "recover")[0] == 0
    trial.call("deploy", "recover")
    assert trial.shots() == ["kept"]

    (trial.root / "refuse-site").touch()
    failed = trial.deploy("2.0.0", "--skip-backup")
    (trial.root / "refuse-site").unlink()
    assert (failed["exit"], failed["result"]) == (1, "undone")
    assert "bad site" in failed["reason"]
    assert trial.running or (trial.root / "systemctl.state").exists() is False
    after = snapshot(trial.root)
    aside = {name: value for name, value in after.items() if "/aside/" not in name}
    assert {n: v for n, v in aside.items() if not n.endswith(".db")} == {
        n: v for n, v in before.items() if "/aside/" not in n and not n.endswith(".db")
    }
    assert trial.shots() == ["kept"]


def test_an_upgrade_ends_no_worse_than_it_began(trial: Trial) -> None:
    trial.health = {"status": "DEGRADED", "detail": "vision: not calibrated"}
    first = trial.deploy("1.0.0", "--environment", "production", "--health-limit-s", "4")
    assert (first["result"], first["health"]) == ("installed", "DEGRADED")
    assert "calibrate camera" in first["detail"]
    trial.health = {"status": "HEALTHY", "detail": ""}
    assert trial.deploy("1.0.0")["result"] == "unchanged"


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("install"),
        pytest.param("user", marks=pytest.mark.acceptance),
        pytest.param("caches", marks=pytest.mark.acceptance),
        pytest.param("stop", marks=pytest.mark.acceptance),
        pytest.param("aside", marks=pytest.mark.acceptance),
        pytest.param("configure", marks=pytest.mark.acceptance),
        pytest.param("units"),
        pytest.param("switch", marks=pytest.mark.acceptance),
        pytest.param("start", marks=pytest.mark.acceptance),
    ],
)
def test_killed_after_a_step_the_next_run_finishes(trial: Trial, step: str) -> None:
    house = trial.wheel("1.0.0")
    command = trial.command(
        "deploy",
        "--from",
        str(house),
        "--source",
        "simulated",
        "--port",
        str(trial.port),
        "--python",
        str(trial.python),
    )
    with subprocess.Popen(command, env=trial.environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            told = json.loads(line)
            if told["event"] == "done" and told["step"] == step:
                run.kill()
                break
    assert (trial.prefix / "deploy.journal").exists()
    done = trial.deploy("1.0.0", "--source", "simulated")
    assert (done["exit"], done["result"]) == (0, "installed")
    assert step not in done["steps"]
    assert trial.running
    assert not (trial.prefix / "deploy.journal").exists()


def test_an_interrupted_installation_is_undone_before_another_version(trial: Trial) -> None:
    house = trial.wheel("1.0.0")
    command = trial.command(
        "deploy",
        "--from",
        str(house),
        "--source",
        "simulated",
        "--port",
        str(trial.port),
        "--python",
        str(trial.python),
    )
    with subprocess.Popen(command, env=trial.environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line).get("step") == "switch":
                run.kill()
                break
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
