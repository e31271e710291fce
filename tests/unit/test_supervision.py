"""The supervision's decisions: pure, with an injected clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config
from billiards_trainer.system import health
from billiards_trainer.system.checks import Seen
from billiards_trainer.system.process_table import ProcessRow, RestartPolicy, rows_for
from billiards_trainer.system.supervision import (
    ALIVE,
    Action,
    Life,
    Observation,
    State,
    backoff_s,
    not_started,
    restart,
    revive,
    step,
    stop,
)

ROW = ProcessRow("vision", "x", start_limit_s=5, heartbeat_limit_s=2, stop_limit_s=1)
UP = Observation(wanted=True, ready=True)


def running(at: float = 0.0) -> Life:
    return Life(state=State.RUNNING, since=at)


def test_from_nothing_to_running() -> None:
    life, action = step(ROW, Life(), Observation(wanted=False), 0.0)
    assert (life.state, action) == (State.STOPPED, Action.NONE)
    life, action = step(ROW, life, Observation(wanted=True), 1.0)
    assert (life.state, action) == (State.STARTING, Action.START)
    life, action = step(ROW, life, Observation(wanted=True, heartbeat_at=1.5), 2.0)
    assert (life.state, action) == (State.STARTING, Action.NONE)
    life, action = step(ROW, life, Observation(wanted=True, heartbeat_at=2, ready=True), 2.1)
    assert (life.state, action) == (State.RUNNING, Action.NONE)


def test_one_that_never_gets_ready_is_killed_then_tried_again() -> None:
    life = Life(state=State.STARTING, since=0.0)
    assert step(ROW, life, Observation(wanted=True, heartbeat_at=4.9), 5.0)[1] is Action.NONE
    life, action = step(ROW, life, Observation(wanted=True, heartbeat_at=5.0), 5.1)
    assert action is Action.KILL
    assert step(ROW, life, Observation(wanted=True), 5.2) == (life, Action.NONE)
    life, action = step(ROW, life, Observation(wanted=True, exit_code=-9), 5.3)
    assert life.state is State.BACKOFF
    assert "not ready after 5 s" in life.reason
    life, action = step(ROW, life, Observation(wanted=True), 5.3)
    assert (life.state, action, life.restarts) == (State.STARTING, Action.START, 1)


def test_silence_is_death() -> None:
    seen = Observation(wanted=True, ready=True, heartbeat_at=10.0)
    assert step(ROW, running(), seen, 12.0)[1] is Action.NONE
    life, action = step(ROW, running(), seen, 12.1)
    assert action is Action.KILL
    assert "no sign of life for 2 s" in life.reason


def test_one_that_works_on_a_starved_machine_is_given_longer() -> None:
    seen = Observation(wanted=True, ready=True, heartbeat_at=10.0, working=True)
    assert step(ROW, running(), seen, 19.9)[1] is Action.NONE
    life, action = step(ROW, running(), seen, 20.1)
    assert action is Action.KILL
    assert "no sign of life for 10 s" in life.reason


def test_a_level_below_healthy_shows_as_degraded_and_back() -> None:
    weak = Observation(wanted=True, ready=True, heartbeat_at=0.0, level=m.Level.DEGRADED)
    life, _ = step(ROW, running(), weak, 1.0)
    assert life.state is State.DEGRADED
    life, _ = step(ROW, life, Observation(wanted=True, ready=True, heartbeat_at=1.0), 2.0)
    assert life.state is State.RUNNING


def test_crash_loops_back_off_and_end_in_fatal_which_is_tried_again() -> None:
    life, now, waits = running(), 100.0, []
    for _ in range(ROW.policy.attempts):
        life, _ = step(ROW, life, Observation(wanted=True, exit_code=1), now)
        waits.append(life.retry_at - now)
        now = life.retry_at
        if life.state is State.BACKOFF:
            life, action = step(ROW, life, Observation(wanted=True), now)
            assert action is Action.START
    assert waits == [0.0, 0.25, 0.5, 1.0, 600.0]
    assert life.state is State.FATAL
    assert step(ROW, life, Observation(wanted=True), now - 1)[1] is Action.NONE
    assert step(ROW, life, Observation(wanted=True), now)[1] is Action.START
    revived = revive(life, now - 300)
    assert step(ROW, revived, Observation(wanted=True), now - 300)[1] is Action.START
    assert revive(running(), 5.0) == running()


def test_a_long_good_life_forgives() -> None:
    life = Life(state=State.RUNNING, since=0.0, failures=3)
    seen = Observation(wanted=True, ready=True, heartbeat_at=11.0)
    assert step(ROW, life, seen, 11.0)[0].failures == 0
    assert step(ROW, life, Observation(wanted=True, exit_code=1), 11.0)[0].failures == 1
    assert step(ROW, life, Observation(wanted=True, exit_code=1), 9.0)[0].failures == 4


def test_without_recovery_nothing_is_started_again() -> None:
    ended = Observation(wanted=True, exit_code=3)
    life, _ = step(ROW, running(), ended, 1.0, recovery=False)
    assert life.state is State.FATAL
    assert "status 3" in life.reason
    assert step(ROW, life, Observation(wanted=True), 1e9, recovery=False)[1] is Action.NONE


def test_one_that_gets_on_may_start_slowly() -> None:
    life = Life(state=State.STARTING, since=0.0)
    assert step(ROW, life, Observation(wanted=True, working=True), 100.0)[1] is Action.NONE
    assert step(ROW, life, Observation(wanted=True, working=True), 121.0)[1] is Action.KILL


def test_one_that_was_stopped_is_not_waited_for() -> None:
    seen = Observation(wanted=True, ready=True, heartbeat_at=10.0, stopped=True)
    life, action = step(ROW, running(), seen, 10.5)
    assert action is Action.KILL
    assert "it was stopped" in life.reason


def test_a_restart_at_somebodys_word_is_no_failure() -> None:
    life, action = restart(running(), 5.0)
    assert (life.state, action) == (State.STOPPING, Action.TERMINATE)
    life, _ = step(ROW, life, Observation(wanted=True, exit_code=0), 5.1)
    assert (life.state, life.failures) == (State.BACKOFF, 0)
    life, action = step(ROW, life, Observation(wanted=True), 5.2)
    assert (life.state, action) == (State.STARTING, Action.START)
    assert restart(life, 5.3) == (life, Action.NONE)


def test_one_that_cannot_be_started_backs_off() -> None:
    life = Life(state=State.STARTING, since=1.0)
    for _ in range(ROW.policy.attempts):
        life = not_started(ROW, life, "no memory", 2.0)
    assert life.state is State.FATAL
    assert life.reason == "could not be started: no memory"


def test_stopping_asks_then_kills() -> None:
    life, action = stop(running(), 10.0)
    assert (life.state, action) == (State.STOPPING, Action.TERMINATE)
    assert step(ROW, life, Observation(wanted=False), 11.0)[1] is Action.NONE
    life, action = step(ROW, life, Observation(wanted=False), 11.1)
    assert action is Action.KILL
    life, _ = step(ROW, life, Observation(wanted=False, exit_code=-9), 11.2)
    assert life.state is State.STOPPED
    assert stop(life, 12.0) == (life, Action.NONE)
    assert stop(Life(state=State.FATAL), 1.0)[0].state is State.STOPPED


def test_a_failed_one_waits_for_what_it_needs() -> None:
    life = Life(state=State.BACKOFF, retry_at=0.0)
    assert step(ROW, life, Observation(wanted=False), 5.0) == (life, Action.NONE)


@given(failures=st.integers(0, 60), jitter=st.floats(-1, 1))
def test_waits_are_bounded_and_grow(failures: int, jitter: float) -> None:
    policy = RestartPolicy()
    wait = backoff_s(policy, failures, jitter)
    assert 0 <= wait <= policy.backoff_max_s * 1.2
    assert backoff_s(policy, failures + 1, 0) >= backoff_s(policy, failures, 0)


class World(RuleBasedStateMachine):
    """A process that does anything at any time: what is decided must always make sense."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.life, self.exists = 0.0, Life(), False
        self.exit_code: int | None = None
        self.heartbeat: float | None = None
        self.starts: list[float] = []

    def tick(self, wanted: bool) -> None:
        seen = Observation(
            wanted=wanted,
            exit_code=self.exit_code,
            heartbeat_at=self.heartbeat,
            ready=self.heartbeat is not None,
        )
        self.exit_code = None
        self.life, action = step(ROW, self.life, seen, self.now)
        self.do(action)

    def do(self, action: Action) -> None:
        if action is Action.START:
            assert not self.exists, "started twice"
            self.exists, self.heartbeat = True, None
            self.starts.append(self.now)
        elif action in (Action.TERMINATE, Action.KILL):
            assert self.exists, "nothing there to end"

    @rule(seconds=st.floats(0.01, 30), wanted=st.booleans())
    def time_passes(self, seconds: float, wanted: bool) -> None:
        self.now += seconds
        self.tick(wanted)

    @rule()
    def it_speaks(self) -> None:
        if self.exists:
            self.heartbeat = self.now
        self.tick(True)

    @rule(code=st.integers(-15, 3))
    def it_ends(self, code: int) -> None:
        if self.exists:
            self.exists, self.exit_code = False, code
        self.tick(True)

    @rule()
    def stop(self) -> None:
        self.life, action = stop(self.life, self.now)
        self.do(action)
        self.starts.clear()  # stopped by a person: starting it again is no crash loop

    @invariant()
    def the_books_are_right(self) -> None:
        if self.exit_code is None:
            assert self.exists == (self.life.state in ALIVE)

    @invariant()
    def no_busy_loop(self) -> None:
        last = self.starts[-ROW.policy.attempts :]
        if len(last) == ROW.policy.attempts and self.life.failures >= ROW.policy.attempts - 1:
            assert last[-1] - last[0] >= 0.5


TestWorld = World.TestCase


# --- the table --------------------------------------------------------------------------------


def names(**sections: object) -> list[str]:
    return [row.name for row in rows_for(Config.model_validate(sections))]


def test_which_processes_run() -> None:
    assert names() == ["simulation", "vision", "core", "projector", "api"]
    assert names(source={"url": "film.mp4"})[0] == "camera"
    assert names(system={"modules_off": ["vision", "api"]}) == ["simulation", "core", "projector"]
    assert names(api={"workers": 3})[-3:] == ["api", "api-2", "api-3"]
    rows = {r.name: r for r in rows_for(Config())}
    assert rows["vision"].needs == ("simulation",)
    assert [row.name for row in rows_for(Config(), safe=True)] == ["api"]
    left = rows_for(Config.model_validate({"system": {"modules_off": ["vision"]}}))
    assert {r.name: r for r in left}["core"].needs == ()


# --- health and alerts ------------------------------------------------------------------------


def beat(level: m.Level = m.Level.HEALTHY, detail: str = "") -> m.Heartbeat:
    return m.Heartbeat(
        process="vision",
        pid=1,
        sent_ns=1,
        ready=True,
        progress=1,
        config_number=1,
        level=level,
        detail=detail,
        measures={"fps": 30.0},
    )


@pytest.mark.parametrize(
    ("life", "heartbeat", "level", "said"),
    [
        (running(), beat(), m.Level.HEALTHY, ""),
        (running(), None, m.Level.UNKNOWN, ""),
        (running(), beat(m.Level.DEGRADED, "no camera"), m.Level.DEGRADED, "no camera"),
        (Life(state=State.STARTING), None, m.Level.UNKNOWN, "starting"),
        (Life(state=State.STARTING, failures=1), None, m.Level.UNHEALTHY, "starting"),
        (Life(state=State.BACKOFF, reason="died"), None, m.Level.UNHEALTHY, "died; starting again"),
        (Life(state=State.FATAL, reason="died"), None, m.Level.UNHEALTHY, "given up: died"),
        (Life(state=State.STOPPING), None, m.Level.UNKNOWN, "stopping"),
        (Life(), None, m.Level.UNKNOWN, "waiting for what it needs"),
    ],
)
def test_verdicts_on_a_module(
    life: Life, heartbeat: m.Heartbeat | None, level: m.Level, said: str
) -> None:
    seen = None if heartbeat is None else Seen(heartbeat, Config())
    status = health.module_status("vision", life, 7, seen, 0.1)
    assert (status.status, status.detail, status.pid) == (level, said, 7)


def status(level: m.Level, state: str = "RUNNING", detail: str = "") -> m.ModuleStatus:
    return m.ModuleStatus(status=level, state=state, detail=detail)


H, D, U, Q = m.Level.HEALTHY, m.Level.DEGRADED, m.Level.UNHEALTHY, m.Level.UNKNOWN


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([H, H, H, H, H], H),
        ([H, H, D, H, H], D),
        ([H, U, H, H, H], D),
        ([H, U, Q, H, H], D),
        ([H, H, Q, H, H], Q),
        ([U, U, U, H, H], U),
        ([U, H], D),
        ([U, U], U),
    ],
)
def test_the_whole(levels: list[m.Level], expected: m.Level) -> None:
    modules = {str(n): status(level, detail="why") for n, level in enumerate(levels)}
    assert health.overall(modules, frozenset())[0] is expected


def test_what_is_left_out_on_purpose_is_said() -> None:
    modules = {"api": status(H), "vision": health.left_out("vision")}
    level, detail = health.overall(modules, frozenset({"vision"}))
    assert (level, detail) == (D, "vision is left out")
    assert modules["vision"].detail == "left out (--no-vision)"
