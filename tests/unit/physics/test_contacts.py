"""Impacts against theory: balls, cushions, jaws and the cue."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer.physics import layout
from billiards_trainer.physics.ball_ball import collide
from billiards_trainer.physics.ball_cushion import rebound
from billiards_trainer.physics.cue_ball import strike_ball
from billiards_trainer.physics.engine import choice_of, numbers_of, strike_row
from billiards_trainer.physics.parameters import (
    BallBallModel,
    CueModel,
    CushionModel,
    Models,
    ParameterError,
    PhysicsParameters,
    for_table,
)
from billiards_trainer.physics.strike import Strike, StrikeError
from billiards_trainer.physics.trajectory import EventKind

from .shots import CAROM, ELASTIC, POOL, P, R, angle_between, cloth, first, play, rolling

V = slice(layout.VX, layout.VY + 1)
W = slice(layout.WX, layout.WZ + 1)
speeds = st.floats(-8.0, 8.0)
spins = st.floats(-200.0, 200.0)
CLOSED_FORMS = (BallBallModel.ELASTIC, BallBallModel.ALCIATORE, BallBallModel.COULOMB)


def row(x: float, y: float, velocity: object, spin: object) -> np.ndarray:
    ball = np.zeros(layout.BALL_COLUMNS)
    ball[layout.X], ball[layout.Y] = x, y
    ball[V] = velocity
    ball[W] = spin
    return ball


def energy(*balls: np.ndarray) -> float:
    """Per mass."""
    return sum(float(0.5 * (b[V] ** 2).sum() + 0.2 * R**2 * (b[W] ** 2).sum()) for b in balls)


@given(
    va=st.tuples(speeds, speeds),
    vb=st.tuples(speeds, speeds),
    wa=st.tuples(spins, spins, spins),
    wb=st.tuples(spins, spins, spins),
    angle=st.floats(0.0, 2 * math.pi),
    model=st.sampled_from(CLOSED_FORMS),
)
def test_two_balls_keep_momentum_and_gain_no_energy(
    va: tuple[float, ...],
    vb: tuple[float, ...],
    wa: tuple[float, ...],
    wb: tuple[float, ...],
    angle: float,
    model: BallBallModel,
) -> None:
    a = row(0.0, 0.0, va, wa)
    b = row(2 * R * math.cos(angle), 2 * R * math.sin(angle), vb, wb)
    n = np.array([math.cos(angle), math.sin(angle)])
    closing = float((a[V] - b[V]) @ n)
    momentum, before = a[V] + b[V], energy(a, b)
    collide(a, b, numbers_of(P), model)
    assert a[V] + b[V] == pytest.approx(momentum, abs=1e-12)
    assert energy(a, b) <= before + 1e-9
    if closing > layout.SLOW:
        e = 1.0 if model == BallBallModel.ELASTIC else P.e_ball
        assert float((b[V] - a[V]) @ n) == pytest.approx(e * closing, abs=1e-9)
        if model == BallBallModel.ELASTIC:
            assert energy(a, b) == pytest.approx(before)
    elif closing <= 0.0:
        assert np.array_equal(a[V], np.array(va))


@given(
    normal=st.floats(0.01, 5.0),
    across=speeds,
    wa=st.tuples(spins, spins, spins),
    wb=st.tuples(spins, spins, spins),
)
def test_friction_between_balls_obeys_coulomb_and_never_reverses_the_slip(
    normal: float, across: float, wa: tuple[float, ...], wb: tuple[float, ...]
) -> None:
    a, b = row(0.0, 0.0, (normal, across), wa), row(2 * R, 0.0, (0.0, 0.0), wb)

    def slip() -> np.ndarray:
        total = a[W] + b[W]
        return np.array([a[V][1] - b[V][1] + R * total[2], -R * total[1]])

    before = slip()
    kick = a[V][1]
    collide(a, b, numbers_of(P), BallBallModel.ALCIATORE)
    # The vertical part of the friction turns the balls but does not lift them.
    speed = float(np.hypot(*before))
    mu = P.mu_ball_a + P.mu_ball_b * math.exp(-P.mu_ball_c * speed)
    assert abs(a[V][1] - kick) <= mu * P.e_ball * normal + 1e-12
    assert a[W] - np.array(wa) == pytest.approx(b[W] - np.array(wb), abs=1e-9)
    spin_change = float(np.hypot(*(a[W] - np.array(wa))[1:]))
    assert spin_change <= 2.5 / R * mu * P.e_ball * normal + 1e-9
    assert spin_change <= 2.5 / R * speed / 7 + 1e-9


def half_ball(offset: float) -> list[list[float]]:
    """A cue ball about to run up the table, and a ball hit with that offset (in diameters)."""
    return [[0.635, 0.6], [0.635 + 2 * R * offset, 0.72]]


@pytest.mark.parametrize("offset", [0.2, 0.5, 0.8])
def test_a_stun_shot_parts_at_ninety_degrees(offset: float) -> None:
    # Sliding without spin right to the contact: no friction on the way.
    shot = play(half_ball(offset), [[0.0, 2.0], [0.0, 0.0]], models=ELASTIC)
    hit = first(shot, EventKind.BALL_BALL)
    v = hit.after.velocity
    assert angle_between(v[0], v[1]) == pytest.approx(math.pi / 2, abs=1e-9)


def test_a_rolling_half_ball_hit_is_deflected_by_33_67_degrees() -> None:
    shot = play(
        half_ball(0.5), [[0.0, 1.0], [0.0, 0.0]], [rolling(0.0, 1.0), [0, 0, 0]], models=ELASTIC
    )
    hit = first(shot, EventKind.BALL_BALL)
    rolls = next(e for e in shot.events if e.kind == EventKind.ROLLING and e.balls == (0,))
    angle = angle_between(hit.before.velocity[0], rolls.after.velocity[0])
    # Alciatore, TP A-4: the largest deflection of a rolling cue ball, at a half-ball hit.
    assert math.degrees(angle) == pytest.approx(33.67, abs=0.02)


def test_a_rolling_full_hit_gives_two_sevenths_and_five_sevenths() -> None:
    shot = play(
        half_ball(0.0), [[0.0, 0.6], [0.0, 0.0]], [rolling(0.0, 0.6), [0, 0, 0]], models=ELASTIC
    )
    hit = first(shot, EventKind.BALL_BALL)
    speed = hit.before.velocity[0, 1]
    rolls = {e.balls[0]: e for e in shot.events if e.kind == EventKind.ROLLING}
    assert rolls[0].after.velocity[0, 1] == pytest.approx(2 / 7 * speed, rel=1e-9)
    assert rolls[1].after.velocity[0, 1] == pytest.approx(5 / 7 * speed, rel=1e-9)


def test_gearing_side_spin_gives_no_throw() -> None:
    cut = math.radians(30)
    speed = 1.0
    a = row(0.0, 0.0, (speed, 0.0), (0.0, 0.0, 0.0))
    b = row(2 * R * math.cos(cut), 2 * R * math.sin(cut), (0.0, 0.0), (0.0, 0.0, 0.0))
    plain_a, plain_b = a.copy(), b.copy()
    # The surfaces roll over each other when side spin cancels the tangential speed.
    a[layout.WZ] = speed * math.sin(cut) / R
    collide(a, b, numbers_of(P), BallBallModel.ALCIATORE)
    assert angle_between(b[V], np.array([math.cos(cut), math.sin(cut)])) == pytest.approx(0.0)
    assert b[W] == pytest.approx(0.0, abs=1e-9)
    collide(plain_a, plain_b, numbers_of(P), BallBallModel.ALCIATORE)
    throw = angle_between(plain_b[V], np.array([math.cos(cut), math.sin(cut)]))
    # Cut-induced throw at this speed: a few degrees (TP A-14).
    assert 1.0 < math.degrees(throw) < 5.0


def test_throw_falls_with_speed() -> None:
    def throw(speed: float) -> float:
        cut = math.radians(30)
        a = row(0.0, 0.0, (speed, 0.0), (0.0, 0.0, 0.0))
        b = row(2 * R * math.cos(cut), 2 * R * math.sin(cut), (0.0, 0.0), (0.0, 0.0, 0.0))
        collide(a, b, numbers_of(P), BallBallModel.ALCIATORE)
        return angle_between(b[V], np.array([math.cos(cut), math.sin(cut)]))

    assert throw(0.5) > throw(1.5) > throw(4.0) > 0.0


@given(
    v=st.tuples(st.floats(0.05, 8.0), speeds),
    wa=st.tuples(spins, spins, spins),
    wb=st.tuples(spins, spins, spins),
)
def test_the_integrated_impact_of_balls_only_loses_to_the_cloth(
    v: tuple[float, float], wa: tuple[float, ...], wb: tuple[float, ...]
) -> None:
    # Without loss, or friction, or either, no step may gain what the others do not hide.
    for e, mu in itertools.product((1.0, 0.5, 0.0), (0.0, 1e-3, 0.05, 0.5)):
        a, b = row(0.0, 0.0, v, wa), row(2 * R, 0.0, (0.0, 0.0), wb)
        before = energy(a, b)
        p = cloth(e_ball=e, mu_ball_a=mu, mu_ball_b=0.0)
        collide(a, b, numbers_of(p), BallBallModel.MATHAVAN_2014)
        assert energy(a, b) <= before * (1 + 1e-12)
        if mu == 0.0:
            assert b[layout.VX] - a[layout.VX] == pytest.approx(e * v[0], rel=5e-3, abs=1e-3 * v[0])
    a, b = row(0.0, 0.0, v, wa), row(2 * R, 0.0, (0.0, 0.0), wb)
    collide(a, b, numbers_of(P), BallBallModel.MATHAVAN_2014)
    # The cloth rubs with at most μ_slide of what friction between the balls presses down.
    most = P.mu_slide * (P.mu_ball_a + P.mu_ball_b) * 1.1 * v[0]
    assert np.abs(a[V] + b[V] - np.array(v)).max() <= most
    assert b[layout.VX] - a[layout.VX] == pytest.approx(P.e_ball * v[0], rel=0.03)


def test_the_integrated_impact_agrees_with_the_closed_form_without_vertical_friction() -> None:
    for cut in (0.1, 0.4, 0.9):
        there = []
        for model in (BallBallModel.ALCIATORE, BallBallModel.MATHAVAN_2014):
            a = row(0.0, 0.0, (2.0, 0.0), (0.0, 0.0, 30.0))
            b = row(2 * R * math.cos(cut), 2 * R * math.sin(cut), (0, 0), (0, 0, 0))
            collide(a, b, numbers_of(cloth(e_ball=1.0)), model)
            there.append(np.concatenate([a[V], b[V], a[W] * R, b[W] * R]))
        assert there[0] == pytest.approx(there[1], abs=5e-3)


def test_constant_friction_is_a_model_of_its_own() -> None:
    results = []
    for mu in (0.02, 0.06):
        a, b = row(0.0, 0.0, (3.0, 2.0), (0, 0, 0)), row(2 * R, 0.0, (0, 0), (0, 0, 0))
        collide(a, b, numbers_of(cloth(mu_ball=mu)), BallBallModel.COULOMB)
        results.append(b[layout.VY])
    assert results[0] == pytest.approx(0.02 * P.e_ball * 3.0)
    assert results[1] == pytest.approx(0.06 * P.e_ball * 3.0)


@given(
    v=st.tuples(st.floats(-8.0, -0.01), speeds),
    w=st.tuples(spins, spins, spins),
    angle=st.floats(0.0, 2 * math.pi),
    model=st.sampled_from(CushionModel),
    e=st.floats(0.05, 1.0),
    mu=st.floats(0.0, 2.0),
    ratio=st.floats(1.0001, 1.9999),
)
def test_a_cushion_returns_the_ball_without_gain(
    v: tuple[float, float],
    w: tuple[float, ...],
    angle: float,
    model: CushionModel,
    e: float,
    mu: float,
    ratio: float,
) -> None:
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    parameters = cloth(e_cushion=e, mu_cushion=mu, cushion_ratio=ratio)
    ball = row(0.0, 0.0, turn @ np.array(v), (*(turn @ np.array(w[:2])), w[2]))
    before = energy(ball)
    rebound(ball, c, s, R, 0.0, 1.27 * R, numbers_of(parameters), model)
    assert np.isfinite(ball).all()
    assert energy(ball) <= before * (1 + 1e-9)
    if model == CushionModel.MATHAVAN_2010:
        return  # where it sticks, the number of its steps depends on the last bit
    # The same without the turn: a cushion knows no direction.
    flat = row(0.0, 0.0, v, w)
    rebound(flat, 1.0, 0.0, R, 0.0, 1.27 * R, numbers_of(parameters), model)
    assert turn @ flat[V] == pytest.approx(ball[V], abs=1e-9)
    assert flat[layout.WZ] == pytest.approx(ball[layout.WZ], abs=1e-7)
    # And its mirror image is the image's path.
    mirror = row(0.0, 0.0, (v[0], -v[1]), (-w[0], w[1], -w[2]))
    rebound(mirror, 1.0, 0.0, R, 0.0, 1.27 * R, numbers_of(parameters), model)
    assert mirror[V] == pytest.approx(flat[V] * [1, -1], abs=1e-9)


@pytest.mark.parametrize("model", CushionModel)
def test_without_friction_every_cushion_is_a_mirror_with_loss(model: CushionModel) -> None:
    ball = row(0.0, 0.0, (-2.0, 1.0), (10.0, 20.0, 30.0))
    # At the height of the centre nothing is lost to the vertical.
    rebound(ball, 1.0, 0.0, R, 0.0, R, numbers_of(cloth(mu_cushion=0.0)), model)
    # An integrated impact is as exact as its steps.
    exact = 5e-3 if model == CushionModel.MATHAVAN_2010 else 1e-9
    assert ball[V] == pytest.approx([2.0 * P.e_cushion, 1.0], rel=exact)
    assert ball[W] == pytest.approx([10.0, 20.0, 30.0])


def test_running_english_lengthens_and_reverse_english_shortens_the_angle() -> None:
    for model in (CushionModel.HAN_2005, CushionModel.STRONGE):
        along = []
        for side in (-40.0, 0.0, 40.0):
            ball = row(0.0, 0.0, (-1.5, 1.0), (0.0, 0.0, side))
            rebound(ball, 1.0, 0.0, R, 0.0, 1.27 * R, numbers_of(P), model)
            along.append(ball[layout.VY])
        # A cushion to the left of a ball that runs up: counter-clockwise spin is running english.
        assert along[0] < along[1] < along[2]


# The figures of the rubber, between the ends of what `parameters` allows.
_RESTITUTIONS = (0.05, 0.1, 0.3, 0.5, 0.55, 0.6, 0.7, 0.85, 1.0)
_RATIOS = (1.0001, 1.2, 1.5, 1.8, 1.9999)


@pytest.mark.parametrize("e", _RESTITUTIONS)
@pytest.mark.parametrize("ratio", _RATIOS)
def test_stronge_agrees_with_a_small_step_integration(e: float, ratio: float) -> None:
    """The closed form against springs and Coulomb friction integrated in small steps."""
    # In units of μ: from what sticks at once, over what sticks in the release, to what only slides.
    angles = np.concatenate([[0.0, 1e-6, 0.01], np.linspace(0.1, 7.5, 38), [20.0]])
    for mu in (0.02, 0.2, 2.0):
        slips = mu * angles
        expected = _integrated(slips, e, mu, ratio)
        numbers = numbers_of(cloth(e_cushion=e, mu_cushion=mu, cushion_ratio=ratio))
        for slip, change in zip(slips, expected, strict=True):
            ball = row(0.0, 0.0, (-1.0, slip), (0.0, 0.0, 0.0))
            before = energy(ball)
            rebound(ball, 1.0, 0.0, R, 0.0, R, numbers, CushionModel.STRONGE)
            assert slip - ball[layout.VY] == pytest.approx(change / 3.5, abs=5e-4 * mu)
            assert energy(ball) <= before * (1 + 1e-12)


def _integrated(slips: np.ndarray, e: float, mu: float, ratio: float) -> np.ndarray:
    """Losses of the contact point's speeds across for a unit closing speed."""
    limit = 3.5 / ratio**2
    steps = 6000
    end = 0.5 * math.pi * (1 + e)
    h = end / steps
    v, u = slips.copy(), np.zeros_like(slips)
    for k in range(steps):
        theta = (k + 0.5) * h
        phi = theta if theta < 0.5 * math.pi else 0.5 * math.pi + (theta - 0.5 * math.pi) / e
        # Force across in units of the normal spring's: at most friction allows; the spring is
        # massless, so that what it cannot hold slips.
        most = mu * math.sin(phi)
        u = u + v * h
        force = np.clip(u / limit, -most, most)
        u = force * limit
        v = v - 3.5 * force * h
    return slips - v


def test_three_cushions_come_out_alike_in_all_models() -> None:
    ends = [
        play([[0.4, 0.5]], [[1.5, 3.0]], table=CAROM, models=Models(cushion=model)).final.position[
            0, :2
        ]
        for model in CushionModel
    ]
    assert all(np.isfinite(end).all() for end in ends)
    assert not np.allclose(ends[0], ends[1])
    assert not np.allclose(ends[1], ends[2])


def test_the_cue_gives_the_speed_and_spin_of_tp_a_30() -> None:
    strike = Strike(0, speed=2.0, direction=math.pi / 2, side=0.3, height=0.4, cue_mass=0.5)
    ball = row(0.0, 0.0, (0.0, 0.0), (0.0, 0.0, 0.0))
    strike_ball(ball, strike_row(strike), numbers_of(P), CueModel.POINT_WITHOUT_SQUIRT)
    speed = 2 * 2.0 / (1 + P.mass / 0.5 + 2.5 * (0.3**2 + 0.4**2))
    assert ball[V] == pytest.approx([0.0, speed], abs=1e-12)
    # Follow turns it forwards, right english counter-clockwise seen from above.
    assert ball[W] == pytest.approx([-2.5 * speed * 0.4 / R, 0.0, 2.5 * speed * 0.3 / R], abs=1e-9)
    squirt = row(0.0, 0.0, (0.0, 0.0), (0.0, 0.0, 0.0))
    strike_ball(squirt, strike_row(strike), numbers_of(P), CueModel.POINT)
    # Right english sends the ball a little to the left.
    assert squirt[layout.VX] < 0.0
    assert np.hypot(*squirt[V]) == pytest.approx(speed)
    assert 0.005 < angle_between(squirt[V], ball[V]) < 0.05


def test_an_elevated_cue_curves_the_ball_towards_its_english() -> None:
    shot = play(
        [[0.635, 0.6]],
        strike=Strike(0, 2.0, math.pi / 2, elevation=math.radians(40), side=0.4),
        models=Models(cue=CueModel.POINT_WITHOUT_SQUIRT),
    )
    rolls = first(shot, EventKind.ROLLING)
    assert rolls.after.position[0, 0] > 0.635 + 1e-3
    assert rolls.after.velocity[0, 0] > 0.0


def test_strikes_no_cue_can_make_are_refused() -> None:
    for changes, word in (
        ({"speed": -1.0}, "speed"),
        ({"speed": 99.0}, "speed"),
        ({"elevation": 2.0}, "elevation"),
        ({"side": 0.8, "height": 0.7}, "beside"),
        ({"cue_mass": 0.0}, "cue_mass"),
        ({"direction": math.nan}, "direction"),
        ({"ball": -1}, "ball"),
    ):
        with pytest.raises(StrikeError, match=word):
            Strike(**{"ball": 0, "speed": 1.0, "direction": 0.0, **changes})  # type: ignore[arg-type]


def test_models_and_parameters_by_name() -> None:
    assert Models.named() == Models()
    assert Models.named("coulomb", "han_2005", "point_without_squirt") == Models(
        BallBallModel.COULOMB, CushionModel.HAN_2005, CueModel.POINT_WITHOUT_SQUIRT
    )
    with pytest.raises(ParameterError, match="known are elastic"):
        Models.named(ball_ball="marble")
    with pytest.raises(ParameterError, match=r"e_ball is 1\.5"):
        PhysicsParameters(e_ball=1.5)
    assert for_table(POOL).radius == POOL.balls.radius
    assert for_table(CAROM).mass == CAROM.balls.mass


def test_every_combination_of_models_plays_a_shot() -> None:
    for ball_ball, cushion, cue in itertools.product(BallBallModel, CushionModel, CueModel):
        models = Models(ball_ball, cushion, cue)
        assert list(choice_of(models)) == [ball_ball, cushion, cue]
        shot = play([[0.4, 0.5], [0.5, 1.4]], strike=Strike(0, 3.0, 1.45, side=0.2), models=models)
        assert shot.complete
        assert shot.pocket_of.shape == (2,)
