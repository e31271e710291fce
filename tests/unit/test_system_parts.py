"""The smaller parts of the appliance's care for itself: checks, score, history, sensors, boots."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.system import boots, score, sensors, storage_watch
from billiards_trainer.system.checks import CHECKS, Seen, checks_of
from billiards_trainer.system.history import History
from billiards_trainer.system.monitoring import Monitor, Sampler
from billiards_trainer.system.notifying import LONGEST_START_S, Notifier

SECOND = 1_000_000_000


def seen(process: str = "vision", level: str = "HEALTHY", **more: Any) -> Seen:
    heartbeat = m.Heartbeat(
        process=process,
        pid=1,
        sent_ns=1,
        ready=True,
        progress=1,
        config_number=1,
        level=m.Level(level),
        detail="why" if level != "HEALTHY" else "",
        measures=more.pop("measures", {}),
    )
    return Seen(heartbeat, more.pop("config", Config()), **more)


@pytest.mark.parametrize(
    ("process", "given", "check", "level"),
    [
        ("vision", {"level": "DEGRADED"}, "own_word", "DEGRADED"),
        ("camera", {"stuck_s": 6.0}, "progress", "UNHEALTHY"),
        ("simulation", {"behind_s": 4.0, "config_number": 2}, "configuration", "DEGRADED"),
        ("vision", {"measures": {"fps": 4.0}}, "frame_rate", "DEGRADED"),
        ("vision", {"measures": {"confidence": 0.3}}, "confidence", "DEGRADED"),
        ("vision", {"measures": {"drift_mm": 9.0}}, "drift", "DEGRADED"),
        ("core", {"measures": {"age_ms": 1500.0}}, "state_fresh", "DEGRADED"),
        ("core", {"measures": {"step_ms": 600.0}}, "step_time", "DEGRADED"),
        ("core", {"measures": {"shots_waiting": 4.0}}, "shot_log", "DEGRADED"),
        ("api-2", {"measures": {"errors_percent": 12.0}}, "errors", "DEGRADED"),
    ],
)
def test_each_check_finds_its_trouble_and_no_other(
    process: str, given: dict[str, Any], check: str, level: str
) -> None:
    (found,) = checks_of(process).of(seen(process, **given))
    assert (found.name, found.level.value) == (check, level)
    assert found.detail


def test_what_is_well_is_well() -> None:
    measures = {
        "fps": 30.0,
        "confidence": 0.9,
        "drift_mm": 1.0,
        "age_ms": 40.0,
        "step_ms": 5.0,
        "shots_waiting": 0.0,
        "errors_percent": 0.0,
    }
    for process in CHECKS:
        assert checks_of(process).of(seen(process, measures=measures)) == ()
    waits = Config.model_validate({"simulation": {"lock_step": True}})
    assert checks_of("vision").of(seen(measures={"fps": 2.0}, config=waits)) == ()
    assert checks_of("vision").of(seen(measures={"fps": 0.0})) == ()


def test_the_score_is_the_weighted_mean_of_what_is_known() -> None:
    assert score.score({}) is None
    assert score.parts(score.Performance()) == {}
    good = score.Performance(30, 30, 40, 20, 30, 0.95, 0)
    assert set(score.parts(good).values()) == {100}
    assert score.score(score.parts(good)) == 100
    bad = score.parts(score.Performance(15, 30, 250, 100, 30, 0.5, 4))
    assert bad == {
        "frame_rate": 53,
        "latency": 0,
        "machine": 0,
        "recognition": 50,
        "steadiness": 0,
    }
    assert score.score(bad) == 24


# --- history ------------------------------------------------------------------------------------


def test_history_is_bounded_thinned_and_honest_about_gaps() -> None:
    history = History(slots=10, series=2)
    assert history.since(60, 10, 0) == ((), {})
    for second in range(15):
        values = {"cpu": float(second)}
        if second == 14:
            values |= {"late": 7.0, "too many": 1.0}
        history.add(second * SECOND, values)
        history.add(second * SECOND + SECOND // 2, {"cpu": 1e9})  # more often than kept
    ages, series = history.since(3600, 100, 14 * SECOND)
    assert ages[0] == 9.0
    assert ages[-1] == 0.0
    assert series["cpu"] == tuple(float(n) for n in range(5, 15))
    assert series["late"] == (None,) * 9 + (7.0,)
    assert "too many" not in series
    _, halves = history.since(3600, 2, 14 * SECOND)
    assert halves["cpu"] == (7.0, 12.0)
    assert len(history.since(3.5, 100, 14 * SECOND)[0]) == 4


# --- samples ------------------------------------------------------------------------------------


def test_a_sample_of_this_machine(tmp_path: Path) -> None:
    import os

    monitor = Monitor(tmp_path)
    sample = monitor.sample({"me": os.getpid(), "gone": 2**22 + 1})
    assert set(sample.processes) == {"me"}
    assert sample.processes["me"].rss_bytes > 1e6
    assert sample.disk_free_bytes > 0
    assert sample.process_count > 1
    assert sample.network_sent_per_s >= 0


def test_the_sampler_survives_a_disk_that_is_gone(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path / "gone", 0.01)
    sampler.probe()
    assert sampler.take() is None
    assert "cannot be measured" in sampler.problem
    well = Sampler(tmp_path, 0.01)
    well.start()
    while (sample := well.take()) is None:
        time.sleep(0.01)
    assert sample.memory_percent > 0
    well.end()
    well.join(5)
    assert not well.is_alive()


def test_the_sampler_can_be_switched_off_and_is_missed_when_it_hangs(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path, 1.0)
    sampler.enabled = False
    sampler.probe()
    assert sampler.take() is None
    sampler.enabled = True
    sampler.probe()
    assert sampler.take() is not None
    now = time.monotonic()
    assert sampler.problem_at(now) == ""
    assert "has hung for" in sampler.problem_at(now + 30)


def test_throttling_is_read_where_the_kernel_tells(tmp_path: Path) -> None:
    assert sensors.Throttling(tmp_path).now() is None
    counter = tmp_path / "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    fan, clock = (tmp_path / f"class/thermal/cooling_device{n}" for n in (0, 1))
    for folder in (counter.parent, fan, clock):
        folder.mkdir(parents=True)
    counter.write_text("3\n")
    (fan / "type").write_text("pwm-fan")
    (fan / "cur_state").write_text("2")
    (clock / "type").write_text("cpu-throttle-alert")
    (clock / "cur_state").write_text("0")
    watch = sensors.Throttling(tmp_path)
    assert watch.now() is False
    counter.write_text("4\n")
    assert watch.now() is True
    assert watch.now() is False
    (clock / "cur_state").write_text("1")
    assert watch.now() is True
    assert isinstance(sensors.temperatures_c(), dict)


# --- storage and configuration files ------------------------------------------------------------


def test_storage_and_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem: list[str] = []

    def files() -> None:
        if problem:
            raise InputError(problem[0])

    watch = storage_watch.StorageWatch(tmp_path, files)
    watch.probe()
    now = time.monotonic()
    assert watch.findings(now) == ()
    problem.append("site.toml, line 3: unknown key")
    watch.probe()
    (found,) = watch.findings(now)
    assert (found.name, found.detail) == ("configuration", problem[0])
    hangs, _ = watch.findings(time.monotonic() + 60)
    assert (hangs.name, hangs.level) == ("storage", m.Level.UNHEALTHY)
    monkeypatch.setattr(storage_watch, "LEAST_FREE", 10**18)
    assert "MB free" in str(storage_watch.storage(tmp_path))
    gone = storage_watch.storage(tmp_path / "gone")
    assert gone is not None
    assert "cannot be written" in gone.detail


# --- boots --------------------------------------------------------------------------------------


def test_failed_starts_end_in_safe_mode_and_one_more_try(tmp_path: Path) -> None:
    assert [boots.begin(tmp_path, 3).safe for _ in range(4)] == [False, False, False, True]
    tried = boots.begin(tmp_path, 3)
    assert not tried.safe
    safe = boots.begin(tmp_path, 3)
    assert safe.safe
    assert "3 starts in a row failed" in safe.reason
    boots.good(tmp_path, safe)  # safe mode itself proves nothing
    last = boots.begin(tmp_path, 3)
    boots.good(tmp_path, last)
    assert boots.begin(tmp_path, 3).failed == 0
    assert not any(boots.begin(tmp_path, 0).safe for _ in range(9))


def test_a_count_that_cannot_be_kept_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "boots.json").write_text("{")
    assert boots.begin(tmp_path, 3).failed == 0
    assert boots.begin(tmp_path / "gone", 3).failed == 0


# --- systemd ------------------------------------------------------------------------------------


def test_systemd_is_told_once_and_the_watchdog_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notifier = Notifier()
        status = m.SystemStatus(
            status=m.Level.UNKNOWN,
            version="0",
            source="x",
            source_kind="v4l2",
            uptime_s=1.0,
            environment="testing",
            detail="starting core",
        )
        assert not notifier.tell(status, settled=False)
        assert notifier.tell(status, settled=True)
        late = status.model_copy(update={"uptime_s": LONGEST_START_S + 1})
        assert not notifier.tell(late, settled=False)
        notifier.stopping()
        said = [systemd.recv(200).decode() for _ in range(6)]
        assert Notifier().tell(late, settled=False)
    assert said == [
        "STATUS=UNKNOWN starting core",
        "WATCHDOG=1",
        "READY=1",
        "WATCHDOG=1",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


# --- what monitoring is given ---------------------------------------------------------------------


def test_dashboard_and_rules_ask_only_for_what_is_served() -> None:
    from billiards_trainer.api.live import Live
    from billiards_trainer.api.prometheus import exposition
    from billiards_trainer.api.traffic import Traffic
    from tests.unit.api.stage import metrics, system_status, table_state

    live = Live()
    sample = metrics().model_copy(update={"throttled": False})
    flip = m.Flip(frame=1, exposure_ns=1, flip_ns=2, draw_ms=1, mode="offscreen", width=1, height=1)
    frame = {"frame": 1, "exposure_ns": 1, "ring_sequence": 1, "width": 1, "height": 1}
    source = m.SourceInfo(kind="simulated", name="x")
    live.put("system.status", system_status(score=1))
    live.put("system.metrics", sample)
    for number in (1, 2):
        camera = m.CameraFrame.model_validate({**frame, "frame": number, "source": source})
        live.put("camera.frame", camera)
        live.put("table.state", table_state(number))
        live.put("projector.flip", flip)
    served = set(re.findall(r"^# TYPE (\w+)", exposition(live, Traffic()).decode(), re.MULTILINE))
    folder = Path(__file__).resolve().parents[2] / "deployment" / "monitoring"
    text = (folder / "grafana.json").read_text() + (folder / "alerts.yaml").read_text()
    asked = set(re.findall(r"\bbilliards_\w+", text))
    assert asked - served == set()
    panels = json.loads((folder / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_nothing_decides_by_the_wall_clock() -> None:
    """A clock that jumps by a year changes dates for people and nothing else."""
    package = Path(__file__).resolve().parents[2] / "billiards_trainer"
    told = re.compile(r"\btime\.(time|time_ns)\(|\bdatetime\.(now|utcnow|today)\(")
    users = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if told.search(file.read_text())
    }
    assert users <= {
        "storage/clock.py",  # dates beside shots
        "calibration_store.py",  # dates of calibrations
        "vision/corrections.py",  # dates of corrections
        "commands/doctor_checks.py",  # tells people that their clock is wrong
    }
