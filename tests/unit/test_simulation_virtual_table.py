"""The virtual table as others use it: pictures with truth, step by step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer import table as tables
from billiards_trainer.config.schema import Config
from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation import warmup
from billiards_trainer.simulation.measure import measure
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.setup import PlayerLook, Setup
from billiards_trainer.simulation.stroke import Tempo
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.simulation.world import Play

POOL = tables.preset("pool-9ft")
QUICK = Play(tempo=Tempo().hurried(4))


def small(seed: int = 1, **changes: object) -> VirtualTable:
    setup = replace(Setup.default(POOL, width=320, height=180), **changes)  # type: ignore[arg-type]
    return VirtualTable(POOL, setup, seed=seed, play=QUICK)


@pytest.fixture(scope="module")
def break_shot() -> list[Observation]:
    """Every picture from the beginning until some time after the break."""
    virtual = small(3)
    return [virtual.step() for _ in range(270)]


def test_pictures_follow_each_other_by_the_frame_time(break_shot: list[Observation]) -> None:
    assert [o.truth.frame for o in break_shot] == list(range(len(break_shot)))
    times = [o.truth.time_s for o in break_shot]
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=1e-9)
    assert {o.truth.phase for o in break_shot} == {"setup", "approach", "aim", "stroke", "rolling"}


def test_events_come_with_the_picture_after_them(break_shot: list[Observation]) -> None:
    told = [(o.truth.time_s, e) for o in break_shot for e in o.events]
    assert told
    for time_s, event in told:
        assert time_s - 1 / 30 - 1e-9 < event.time_s <= time_s + 1e-9
    start = next(e for _, e in told if e.kind == m.EventKind.SHOT_START)
    before = [o for o in break_shot if o.truth.time_s < start.time_s][-1]
    after = next(o for o in break_shot if o.truth.time_s > start.time_s + 0.02)
    speeds = [
        max(float(np.linalg.norm(b.velocity)) for b in o.truth.balls) for o in (before, after)
    ]
    assert speeds[0] == 0
    assert speeds[1] > 3


def test_the_cue_is_told_while_it_is_there(break_shot: list[Observation]) -> None:
    aiming = [o.truth for o in break_shot if o.truth.phase in ("aim", "stroke")]
    assert all(t.cue is not None for t in aiming)
    racking = [o.truth for o in break_shot if o.truth.phase == "setup"]
    assert all(t.cue is None for t in racking)
    last = aiming[-1]
    assert last.cue is not None
    cue_ball = next(b for b in last.balls if b.label == "cue")
    way = cue_ball.position - np.array(last.cue.tip)
    assert math.radians(2) <= last.cue.elevation <= math.radians(12)
    off = np.linalg.norm(np.cross(way, last.cue.direction))
    assert off < 0.6 * POOL.balls.radius


def test_the_truth_becomes_a_message(break_shot: list[Observation]) -> None:
    seen = next(o for o in break_shot if o.truth.phase == "aim")
    message = seen.truth.message(123)
    assert message.exposure_ns == 123
    assert message.frame == seen.truth.frame
    assert {b.label for b in message.balls} == {"cue", *(str(n) for n in range(1, 16))}
    assert all(b.on_table for b in message.balls)
    assert message.cue_angle_rad == seen.truth.cue.angle  # type: ignore[union-attr]
    assert m.GroundTruth.model_validate_json(message.model_dump_json()) == message


def test_rows_are_exposed_one_after_the_other(break_shot: list[Observation]) -> None:
    rolling = next(
        o
        for o in break_shot
        if any(b.on_table and np.linalg.norm(b.velocity) > 1.0 for b in o.truth.balls)
    )
    sensor = Setup.default(POOL).sensor
    checked = 0
    for ball in rolling.truth.balls:
        if not ball.on_table or not ball.velocity.any():
            continue
        delay = sensor.readout_s * (ball.pixel[1] / 180 - 0.5)
        np.testing.assert_allclose(
            ball.seen, ball.position + ball.velocity * delay, atol=2e-3 + 0.2 * abs(delay)
        )
        checked += 1
    assert checked


def test_two_virtual_tables_of_one_seed_are_the_same() -> None:
    light = np.full((*LightMap.shape(POOL), 3), 30, np.uint8)
    a, b = small(9), small(9)
    for virtual in (a, b):
        virtual.skip(3.0)
    for _ in range(3):
        first, second = a.step(light), b.step(light)
        np.testing.assert_array_equal(first.image, second.image)
        assert first.truth.phase == second.truth.phase
    assert (small(10).step().image != small(9).step().image).any()


def test_pictures_can_be_left_out() -> None:
    virtual = small()
    events = virtual.skip(0.0)
    assert events == ()
    first = virtual.observe(0.5)
    second = virtual.observe(2.0)
    assert (first.truth.frame, second.truth.frame) == (0, 1)
    assert second.truth.time_s == pytest.approx(2.0)
    third = virtual.step()
    assert third.truth.time_s == pytest.approx(2.0 + 1 / 30)
    with pytest.raises(ValueError, match="moves on"):
        virtual.observe(1.0)


def test_the_body_can_be_left_out() -> None:
    virtual = small(player=PlayerLook(visible=False))
    while virtual.step().truth.phase != "aim":
        pass
    limbs = virtual.world.act.limbs(virtual.world.time, virtual.setup, 100.0)
    assert len(limbs) == 1


def test_random_states_are_reproducible() -> None:
    virtual = small()
    a, b = virtual.random_state(4), virtual.random_state(4)
    np.testing.assert_array_equal(a.image, b.image)
    assert [x.label for x in a.truth.balls] == [x.label for x in b.truth.balls]
    assert len(virtual.random_state(5, count=7).truth.balls) == 7


@pytest.mark.parametrize(
    ("simulation", "preset"),
    [
        ({}, "pool-9ft"),
        ({"room": "random", "physics": "random", "seed": 4}, "snooker-12ft"),
        ({"rack": "9-ball", "tempo": 2.0}, "pool-7ft"),
    ],
)
def test_the_configuration_decides(simulation: dict[str, object], preset: str) -> None:
    config = Config.model_validate(
        {
            "table": {"preset": preset},
            "source": {"width": 320, "height": 180, "fps": 25},
            "simulation": simulation,
        }
    )
    virtual = VirtualTable.from_config(config)
    assert virtual.step().image.shape == (180, 320, 3)
    assert virtual.fps == 25
    assert virtual.table.name == preset
    if "rack" in simulation:
        assert len(virtual.world.labels) == 10


def test_the_warm_up_draws_a_picture() -> None:
    assert warmup.main() == 0


def test_what_a_picture_costs_is_measured_by_phase() -> None:
    figures = measure("pool-7ft", 0.2)
    assert figures["all"]["pictures"] == 6
    assert figures["setup"]["median_ms"] > 0


def test_a_random_room_is_the_seeds() -> None:
    assert Setup.random(POOL, 3) == Setup.random(POOL, 3)
    assert Setup.random(POOL, 3) != Setup.random(POOL, 4)
