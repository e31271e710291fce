"""Alerts: thresholds with margins, hold times, history; and where they are sent."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.config.schema import AlertsConfig
from billiards_trainer.system.alerts import CLEAR_S, AlertBook, Concern
from billiards_trainer.system.concerns import concerns_of
from billiards_trainer.system.thresholds import concerns, severity, thresholds
from billiards_trainer.system.webhooks import ATTEMPTS, CAPACITY, Webhooks

SECOND = 1_000_000_000
SICK = {"core": Concern("ERROR", "core: died", hold_s=1.5)}


def test_alerts_are_said_once_when_they_begin_and_once_when_over() -> None:
    book = AlertBook(epoch=5)
    assert book.update(SICK, 0) == []
    assert book.update(SICK, SECOND) == []
    (alert,) = book.update(SICK, 2 * SECOND)
    assert (alert.severity, alert.text, alert.sequence) == ("ERROR", "core: died", 1)
    assert book.update(SICK, 3 * SECOND) == []
    assert book.active == (alert,)
    (worse,) = book.update({"core": Concern("CRITICAL", "core: given up")}, 4 * SECOND)
    assert (worse.severity, worse.raised_ns) == ("CRITICAL", alert.raised_ns)
    assert book.standing == {"core": "CRITICAL"}
    assert book.update({}, 5 * SECOND) == []
    (over,) = book.update({}, 5 * SECOND + int(CLEAR_S * SECOND))
    assert (over.active, over.sequence, book.active) == (False, 3, ())
    assert book.history == (over,)


def test_a_hiccup_is_nobodys_business_and_flapping_is_one_alert() -> None:
    book = AlertBook(epoch=5)
    book.update(SICK, 0)
    assert book.update({}, SECOND) == []
    assert book.update(SICK, 2 * SECOND) == []
    assert book.update(SICK, 3 * SECOND) == []
    assert len(book.update(SICK, 4 * SECOND)) == 1
    for half in range(8, 40):
        assert book.update(SICK if half % 2 else {}, half * SECOND // 2) == []
    assert len(book.active) == 1


def test_one_that_gets_better_but_not_well_says_so_at_once() -> None:
    book = AlertBook(epoch=1)
    book.update({"cpu": Concern("CRITICAL", "much", 5)}, 0)
    assert book.update({"cpu": Concern("CRITICAL", "much", 5)}, 5 * SECOND)[0].active
    (better,) = book.update({"cpu": Concern("WARNING", "less", 5)}, 6 * SECOND)
    assert better.severity == "WARNING"


def test_somebody_takes_note() -> None:
    book = AlertBook(epoch=1)
    book.update({"disk": Concern("ERROR", "full")}, 0)
    assert book.acknowledge("memory", "Eva") is None
    alert = book.acknowledge("disk", "Eva")
    assert alert is not None
    assert (alert.acknowledged_by, alert.sequence) == ("Eva", 2)
    assert book.active == (alert,)


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["", "WARNING", "CRITICAL"]))))
def test_alerts_always_begin_before_they_end(moves: list[tuple[float, str]]) -> None:
    book, now, active, last = AlertBook(epoch=1), 0.0, False, 0
    for seconds, rank in moves:
        now += seconds
        found = {"x": Concern(rank, "x", 1.0)} if rank else {}  # type: ignore[arg-type]
        for alert in book.update(found, int(now * SECOND)):
            assert alert.sequence == last + 1
            assert alert.active or active
            active, last = alert.active, alert.sequence


# --- thresholds ---------------------------------------------------------------------------------

CPU, FPS = thresholds(AlertsConfig())[0], thresholds(AlertsConfig())[4]


@pytest.mark.parametrize(
    ("threshold", "value", "standing", "expected"),
    [
        (CPU, 69.9, None, None),
        (CPU, 70.0, None, "WARNING"),
        (CPU, 68.0, "WARNING", "WARNING"),
        (CPU, 66.0, "WARNING", None),
        (CPU, 90.0, "WARNING", "CRITICAL"),
        (CPU, 87.0, "CRITICAL", "CRITICAL"),
        (CPU, 85.0, "CRITICAL", "WARNING"),
        (FPS, 15.0, None, None),
        (FPS, 14.9, None, "WARNING"),
        (FPS, 15.5, "WARNING", "WARNING"),
        (FPS, 16.0, "WARNING", None),
        (FPS, 4.9, None, "CRITICAL"),
        (FPS, 5.2, "CRITICAL", "CRITICAL"),
        (FPS, 5.3, "CRITICAL", "WARNING"),
    ],
)
def test_thresholds_have_margins(
    threshold: Any, value: float, standing: Any, expected: str | None
) -> None:
    assert severity(threshold, value, standing) == expected


def test_the_issue_names_these_thresholds() -> None:
    table = {t.measure: (t.warning, t.critical) for t in thresholds(AlertsConfig())}
    assert table["cpu"] == (70, 90)
    assert table["memory"] == (80, 95)
    assert table["disk"] == (85, 95)
    assert table["vision_fps"] == (15, 5)
    assert table["api_errors"] == (5, 10)


def test_what_is_not_measured_is_not_judged() -> None:
    found = concerns(AlertsConfig(), {"memory": 96.0, "else": 1e9}, {})
    assert list(found) == ["memory"]
    assert found["memory"].text == "96 % of the memory is in use"


def a_status(**changes: Any) -> m.SystemStatus:
    values: dict[str, Any] = {
        "status": "HEALTHY",
        "version": "0",
        "source": "x",
        "source_kind": "v4l2",
        "uptime_s": 1.0,
        "environment": "testing",
    }
    return m.SystemStatus.model_validate(values | changes)


def test_verdicts_and_checks_give_cause_too() -> None:
    check = m.Check(name="slow", level=m.Level.DEGRADED, detail="slow", advice="hurry")
    modules = {
        "vision": m.ModuleStatus(status=m.Level.DEGRADED, state="DEGRADED", checks=(check,)),
        "core": m.ModuleStatus(status=m.Level.UNHEALTHY, state="BACKOFF", detail="died"),
        "camera": m.ModuleStatus(status=m.Level.UNHEALTHY, state="FATAL", detail="given up"),
        "api": m.ModuleStatus(status=m.Level.HEALTHY, state="RUNNING"),
    }
    storage = m.Check(name="storage", level=m.Level.DEGRADED, detail="full")
    hangs = m.Check(name="host", level=m.Level.UNHEALTHY, detail="hangs")
    status = a_status(modules=modules, checks=(storage, hangs), safe_mode="safe")
    found = concerns_of(status, {"cpu": 99.0}, {}, AlertsConfig())
    ranks = {name: concern.severity for name, concern in found.items()}
    assert ranks == {
        "cpu": "CRITICAL",
        "vision": "WARNING",
        "core": "ERROR",
        "camera": "CRITICAL",
        "storage": "ERROR",
        "host": "CRITICAL",
        "safe mode": "CRITICAL",
    }
    assert found["vision"].advice == "hurry"
    assert "tell the staff" in found["camera"].player


# --- webhooks -----------------------------------------------------------------------------------


class Venue(http.server.BaseHTTPRequestHandler):
    """A venue's server that answers as it is told to."""

    answers: list[int] = []
    heard: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        Venue.heard.append(json.loads(self.rfile.read(length)))
        self.send_response(Venue.answers.pop(0) if Venue.answers else 200)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def venue() -> Iterator[str]:
    Venue.answers, Venue.heard = [], []
    server = http.server.HTTPServer(("127.0.0.1", 0), Venue)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


ALERT = m.Alert(epoch=1, sequence=1, raised_ns=1, severity="ERROR", name="core", text="died")


def hooks(*addresses: str) -> Webhooks:
    return Webhooks(lambda: addresses, pause_s=0.01)


def test_webhooks_are_tried_again_until_they_are_delivered(venue: str) -> None:
    Venue.answers = [500, 503, 200]
    hooks(venue)._deliver(venue, ALERT)
    assert [heard["name"] for heard in Venue.heard] == ["core"] * 3


@pytest.mark.parametrize(("answer", "times"), [(404, 1), (500, ATTEMPTS)])
def test_webhooks_give_up(venue: str, answer: int, times: int) -> None:
    Venue.answers = [answer] * 20
    hooks(venue)._deliver(venue, ALERT)
    assert len(Venue.heard) == times


def test_webhooks_work_beside_the_loop_and_end(venue: str) -> None:
    thread = hooks(venue)
    thread.start()
    thread.send(ALERT)
    while not Venue.heard:
        threading.Event().wait(0.01)
    thread.end()
    thread.join(5)
    assert not thread.is_alive()


def test_a_dead_address_costs_nobody_anything() -> None:
    hooks()._deliver("http://127.0.0.1:9/", ALERT)
    waiting = hooks("http://127.0.0.1:9/")
    for _ in range(CAPACITY + 5):
        waiting.send(ALERT)
    hooks().send(ALERT)
    ended = hooks("http://127.0.0.1:9/")
    ended.end()
    ended._deliver("http://127.0.0.1:9/", ALERT)
