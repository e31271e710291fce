from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.api import openapi
from billiards_trainer.api.routes import ROUTES
from billiards_trainer.storage.recorder import ShotRecorder
from tests.unit.api.stage import (
    Stage,
    game_state,
    metrics,
    scene,
    system_status,
    table_state,
)
from tests.unit.storage_samples import a_session, a_shot

PROMISED = {
    ("get", "/health"),
    ("get", "/api/v1/system/status"),
    ("get", "/api/v1/system/metrics"),
    ("get", "/metrics"),
    ("get", "/api/v1/system/alerts"),
    ("post", "/api/v1/system/alerts/acknowledge"),
    ("post", "/api/v1/system/history"),
    ("post", "/api/v1/system/restart_module"),
    ("post", "/api/v1/system/restart"),
    ("get", "/api/v1/config"),
    ("put", "/api/v1/config"),
    ("post", "/api/v1/config/reload"),
    ("get", "/api/v1/game/state"),
    ("post", "/api/v1/game/reset"),
    ("post", "/api/v1/game/correct_ball"),
    ("get", "/api/v1/table"),
    ("post", "/api/v1/game/assistance"),
    ("post", "/api/v1/game/analyze"),
    ("post", "/api/v1/game/code"),
    ("post", "/api/v1/calibration/camera"),
    ("post", "/api/v1/calibration/colors"),
    ("post", "/api/v1/calibration/projector"),
    ("get", "/api/v1/calibration/status"),
    ("get", "/api/v1/scene"),
    ("get", "/api/v1/camera/preview.mjpeg"),
    ("get", "/api/v1/camera/frame.jpg"),
    ("get", "/api/v1/shots"),
    ("get", "/api/v1/shots/{shot_id}"),
    ("get", "/api/v1/sessions"),
}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(references(v) for v in value))
    return set()


async def test_the_description_is_served_and_names_every_route(stage: Stage) -> None:
    found = await stage.json("/openapi.json")
    assert found["openapi"].startswith("3.1.")
    routes = {(method, path) for path, item in found["paths"].items() for method in item}
    assert routes == PROMISED
    assert found == openapi.describe(ROUTES)


def test_the_description_holds_together() -> None:
    description = openapi.describe(ROUTES)
    schemas = description["components"]["schemas"]
    assert {r.rpartition("/")[2] for r in references(description)} <= set(schemas)
    operations = [o for item in description["paths"].values() for o in item.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert all(o["summary"] for o in operations)
    # What is asked for is what the bus carries, with its limits.
    speed = schemas["AnalyzeRequest"]["properties"]["speed"]
    assert {"exclusiveMinimum": 0, "maximum": 15, "type": "number"} in speed["anyOf"]
    json.dumps(description, allow_nan=False)


async def publish_everything(stage: Stage) -> None:
    stage.serve("core", "vision", "orchestrator")
    stage.take_picture()
    await stage.arrives("system.status", "orchestrator", system_status)
    await stage.arrives("system.metrics", "orchestrator", metrics)
    await stage.arrives("table.state", "vision", table_state)
    await stage.arrives("game.state", "core", game_state)
    await stage.arrives("scene", "core", scene)
    recorder = ShotRecorder(stage.state_dir)
    for number in (1, 2):
        recorder.record(a_shot(a_session(), number))
    assert await asyncio.to_thread(recorder.close, 20) == 0


@pytest.mark.timeout(180)
async def test_requests_of_every_shape_find_no_server_error(stage: Stage, tmp_path: Path) -> None:
    """Schemathesis asks whatever the description allows, and what it does not."""
    await publish_everything(stage)

    async def keep_alive() -> None:
        while True:
            stage.publish("orchestrator", "system.status", system_status())
            await asyncio.sleep(0.3)

    alive = asyncio.create_task(keep_alive())
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{stage.address}/openapi.json",
        # The endless picture is tested as what it is.
        "--exclude-path=/api/v1/camera/preview.mjpeg",
        "--phases=examples,coverage,fuzzing",
        "--checks=not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,negative_data_rejection,unsupported_method",
        "--max-examples=20",
        "--generation-deterministic",
        "--suppress-health-check=all",
        "--request-timeout=20",
        "--workers=1",
        "--no-color",
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "120"},
    )
    output, _ = await process.communicate()
    alive.cancel()
    assert process.returncode == 0, output.decode()
