"""``billiards-trainer simulate`` and ``bench physics``."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.commands import bench_physics, simulate
from billiards_trainer.commands.bench_physics import cold_start
from billiards_trainer.commands.simulate import simulate_file
from billiards_trainer.errors import InputError
from billiards_trainer.physics import engine
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import build, preset

POOL = preset("pool-9ft")
CUE = {"label": "cue", "position": [0.6, 0.6]}
ONE = {"label": "1", "position": [0.62, 1.5]}
CUE_ONLY = [{"position": [0.6, 0.6]}]


@pytest.fixture
def shot_file(tmp_path: Path) -> Any:
    def write(content: object) -> str:
        path = tmp_path / "shot.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def arguments(module: Any, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args(words)


def test_a_shot_is_played_and_printed(shot_file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = shot_file(
        {
            "table": "pool-9ft",
            "balls": [CUE, ONE, {"label": "2", "position": [0, 0], "pocketed": True}],
            "strike": {"ball": "cue", "speed": 2.5, "direction": 1.55, "height": 0.2},
        }
    )
    assert simulate.run(arguments(simulate, path)) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["complete"]
    assert out["stopped_by"] is None
    types = [e["type"] for e in out["events"]]
    assert types[0] == "strike"
    assert "ball_ball" in types
    assert "cushion" in types
    hit = out["events"][types.index("ball_ball")]
    assert hit["balls"] == ["cue", "1"]
    assert [b["ball"] for b in hit["before"]] == ["cue", "1"]
    assert hit["before"][1]["motion"] == "resting"
    assert hit["after"][1]["motion"] == "sliding"
    assert len(hit["after"][0]["position"]) == len(hit["after"][0]["spin"]) == 3
    assert [b["ball"] for b in out["final"]] == ["cue", "1", "2"]
    assert out["final"][2]["motion"] == "pocketed"
    times = [e["time"] for e in out["events"]]
    assert times == sorted(times)
    assert out["duration"] == times[-1]


def test_a_pocket_is_named(shot_file: Any) -> None:
    mouth = POOL.pockets[2].mouth_centre
    way = math.atan2(mouth[1] - 1.2, mouth[0] - 0.635)
    out = simulate_file(
        shot_file(
            {
                "balls": [{"position": [0.635, 1.2]}],
                "strike": {"speed": 3.0, "direction": way},
                "models": {"cue": "point_without_squirt"},
            }
        )
    )
    assert out["events"][-1]["pocket"] == POOL.pockets[2].name
    assert out["final"][0]["pocket"] == POOL.pockets[2].name
    assert out["final"][0]["ball"] == "0"


def test_an_explicit_table_equals_the_preset_it_copies(shot_file: Any) -> None:
    explicit = {
        "segments": [
            {
                "start": s.start,
                "end": s.end,
                "height": POOL.cushion_height,
                "cloth": "left" if s.kind == "nose" else "both",
            }
            for s in POOL.segments
        ],
        "jaws": [
            {"centre": j.centre, "radius": j.radius, "height": POOL.cushion_height}
            for j in POOL.jaws
        ],
        "pockets": [{"centre": p.centre, "radius": p.radius} for p in POOL.pockets],
    }
    shot = {
        "balls": [CUE, ONE],
        "strike": {"speed": 4.0, "direction": 1.2, "side": -0.3, "elevation": 0.1},
        "parameters": {"mass": POOL.balls.mass, "radius": POOL.balls.radius},
    }
    a = simulate_file(shot_file({**shot, "table": "pool-9ft"}))
    b = simulate_file(shot_file({**shot, "table": explicit}))
    assert [e["time"] for e in a["events"]] == [e["time"] for e in b["events"]]
    assert a["final"][0]["position"] == b["final"][0]["position"]


def test_measured_tables_parameters_models_and_moving_balls(shot_file: Any) -> None:
    out = simulate_file(
        shot_file(
            {
                "table": {"game": "carom", "length": 2.3, "width": 1.15},
                "parameters": {"standard": "carom", "e_cushion": 0.7, "mu_slide": 0.25},
                "models": {"ball_ball": "coulomb", "cushion": "han_2005"},
                "balls": [
                    {"position": [0.5, 0.5], "velocity": [1.0, 2.0, 0.0], "spin": [0, 0, 20]},
                    {"position": [0.8, 1.6]},
                ],
                "limits": {"max_events": 5, "max_time": 20.0},
            }
        )
    )
    assert (out["complete"], out["stopped_by"], len(out["events"])) == (False, "events", 5)


@pytest.mark.parametrize("diameter", [0.04, 0.0615, 0.068])
def test_a_measured_ball_is_the_one_that_is_played(shot_file: Any, diameter: float) -> None:
    part = {"game": "pool", "length": 2.54, "width": 1.27, "ball_diameter": diameter}
    table = build("measured", **part)  # type: ignore[arg-type]
    second = [0.6, 0.6 + 1.01 * diameter]
    shot = {
        "table": part,
        "balls": [{"position": [0.6, 0.6]}, {"position": second}],
        "strike": {"speed": 2.0, "direction": 1.5},
    }
    out = simulate_file(shot_file(shot))
    one = engine.simulate(
        table,
        BallsState.at_rest([[0.6, 0.6], second], table.balls.radius),
        Strike(0, 2.0, 1.5),
    )
    assert [e["time"] for e in out["events"]] == one.times.tolist()
    assert [b["position"] for b in out["final"]] == one.final.position.tolist()
    # The ball stays when the rest comes from another game's set, and goes when it is given.
    named = simulate_file(shot_file({**shot, "parameters": {"standard": "snooker"}}))
    assert named["final"][0]["position"][2] == diameter / 2
    given = {"radius": 0.0305, "mass": 0.2}
    other = simulate_file(shot_file({**shot, "balls": CUE_ONLY, "parameters": given}))
    assert other["final"][0]["position"][2] == 0.0305


def test_tight_and_loose_tables(shot_file: Any) -> None:
    def falls(table: object) -> bool:
        balls = [{"position": [0.635, 1.2], "velocity": [1.384, -2.548]}]
        out = simulate_file(shot_file({"table": table, "balls": balls}))
        return any(e["type"] == "pocket" for e in out["events"][:4])

    measured = {"game": "pool", "length": 2.54, "width": 1.27}
    for base in ({"preset": "pool-9ft"}, measured):
        tight, loose = ({**base, "pockets": cut} for cut in ("tight", "loose"))
        wide = {**base, "corner": {"mouth": 0.14, "shelf": 0.01, "hole_radius": 0.08}}
        assert (falls(tight), falls(loose), falls(wide)) == (False, True, True)
    mixed = {"preset": "snooker-12ft", "pockets": "tight", "side": {"cut_angle": 1.9}}
    assert simulate_file(shot_file({"table": mixed, "balls": CUE_ONLY}))["complete"]


def test_the_final_state_can_be_the_beginning_of_another_shot(shot_file: Any) -> None:
    first = simulate_file(
        shot_file(
            {"balls": [CUE, ONE], "strike": {"speed": 2.0, "direction": 1.55, "elevation": 0.1}}
        )
    )
    balls = [
        {
            "label": ball["ball"],
            "position": ball["position"],
            "velocity": ball["velocity"],
            "spin": ball["spin"],
            "pocketed": ball["motion"] == "pocketed",
        }
        for ball in first["final"]
    ]
    again = simulate_file(shot_file({"balls": balls}))
    assert again["events"] == []
    assert [b["position"] for b in again["final"]] == [b["position"] for b in first["final"]]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.run(arguments(simulate, "--schema")) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["required"] == ["balls"]
    assert {"table", "parameters", "models", "strike", "limits"} <= set(schema["properties"])
    with pytest.raises(SystemExit):
        arguments(simulate)


BAD = [
    ({"balls": [{"position": [0.6, 0.6, 0.5]}]}, r"balls\.0\.position: .*z = "),
    ("[", "JSON"),
    ("[]", "must be an object"),
    ({"balls": []}, "balls"),
    ({"balls": [CUE], "colour": 1}, "colour: is not a key"),
    ({"balls": [{**CUE, "colour": 1}]}, r"balls\.0\.colour: is not a key"),
    ('{"balls": [{"position": [0.6, NaN]}]}', r"balls\.0\.position\.1: .*finite"),
    ('{"balls": [{"position": [0.6, 1e999]}]}', r"balls\.0\.position\.1: .*finite"),
    ({"balls": [{"position": [0.6, "0.5"]}]}, r"balls\.0\.position\.1"),
    ({"balls": [{**CUE, "velocity": [0, 0, 1]}]}, "leave the cloth"),
    ({"balls": [CUE, {"position": [0.61, 0.6]}]}, "overlap"),
    ({"balls": [{"position": [-3, 0.6]}]}, "outside"),
    ({"balls": [CUE, CUE]}, "name of two balls"),
    ({"balls": [CUE], "table": "ping-pong"}, "unknown table"),
    ({"balls": [CUE], "table": 5}, "table"),
    ({"balls": [CUE], "table": {"game": "pool", "length": 2.0}}, r"table\.width"),
    ({"balls": [CUE], "table": {"game": "pool", "length": 2.0, "width": 1.9}}, "not a table"),
    ({"balls": [CUE], "table": {"segments": [{"start": [0, 0]}]}}, r"table\.segments\.0\.end"),
    (
        {
            "balls": [CUE],
            "table": {"segments": [{"start": [0, 0], "end": [0, 0], "height": 0.03}]},
        },
        "no length",
    ),
    ({"balls": [CUE], "models": {"cushion": "steel"}}, "unknown cushion model"),
    ({"balls": [CUE], "parameters": {"mu_slide": -1}}, "mu_slide"),
    ({"balls": [CUE], "strike": {"speed": 1.0}}, r"strike\.direction"),
    ({"balls": [CUE], "strike": {"speed": 1.0, "direction": 0.0, "side": 1.0}}, "beside"),
    ({"balls": [CUE], "strike": {"speed": 1.0, "direction": 0.0, "ball": "9"}}, "no ball '9'"),
    ({"balls": [CUE], "strike": {"speed": 1.0, "direction": 0.0, "ball": 4}}, "1 balls"),
    (
        {"balls": [{**CUE, "pocketed": True}], "strike": {"speed": 1.0, "direction": 0.0}},
        "lies in a pocket",
    ),
    ({"balls": [CUE], "limits": {"max_events": 0}}, r"limits\.max_events"),
    ({"balls": [{"position": list(POOL.pockets[0].centre)}]}, "in the hole of a pocket"),
    ({"balls": [{"position": [-0.05, 0.03]}]}, "outside the table"),
    ({"balls": [{**CUE, "velocity": [1e200, 0]}]}, "more than 100 m/s"),
    ({"balls": [{**CUE, "spin": [0, 0, 1e5]}]}, "more than 5000 rad/s"),
    ({"balls": [{"position": [1e9, 0]}]}, r"balls\.0\.position"),
    ('{"balls": [], "balls": [{"position": [0.6, 0.6]}]}', "balls: is there twice"),
    ('{"balls": [{"position": [0.6, 0.6], "position": [0, 0]}]}', "position: is there twice"),
    ("[" * 5000, "JSON|recursion|valid"),
    (
        {
            "balls": [CUE],
            "table": {"segments": [{"start": [0, 0], "end": [1, 0], "height": 0.06}]},
        },
        r"table: segments\.0\.height: a nose 0\.06 m high does not meet",
    ),
    (
        {
            "balls": [CUE],
            "table": {"segments": [{"start": [-1e300, 0], "end": [1, 0], "height": 0.03}]},
        },
        r"table\.segments\.0\.start\.0",
    ),
    ({"balls": [CUE], "parameters": {"radius": 0.011}}, "table: a cushion: a nose"),
    ({"balls": [CUE], "table": {"preset": "pool-9ft", "corner": {"mouth": 0.5}}}, "table.corner"),
    ({"balls": [CUE], "table": {"preset": "pool-9ft", "pockets": "wide"}}, r"table\.pockets"),
    ({"balls": [CUE], "table": {"preset": "carom-10ft", "pockets": "tight"}}, "no pockets"),
    ({"balls": [CUE], "table": {"preset": "pool-9ft", "colour": 1}}, r"table\.colour"),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_bad_shots_get_one_sentence(shot_file: Any, content: object, words: str) -> None:
    path = shot_file(content)
    with pytest.raises(InputError, match=words) as caught:
        simulate_file(path)
    sentence = str(caught.value)
    assert sentence.startswith(path)
    assert "\n" not in sentence


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        simulate_file(str(tmp_path / "none.json"))
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        simulate_file(str(tmp_path / "binary.json"))


@pytest.mark.compiled
@pytest.mark.timeout(300)  # it starts fresh processes
def test_the_benchmark_reports_every_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        bench_physics, "cold_start", lambda: cold_start(repeats=1, empty_cache=False)
    )
    words = ["--shots", "100"]
    parsed = arguments(bench_physics, *words)
    parsed.json = True
    assert bench_physics.run(parsed) == 0
    report = json.loads(capsys.readouterr().out)
    for name in ("two_balls", "three_balls", "nine_ball_break", "eight_ball_break"):
        assert report[name]["shots_per_second"] > 0
        assert report[name]["complete"] == 1.0
    assert len(report["three_balls_by_model"]) == 16
    assert report["live_16_balls_ms"]["p99"] >= report["live_16_balls_ms"]["median"]
    assert report["cold_start"]["process_s"] >= report["cold_start"]["first_shot_s"] > 0
    bench_physics.print_report(report | {"cold_start": {"first_shot_s": 1.0}})
    assert "first shot after 1.00 s\n" in capsys.readouterr().out
    report["cold_start"]["first_shot_empty_cache_s"] = 7.0
    bench_physics.print_report(report)
    assert "7.0 s with an empty cache" in capsys.readouterr().out


def test_the_benchmark_refuses_unknown_tables() -> None:
    with pytest.raises(InputError, match="--table"):
        bench_physics.measure("ping-pong", 1, 1)
