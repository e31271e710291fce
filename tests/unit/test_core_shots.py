"""What happened in a shot: declared from noisy tracks, against the engine's truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.core.shots.changes import Kink
from billiards_trainer.core.shots.fit import Sample, fit, meeting_time, still
from billiards_trainer.core.shots.noise import Noise
from billiards_trainer.core.shots.segmenter import ShotSegmenter
from billiards_trainer.core.shots.settings import WatchSettings
from billiards_trainer.core.shots.watch import BallWatch
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import preset
from tests.unit.played_shots import FILM, Played, play, random_layout

POOL = preset("pool-9ft")
CAROM = preset("carom-10ft")
FPS = 30.0


def kinds(played: Played) -> list[str]:
    return [e.kind.value for e in played.events]


def of(played: Played, kind: m.EventKind) -> list[m.ShotEvent]:
    return [e for e in played.events if e.kind is kind]


# --- free motion ----------------------------------------------------------------------------------


def test_a_fit_follows_a_rolling_ball() -> None:
    times = np.arange(6) / 30
    samples = [Sample(t, 1.0 * t - 0.05 * t * t, 0.5, 4e-4) for t in times]
    path = fit(samples, 0.1, 0.15)
    assert path.at(0.2) == pytest.approx((0.198, 0.5), abs=2e-4)
    assert path.velocity(0.0) == pytest.approx((1.0, 0.0), abs=0.02)
    assert path.variance(0.3) > path.variance(times[-1])


def test_two_paths_meet_where_the_ball_turned() -> None:
    before = fit([Sample(k / 30, 0.1 + k / 30, 0.0, 3e-4) for k in range(5)], 0.1, 0.15)
    after = fit(
        [Sample(k / 30, 0.1 + 4.4 / 30, (k - 4.4) / 30, 3e-4) for k in range(5, 9)], 0.1, 0.15
    )
    t, std = meeting_time(before, after, 4 / 30, 5 / 30)
    assert t == pytest.approx(4.4 / 30, abs=0.002)
    assert std < 0.002
    _, unsure = meeting_time(before, after, 0.0, 2 / 30)
    assert unsure > 0.03


def test_a_ball_at_rest_has_a_path() -> None:
    assert still(0.3, 0.4, 1e-3, 5.0).at(9.0) == (0.3, 0.4)


# --- one ball ----------------------------------------------------------------------------------


def watch_over(places: list[tuple[float, float]], rest: bool = False) -> list[object]:
    settings = WatchSettings()
    watch = BallWatch(1, settings, Noise(settings.measurement_std, settings.blur_share))
    watch.rest = places[0] if rest else None
    found: list[object] = []
    for k, (x, y) in enumerate(places):
        found += watch.measure(k / 30, x, y, None)
    return [*found, *watch.finish()]


def test_a_single_bad_measurement_is_no_kink() -> None:
    rng = np.random.default_rng(0)
    places = [(0.1 + 0.02 * k, 0.5 + rng.normal(0, 3e-4)) for k in range(20)]
    places[9] = (places[9][0], 0.512)
    assert [f for f in watch_over(places) if isinstance(f, Kink)] == []


def test_a_nudge_is_no_stroke() -> None:
    places = [(0.5, 0.5)] * 10 + [(0.502, 0.5)] * 10
    assert watch_over(places, rest=True) == []


def test_a_ball_that_is_seen_elsewhere_once_was_not_struck() -> None:
    places = [(0.5, 0.5)] * 10 + [(0.52, 0.5)] + [(0.5, 0.5)] * 5
    assert watch_over(places, rest=True) == []


def test_noise_is_learned() -> None:
    noise = Noise(4e-4, 0.05)
    rng = np.random.default_rng(1)
    for _ in range(1500):
        noise.learn(float(np.hypot(*rng.normal(0, 2e-4, 2))))
        noise.learn_blur(float(np.hypot(*rng.normal(0, 0.1 * 0.03, 2))), 0.0, 0.03)
    assert noise.std == pytest.approx(2e-4, rel=0.25)
    assert noise.blur == pytest.approx(0.1, rel=0.3)


# --- whole shots -------------------------------------------------------------------------------


def test_events_of_random_shots_are_found_at_the_right_time_and_place() -> None:
    """Ball, cushion and pocket events of 16 shots of up to 4 m/s, at 30 pictures a second."""
    missed = extra = total = 0
    frames: list[float] = []
    places_mm: list[float] = []
    for seed in range(16):
        rng = np.random.default_rng(1000 + seed)
        count = 3 + seed % 5
        places = random_layout(POOL, count, rng)
        d = places[1] - places[0]
        strike = Strike(0, float(rng.uniform(0.8, 4)), math.atan2(d[1], d[0]))
        played = play(
            POOL, places, POOL.balls.labels[:count], strike, seed=seed, start_s=1 + seed / 500
        )
        starts = of(played, m.EventKind.SHOT_START)
        assert [e.labels for e in starts] == [("cue",)]
        assert abs(starts[0].t - played.start_s) * FPS < 1.0
        assert kinds(played).count("shot_end") == 1
        assert kinds(played)[-1] == "shot_end"
        for kind in (
            m.EventKind.BALL_COLLISION,
            m.EventKind.CUSHION_COLLISION,
            m.EventKind.POCKETED,
        ):
            left = of(played, kind)
            for t, labels, centres in played.true_events(kind):
                total += 1
                near = [
                    e for e in left if sorted(e.labels) == sorted(labels) and abs(e.t - t) * FPS < 3
                ]
                if not near:
                    missed += 1
                    continue
                event = min(near, key=lambda e: abs(e.t - t))
                left.remove(event)
                frames.append(abs(event.t - t) * FPS)
                which = event.labels.index(labels[0])
                places_mm.append(1e3 * math.dist(event.places_m[which], centres[0]))
            extra += len(left)
    # Contacts less than two pictures apart cannot be told one from the other.
    assert missed <= 0.1 * total
    assert extra <= 0.02 * total
    assert np.median(frames) < 0.1
    assert np.mean(np.array(frames) <= 1.0) > 0.97
    assert np.mean(np.array(places_mm) <= 8.0) > 0.9


def test_a_pot_is_declared_with_its_pocket_and_nothing_else_is() -> None:
    pocket = next(p for p in POOL.pockets if p.name == "right")
    target = np.array([0.9, 1.27])
    places = np.array([[0.4, 1.27], target, [0.3, 2.0]])
    played = play(POOL, places, ("cue", "1", "2"), Strike(0, 1.2, 0.0, height=-0.4))
    pots = of(played, m.EventKind.POCKETED)
    assert [(e.labels, e.pocket) for e in pots] == [(("1",), pocket.name)]
    truth = played.true_events(m.EventKind.POCKETED)[0]
    assert abs(pots[0].t - truth[0]) * FPS < 1.0
    assert math.dist(pots[0].places_m[0], truth[2][0]) < 0.02
    shot = played.segmenter.take_shot() if played.segmenter else None
    assert shot is not None
    assert {b.label for b in shot.before} == {"cue", "1", "2"}
    assert {b.label for b in shot.after} == {"cue", "2"}
    assert len(shot.frame_times_ns) > 20
    assert shot.events == played.events
    assert played.segmenter is not None
    assert played.segmenter.take_shot() is None


def test_a_fast_ball_is_potted_though_it_vanishes_between_two_pictures() -> None:
    corner = np.array(next(p for p in POOL.pockets if p.name == "far-right").centre)
    places = np.array([corner - 0.9, corner - 0.5])
    played = play(POOL, places, ("cue", "1"), Strike(0, 5.0, math.pi / 4))
    assert next(labels for _, labels, _ in played.true_events(m.EventKind.POCKETED)) == ("1",)
    pots = of(played, m.EventKind.POCKETED)
    assert [(e.labels, e.pocket) for e in pots][:1] == [(("1",), "far-right")]


def test_balls_at_rest_are_no_shot() -> None:
    played = play(
        POOL, np.array([[0.4, 0.5], [0.8, 1.5]]), ("cue", "1"), Strike(0, 0.0, 0.0), after_s=3
    )
    assert played.events == []


def test_a_ball_hidden_by_an_arm_is_no_pot() -> None:
    corner = np.array([0.05, 0.09])
    places = np.array([[0.6, 0.6], corner, [0.9, 2.0]])
    played = play(
        POOL,
        places,
        ("cue", "1", "2"),
        Strike(0, 1.0, math.pi / 2),
        hidden=(("1", 1.5, 2.5), ("2", 1.2, 3.0)),
    )
    assert "pocketed" not in kinds(played)
    assert "shot_end" in kinds(played)


def test_hands_that_tidy_up_play_no_shot() -> None:
    """Object balls are rolled about while the cue ball lies still and no cue is in sight."""
    places = np.array([[0.4, 0.5], [0.8, 1.0]])
    played = play(POOL, places, ("cue", "1"), Strike(1, 0.8, 1.0))
    assert played.events == []


def test_the_ball_that_a_cue_addresses_may_be_struck_whatever_it_is_called() -> None:
    places = np.array([[0.4, 0.5], [0.8, 1.0]])
    played = play(POOL, places, ("4", "1"), Strike(0, 0.8, 1.0))
    segmenter = ShotSegmenter(POOL)
    events = []
    for state in played.states:
        cue = None
        if state.exposure_ns < 1_000_000_000 and len(state.balls) == 2:
            track = min(state.balls, key=lambda b: b.x_m).track
            cue = m.CueState(tip_m=(0.35, 0.4, 0.03), angle_rad=1.0, addresses=track)
        events += segmenter.update(state.model_copy(update={"cue": cue}))
    assert events[0].kind is m.EventKind.SHOT_START
    assert events[0].labels == ("4",)


def test_a_cue_that_comes_later_makes_no_shot_of_balls_that_a_hand_moves() -> None:
    """Pushing the rack into place, say: an edge in the picture may be taken for a cue."""
    places = np.array([[0.4, 0.5], [0.8, 1.0]])
    played = play(POOL, places, ("4", "1"), Strike(0, 0.8, 1.0))
    segmenter = ShotSegmenter(POOL)
    events = []
    for state in played.states:
        cue = None
        if state.exposure_ns > 1_100_000_000 and len(state.balls) == 2:
            track = min(state.balls, key=lambda b: b.y_m).track
            cue = m.CueState(tip_m=(0.35, 0.4, 0.03), angle_rad=1.0, addresses=track)
        events += segmenter.update(state.model_copy(update={"cue": cue}))
    assert events == []


@pytest.mark.parametrize("gap", [0.0002, 0.004])
@pytest.mark.parametrize("angle", [math.pi / 2, math.pi / 4, 0.0])
def test_a_shot_may_be_played_away_from_a_ball_that_touches(gap: float, angle: float) -> None:
    touching = [0.6, 1.0 - POOL.balls.diameter - gap]
    places = np.array([[0.6, 1.0], touching, [0.9, 2.0]])
    played = play(POOL, places, ("cue", "1", "2"), Strike(0, 1.5, angle), after_s=0.6)
    assert [e.labels for e in of(played, m.EventKind.SHOT_START)] == [("cue",)]
    at_once = [e for e in of(played, m.EventKind.BALL_COLLISION) if e.t < played.start_s + 0.3]
    assert at_once == []


def test_what_trembles_under_a_hand_is_not_struck_though_a_cue_points_at_it() -> None:
    """A knuckle taken for a ball: it jumps by half a centimetre as the hand moves, and back."""
    rng = np.random.default_rng(4)
    segmenter = ShotSegmenter(POOL)
    events = []
    for k in range(90):
        jump = {40: 0.002}.get(k, 0.0055 if 40 < k < 46 else 0.0)
        x, y = 0.6 + rng.normal(0, 4e-4), 1.0 + jump + rng.normal(0, 4e-4)
        ball = m.BallState(track=3, label="7", x_m=0.6, y_m=1.0, measured_m=(x, y))
        state = m.TableState(
            frame=k, exposure_ns=round(k * 1e9 / 30), epoch=1, table="t", width=1.27, length=2.54,
            ball_radius=0.0286, source=FILM, calibration="c", balls=(ball,),
            cue=m.CueState(tip_m=(0.6, 0.8, 0.03), angle_rad=1.57, addresses=3),
        )  # fmt: skip
        events += segmenter.update(state)
    assert events == []


def test_either_cue_ball_may_be_struck_in_carom() -> None:
    places = np.array([[0.4, 0.5], [0.8, 1.0], [0.7, 2.0]])
    played = play(CAROM, places, ("cue", "yellow", "red"), Strike(1, 1.5, 1.0))
    starts = of(played, m.EventKind.SHOT_START)
    assert [e.labels for e in starts] == [("yellow",)]
    assert "cushion_collision" in kinds(played)


def test_a_ball_in_hand_plays_no_part() -> None:
    played = play(POOL, np.array([[0.4, 0.5]]), ("cue",), Strike(0, 1.0, 1.0))
    segmenter = ShotSegmenter(POOL)
    events = []
    for state in played.states:
        balls = tuple(b.model_copy(update={"in_hand": True}) for b in state.balls)
        events += segmenter.update(state.model_copy(update={"balls": balls}))
    assert events + segmenter.finish() == []


def test_a_stream_that_breaks_off_is_closed_as_far_as_it_goes() -> None:
    played = play(
        POOL, np.array([[0.4, 0.5], [0.4, 1.0]]), ("cue", "1"), Strike(0, 2.0, math.pi / 2)
    )
    hit = played.true_events(m.EventKind.BALL_COLLISION)[0][0]
    segmenter = ShotSegmenter(POOL)
    events = []
    for state in played.states:
        if state.exposure_ns / 1e9 < hit + 0.1:
            events += segmenter.update(state)
    events += segmenter.finish()
    assert [e.kind.value for e in events][:2] == ["shot_start", "ball_collision"]
    assert segmenter.in_shot
    assert segmenter.shot is not None
    assert ShotSegmenter(POOL).finish() == []


def test_another_epoch_begins_anew() -> None:
    played = play(POOL, np.array([[0.4, 0.5]]), ("cue",), Strike(0, 2.0, 1.2))
    segmenter = ShotSegmenter(POOL)
    for state in played.states[:50]:
        segmenter.update(state)
    assert segmenter.in_shot
    segmenter.update(played.states[51].model_copy(update={"epoch": 2}))
    assert not segmenter.in_shot
    assert segmenter.update(played.states[10].model_copy(update={"epoch": 2})) == []


def test_a_shot_that_never_ends_is_ended() -> None:
    def state(k: int) -> m.TableState:
        x = 0.3 + 0.5 * abs((k / 30) % 2 - 1)
        moving = k > 10
        ball = m.BallState(
            track=1,
            label="cue",
            x_m=x if moving else 0.3,
            y_m=1.0,
            moving=moving,
            measured_m=(x if moving else 0.3, 1.0),
        )
        return m.TableState(
            frame=k, exposure_ns=round(k * 1e9 / 30), epoch=1, table="t", width=1.27, length=2.54,
            ball_radius=0.0286, source=FILM, calibration="c", balls=(ball,),
        )  # fmt: skip

    segmenter = ShotSegmenter(POOL)
    events = []
    for k in range(0, 30 * 110, 2):
        events += segmenter.update(state(k))
    assert "shot_end" in [e.kind.value for e in events]


def test_events_number_themselves_and_name_the_nearest_frame() -> None:
    played = play(
        POOL, np.array([[0.4, 0.5], [0.4, 1.0]]), ("cue", "1"), Strike(0, 2.0, math.pi / 2)
    )
    assert [e.sequence for e in played.events] == list(range(1, len(played.events) + 1))
    for event in played.events:
        assert event.frame == pytest.approx(event.t * FPS, abs=0.51)
        assert event.exposure_ns == pytest.approx(event.t * 1e9, abs=2)
