"""Physics of a table from tracked shots: what was put in comes out, within what it claims."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer.physics.engine import numbers_of
from billiards_trainer.physics.fitting.cloth import fit_cloth
from billiards_trainer.physics.fitting.contacts import turns
from billiards_trainer.physics.fitting.cushions import bounced, fit_cushions, likelihoods, nose_at
from billiards_trainer.physics.fitting.frame import Frame
from billiards_trainer.physics.fitting.legs import cut, noise_of
from billiards_trainer.physics.fitting.table_fit import FitError, TableFit, fit_table
from billiards_trainer.physics.fitting.tracks import Track, TrackedShot
from billiards_trainer.physics.parameters import CushionModel

from .shots import POOL, P, play
from .tracked import rolling_down, tracked_shots

TRUTH = replace(P, mu_slide=0.24, mu_roll=0.013, e_cushion=0.78, mu_cushion=0.16, e_ball=0.91)


@pytest.fixture(scope="module")
def fit() -> TableFit:
    return fit_table(POOL, tracked_shots(POOL, TRUTH, 24))


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "sureness"),
    [
        ("mu_slide", 0.03),
        ("mu_roll", 0.01),
        ("e_cushion", 0.03),
        ("mu_cushion", 0.1),
        ("e_ball", 0.05),
    ],
)
def test_what_was_put_in_comes_out(fit: TableFit, name: str, sureness: float) -> None:
    found = fit.estimates[name]
    truth = getattr(TRUTH, name)
    assert abs(found.value - truth) < 4.0 * found.std
    assert found.std < sureness * truth
    assert found.count >= 5


@pytest.mark.compiled
def test_what_is_said_about_the_samples(fit: TableFit) -> None:
    assert fit.residual_mm == pytest.approx(1.0, abs=0.15)
    assert 0.005 < fit.outliers < 0.04
    # The virtual table is level.
    for drift in fit.drift:
        assert abs(drift.value) < max(4.0 * drift.std, 1e-4)
    assert fit.frame is None
    applied = fit.applied_to(P)
    assert applied.mu_slide == fit.estimates["mu_slide"].value
    assert applied.mu_spin == P.mu_spin


@pytest.mark.compiled
def test_tracks_in_a_frame_of_their_own_are_put_onto_the_table() -> None:
    shots = tracked_shots(POOL, TRUTH, 16, seed=4, fps=30.0, outliers=0.0)
    own = Frame(np.array([1 / 1.06, 1 / 1.04]), np.array([0.03, 0.02]))
    fit = fit_table(POOL, own.applied_to(shots), find_frame=True)
    assert fit.frame is not None
    assert fit.frame.scale == pytest.approx([1.06, 1.04], abs=0.004)
    assert fit.estimates["mu_roll"].value == pytest.approx(TRUTH.mu_roll, rel=0.02)
    few = [TrackedShot("few", shots[0].tracks)]
    with pytest.raises(FitError, match=r"rails|contacts"):
        fit_table(POOL, few, find_frame=True)


def test_a_slope_shows_in_rolling_balls() -> None:
    """5 mm on the length of a table: two balls each way, also to their very end."""
    rng = np.random.default_rng(2)
    drift = (0.004, -0.010)
    legs = []
    for k, (start, velocity) in enumerate(
        [
            ((0.3, 0.3), (0.3, 0.5)),
            ((0.9, 2.2), (-0.2, -0.6)),
            ((0.3, 1.2), (0.45, 0.1)),
            ((1.0, 1.3), (-0.4, 0.05)),
            ((0.6, 0.4), (0.0, 0.45)),
            ((0.6, 2.1), (0.05, -0.5)),
        ]
    ):
        times = np.arange(0.0, 4.0, 1 / 30)
        places = rolling_down(start, velocity, 0.1, drift, times)
        seen = Track.from_samples(str(k), times, places + rng.normal(0.0, 5e-4, places.shape))
        legs += cut(seen, k, POOL, 5e-4)
    assert len(legs) == 6
    fit = fit_cloth(legs, 5e-4, 9.81)
    std = np.sqrt(np.diag(fit.covariance))
    assert fit.values[1] == pytest.approx(0.1 / 9.81, abs=4 * std[1])
    assert fit.values[2:] == pytest.approx(drift, abs=4 * std[2:].max())
    assert std[2:].max() < 0.001


def test_a_table_of_which_too_little_was_seen_is_refused() -> None:
    track = Track.from_samples("cue", [0.0, 0.1], [[0.5, 0.5], [0.6, 0.5]])
    with pytest.raises(FitError, match="4 are needed"):
        fit_table(POOL, [TrackedShot("one", (track,))])


def test_tracks_are_put_in_order() -> None:
    times = [0.2, 0.0, 0.1, 0.1, math.nan, 0.3]
    places = [[2, 0], [0, 0], [1, 0], [9, 9], [5, 5], [math.inf, 0]]
    track = Track.from_samples("cue", times, places)
    assert track.times.tolist() == [0.0, 0.1, 0.2]
    assert track.places[:, 0].tolist() == [0, 1, 2]


def test_rounded_times_are_spread_over_the_cameras_rate() -> None:
    true = 307.64 + np.arange(40) / 30
    keep = np.delete(np.arange(40), [7, 8, 20])
    track = Track.from_samples("cue", np.round(true, 2)[keep], np.zeros((37, 2)))
    assert np.ptp(track.times - true[keep]) < 1e-3
    # Times that only look rounded, and follow no rate, stay.
    uneven = np.cumsum([0.03, 0.05, 0.11, 0.02, 0.31, 0.07, 0.19, 0.13, 0.02])
    assert Track.from_samples("cue", uneven, np.zeros((9, 2))).times == pytest.approx(uneven)


def test_a_track_is_cut_at_its_contacts_only() -> None:
    shot = play([[0.635, 0.6]], [[0.3, -1.6]])
    contacts = [e.time for e in shot.events if e.kind.name == "CUSHION"]
    times = np.arange(0.0, 3.0, 1 / 60)
    rng = np.random.default_rng(0)
    places = shot.path(0, times)[:, :2] + rng.normal(0.0, 5e-4, (len(times), 2))
    places[50] += 0.05
    track = Track.from_samples("cue", times, places)
    noise = noise_of([track])
    assert noise == pytest.approx(5e-4, rel=0.4)
    legs = cut(track, 0, POOL, noise)
    assert [leg.after for leg in legs] == [False] + [True] * (len(legs) - 1)
    starts = [leg.times[0] for leg in legs[1:]]
    within = [t for t in contacts if t < 2.9]
    assert len(starts) == len(within)
    for begins, contact in zip(starts, within, strict=True):
        assert contact - 1e-3 <= begins <= contact + 2.1 / 60
    assert not any(np.isclose(leg.times, times[50]).any() for leg in legs)


def test_a_ball_at_rest_and_a_ball_in_a_mouth_are_no_legs() -> None:
    times = np.arange(0.0, 2.0, 1 / 30)
    rests = Track.from_samples("1", times, np.full((60, 2), 0.7))
    assert not any(leg.moves for leg in cut(rests, 0, POOL, 1e-3))
    drops = Track.from_samples("2", times, np.column_stack([0.04 - 0.02 * times, 0.05 * times]))
    assert not any(leg.moves for leg in cut(drops, 0, POOL, 1e-3))
    assert noise_of([Track.from_samples("3", [0.0], [[0.0, 0.0]])]) == 0.001


def test_rebounds_at_different_angles_tell_restitution_and_friction() -> None:
    """A few rebounds, also as plain Python: what the likelihood prefers is the truth."""
    rng = np.random.default_rng(3)
    shots = []
    for k in range(5):
        places = [[0.4 + 0.1 * k, 0.5]]
        shot = play(places, [[0.2 * k - 0.5, -1.2]], parameters=TRUTH)
        times = np.arange(0.0, 1.6, 1 / 60)
        seen = shot.path(0, times)[:, :2] + rng.normal(0.0, 5e-4, (len(times), 2))
        shots.append(Track.from_samples(str(k), times, seen))
    legs = [leg for k, track in enumerate(shots) for leg in cut(track, k, POOL, 5e-4)]
    moving = [i for i, leg in enumerate(legs) if leg.moves]
    cloth = fit_cloth([legs[i] for i in moving], 5e-4, 9.81)
    found = [t for t in turns(legs, moving, cloth) if nose_at(POOL, t) is not None]
    assert len(found) >= 4
    # Too few to be told, and the sound ones show what the model says.
    assert fit_cushions(found, POOL, TRUTH, CushionModel.STRONGE) is None
    row = np.zeros(29)
    row[2:5] = (0.0, 1.0, POOL.cushion_height)
    row[13:] = (1e-4 * np.eye(4)).ravel()
    rows = []
    for run, turn in enumerate(found):
        mine = row.copy()
        mine[0] = run
        mine[5:13] = (*turn.incoming, *turn.outgoing)
        rows.append(mine)
        v = bounced(mine, 0.0, numbers_of(TRUTH), int(CushionModel.STRONGE))
        assert v[1] == pytest.approx(turn.outgoing[1], abs=0.05)
    values = {}
    for e in (0.7, 0.78, 0.86):
        numbers = numbers_of(replace(TRUTH, e_cushion=e))
        result = np.empty(len(rows))
        likelihoods(
            np.array(rows),
            np.array([-0.2, 0.0, 0.2]),
            np.array([0.25, 0.5, 0.25]),
            numbers,
            int(CushionModel.STRONGE),
            0.02,
            result,
        )
        values[e] = result.sum()
    assert max(values, key=lambda e: values[e]) == 0.78
