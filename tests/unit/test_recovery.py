"""Problems, policies and remedies: pure decisions, and what remedies do with their hands."""

from __future__ import annotations

from typing import Any

import pytest

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config, Policy, RecoveryConfig
from billiards_trainer.errors import InputError
from billiards_trainer.system.problems import Problem, problems
from billiards_trainer.system.recovery import Recovery
from billiards_trainer.system.remedies.hands import Refused
from billiards_trainer.system.remedies.table import INTERRUPTS, REMEDIES

NEEDS = {"camera": (), "vision": ("camera",), "core": ("vision",), "projector": ("core",)}
REAL = Config.model_validate({"source": {"url": "rtsp://10.0.0.5/1"}})


def module(status: str = "HEALTHY", state: str = "RUNNING", **more: Any) -> m.ModuleStatus:
    return m.ModuleStatus.model_validate({"status": status, "state": state, **more})


def machine(memory: float = 50, disk: float = 50, **rss_mb: float) -> m.SystemMetrics:
    return m.SystemMetrics(
        taken_ns=1,
        cpu_percent=10,
        load_1=1,
        memory_percent=memory,
        disk_percent=disk,
        processes={
            name: m.ProcessUsage(cpu_percent=1, rss_bytes=int(mb * 1e6), fds=9, threads=1)
            for name, mb in rss_mb.items()
        },
    )


def names(modules: dict[str, m.ModuleStatus], metrics: Any = None, config: Config = REAL) -> Any:
    return [problem.key for problem in problems(modules, NEEDS, metrics, config)]


WELL = {name: module() for name in NEEDS}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"vision": module("UNHEALTHY")}, ["vision"]),
        # What has ended is the supervision's, until it gives up.
        ({"vision": module("UNHEALTHY", "BACKOFF")}, []),
        ({"vision": module("UNHEALTHY", "FATAL")}, ["vision"]),
        # Whoever lives on somebody sick may be well when that one is.
        ({"vision": module("UNHEALTHY"), "core": module("UNHEALTHY")}, ["vision"]),
        ({"camera": module("DEGRADED", measures={"fps": 0.0})}, ["camera"]),
        ({"camera": module("DEGRADED", measures={"fps": 9.0})}, []),
        (
            {name: module("UNHEALTHY", "FATAL") for name in ("vision", "core", "projector")},
            ["several modules", "vision"],
        ),
    ],
)
def test_problems_are_named_causes_first(changes: Any, expected: list[str]) -> None:
    assert names(WELL | changes) == expected


def test_a_film_that_ended_is_no_lost_camera() -> None:
    ended = WELL | {"camera": module("DEGRADED", measures={"fps": 0.0})}
    assert names(ended, config=Config.model_validate({"source": {"url": "/x.mp4"}})) == []


def test_the_machine_has_problems_too() -> None:
    assert names(WELL, machine(memory=91)) == ["memory"]
    assert names(WELL, machine(disk=95)) == ["disk"]
    assert names(WELL, machine(core=1600, vision=100, orchestrator=9999)) == ["memory limit (core)"]


# --- the engine ---------------------------------------------------------------------------------

SICK = Problem("vision", "vision", "stuck")
LEAK = Problem("memory limit", "core", "holds much", urgent=False)


def config(*policies: Policy, **changes: Any) -> RecoveryConfig:
    return RecoveryConfig.model_validate(
        {"hold_s": 5, "policies": [p.model_dump() for p in policies], **changes}
    )


TWICE = config(Policy(problem="vision", remedy="RESTART_MODULE", attempts=2, check_s=10))


def test_a_problem_is_held_tried_checked_and_tried_again_later() -> None:
    recovery = Recovery()
    assert recovery.step([SICK], TWICE, INTERRUPTS, True, 0.0) == []
    (attempt,) = recovery.step([SICK], TWICE, INTERRUPTS, True, 5.0)
    assert (attempt.policy.remedy, attempt.number) == ("RESTART_MODULE", 1)
    recovery.tried(attempt, "started anew", 5.0)
    assert recovery.repairs[0].outcome == "trying"
    for now in (6.0, 14.9, 15.0, 24.9):
        assert recovery.step([SICK], TWICE, INTERRUPTS, True, now) == []
    assert recovery.repairs[0].outcome == "no help"
    (again,) = recovery.step([SICK], TWICE, INTERRUPTS, True, 25.0)
    assert again.number == 2
    recovery.tried(again, "started anew", 25.0)
    assert recovery.step([], TWICE, INTERRUPTS, True, 28.0) == []
    assert [repair.outcome for repair in recovery.repairs] == ["worked", "no help"]
    # It is over: much later it begins from the first attempt, and attempts used up are forgotten.
    recovery.step([], TWICE, INTERRUPTS, True, 700.0)
    recovery.step([SICK], TWICE, INTERRUPTS, True, 800.0)
    assert recovery.step([SICK], TWICE, INTERRUPTS, True, 805.0)[0].number == 1


def test_when_attempts_are_used_up_the_next_policy_is_tried_then_nothing() -> None:
    rows = config(
        Policy(problem="vision", remedy="RESET_STATE", check_s=1, backoff_s=0),
        Policy(problem="vision", remedy="RESTART_MODULE", check_s=1, backoff_s=0),
        hold_s=0,
    )
    recovery, tried, now = Recovery(), [], 0.0
    for _ in range(20):
        for attempt in recovery.step([SICK], rows, INTERRUPTS, False, now):
            tried.append(attempt.policy.remedy)
            recovery.tried(attempt, "done", now)
        now += 0.5
    assert tried == ["RESET_STATE", "RESTART_MODULE"]
    assert [repair.outcome for repair in recovery.repairs] == ["no help", "no help"]


def test_a_refused_remedy_gives_way_at_once() -> None:
    rows = config(
        Policy(problem="vision", remedy="FAILOVER", attempts=5),
        Policy(problem="vision", remedy="RESTART_MODULE"),
        hold_s=0,
    )
    recovery = Recovery()
    (attempt,) = recovery.step([SICK], rows, INTERRUPTS, False, 0.0)
    recovery.tried(attempt, "nothing in reserve", 0.0, refused=True)
    assert recovery.repairs[0].outcome == "refused"
    assert recovery.step([SICK], rows, INTERRUPTS, False, 0.1)[0].policy.remedy == "RESTART_MODULE"


def test_nobodys_shot_is_interrupted_for_a_leak_but_patience_ends() -> None:
    rows = config(Policy(problem="memory limit", remedy="RESTART_MODULE"), hold_s=0, patience_s=100)
    recovery = Recovery()
    assert recovery.step([LEAK], rows, INTERRUPTS, True, 0.0) == []
    assert recovery.repairs[0].outcome == "waiting"
    assert len(recovery.step([LEAK], rows, INTERRUPTS, False, 1.0)) == 1
    patient = Recovery()
    patient.step([LEAK], rows, INTERRUPTS, True, 0.0)
    assert patient.step([LEAK], rows, INTERRUPTS, True, 99.0) == []
    assert len(patient.step([LEAK], rows, INTERRUPTS, True, 100.0)) == 1
    gentle = config(Policy(problem="memory limit", remedy="CLEAR_CACHE"), hold_s=0)
    assert len(Recovery().step([LEAK], gentle, INTERRUPTS, True, 0.0)) == 1


def test_the_defaults_are_those_that_were_asked_for() -> None:
    rows = {(p.problem, p.remedy): p.attempts for p in reversed(RecoveryConfig().policies)}
    assert rows[("vision", "RESTART_MODULE")] == 3
    assert rows[("core", "RESET_STATE")] == 2
    assert ("memory", "CLEAR_CACHE") in rows
    assert ("several modules", "RESTART_SYSTEM") in rows
    assert RecoveryConfig().memory_percent == 90


# --- remedies -----------------------------------------------------------------------------------


class Hands:
    def __init__(self, config: Config = REAL, broken: bool = False) -> None:
        self.config, self.done, self._broken = config, [], broken

    def restart_module(self, name: str) -> None:
        self.done.append(("restart", name))

    def restart_system(self, reason: str) -> None:
        self.done.append(("restart all", reason))

    def care(self, module: str, what: str) -> None:
        self.done.append((what, module))

    def override(self, changes: dict[str, Any]) -> None:
        if self._broken:
            raise InputError("wrong")
        self.done.append(("override", changes))


def applied(remedy: str, problem: Problem, hands: Hands | None = None) -> Any:
    hands = hands or Hands()
    assert REMEDIES[remedy].apply(hands, problem)
    return hands.done


def test_every_remedy_says_what_it_touches() -> None:
    for remedy in REMEDIES.values():
        assert remedy.TOUCHES
        assert isinstance(remedy.INTERRUPTS, bool)


def test_remedies_do_what_they_say() -> None:
    core = Problem("core", "core", "stuck")
    assert applied("RESTART_MODULE", SICK) == [("restart", "vision")]
    assert applied("RESTART_SYSTEM", SICK) == [("restart all", "stuck")]
    assert applied("RESET_STATE", core) == [("reset_state", "core")]
    assert applied("CLEAR_CACHE", Problem("memory", "", "full")) == [("clear_cache", "*")]
    assert applied("CLEAR_CACHE", LEAK) == [("clear_cache", "core")]
    assert applied("ALERT_ONLY", SICK) == []


def test_failing_over_takes_the_second_camera_and_back() -> None:
    two = Config.model_validate({"source": {"url": "v4l2:0", "fallback_url": "rtsp://b/1"}})
    lost = Problem("camera", "camera", "no picture")
    assert applied("FAILOVER", lost, Hands(two)) == [
        ("override", {"source.url": "rtsp://b/1", "source.fallback_url": "v4l2:0"}),
        ("restart", "camera"),
    ]
    dark = Problem("projector", "projector", "no display")
    assert applied("FAILOVER", dark)[0] == ("override", {"projector.mode": "offscreen"})


@pytest.mark.parametrize(
    ("remedy", "problem", "changes", "said"),
    [
        ("FAILOVER", Problem("camera", "camera", ""), {}, "no second camera"),
        ("FAILOVER", Problem("camera", "camera", ""), {"fallback_url": "simulated"}, "no real"),
        ("FAILOVER", Problem("camera", "camera", ""), {"fallback_url": "/x.mp4"}, "no real"),
        ("FAILOVER", SICK, {}, "nothing in reserve"),
        ("RESET_STATE", SICK, {}, "no state to reset"),
        ("RESTART_MODULE", Problem("memory", "", ""), {}, "not one module's"),
    ],
)
def test_what_cannot_be_done_is_refused(
    remedy: str, problem: Problem, changes: dict[str, str], said: str
) -> None:
    hands = Hands(Config.model_validate({"source": {"url": "v4l2:0", **changes}}))
    with pytest.raises(Refused, match=said):
        REMEDIES[remedy].apply(hands, problem)
    assert hands.done == []


def test_a_failover_that_changes_nothing_or_is_wrong_is_refused() -> None:
    dark = Problem("projector", "projector", "no display")
    offscreen = Config.model_validate({"projector": {"mode": "offscreen"}})
    with pytest.raises(Refused, match="already"):
        REMEDIES["FAILOVER"].apply(Hands(offscreen), dark)
    with pytest.raises(Refused, match="wrong"):
        REMEDIES["FAILOVER"].apply(Hands(broken=True), dark)
