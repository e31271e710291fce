"""The parts of deployment that decide, and the promises of the files it installs."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.api.guard import SECURITY_HEADERS
from billiards_trainer.config import secrets
from deployment import checks, health, passwords, plan, releases, report, wheelhouse
from deployment.backups.store import Archive, to_forget
from deployment.errors import Failed
from deployment.health import Health
from deployment.journal import Journal, alone
from deployment.layout import Layout
from deployment.plan import Context, Step
from deployment.telling import Teller
from tests.conftest import ROOT

UNITS = sorted((ROOT / "systemd").glob("billiards-trainer*.*"))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(answers: list[str | None], needed: int, limit_s: float = 60) -> tuple[bool, float]:
    """Let it answer so, one answer each half second, the last one for ever."""
    clock = Clock()
    left = list(answers)

    def probe() -> Health | None:
        status = left.pop(0) if len(left) > 1 else left[0]
        return None if status is None else Health(status, "1.0")

    well, _ = health.wait(probe, "1.0", needed, limit_s, now=clock, sleep=clock.sleep)
    return well, clock.now


def test_healthy_is_believed_at_once_and_less_when_it_lasts() -> None:
    assert waited([None, "UNKNOWN", "HEALTHY"], 2) == (True, 1.0)
    assert waited(["DEGRADED"], 2) == (True, health.SETTLE_S)
    assert waited(["DEGRADED", "UNHEALTHY", "DEGRADED"], 2) == (True, 1.0 + health.SETTLE_S)
    assert waited(["DEGRADED"] * 20 + ["HEALTHY"], 2) == (True, 10.0)
    assert waited(["DEGRADED"], 3, 30) == (False, 30.0)
    assert waited(["UNHEALTHY"], 2, 30) == (False, 30.0)


def test_the_answer_of_another_version_does_not_count() -> None:
    clock = Clock()
    well, found = health.wait(
        lambda: Health("HEALTHY", "0.9"), "1.0", 2, 5, now=clock, sleep=clock.sleep
    )
    assert (well, found) == (False, None)
    assert health.ask(1) is None


# --- the runner -----------------------------------------------------------------------------


def steps_in(folder: Path, fail: str | None = None, die: str | None = None) -> list[Step]:
    """Steps that each make a file; ``die``: by SIGKILL in the middle of one."""

    def make(name: str) -> Step:
        path = folder / name

        def do(_context: Context) -> None:
            path.with_suffix(".half").touch()
            if name == die:
                os.kill(os.getpid(), signal.SIGKILL)
            if name == fail:
                raise Failed("no more of that")
            path.touch()
            path.with_suffix(".half").unlink()

        def undo(_context: Context) -> None:
            path.unlink(missing_ok=True)
            path.with_suffix(".half").unlink(missing_ok=True)

        return Step(name, name, do, undo, lambda _context: path.exists())

    return [make(name) for name in ("a", "b", "c", "d")]


def context_in(folder: Path, journal: Journal | None = None) -> Context:
    layout = Layout(folder / "opt", folder)
    layout.prefix.mkdir(exist_ok=True)
    fresh = Journal(layout.journal, "install", {}, "1.0", None, "x")
    return Context(layout, journal or fresh, None, None, lambda *_a, **_k: None)


@pytest.mark.parametrize("where", ["a", "b", "c", "d"])
def test_a_failed_step_is_undone_with_all_before_it(tmp_path: Path, where: str) -> None:
    context = context_in(tmp_path)
    table = steps_in(tmp_path, fail=where)
    with pytest.raises(Failed):
        plan.forward(table, context)
    assert plan.backward(table, context) == []
    assert not [p for p in tmp_path.iterdir() if p.name != "opt"]


@pytest.mark.parametrize("where", ["a", "b", "c", "d"])
@pytest.mark.parametrize("onwards", [True, False])
def test_killed_in_a_step_it_is_finished_or_undone(
    tmp_path: Path, where: str, onwards: bool
) -> None:
    child = os.fork()
    if child == 0:
        try:
            plan.forward(steps_in(tmp_path, die=where), context_in(tmp_path))
        finally:
            os._exit(7)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    journal = Journal.load(tmp_path / "opt/deploy.journal")
    assert journal is not None
    assert journal.steps[where] == "begun"
    context, table = context_in(tmp_path, journal), steps_in(tmp_path)
    if onwards:
        plan.forward(table, context)
        expected = ["a", "b", "c", "d"]
    else:
        assert plan.backward(table, context) == []
        expected = []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "opt") == expected


def test_one_step_that_cannot_be_undone_does_not_keep_the_others(tmp_path: Path) -> None:
    context = context_in(tmp_path)

    def stuck(_context: Context) -> None:
        raise OSError("disk on fire")

    good = steps_in(tmp_path)
    table = [good[0], Step("bad", "the bad one", plan.nothing, stuck, plan.never), good[2]]
    plan.forward(table, context)
    assert plan.backward(table, context) == ["the bad one: disk on fire"]
    assert [p.name for p in tmp_path.iterdir()] == ["opt"]
    left = Journal.load(context.layout.journal)
    assert left is not None
    assert (left.undoing, list(left.steps)) == (True, ["bad"])
    left.close()
    assert Journal.load(context.layout.journal) is None


def test_a_journal_of_another_make_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "deploy.journal"
    path.write_text('{"schema": 99}')
    with pytest.raises(Failed, match="another version"):
        Journal.load(path)
    path.write_text("{")
    with pytest.raises(Failed, match="cannot read"):
        Journal.load(path)


def test_one_installation_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path) as first, alone(tmp_path) as second:
        assert (first, second) == (True, False)
    with alone(tmp_path) as third:
        assert third


# --- small decisions ------------------------------------------------------------------------


@given(st.permutations(["0.9.0", "0.10.0", "1.0.0a1", "1.0.0rc1", "1.0.0", "1.0.1"]))
def test_versions_sort_as_people_count(versions: list[str]) -> None:
    assert sorted(versions, key=releases.order) == [
        "0.9.0",
        "0.10.0",
        "1.0.0a1",
        "1.0.0rc1",
        "1.0.0",
        "1.0.1",
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), unique=True), st.integers(1, 4))
def test_cleaning_up_never_breaks_a_chain(found: list[tuple[int, int]], keep: int) -> None:
    archives = [
        Archive(Path(f"base{base}{f'+{n}' if n else ''}.tar.gz"), float(base * 10 + n))
        for base, n in found
    ]
    gone = to_forget(archives, keep)
    kept = {a.base for a in archives if a not in gone}
    assert not kept & {a.base for a in gone}
    assert len(kept) == min(keep, len({a.base for a in archives}))
    assert all(min(kept) > a.base for a in gone)


def test_texts_are_adapted_to_other_folders() -> None:
    text = "/opt/billiards-trainer/current /etc/x /var/lib/y --a=/run/z /opt/wheels notes/etc/"
    assert Layout().adapt(text) == text
    other = Layout(Path("/t/opt/bt"), Path("/t"))
    assert other.adapt(text) == (
        "/t/opt/bt/current /t/etc/x /t/var/lib/y --a=/t/run/z /opt/wheels notes/etc/"
    )


@pytest.mark.parametrize(
    ("address", "public", "secret"),
    [
        ("v4l2:0", "v4l2:0", {}),
        ("rtsp://camera/a@b", "rtsp://camera/a@b", {}),
        ("http://camera/?to=a@b", "http://camera/?to=a@b", {}),
        ("rtsp://u@c/", "rtsp://${camera_user}@c/", {"camera_user": "u"}),
        ("rtsp://:p@c/", "rtsp://:${camera_password}@c/", {"camera_password": "p"}),
        ("rtsp://${a}:${b}@c/", "rtsp://${a}:${b}@c/", {}),
        (
            "RTSP://u:p:q@r@c:1/x@y",
            "RTSP://${camera_user}:${camera_password}@c:1/x@y",
            {"camera_user": "u", "camera_password": "p:q@r"},
        ),
    ],
)
def test_passwords_are_taken_out_of_addresses(
    address: str, public: str, secret: dict[str, str]
) -> None:
    assert passwords.split(address) == (public, secret)
    assert secrets.fill(public, {"a": "${a}", "b": "${b}", **secret}) == address


def test_secrets_are_added_once_and_never_overruled(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    wanted = {"camera_user": 'Ü"\\n', "camera_password": "p"}
    for _ in range(2):  # the same again is no contradiction
        passwords.add(path, wanted)
        assert secrets.read(path) == wanted
    with pytest.raises(Failed, match="camera_password is another one"):
        passwords.add(path, {"camera_password": "q"})
    assert secrets.read(path) == wanted


def test_who_listens_on_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        name = Path("/proc/self/comm").read_text().strip()
        assert checks.listener(port) == name
    assert checks.listener(port) is None


def test_checks_tell_what_to_mend(tmp_path: Path) -> None:
    def wanted(**changes: object) -> checks.Wanted:
        layout = Layout(tmp_path / "opt", tmp_path)
        settings = {"layout": layout, "python": sys.executable, "environment": None}
        settings |= {"source": None, "first": True, "port": 8000}
        return checks.Wanted(**{**settings, **changes})  # type: ignore[arg-type]

    assert checks.check_python(wanted()) is None
    assert "--python" in str(checks.check_python(wanted(python="/bin/false")))
    assert "names its camera" in str(checks.check_source(wanted()))
    assert checks.check_source(wanted(source="v4l2:0")) is None
    assert "plug the camera in" in str(checks.check_camera(wanted(source="v4l2:7")))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/video7").touch()
    assert checks.check_camera(wanted(source="v4l2:7")) is None
    assert "no display" in str(checks.check_display(wanted()))
    status = tmp_path / "sys/class/drm/card0-HDMI-A-1/status"
    status.parent.mkdir(parents=True)
    status.write_text("connected\n")
    assert checks.check_display(wanted()) is None
    assert shutil.which(checks.find_python()) is not None


def test_progress_is_told_to_people_and_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    people, machines = Teller(machine=False), Teller(machine=True)
    for say in (people, machines):
        say("begun", step="a", title="do it", number=1, of=2)
        say("done", step="a", seconds=1.5)
        say("skipped", step="b", title="do that", number=2)
        say("undone", step="a")
        say("stuck", step="a", detail="why")
        say("would", step="a", title="do it")
        say("check", check="disk", verdict="MEND", detail="make room")
        say("finished", detail="all is well")
    out = capsys.readouterr().out
    for words in ("[1/2] do it", "a took 1.5 s", "nothing to do", "NOT be undone", "make room"):
        assert words in out
    assert out.count('"event"') == 8


def test_a_report_is_written_whatever_became_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = (ROOT / "systemd/billiards-trainer-trial.service").read_text()
    commands = dict(re.findall(r"^(Exec\w+)=.*/(\w+\.py \w+)", unit, re.MULTILINE))
    assert commands == {"ExecStart": "backup.py trial", "ExecStopPost": "report.py monthly"}
    layout = Layout(tmp_path / "opt", tmp_path)
    layout.prefix.mkdir()
    monkeypatch.setenv("SERVICE_RESULT", "timeout")  # as systemd tells ExecStopPost
    said = report.write(layout, "monthly").read_text()
    assert "THIS MONTH'S TRIAL RESTORE FAILED: timeout" in said
    monkeypatch.setenv("SERVICE_RESULT", "success")
    assert "FAILED" not in report.trial(layout)


def test_a_report_says_what_cannot_be_told(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "opt", tmp_path)
    layout.prefix.mkdir()
    layout.logs.mkdir(parents=True)
    (layout.logs / "billiards-trainer.log").write_text("INFO x\nERROR camera lost\n")
    text = report.write(layout, "weekly").read_text()
    assert "nothing is installed" in text
    assert "THERE IS NO BACKUP" in text
    if shutil.which("systemctl"):
        assert "ERROR camera lost" in text
    else:
        assert "cannot be told: cannot run systemctl" in text
    for n in range(report.KEEP + 5):
        (layout.reports / f"2020{n:04}-weekly.txt").touch()
    report.write(layout, "weekly")
    assert len(list(layout.reports.glob("*.txt"))) == report.KEEP


# --- what is installed ----------------------------------------------------------------------


def test_nginx_promises_the_same_headers_as_the_interface() -> None:
    headers = (ROOT / "nginx/headers.conf").read_text()
    lines = [shlex.split(line.rstrip(";")) for line in headers.splitlines() if line[:4] == "add_"]
    said = {name: value for _, name, value, _ in lines}
    proxy = (ROOT / "nginx/proxy.conf").read_text()
    for name, value in SECURITY_HEADERS.items():
        if name != "Server":  # nginx names itself, without its version
            assert said[name] == value
            assert f"proxy_hide_header {name};" in proxy


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_can_be_read_and_lead_to_files_that_exist(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment]
    text = unit.read_text()
    if unit.suffix == ".sh":
        subprocess.run(["sh", "-n", str(unit)], check=True)
        return
    parser.read_string(text)
    assert parser["Unit"]["Description"]
    for script in re.findall(r"/current/deployment/(\S+)", text):
        assert (ROOT / "deployment" / script).is_file()
    for document in re.findall(r"/current/docs/(\S+)", text):
        assert (ROOT / "docs" / document).is_file()
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        assert parser["Timer"]["Persistent"] == "yes"


def test_the_wheel_carries_what_a_machine_needs(tmp_path: Path) -> None:
    wheel = releases.find_wheel(wheelhouse.project(tmp_path, sys.executable).parent)
    with zipfile.ZipFile(wheel.path) as archive:
        names = {
            re.sub(r"^[^/]*\.data/data/share/billiards-trainer/", "", n): n
            for n in archive.namelist()
        }
    for folder in ("deployment", "nginx", "systemd"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in names
    assert "numba==" in releases.lock_in(wheel, "cpu")
    with pytest.raises(Failed, match="no lock for the runtime nowhere"):
        releases.lock_in(wheel, "nowhere")
    assert (tmp_path / "deployment/deploy.py").is_file()


def test_deployment_needs_nothing_but_the_standard_library() -> None:
    known = {*sys.stdlib_module_names, "deployment"}
    for path in (ROOT / "deployment").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= known, path
