"""What is drawn: predicted by the engine, steady, and never in the way."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.core.cloth_screen import qr_modules
from billiards_trainer.core.guidance import palette
from billiards_trainer.core.guidance.aim import Aim, AimFilter, AimSettings
from billiards_trainer.core.guidance.clip import inside_rectangle, outside_discs, shortened
from billiards_trainer.core.guidance.comparison import compare, first_leg, thinned
from billiards_trainer.core.guidance.corridor import Contact, Spread, corridor, outline
from billiards_trainer.core.guidance.drills import missing, stop_shot
from billiards_trainer.core.guidance.palette import Inks
from billiards_trainer.core.guidance.prediction import PredictionError, Predictor
from billiards_trainer.core.guidance.scene import View, build_scene
from billiards_trainer.core.guidance.screens import Screen, screen_for
from billiards_trainer.core.guidance.shot_drawing import split_at
from billiards_trainer.core.guidance.steady import SteadyPredictor
from billiards_trainer.physics.strike import Strike
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.renderer import SceneRenderer
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


# --- the corridor ------------------------------------------------------------------------------


def contact(**more: float) -> Contact:
    ghost = (0.6, 1.0 - 2 * R)
    given = {"aim_std": 0.006, "start_std": 5e-4, "target_std": 5e-4, **more}
    return Contact((0.6, 0.5), ghost, (0.6, 1.0), math.pi / 2, R, **given)


WAY = [(0.6, 1.0), (0.6, 2.0)]


def test_a_corridor_widens_along_the_way_and_with_the_players_errors() -> None:
    found = corridor(contact(), WAY)
    assert found is not None
    assert list(found.left) == sorted(found.left)
    assert found.left[-1] == pytest.approx(found.right[-1], rel=0.15)
    # 1.28 standard deviations of the aim, magnified by the way to the ball over its diameter.
    turned = 1.28 * 0.006 * (0.5 - 2 * R) / (2 * R)
    assert found.left[-1] == pytest.approx(turned, rel=0.35)
    for wider in (corridor(contact(aim_std=0.012), WAY), corridor(contact(), WAY, 2.0)):
        assert wider is not None
        assert wider.left[-1] > 1.5 * found.left[-1]
    assert corridor(contact(), [(0.6, 1.0), (0.6, 1.01)]) is None


def test_a_corridor_goes_round_corners_and_encloses_its_way() -> None:
    way = [(0.6, 1.0), (0.6, 2.0), (0.3, 1.5)]
    found = corridor(contact(), way)
    assert found is not None
    legs = outline(way, found)
    assert len(legs) == 2
    for polygon, (a, b) in zip(legs, pairwise(way), strict=True):
        shape = np.array(polygon, dtype=np.float32)
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        assert cv2.pointPolygonTest(shape, middle, False) > 0
    assert found.share_of_width(0.5, 0.0) == 0.0
    assert found.share_of_width(1.0, float(np.interp(1.0, found.reach, found.left))) == 1.0


def test_a_players_own_errors_are_learned_and_a_miscue_is_not_everything() -> None:
    spread = Spread()
    assert spread.factor == pytest.approx(1.0)
    rng = np.random.default_rng(3)
    for share in np.abs(rng.normal(0, 0.5 / 1.28, 120)):
        spread.learn(share / spread.factor)
    assert spread.factor == pytest.approx(0.5, rel=0.15)
    spread.learn(100.0)
    assert spread.factor < 0.7
    assert Spread(spread.shares).factor == pytest.approx(spread.factor)


def test_the_fan_shows_draw_and_follow_where_the_tip_cannot_be_seen() -> None:
    balls = (ball(1, "cue", 0.6, 0.5), ball(2, "1", 0.6, 1.2))
    unseen = replace(aim(math.pi / 2, speed=2.5), height_seen=False)
    found = PREDICTOR.predict(balls, unseen, 0, 0)
    back, forth = (piece.points for piece in found.fan)
    assert back[-1][1] < 1.1
    assert max(y for _, y in forth) > 1.3
    assert not PREDICTOR.predict(balls, aim(math.pi / 2), 0, 0).fan


# --- drills, screens, colours --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pool-9ft", "snooker-12ft", "carom-10ft"])
def test_a_drill_is_set_up_step_by_step(name: str) -> None:
    table = preset(name)
    wanted = stop_shot(table)
    view = View("drill", m.Phase.IDLE, drill=wanted)
    assert all(table.contains(b.x_m, b.y_m, table.balls.radius) for b in wanted.balls)
    lying: list[m.BallState] = []
    counts = []
    for track, placed in enumerate(wanted.balls, start=1):
        scene = build_scene(state(*lying), table, view)
        counts.append(sum(isinstance(e, m.Text) and e.text.isdigit() for e in scene.elements))
        lying.append(ball(track, placed.label, placed.x_m, placed.y_m + 0.004))
    assert counts == [2, 1]
    assert not missing(wanted, lying)
    scene = build_scene(state(*lying), table, view)
    assert not any(isinstance(e, m.Text) for e in scene.elements)
    assert any(isinstance(e, m.Line) and e.dash for e in scene.elements)
    wrong = [lying[0].model_copy(update={"label": "9"}), lying[1]]
    if wanted.balls[0].label == "cue":
        assert missing(wanted, wrong) == [wanted.balls[0]]
    assert not build_scene(state(*lying), table, replace(view, phase=m.Phase.SHOT)).elements


def test_an_unused_table_says_so_and_goes_dark() -> None:
    assert [screen_for(s, 10, 60) for s in (0, 9, 10, 59, 60)] == [
        Screen.PLAY, Screen.PLAY, Screen.IDLE, Screen.IDLE, Screen.NIGHT
    ]  # fmt: skip
    idle = build_scene(state(), POOL, View("beginner", m.Phase.IDLE, screen=Screen.IDLE))
    assert {e.text for e in idle.elements if isinstance(e, m.Text)} == {"ready to play"}
    assert max(e.opacity for e in idle.elements) < 0.5
    night = View("beginner", m.Phase.IDLE, screen=Screen.NIGHT, banner="VIRTUAL TABLE")
    assert not build_scene(state(), POOL, night).elements


def test_a_code_on_the_cloth_can_be_read() -> None:
    text = "http://192.168.1.20:8000/"
    view = View("beginner", m.Phase.IDLE, code=qr_modules(text))
    scene = build_scene(state(), POOL, view)
    renderer = SceneRenderer(POOL, Projection.centred(POOL, 1920, 1080))
    renderer.draw(scene)
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(renderer.canvas[..., :3].copy())
    assert read == text
    with pytest.raises(ValueError, match="QR"):
        qr_modules("x" * 9000)


@given(st.sampled_from([f.name for f in fields(Inks)]), st.tuples(*[st.integers(0, 255)] * 3))
def test_every_ink_shows_on_every_cloth(name: str, rgb: tuple[int, int, int]) -> None:
    cloth = "#" + "".join(f"{v:02x}" for v in rgb)
    reflects = tuple(((v / 255) ** 2.2) for v in rgb)
    ink = getattr(palette.inks_for(cloth), name)
    if name != "quiet":
        assert palette.brightness(ink, reflects) >= 0.3  # type: ignore[arg-type]
    assert palette.inks_for(None) == Inks()
