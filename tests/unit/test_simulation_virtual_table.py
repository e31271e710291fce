"""The virtual table as others use it: pictures with truth, step by step."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer import table as tables
from billiards_trainer.config.schema import Config
from billiards_trainer.light_map import LightMap
from billiards_trainer.physics.parameters import Models, for_table
from billiards_trainer.physics.strike import Strike
from billiards_trainer.simulation import warmup
from billiards_trainer.simulation.acts import Shot
from billiards_trainer.simulation.measure import measure
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.randomise import random_parameters
from billiards_trainer.simulation.setup import PlayerLook, Setup
from billiards_trainer.simulation.stroke import Stroke, Tempo
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
    assert math.radians(2) <= last.cue.elevation <= math.radians(8)
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


def test_the_message_tells_what_has_happened_since_the_picture_before(
    break_shot: list[Observation],
) -> None:
    told = []
    for seen in break_shot:
        message = seen.truth.message(1_000_000_000)
        assert len(message.events) == len(seen.events)
        for event in message.events:
            assert 0 <= 1_000_000_000 - event.time_ns < 1e9 / 30 + 1
            assert event.labels == tuple(message.balls[i].label for i in event.balls)
            told.append(event)
    kinds = [event.kind for event in told]
    assert kinds[0] == m.EventKind.SHOT_START
    assert told[0].labels == ("cue",)
    hit = next(event for event in told if event.kind == m.EventKind.BALL_COLLISION)
    assert "cue" in hit.labels
    assert math.dist((hit.x_m, hit.y_m), POOL.spots["foot"]) < 0.1
    assert m.EventKind.CUSHION_COLLISION in kinds


def test_the_message_tells_how_balls_move(break_shot: list[Observation]) -> None:
    r, found = POOL.balls.radius, set()
    for seen in break_shot:
        for ball in seen.truth.message(1).balls:
            assert ball.motion is not None
            assert ball.z_m is not None
            assert ball.visible is not None
            found.add(ball.motion)
            speed = math.hypot(ball.vx, ball.vy)
            slip = math.hypot(ball.vx - r * ball.spin[1], ball.vy + r * ball.spin[0])
            if ball.on_table:
                assert ball.z_m == pytest.approx(r)
                assert (speed > 0) == (ball.motion in ("sliding", "rolling"))
            if ball.motion == "rolling":
                assert slip < 1e-3 * speed + 1e-9
            if ball.motion == "resting":
                assert ball.spin == (0.0, 0.0, 0.0)
            if ball.motion in ("held", "pocketed"):
                assert not ball.on_table
    assert found >= {"resting", "sliding", "rolling", "held", "pocketed"}


def test_the_message_names_the_physics_in_force() -> None:
    other = random_parameters(POOL, 3)
    play = Play(parameters=other, models=Models.named(cushion="han_2005"))
    setup = Setup.default(POOL, width=320, height=180)
    told = VirtualTable(POOL, setup, play=play).step().truth.message(1).physics
    assert told is not None
    assert told.parameters == asdict(other)
    assert Models.named(told.ball_ball, told.cushion, told.cue) == play.models
    usual = small().step().truth.message(1).physics
    assert usual is not None
    assert usual.parameters == asdict(for_table(POOL))


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


def cue_alone(readout_s: float) -> VirtualTable:
    """One whose player has no body, and whose camera reads its rows out within ``readout_s``."""
    sensor = replace(Setup.default(POOL).sensor, readout_s=readout_s, exposure_s=0.004)
    setup = replace(
        Setup.default(POOL, width=640, height=360), sensor=sensor, player=PlayerLook(visible=False)
    )
    return VirtualTable(POOL, setup, seed=3, play=QUICK)


def test_the_cue_is_where_it_was_when_its_rows_were_exposed() -> None:
    virtual = cue_alone(readout_s=0.03)
    earlier = later = 0.0
    compared = 0
    while virtual.world.shot < 3:
        seen = virtual.step()
        shot, cue = virtual.world.act, seen.truth.cue
        if seen.truth.phase != "stroke" or not isinstance(shot, Shot) or cue is None:
            continue
        # The tip's rows are those where the truth has it.
        delay = 0.03 * (float(virtual.camera.to_pixels(cue.tip)[1]) / 360 - 0.5)
        now = shot.stroke.cue(seen.truth.time_s - shot.starts)
        then = shot.stroke.cue(seen.truth.time_s - shot.starts + delay)
        assert math.dist(cue.tip, then.tip) < 0.1 * math.dist(now.tip, then.tip) + 1e-4
        earlier, later = min(earlier, delay), max(later, delay)
        if math.dist(now.tip, then.tip) < 0.01:
            continue
        # The picture shows it there: cue up to the tip, none beyond it.
        compared += 1
        along = np.array([[-0.02], [0.02]]) * cue.direction
        depth = virtual.renderer.limb_depth(virtual.camera.to_pixels(cue.tip + along))
        assert np.isfinite(depth).tolist() == [True, False]
    assert compared > 3
    assert later - earlier > 0.002, "shots are played at several heights of the picture"


def test_a_stroke_blurs_the_cue_along_itself() -> None:
    virtual = cue_alone(readout_s=0.0)
    exposure = virtual.setup.sensor.exposure_s
    fastest = 0.0
    while virtual.world.shot < 2:
        virtual.skip(1 / 30)
        shot = virtual.world.act
        if not isinstance(shot, Shot):
            continue
        t = virtual.world.time - shot.starts
        above = shot.above(virtual.world.time, virtual.setup, 250.0)
        speed = (shot.stroke.withdrawn(t - 1e-4) - shot.stroke.withdrawn(t + 1e-4)) / 2e-4
        if above.cue is None or t > shot.stroke.contact_s - 0.03 or abs(speed) < 1.0:
            continue
        covered = float(above.slides.max() - above.slides.min())
        assert 0.5 * abs(speed) * exposure < covered < 1.5 * abs(speed) * exposure
        fastest = max(fastest, speed)
    assert fastest > 2.0, "the break is faster than a walk"


def test_the_hand_that_strokes_is_blurred_and_the_other_is_not() -> None:
    plan = Stroke(Strike(0, 3.0, 0.7, 0.1), (0.5, 0.8, 0.0286), 0.0286, Tempo())
    striking = plan.stance(plan.contact_s - 0.01, 500.0, 0.006)
    assert striking.blur == 0
    assert striking.grip_blur == pytest.approx(3.0 * 0.006 * 500, rel=0.2)
    coming = plan.stance(0.5 * plan.tempo.approach_s, 500.0, 0.006)
    assert coming.blur > 5


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
    above = virtual.world.act.above(virtual.world.time, virtual.setup, 100.0)
    assert len(above.limbs) == 1


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
