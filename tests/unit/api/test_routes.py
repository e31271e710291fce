from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer import __version__
from billiards_trainer import messages as m
from billiards_trainer.bus import Request
from billiards_trainer.config.schema import Config
from billiards_trainer.storage.files import database_path
from billiards_trainer.storage.recorder import ShotRecorder
from tests.unit.api.stage import (
    Stage,
    game_state,
    metrics,
    on_stage,
    scene,
    system_status,
    table_state,
)
from tests.unit.storage_samples import a_session, a_shot


async def test_health_before_anyone_has_spoken(stage: Stage) -> None:
    health = await stage.json("/health")
    assert health["status"] == "UNKNOWN"
    assert health["version"] == __version__
    assert health["source"] == "simulated"
    assert health["uptime_s"] == 0
    assert health["modules"] == {}


async def test_health_says_what_the_orchestrator_says(stage: Stage) -> None:
    await stage.arrives("system.status", "orchestrator", system_status)
    health = await stage.json("/health")
    assert health["status"] == "HEALTHY"
    assert health["version"] == "9.9.9"
    assert health["source"] == "virtual table"
    assert health["uptime_s"] >= 12.5
    vision = health["modules"]["vision"]
    assert set(vision) == {"status", "pid", "restarts", "heartbeat_age_s", "detail"}
    assert vision["pid"] == 101
    assert vision["heartbeat_age_s"] >= 0.1


async def test_unhealthy_is_503_with_the_same_body(stage: Stage) -> None:
    await stage.arrives("system.status", "orchestrator", lambda: system_status(m.Level.UNHEALTHY))
    health = await stage.json("/health", 503)
    assert health["status"] == "UNHEALTHY"
    assert "vision" in health["modules"]


async def test_a_silent_orchestrator_is_unknown(stage: Stage) -> None:
    await stage.arrives("system.status", "orchestrator", system_status)
    stage.services.live.clock = lambda: time.monotonic_ns() + 8_000_000_000
    health = await stage.json("/health")
    assert health["status"] == "UNKNOWN"
    assert "silent for 8 s" in health["detail"]
    assert health["modules"]["vision"]["heartbeat_age_s"] > 8
    assert (await stage.json("/api/v1/system/status"))["status"] == "UNKNOWN"


async def test_system_status(stage: Stage) -> None:
    assert "has not spoken" in (await stage.json("/api/v1/system/status", 503))["detail"]
    await stage.arrives("system.status", "orchestrator", system_status)
    status = await stage.json("/api/v1/system/status")
    assert m.SystemStatus.model_validate(status).modules["core"].state == "RUNNING"


async def test_metrics_tell_load_rates_and_latency(stage: Stage) -> None:
    empty = await stage.json("/api/v1/system/metrics")
    assert (empty["machine"], empty["stale"], empty["age_ms"]) == (None, True, None)
    assert empty["pipeline"]["latency_ms_median"] is None
    await stage.arrives("system.metrics", "orchestrator", metrics)
    await stage.arrives("projector.flip", "projector", lambda: a_flip(1, 25_000_000))
    await stage.arrives("projector.flip", "projector", lambda: a_flip(2, 35_000_000))
    await stage.arrives("table.state", "vision", lambda: table_state(7))
    found = await stage.json("/api/v1/system/metrics")
    assert found["machine"]["cpu_percent"] == 12
    assert found["stale"] is False
    assert 25 <= found["pipeline"]["latency_ms_median"] <= found["pipeline"]["latency_ms_p99"] <= 35
    assert found["pipeline"]["stages_ms"] == {"detect": 4.0}


def a_flip(frame: int, latency_ns: int) -> m.Flip:
    now = time.monotonic_ns()
    return m.Flip(
        frame=frame,
        exposure_ns=now - latency_ns,
        flip_ns=now,
        draw_ms=1.0,
        mode="offscreen",
        width=1920,
        height=1080,
    )


async def test_game_state_before_anything_is_seen(stage: Stage) -> None:
    assert await stage.json("/api/v1/game/state") == {"table_state": None, "game": None}


async def test_game_state_carries_balls_game_and_age(stage: Stage) -> None:
    await stage.arrives("table.state", "vision", table_state)
    await stage.arrives("game.state", "core", game_state)
    state = await stage.json("/api/v1/game/state")
    assert state["table_state"]["balls"][0]["label"] == "cue"
    assert state["table_state"]["stale"] is False
    assert 0 <= state["table_state"]["age_ms"] < 1500
    assert state["game"]["shots"] == 3
    stage.services.live.clock = lambda: time.monotonic_ns() + 5_000_000_000
    state = await stage.json("/api/v1/game/state")
    assert state["table_state"]["stale"] is True
    assert state["table_state"]["age_ms"] > 5000


async def test_scene(stage: Stage) -> None:
    assert (await stage.json("/api/v1/scene", 404))["detail"] == "nothing has been drawn yet"
    await stage.arrives("scene", "core", scene)
    found = await stage.json("/api/v1/scene")
    assert [element["kind"] for element in found["elements"]] == ["line", "ring"]
    assert found["stale"] is False


@pytest.mark.parametrize(
    ("path", "command", "body"),
    [
        ("game/reset", "game.reset", None),
        ("game/assistance", "game.assistance", {"level": "advanced"}),
        ("game/assistance", "game.assistance", {"level": None, "player": "Ann"}),
        ("game/code", "game.code", {"text": "http://here"}),
        ("game/correct_ball", "vision.correct_ball", {"track": 3, "epoch": 1, "label": "9"}),
        ("game/analyze", "game.analyze", None),
        ("game/analyze", "game.analyze", {"angle_rad": 1, "speed": 2.5}),
        ("calibration/camera", "calibration.camera", None),
        (
            "calibration/camera",
            "calibration.camera",
            {"corners_px": [[1, 2], [3, 4], [5.5, 6], [7, 8]]},
        ),
        ("calibration/colors", "calibration.colours", None),
        ("calibration/projector", "calibration.projector", None),
        ("config/reload", "config.reload", None),
    ],
)
async def test_a_command_reaches_its_process(
    stage: Stage, path: str, command: str, body: dict[str, Any] | None
) -> None:
    stage.serve("core", "vision", "orchestrator")
    kwargs = {} if body is None else {"json": body}
    await stage.json(f"/api/v1/{path}", method="POST", **kwargs)
    assert [request.command for request in stage.requests] == [command]
    sent = stage.requests[0].message.model_dump(mode="json")
    for key, value in (body or {}).items():
        assert sent[key] == value


async def test_calibration_status(stage: Stage) -> None:
    stage.serve("vision")
    found = await stage.json("/api/v1/calibration/status")
    assert (found["camera"], found["camera_residual_mm"]) == ("camera-1", 1.5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"level": "genius"}, "level"),
        ({}, "level"),
        ({"level": "off", "colour": 1}, "colour"),
        ([], ""),
        ("off", ""),
    ],
)
async def test_a_wrong_body_is_422_and_goes_nowhere(stage: Stage, body: Any, field: str) -> None:
    stage.serve("core")
    found = await stage.json("/api/v1/game/assistance", 422, "POST", json=body)
    assert found["errors"][0]["field"] == field
    assert stage.requests == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"level": NaN'])
async def test_what_is_not_json_is_400(stage: Stage, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    await stage.json("/api/v1/game/assistance", 400, "POST", data=body, headers=headers)


async def test_numbers_that_are_none_are_refused(stage: Stage) -> None:
    headers = {"Content-Type": "application/json"}
    for text in (b'{"angle_rad": NaN}', b'{"angle_rad": 1e999}', b'{"angle_rad": "1"}'):
        await stage.json("/api/v1/game/analyze", 422, "POST", data=text, headers=headers)


async def test_a_body_is_needed_where_the_command_needs_one(stage: Stage) -> None:
    await stage.json("/api/v1/game/assistance", 400, "POST")


async def test_a_body_of_another_kind_is_415(stage: Stage) -> None:
    await stage.json("/api/v1/game/assistance", 415, "POST", data=b"level=off")


async def test_a_huge_body_is_413(stage: Stage) -> None:
    body = {"level": "x" * 300_000}
    await stage.json("/api/v1/game/assistance", 413, "POST", json=body)


async def test_a_process_left_out_is_503_at_once(stage: Stage) -> None:
    await stage.arrives("system.status", "orchestrator", lambda: system_status(without=("core",)))
    found = await stage.json("/api/v1/game/reset", 503, "POST")
    assert found["detail"] == "core does not run: left out (--no-core)"
    async with stage.client.post("/api/v1/game/reset") as response:
        assert response.headers["Retry-After"] == "1"


async def test_a_process_that_does_not_exist_here_is_503(stage: Stage) -> None:
    await stage.arrives("system.status", "orchestrator", lambda: system_status(modules={}))
    found = await stage.json("/api/v1/game/reset", 503, "POST")
    assert "not part of this appliance" in found["detail"]


async def test_a_process_that_does_not_answer_is_503(stage: Stage) -> None:
    stage.serve("core", answer=lambda request: None)
    found = await stage.json("/api/v1/game/reset", 503, "POST")
    assert "did not answer" in found["detail"]


async def test_a_refused_command_is_409_with_the_reason(stage: Stage) -> None:
    def refuse(request: Request) -> None:
        if request.command == "game.reset":
            request.fail("balls are still rolling")
        else:
            request.reply(m.Done(ok=False, detail="no table is seen"))

    stage.serve("core", "vision", answer=refuse)
    found = await stage.json("/api/v1/game/reset", 409, "POST")
    assert found["detail"] == "balls are still rolling"
    found = await stage.json("/api/v1/calibration/camera", 409, "POST")
    assert found["detail"] == "no table is seen"


async def test_config_is_shown_without_passwords(stage: Stage) -> None:
    stage.serve("orchestrator", answer=configured("rtsp://staff:secret@10.0.0.9/cam"))
    async with stage.client.get("/api/v1/config") as response:
        text = await response.text()
        assert response.headers["Cache-Control"] == "no-store"
    assert "secret" not in text
    assert text.count("rtsp://***@10.0.0.9/cam") == 2


def configured(url: str) -> Any:
    config = Config.model_validate({"source": {"url": url, "fallback_url": url}})

    def answer(request: Request) -> None:
        if request.command == "config.get":
            request.reply(m.ConfigReply(number=4, config=config.model_dump(mode="json")))
        elif request.message.model_dump()["changes"].get("core") == {"assistance": "off"}:
            request.fail("core.assistance: fixed on the command line")
        else:
            request.reply(m.Done(ok=True, detail="changed"))

    return answer


async def test_only_what_differs_is_handed_on(stage: Stage) -> None:
    stage.serve("orchestrator", answer=configured("rtsp://staff:secret@10.0.0.9/cam"))
    whole = await stage.json("/api/v1/config")
    whole["projector"]["brightness"] = 0.5
    done = await stage.json("/api/v1/config", method="PUT", json=whole)
    assert done["ok"] is True
    assert stage.requests[-1].command == "config.put"
    assert stage.requests[-1].message.model_dump()["changes"] == {"projector": {"brightness": 0.5}}
    await stage.json("/api/v1/config", method="PUT", json={"environment": "testing"})
    assert stage.requests[-1].message.model_dump()["changes"] == {"environment": "testing"}
    await stage.json("/api/v1/config", method="PUT", json={"environment": "development"})
    assert stage.requests[-1].message.model_dump()["changes"] == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"projector": {"brightnes": 0.5}}, "projector.brightnes"),
        ({"table": {"preset": "pool-10ft"}}, "table.preset"),
        ({"projector": {"brightness": 7}}, "projector.brightness"),
        ({"api": {"port": "8000"}}, "api.port"),
        ({"nonsense": {}}, "nonsense"),
    ],
)
async def test_a_wrong_key_is_named(stage: Stage, body: Any, field: str) -> None:
    stage.serve("orchestrator")
    found = await stage.json("/api/v1/config", 422, "PUT", json=body)
    assert found["errors"][0]["field"] == field
    assert field in found["detail"]
    assert "Value error" not in found["detail"]
    assert stage.requests == []


async def test_what_the_orchestrator_refuses_is_422(stage: Stage) -> None:
    stage.serve("orchestrator", answer=configured("simulated"))
    found = await stage.json("/api/v1/config", 422, "PUT", json={"core": {"assistance": "off"}})
    assert found["detail"] == "core.assistance: fixed on the command line"


async def test_shots_and_sessions(stage: Stage) -> None:
    assert await stage.json("/api/v1/shots") == {
        "schema_number": 1,
        "shots": [],
        "next_before": None,
    }
    session = a_session()
    recorder = ShotRecorder(stage.state_dir)
    for number in (1, 2, 3):
        recorder.record(a_shot(session, number, player="Ann" if number == 2 else ""))
    assert await asyncio.to_thread(recorder.close, 20) == 0
    page = await stage.json("/api/v1/shots?limit=2")
    assert [(s["number"], s["player"]) for s in page["shots"]] == [(3, ""), (2, "Ann")]
    ann = await stage.json(f"/api/v1/shots/{page['shots'][1]['id']}")
    assert (ann["player"], len(ann["player_id"])) == ("Ann", 32)
    page = await stage.json(
        "/api/v1/shots", params={"before": page["next_before"], "session": session.id}
    )
    assert [shot["number"] for shot in page["shots"]] == [1]
    assert page["next_before"] is None
    shot = await stage.json(f"/api/v1/shots/{page['shots'][0]['id']}")
    assert shot["shot_events"][0]["kind"] == "shot_start"
    assert shot["before"][1]["label"] == "3"
    sessions = await stage.json("/api/v1/sessions")
    assert [(s["id"], s["shots"], s["players"]) for s in sessions["sessions"]] == [
        (session.id, 3, ["Ann"])
    ]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "before=-1", "colour=red", "limit=1&limit=2"]
)
async def test_a_wrong_query_is_422(stage: Stage, query: str) -> None:
    await stage.json(f"/api/v1/shots?{query}", 422)


async def test_an_unknown_shot_is_404(stage: Stage) -> None:
    assert "nothing" in (await stage.json("/api/v1/shots/nothing", 404))["detail"]


async def test_an_unreadable_log_is_503(stage: Stage) -> None:
    with closing(sqlite3.connect(database_path(stage.state_dir))) as connection, connection:
        connection.execute("DROP TABLE shots")
    found = await stage.json("/api/v1/shots", 503)
    assert "cannot be read" in found["detail"]


async def test_what_goes_wrong_here_is_a_500_without_details(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> m.SystemStatus:
        raise RuntimeError("a secret")

    monkeypatch.setattr(stage.services.live, "status", broken)
    found = await stage.json("/health", 500)
    assert "secret" not in str(found)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1", "/api/v2/scene", "/nothing.js"])
async def test_an_unknown_address_is_a_404_problem(stage: Stage, path: str) -> None:
    await stage.json(path, 404)


async def test_a_wrong_method_is_405_and_says_which_are_right(stage: Stage) -> None:
    async with stage.client.delete("/api/v1/scene") as response:
        assert response.status == 405
        assert response.content_type == "application/problem+json"
        assert "GET" in response.headers["Allow"]
    async with stage.client.get("/api/v1/game/reset") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"


async def test_head_is_answered_without_a_body(stage: Stage) -> None:
    async with stage.client.head("/health") as response:
        assert response.status == 200
        assert await response.read() == b""


async def test_metrics_of_a_slow_monitor_are_not_stale(runtime_dir: Path, tmp_path: Path) -> None:
    slow = Config.model_validate({"system": {"health_interval": 10.0}})
    async with on_stage(runtime_dir, tmp_path, slow) as stage:
        await stage.arrives("system.metrics", "orchestrator", metrics)
        stage.services.live.clock = lambda: time.monotonic_ns() + 12_000_000_000
        assert (await stage.json("/api/v1/system/metrics"))["stale"] is False
