"""What is drawn: predicted by the engine, steady, and never in the way."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.aim import Aim, AimFilter, AimSettings
from billiards_trainer.core.guidance.clip import inside_rectangle, outside_discs, shortened
from billiards_trainer.core.guidance.comparison import compare, first_leg, thinned
from billiards_trainer.core.guidance.prediction import PredictionError, Predictor
from billiards_trainer.core.guidance.scene import View, build_scene, split_at
from billiards_trainer.core.guidance.steady import SteadyPredictor
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import Point, preset
from tests.unit.played_shots import FILM, play

POOL = preset("pool-9ft")
R = POOL.balls.radius
PREDICTOR = Predictor(POOL)

coordinate = st.floats(-1, 4, allow_subnormal=False)
polyline = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=6)


def ball(track: int, label: str, x: float, y: float, **more: object) -> m.BallState:
    return m.BallState(track=track, label=label, x_m=x, y_m=y, **more)  # type: ignore[arg-type]


def aim(angle: float, track: int = 1, speed: float = 2.0, **more: float) -> Aim:
    return Aim(track, angle, more.get("std", 0.0), 0.0, 0.0, 0.0, speed, False)


def state(
    *balls: m.BallState, frame: int = 0, cue: m.CueState | None = None, **more: object
) -> m.TableState:
    return m.TableState(
        frame=frame, exposure_ns=1 + frame * 33_333_333, epoch=1, table=POOL.name,
        width=POOL.width, length=POOL.length, ball_radius=R, source=FILM, calibration="camera-1",
        balls=balls, cue=cue, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def cue_at(angle: float, track: int | None = 1, speed: float = 0.0) -> m.CueState:
    return m.CueState(tip_m=(0.5, 0.4, 0.03), angle_rad=angle, addresses=track, tip_speed=speed)


# --- clipping ----------------------------------------------------------------------------------


def length_of(points: list[Point]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(points))


@given(polyline, st.lists(st.tuples(coordinate, coordinate, st.floats(0.01, 1)), max_size=4))
def test_nothing_is_left_inside_a_disc(
    points: list[Point], discs: list[tuple[float, float, float]]
) -> None:
    pieces = outside_discs(points, discs)
    for piece in pieces:
        for a, b in pairwise(piece):
            for share in (0.0, 0.25, 0.5, 0.75, 1.0):
                x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
                for cx, cy, radius in discs:
                    assert math.dist((x, y), (cx, cy)) > radius - 1e-6
    assert sum(map(length_of, pieces)) <= length_of(points) + 1e-6


@given(polyline)
def test_nothing_is_left_outside_a_rectangle(points: list[Point]) -> None:
    for piece in inside_rectangle(points, (0.0, 0.0), (1.0, 2.0)):
        assert all(-1e-9 <= x <= 1 + 1e-9 and -1e-9 <= y <= 2 + 1e-9 for x, y in piece)


def test_a_line_across_a_disc_is_cut_in_two() -> None:
    pieces = outside_discs([(0.0, 0.0), (1.0, 0.0)], [(0.5, 0.0, 0.1)])
    ends = [x for piece in pieces for x, _ in piece]
    assert ends == pytest.approx([0.0, 0.4, 0.6, 1.0])
    assert outside_discs([(0.0, 0.0)], []) == []


def test_a_line_that_leaves_and_comes_back_has_two_pieces() -> None:
    pieces = inside_rectangle(
        [(0.5, 0.5), (1.5, 0.5), (1.5, 1.0), (0.5, 1.0)], (0.0, 0.0), (1.0, 2.0)
    )
    assert pieces == [[(0.5, 0.5), (1.0, 0.5)], [(1.0, 1.0), (0.5, 1.0)]]


@given(polyline, st.floats(0.01, 3))
def test_a_line_is_shortened_to_its_length(points: list[Point], length: float) -> None:
    short = shortened(points, length)
    assert length_of(short) == pytest.approx(min(length, length_of(points)), abs=1e-9)


@given(polyline)
def test_a_thinned_line_stays_close(points: list[Point]) -> None:
    thin = thinned(points, 0.01)
    assert thin[0] == points[0]
    assert thin[-1] == points[-1]
    assert set(thin) <= set(points)


# --- prediction --------------------------------------------------------------------------------


def test_the_ghost_ball_touches_the_ball_that_is_struck() -> None:
    balls = (ball(1, "cue", 0.4, 0.5), ball(2, "9", 0.6, 1.4), ball(3, "3", 1.0, 2.2))
    angle = math.atan2(0.9, 0.2) + 0.02
    found = PREDICTOR.predict(balls, aim(angle), 7, 77)
    assert (found.frame, found.exposure_ns, found.target, found.target_track) == (7, 77, "9", 2)
    assert found.ghost_ball is not None
    assert math.dist(found.ghost_ball, (0.6, 1.4)) == pytest.approx(2 * R, abs=1e-6)
    # On the line of aim, for a level cue struck in the middle.
    x, y = found.ghost_ball
    assert abs((x - 0.4) * math.sin(angle) - (y - 0.5) * math.cos(angle)) < 1e-6
    assert found.paths[0].track == 1
    assert found.paths[0].points[0] == (0.4, 0.5)
    assert found.cut_angle_rad is not None
    centres = math.atan2(1.4 - y, 0.6 - x)
    assert found.cut_angle_rad == pytest.approx(abs(angle - centres), abs=1e-6)
    assert found.events[0].kind is m.EventKind.BALL_COLLISION


def test_a_straight_pot_is_likely_and_a_miss_is_not() -> None:
    pocket = next(p for p in POOL.pockets if p.name == "far-right")
    target = np.array(pocket.mouth_centre) - 0.25
    cue = target - 0.3
    balls = (ball(1, "cue", *cue), ball(2, "1", *target))
    sure = PREDICTOR.predict(balls, aim(math.pi / 4), 0, 0)
    path = next(p for p in sure.paths if p.track == 2)
    assert (path.end, path.pocket) == ("pocketed", "far-right")
    assert sure.pot_probability is not None
    assert sure.pot_probability > 0.9
    unsure = PREDICTOR.predict(balls, aim(math.pi / 4, std=0.06), 0, 0)
    assert unsure.pot_probability is not None
    assert unsure.pot_probability < sure.pot_probability
    missed = PREDICTOR.predict(balls, aim(math.pi / 4 + 0.05), 0, 0)
    assert missed.pot_probability == 0.0


def test_a_cue_ball_on_its_way_into_a_pocket_is_foreseen() -> None:
    found = PREDICTOR.predict((ball(1, "cue", 0.9, 2.17),), aim(math.pi / 4), 0, 0)
    assert found.scratch_probability > 0.9
    assert (found.target, found.pot_probability, found.ghost_ball) == (None, None, None)


def test_curved_ways_have_points_between_their_ends() -> None:
    balls = (ball(1, "cue", 0.4, 0.5), ball(2, "9", 0.62, 1.4))
    found = PREDICTOR.predict(balls, aim(math.atan2(0.9, 0.2), speed=4.0), 0, 0)
    _, after = split_at(found.paths[0].points, found.ghost_ball)
    assert len(after) > 6


def test_there_is_no_prediction_without_the_ball_or_with_impossible_balls() -> None:
    with pytest.raises(PredictionError, match="not on the table"):
        PREDICTOR.predict((ball(2, "1", 0.4, 0.5),), aim(0.0), 0, 0)
    with pytest.raises(PredictionError):
        PREDICTOR.predict((ball(1, "cue", 0.4, 0.5), ball(2, "1", 0.41, 0.5)), aim(0.0), 0, 0)


def test_balls_seen_in_pockets_or_hands_are_left_out() -> None:
    x, y = POOL.pockets[0].centre
    balls = (
        ball(1, "cue", 0.4, 0.5),
        ball(2, "1", x, y),
        ball(3, "2", 0.4, 0.8, in_hand=True),
    )
    assert PREDICTOR.predict(balls, aim(math.pi / 2), 0, 0).target is None


# --- the aim -----------------------------------------------------------------------------------


def test_a_trembling_measurement_gives_a_still_line() -> None:
    rng = np.random.default_rng(0)
    aims = AimFilter()
    drawn = []
    for k in range(150):
        cue = cue_at(1.2 + rng.normal(0, math.radians(0.1)))
        found = aims.update(state(ball(1, "cue", 0.5, 0.6), frame=k, cue=cue))
        assert (found is None) == (k < 2)
        if k > 30 and found is not None:
            drawn.append(found.angle)
    assert np.std(drawn) < math.radians(0.035)
    assert abs(np.mean(drawn) - 1.2) < math.radians(0.03)


def test_a_swung_cue_is_followed_without_lag() -> None:
    aims = AimFilter()
    for k in range(60):
        angle = 1.0 + max(0, k - 20) * 0.02
        found = aims.update(state(ball(1, "cue", 0.5, 0.6), frame=k, cue=cue_at(angle)))
    assert found is not None
    assert abs(found.angle - angle) < math.radians(2.0)


def test_an_aim_is_held_for_a_moment_and_forgotten_when_balls_roll() -> None:
    aims = AimFilter()
    still = ball(1, "cue", 0.5, 0.6)
    for k in range(5):
        aims.update(state(still, frame=k, cue=cue_at(1.0)))
    assert aims.update(state(still, frame=8)) is not None
    assert aims.update(state(still, frame=40)) is None
    for k in range(41, 46):
        aims.update(state(still, frame=k, cue=cue_at(1.0)))
    rolling = ball(1, "cue", 0.5, 0.6, moving=True)
    assert aims.update(state(rolling, frame=47, cue=cue_at(1.0))) is None


def test_speed_comes_from_the_practice_strokes() -> None:
    aims = AimFilter(AimSettings(speed=1.5))
    still = ball(1, "cue", 0.5, 0.6)
    found = None
    for k in range(5):
        found = aims.update(state(still, frame=k, cue=cue_at(1.0)))
    assert found is not None
    assert (found.speed, found.speed_seen) == (1.5, False)
    for k in range(5, 60):
        stroke = 3.0 * math.sin(k / 5)
        found = aims.update(state(still, frame=k, cue=cue_at(1.0, speed=stroke)))
    assert found is not None
    assert found.speed_seen
    assert found.speed == pytest.approx(3.0, rel=0.2)


def test_a_cue_that_addresses_nothing_aims_at_nothing() -> None:
    aims = AimFilter()
    for k in range(10):
        found = aims.update(state(ball(1, "cue", 0.5, 0.6), frame=k, cue=cue_at(1.0, track=None)))
        assert found is None


# --- steadiness --------------------------------------------------------------------------------


def test_a_grazed_ball_does_not_flicker() -> None:
    rng = np.random.default_rng(1)
    balls = (ball(1, "cue", 0.4, 0.5), ball(2, "9", 0.4 + 2 * R, 1.4), ball(3, "3", 0.4, 2.2))
    steady = SteadyPredictor(PREDICTOR)
    targets = []
    for k in range(60):
        angle = math.pi / 2 + rng.normal(0, 0.0015)
        found = steady.update(balls, aim(angle), k, k)
        assert found is not None
        assert found.frame == k
        targets.append(found.target)
    changes = sum(a != b for a, b in pairwise(targets))
    raw = [
        PREDICTOR.predict(balls, aim(math.pi / 2 + e), 0, 0, odds=False).target
        for e in np.random.default_rng(1).normal(0, 0.0015, 60)
    ]
    assert sum(a != b for a, b in pairwise(raw)) > 10
    assert changes <= 8


def test_the_same_aim_is_not_worked_out_again() -> None:
    calls = []

    class Counting(Predictor):
        def predict(self, *args: object, **more: object) -> m.Prediction:
            calls.append(1)
            return super().predict(*args, **more)  # type: ignore[arg-type]

    steady = SteadyPredictor(Counting(POOL))
    balls = (ball(1, "cue", 0.4, 0.5), ball(2, "9", 0.42, 1.4))
    for k in range(10):
        steady.update(balls, aim(math.pi / 2), k, k)
    assert len(calls) == 1
    for k in range(10):
        steady.update(balls, aim(math.pi / 2 + 0.002 * k), k, k)
    assert len(calls) == 10
    moved = (ball(1, "cue", 0.4, 0.51), balls[1])
    steady.update(moved, aim(math.pi / 2 + 0.018), 11, 11)
    assert len(calls) == 11


def test_why_there_is_no_prediction_is_said() -> None:
    steady = SteadyPredictor(PREDICTOR)
    assert steady.update((ball(2, "1", 0.4, 0.5),), aim(0.0), 0, 0) is None
    assert "not on the table" in steady.problem


# --- afterwards --------------------------------------------------------------------------------


def test_a_shot_is_compared_with_its_prediction() -> None:
    places = np.array([[0.4, 0.5], [0.6, 1.4]])
    angle = math.atan2(0.9, 0.2)
    played = play(POOL, places, ("cue", "1"), Strike(0, 1.5, angle + 0.004))
    assert played.segmenter is not None
    shot = played.segmenter.take_shot()
    assert shot is not None
    tracks = {b.label: b.track for b in shot.before}
    balls = (ball(tracks["cue"], "cue", *places[0]), ball(tracks["1"], "1", *places[1]))
    foreseen = PREDICTOR.predict(balls, aim(angle, tracks["cue"], 1.5), 0, 0)
    exact = PREDICTOR.predict(balls, aim(angle + 0.004, tracks["cue"], 1.5), 0, 0)
    off, right = compare(foreseen, shot), compare(exact, shot)
    assert off is not None
    assert right is not None
    assert off.error_rad is not None
    assert right.error_rad is not None
    assert right.error_m is not None
    assert off.error_m is not None
    assert right.error_rad < math.radians(0.7)
    assert right.error_m < 0.008
    assert off.error_rad > 3 * right.error_rad
    assert off.error_m > right.error_m
    assert compare(None, shot) is None
    elsewhere = foreseen.model_copy(update={"target_track": 99})
    assert compare(elsewhere, shot) is None


def test_the_first_leg_ends_at_the_first_corner() -> None:
    line = [(0.0, 0.0), (0.0, 0.5), (0.001, 1.0), (0.5, 0.8)]
    assert first_leg(line) == line[:3]


# --- the scene ---------------------------------------------------------------------------------

BALLS = (
    ball(1, "cue", 0.4, 0.5),
    ball(2, "9", 0.55, 1.2),
    ball(3, "3", 0.9, 1.9),
    ball(4, "2", 0.7, 0.2, in_hand=True),
)


def drawn(level: str, angle: float = math.atan2(0.7, 0.16), **more: object) -> m.Scene:
    prediction = PREDICTOR.predict(BALLS, aim(angle, speed=3.0), 5, 5)
    view = View(level, m.Phase.AIMING, prediction, **more)  # type: ignore[arg-type]
    return build_scene(state(*BALLS, frame=5), POOL, view)


@pytest.mark.parametrize("angle", np.linspace(0.0, 2 * math.pi, 16, endpoint=False))
def test_no_line_lies_on_a_ball_in_a_pocket_or_off_the_table(angle: float) -> None:
    scene = drawn("beginner", float(angle))
    assert scene.keep_clear == tuple((b.x_m, b.y_m) for b in BALLS[:3])
    lines = [e for e in scene.elements if isinstance(e, m.Line)]
    assert lines
    for line in lines:
        for a, b in pairwise(line.points):
            for share in np.linspace(0, 1, 9):
                x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
                assert POOL.contains(x, y)
                for centre in scene.keep_clear:
                    assert math.dist((x, y), centre) > 1.2 * R
                for pocket in POOL.pockets:
                    assert math.dist((x, y), pocket.centre) > pocket.radius - 1e-9


def test_assistance_levels_show_less_and_less() -> None:
    counts = [len(drawn(level).elements) for level in ("beginner", "intermediate", "advanced")]
    assert counts[0] > counts[1] > counts[2] > 0
    assert drawn("off").elements == ()
    assert drawn("drill").elements == ()


def test_the_ghost_ball_is_a_ring_of_a_ball_s_size() -> None:
    rings = [e for e in drawn("intermediate").elements if isinstance(e, m.Ring)]
    assert len(rings) == 1
    assert rings[0].radius + rings[0].width / 2 == pytest.approx(R)


def test_a_likely_pot_is_written_beside_the_ball_and_the_pocket_is_marked() -> None:
    pocket = next(p for p in POOL.pockets if p.name == "far-right")
    target = np.array(pocket.mouth_centre) - 0.35
    balls = (ball(1, "cue", *(target - 0.3)), ball(2, "1", *target))
    prediction = PREDICTOR.predict(balls, aim(math.pi / 4), 0, 0).model_copy(
        update={"scratch_probability": 0.0}
    )
    scene = build_scene(state(*balls), POOL, View("beginner", m.Phase.AIMING, prediction))
    texts = [e for e in scene.elements if isinstance(e, m.Text)]
    assert len(texts) == 1
    assert texts[0].text.endswith(" %")
    assert texts[0].angle == pytest.approx(-math.pi / 4)
    bars = [
        e
        for e in scene.elements
        if isinstance(e, m.Line) and math.dist(e.points[0], pocket.mouth_centre) < 0.1
    ]
    assert bars


def test_a_scratch_is_warned_of() -> None:
    balls = (ball(1, "cue", 0.9, 2.17),)
    prediction = PREDICTOR.predict(balls, aim(math.pi / 4), 0, 0)
    scene = build_scene(state(*balls), POOL, View("beginner", m.Phase.AIMING, prediction))
    texts = [e.text for e in scene.elements if isinstance(e, m.Text)]
    assert texts == ["cue ball may drop"]


def test_a_notice_stands_alone_and_a_banner_stays() -> None:
    scene = drawn("beginner", notice="camera lost: please wait", banner="VIRTUAL TABLE")
    assert [e.text for e in scene.elements if isinstance(e, m.Text)] == [
        "camera lost: please wait",
        "VIRTUAL TABLE",
    ]
    assert len(scene.elements) == 2


def test_what_happened_is_drawn_after_the_shot() -> None:
    places = np.array([[0.4, 0.5], [0.6, 1.4]])
    angle = math.atan2(0.9, 0.2)
    played = play(POOL, places, ("cue", "1"), Strike(0, 1.5, angle))
    assert played.segmenter is not None
    shot = played.segmenter.take_shot()
    assert shot is not None
    tracks = {b.label: b.track for b in shot.before}
    balls = (ball(tracks["cue"], "cue", *places[0]), ball(tracks["1"], "1", *places[1]))
    found = compare(PREDICTOR.predict(balls, aim(angle, tracks["cue"], 1.5), 0, 0), shot)
    scene = build_scene(played.states[-1], POOL, View("beginner", m.Phase.IDLE, comparison=found))
    assert any(isinstance(e, m.Text) and "mm" in e.text for e in scene.elements)
    assert sum(isinstance(e, m.Line) for e in scene.elements) >= 2
