"""What silence means: the decisions, with time in the tests' hands."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.messages import Level, SourceState
from billiards_trainer.vision.sources.picture import Grabbed, SourceEnded, SourceError
from billiards_trainer.vision.sources.reader import SourceReader
from billiards_trainer.vision.sources.watch import Action, Limits, SourceWatch, backoff, verdict

LIMITS = Limits(stall_s=2, hang_s=15, backoff_s=0.5, backoff_max_s=10, stable_s=5)


def running(now: float = 0.0) -> SourceWatch:
    watch = SourceWatch(LIMITS)
    assert watch.next(now) is Action.OPEN
    watch.picture(now)
    return watch


def test_a_good_source_is_opened_once() -> None:
    watch = SourceWatch(LIMITS)
    assert (watch.state, watch.next(0.0)) == (SourceState.OPENING, Action.OPEN)
    assert watch.next(0.1) is Action.WAIT
    for now in range(1, 60):
        watch.picture(float(now))
        assert watch.next(now + 0.5) is Action.WAIT
        assert (watch.state, watch.reopened) == (SourceState.RUNNING, 0)


def test_silence_is_a_stall_and_at_last_the_end() -> None:
    watch = running()
    assert watch.next(1.9) is Action.WAIT
    assert watch.state is SourceState.RUNNING
    assert watch.next(2.0) is Action.WAIT
    assert watch.state is SourceState.STALLED
    watch.picture(3.0)
    assert watch.state is SourceState.RUNNING
    assert watch.next(17.9) is Action.WAIT
    assert watch.next(18.0) is Action.GIVE_UP
    assert "anew" in watch.detail


def test_an_opening_that_never_ends_is_given_up() -> None:
    watch = SourceWatch(LIMITS)
    assert watch.next(0.0) is Action.OPEN
    assert watch.next(14.9) is Action.WAIT
    assert watch.state is SourceState.OPENING
    assert watch.next(15.0) is Action.GIVE_UP


def test_a_lost_source_is_opened_again_ever_more_patiently() -> None:
    watch, now, waits = running(), 0.0, []
    for number in range(1, 9):
        watch.failed(now, "unplugged", chance=0.999999)
        assert (watch.state, watch.detail) == (SourceState.LOST, "unplugged")
        failed_at = now
        while watch.next(now) is Action.WAIT:
            now += 0.01
        waits.append(now - failed_at)
        assert watch.reopened == number
    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 10, 10, 10], abs=0.03)
    watch.picture(now)
    watch.picture(now + 4.9)
    watch.failed(now + 4.9, "again", chance=0.999999)
    assert watch.next(now + 4.9 + 9) is Action.WAIT, "not yet forgiven"
    assert watch.next(now + 4.9 + 10) is Action.OPEN
    watch.picture(100.0)
    watch.picture(105.0)
    watch.failed(105.0, "again", chance=0.999999)
    assert watch.next(105.5) is Action.OPEN, "forgiven"


def test_what_is_over_stays_over() -> None:
    watch = running()
    watch.ended()
    assert watch.state is SourceState.ENDED
    assert [watch.next(t) for t in (1.0, 100.0, 1e6)] == [Action.WAIT] * 3


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_are_spread_and_bounded(failures: int, chance: float) -> None:
    wait = backoff(failures, chance, LIMITS)
    full = min(10.0, 0.5 * 2 ** min(failures - 1, 20))
    assert full / 2 <= wait <= full


@given(st.lists(st.sampled_from(["picture", "failed", "tick"]), max_size=60))
def test_it_is_never_opened_twice_at_once(events: list[str]) -> None:
    watch, now, is_open = SourceWatch(LIMITS), 0.0, False
    for event in events:
        now += 0.4
        if event == "picture" and is_open:
            watch.picture(now)
        elif event == "failed" and is_open:
            watch.failed(now, "broken", 0.5)
            is_open = False
        action = watch.next(now)
        if action is Action.OPEN:
            assert not is_open
            is_open = True
        if action is Action.GIVE_UP:
            assert is_open
            return


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (SourceState.RUNNING, Level.HEALTHY),
        (SourceState.OPENING, Level.DEGRADED),
        (SourceState.STALLED, Level.DEGRADED),
        (SourceState.ENDED, Level.DEGRADED),
        (SourceState.LOST, Level.UNHEALTHY),
    ],
)
def test_people_are_told(state: SourceState, level: Level) -> None:
    found, sentence = verdict(state, "why")
    assert found is level
    assert bool(sentence) == (level is not Level.HEALTHY)


# --- the thread -------------------------------------------------------------------------------


class Script:
    """A source that gives what it is told to, when it is told to."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)
        self.go = threading.Semaphore(0)
        self.closed = threading.Event()

    def read(self) -> Grabbed:
        self.go.acquire(timeout=10)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return Grabbed(np.zeros((2, 2, 3), np.uint8), int(str(step)))

    def close(self) -> None:
        self.closed.set()


def test_only_the_newest_picture_is_kept() -> None:
    script = Script(1, 2, 3, SourceError("broken"))
    reader = SourceReader(lambda: script)
    assert reader.take(0.0) is None
    for _ in range(3):
        script.go.release()
    while reader.skipped < 2:
        pass
    grabbed = reader.take(5.0)
    assert grabbed is not None
    assert grabbed.arrived_ns == 3
    assert reader.outcome is None
    script.go.release()
    assert script.closed.wait(5)
    reader.stop(5.0)
    assert str(reader.outcome) == "broken"
    assert reader.take(0.1) is None


def test_the_last_picture_is_not_lost_behind_the_end() -> None:
    script = Script(1, SourceEnded("over"))
    script.go.release()
    script.go.release()
    reader = SourceReader(lambda: script)
    assert script.closed.wait(5)
    reader.stop(5.0)
    assert reader.outcome is None
    assert reader.take(0.0) is not None
    assert isinstance(reader.outcome, SourceEnded)


def test_whatever_a_decoder_throws_is_a_broken_source() -> None:
    script = Script(ZeroDivisionError("inside"))
    script.go.release()
    reader = SourceReader(lambda: script)
    assert script.closed.wait(5)
    reader.stop(5.0)
    assert str(reader.outcome) == "reading failed: ZeroDivisionError"


def test_it_ends_when_told_to() -> None:
    script = Script(1, 2, 3)
    reader = SourceReader(lambda: script)
    reader.stop()
    script.go.release()
    assert script.closed.wait(5)
    reader.stop(5.0)
    assert isinstance(reader.outcome, SourceEnded) or reader.take(0.0) is not None
