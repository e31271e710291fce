"""What staff and their monitoring ask for: Prometheus, alerts, history, restarts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from billiards_trainer import messages as m
from billiards_trainer.api.live import Live
from billiards_trainer.api.traffic import WINDOW_S, Traffic
from tests.unit.api.stage import Stage, alert, metrics, system_status, table_state


async def scraped(stage: Stage) -> dict[tuple[str, ...], float]:
    async with stage.client.get("/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_prometheus_reads_everything_that_is_known(stage: Stage) -> None:
    assert (await scraped(stage))[("billiards_api_requests_total",)] == 0
    status = system_status(score=87, alerts=(alert(1),))
    vision = status.modules["vision"].model_copy(update={"measures": {"fps": 29.5}})
    status = status.model_copy(update={"modules": {**status.modules, "vision": vision}})
    sample = metrics().model_copy(update={"throttled": True, "temperatures_c": {"cpu": 51.0}})
    flip = m.Flip(
        frame=1,
        exposure_ns=time.monotonic_ns(),
        flip_ns=time.monotonic_ns(),
        draw_ms=1,
        mode="offscreen",
        width=1,
        height=1,
    )
    await stage.arrives("system.status", "orchestrator", lambda: status)
    await stage.arrives("system.metrics", "orchestrator", lambda: sample)
    await stage.arrives("table.state", "vision", table_state)
    await stage.arrives("projector.flip", "projector", lambda: flip)
    found = await scraped(stage)
    assert found[("billiards_health",)] == 3
    assert found[("billiards_performance_score",)] == 87
    assert found[("billiards_module_measure", "fps", "vision")] == 29.5
    assert found[("billiards_module_restarts_total", "core")] == 0
    assert found[("billiards_alerts", "ERROR")] == 1
    assert found[("billiards_cpu_percent",)] == 12
    assert found[("billiards_throttled",)] == 1
    assert found[("billiards_temperature_celsius", "cpu")] == 51
    assert found[("billiards_process_rss_bytes", "api")] == 1e8
    assert found[("billiards_vision_stage_seconds", "detect")] == 0.004
    assert found[("billiards_topic_messages_total", "table.state")] >= 1
    assert ("billiards_latency_seconds", "0.5") in found


async def test_staff_reads_alerts_takes_note_and_restarts(stage: Stage) -> None:
    stage.serve("orchestrator")
    log = await stage.json("/api/v1/system/alerts")
    assert log["alerts"][0]["name"] == "vision"
    for path, body, command in (
        ("alerts/acknowledge", {"name": "vision", "by": "Eva"}, "system.acknowledge"),
        ("restart_module", {"module": "vision"}, "system.restart_module"),
        ("restart", None, "system.restart"),
    ):
        await stage.json(f"/api/v1/system/{path}", method="POST", json=body)
        assert stage.requests[-1].command == command
    history = await stage.json(
        "/api/v1/system/history", method="POST", json={"seconds": 60.0, "points": 10}
    )
    assert history["series"]["cpu"] == [3.0, None]


@pytest.mark.parametrize("body", [{"seconds": 0.0}, {"points": 1}, {"seconds": 4000.0}])
async def test_wrong_questions_about_history_are_refused(
    stage: Stage, body: dict[str, Any]
) -> None:
    await stage.json("/api/v1/system/history", 422, method="POST", json=body)


def test_traffic_counts_failures_of_ours() -> None:
    traffic = Traffic()
    assert traffic.measures(0.0) == {
        "requests_per_s": 0.0,
        "latency_ms": 0.0,
        "errors_percent": 0.0,
    }
    for status in (200, 200, 404, 503, 500, 200, 200, 200, 200, 500):
        traffic.answered(status, 0.01, 1.0)
    found = traffic.measures(2.0)
    assert found == {"requests_per_s": 0.167, "latency_ms": 10.0, "errors_percent": 20.0}
    assert traffic.measures(2.0 + WINDOW_S)["errors_percent"] == 0
    assert (traffic.requests, traffic.failures) == (10, 2)


def test_events_that_are_lost_on_the_way_are_counted() -> None:
    live = Live()
    for sequence in (1, 2, 5, 6):
        live.put("system.alert", alert(sequence))
    live.put("system.alert", alert(9).model_copy(update={"epoch": 2}))
    assert live.missed["system.alert"] == 2
    assert live.received["system.alert"] == 5
