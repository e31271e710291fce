from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.api.guard import check_host, check_origin
from billiards_trainer.api.problem import Problem
from billiards_trainer.config.schema import Config
from tests.unit.api.stage import Stage, on_stage


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]:8000",
        "192.168.7.20",
        "table.local:80",
        "localhost.",
    ],
)
def test_our_names_and_addresses_pass(host: str) -> None:
    check_host(host, {"table.local"})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1@evil.example", 400),
        ("", 400),
        (None, 400),
        ("a b", 400),
        ("localhost:8000:1", 400),
    ],
)
def test_foreign_names_are_refused(host: str | None, status: int) -> None:
    with pytest.raises(Problem) as error:
        check_host(host, {"table.local"})
    assert error.value.status == status


@given(st.text(max_size=40))
def test_only_known_names_ever_pass(host: str) -> None:
    try:
        check_host(host, ())
    except Problem as problem:
        refused = problem.status
    else:
        refused = None
    if host.lower().startswith(("localhost", "[", *"0123456789")):
        assert refused in (None, 400, 421)
    else:
        assert refused in (400, 421)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Host": "localhost:8000"}, True),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, True),
        ({"Host": "localhost", "Origin": "http://localhost:80"}, True),
        ({"Host": "table.local", "Origin": "https://table.local"}, True),
        ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, False),
        ({"Host": "localhost:8000", "Origin": "http://evil.example"}, False),
        ({"Host": "localhost:8000", "Origin": "null"}, False),
        ({"Host": "localhost:8000", "Origin": "chrome-extension://localhost:8000"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "same-site"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "same-origin"}, True),
    ],
)
def test_pages_of_other_sites_may_not_change_anything(
    headers: dict[str, str], passes: bool
) -> None:
    check_origin("GET", headers)
    if passes:
        check_origin("POST", headers)
        check_origin("GET", headers, upgrade=True)
    else:
        for method, upgrade in (("POST", False), ("PUT", False), ("GET", True)):
            with pytest.raises(Problem) as error:
                check_origin(method, headers, upgrade=upgrade)
            assert error.value.status == 403


async def test_a_rebound_name_gets_nothing(stage: Stage) -> None:
    for path in ("/", "/health", "/api/v1/scene", "/openapi.json", "/api/v1/camera/frame.jpg"):
        await stage.json(path, 421, headers={"Host": "evil.example"})


async def test_a_foreign_origin_may_not_command(stage: Stage) -> None:
    stage.serve("core")
    await stage.json("/api/v1/game/reset", 403, "POST", headers={"Origin": "http://evil.example"})
    assert stage.requests == []


async def test_a_name_can_be_allowed(runtime_dir: Path, tmp_path: Path) -> None:
    config = Config.model_validate({"api": {"allowed_hosts": ["Table.Local"]}})
    async with on_stage(runtime_dir, tmp_path, config) as stage:
        await stage.json("/health", headers={"Host": "table.local"})


async def test_every_answer_carries_the_security_headers(stage: Stage) -> None:
    stage.take_picture()
    for path in ("/", "/health", "/nothing", "/openapi.json", "/api/v1/camera/frame.jpg"):
        async with stage.client.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["X-Frame-Options"] == "DENY"
            assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
