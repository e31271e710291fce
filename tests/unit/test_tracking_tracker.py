"""Balls keep their identity: on shots of the physics engine, seen with noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.tracking.measurement import Sight
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.tracker import Tracker
from tests.unit.played_shots import Played, Seen, label_chances, play, random_layout

POOL = preset("pool-9ft")
SNOOKER = preset("snooker-12ft")
NOISE = 3e-4
FRAME_NS = 33_333_333


class Table30:
    """A tracker fed with 30 pictures a second of balls that the test moves."""

    def __init__(self, table: Table = POOL, seed: int = 0) -> None:
        self.table = table
        self.tracker = Tracker(table)
        self.rng = np.random.default_rng(seed)
        self.frame = 0
        self.sight: Callable[[float, float], Sight] | None = lambda _x, _y: Sight.BARE

    def show(
        self,
        balls: dict[str, tuple[float, float]],
        frames: int = 1,
        *,
        confidence: float = 0.998,
        noise: float = NOISE,
    ) -> list[m.BallState]:
        found: list[m.BallState] = []
        for _ in range(frames):
            seen = [
                Seen(
                    x + self.rng.normal(0, noise),
                    y + self.rng.normal(0, noise),
                    label_chances(self.table, label),
                    (noise**2, 0.0, noise**2),
                    confidence,
                )
                for label, (x, y) in balls.items()
            ]
            found = self.tracker.update(seen, self.frame, self.now, self.sight)
            self.frame += 1
        return found

    @property
    def now(self) -> int:
        return 1_000_000_000 + self.frame * FRAME_NS


def by_label(balls: Sequence[m.BallState]) -> dict[str, m.BallState]:
    return {b.label: b for b in balls}


LAYOUT = {"cue": (0.4, 0.6), "1": (0.7, 1.4), "9": (0.9, 2.0)}


def test_balls_surely_seen_are_believed_at_first_sight() -> None:
    found = by_label(Table30().show(LAYOUT))
    assert set(found) == set(LAYOUT)


def test_a_new_ball_must_be_seen_three_times() -> None:
    table = Table30()
    assert table.show(LAYOUT, confidence=0.98) == []
    assert table.show(LAYOUT) == []
    found = by_label(table.show(LAYOUT))
    assert set(found) == set(LAYOUT)
    assert all(b.visible and not b.moving for b in found.values())
    assert all(b.x_px is not None for b in found.values())


def test_balls_at_rest_jitter_less_than_a_tenth_of_a_millimetre() -> None:
    table = Table30()
    table.show(LAYOUT, 15)
    places = np.array([[(b.x_m, b.y_m) for b in table.show(LAYOUT)] for _ in range(150)])
    assert places.std(axis=0).max() < 1e-4
    steps = np.abs(np.diff(places, axis=0))
    assert steps.max() < 1e-4
    truth = np.array(list(LAYOUT.values()))
    assert np.hypot(*(places[-1] - truth).T).max() < 2e-4


def test_false_detections_never_become_balls() -> None:
    table = Table30()
    rng = np.random.default_rng(4)
    table.show(LAYOUT, 5)
    for _ in range(300):
        x, y = rng.uniform([0.1, 0.1], [1.1, 2.4])
        flashes = {**LAYOUT, "3": (x, y)}
        assert len(table.show(flashes)) == 3


def test_a_hand_with_the_look_of_balls_does_not_become_some() -> None:
    table = Table30()
    table.show(LAYOUT, 5)
    rng = np.random.default_rng(7)
    place = np.array([0.9, 0.9])
    for _ in range(200):
        place = np.clip(place + rng.normal(0, 0.004, 2), 0.2, 1.1)
        seen = [
            *(Seen(x, y, label_chances(POOL, label)) for label, (x, y) in LAYOUT.items()),
            Seen(*place, label_chances(POOL, "5", 0.3), confidence=0.85),
        ]
        assert len(table.tracker.update(seen, table.frame, table.now, table.sight)) == 3
        table.frame += 1


def test_a_ball_that_rolls_when_tracking_begins_is_believed_while_it_rolls() -> None:
    table = Table30()
    for k in range(5):
        found = table.show({"cue": (0.3 + 0.02 * k, 0.5)}, confidence=0.96)
    assert [b.label for b in found] == ["cue"]
    assert found[0].moving
    assert found[0].vx == pytest.approx(0.6, abs=0.1)


def test_a_doubtful_ball_that_lies_still_is_believed_in_the_end() -> None:
    table = Table30()
    found: list[m.BallState] = []
    for _ in range(60):
        found = table.show({"cue": (0.4, 0.6)}, confidence=0.85)
    assert [b.label for b in found] == ["cue"]


def test_nothing_outside_the_table_is_a_ball() -> None:
    table = Table30()
    assert table.show({"3": (-0.2, 1.0)}, 20) == []


@pytest.mark.parametrize("seed", range(6))
def test_identity_survives_whole_shots(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    count = (3, 6, 10, 12, 16, 8)[seed]
    places = random_layout(POOL, count, rng)
    labels = POOL.balls.labels[:count]
    d = places[1] - places[0]
    strike = Strike(0, float(rng.uniform(1, 5)), math.atan2(d[1], d[0]))
    check_identities(play(POOL, places, labels, strike, seed=seed, missing=0.02))


def test_identity_survives_with_balls_that_look_alike() -> None:
    """Fifteen reds: only geometry tells them apart."""
    rng = np.random.default_rng(8)
    places = random_layout(SNOOKER, 8, rng)
    labels = ("cue", *["red"] * 7)
    d = places[1] - places[0]
    played = play(SNOOKER, places, labels, Strike(0, 3.0, math.atan2(d[1], d[0])), seed=8)
    check_identities(played)


def check_identities(played: Played) -> None:
    """Each visible track follows one and the same ball from beginning to end."""
    owner: dict[int, int] = {}
    for state, truth in zip(played.states, played.true_places, strict=True):
        for ball in state.balls:
            if not ball.visible or ball.in_hand:
                continue
            apart = np.hypot(*(truth - (ball.x_m, ball.y_m)).T)
            nearest = int(np.nanargmin(apart))
            assert apart[nearest] < 0.02
            assert owner.setdefault(ball.track, nearest) == nearest
    assert len(set(owner.values())) == len(owner)


def test_a_stop_shot_does_not_hand_the_motion_to_the_wrong_red() -> None:
    places = np.array([[0.9, 0.8], [0.9, 1.6]])
    played = play(SNOOKER, places, ("red", "red"), Strike(0, 3.0, math.pi / 2))
    last = {b.track: b for b in played.states[-1].balls}
    first = {b.track: b for b in played.states[20].balls}
    struck = min(first.values(), key=lambda b: b.y_m).track
    other = next(t for t in first if t != struck)
    assert last[struck].y_m < last[other].y_m or last[other].y_m < 1.6


def test_a_moving_ball_leads_with_its_velocity() -> None:
    played = play(POOL, np.array([[0.635, 0.5]]), ("cue",), Strike(0, 1.5, math.pi / 2), noise=3e-4)
    errors = []
    for state in played.states:
        t = state.exposure_ns / 1e9 - played.start_s
        if 0.2 < t < 0.6:
            truth = played.shot.velocity(0, np.array([t]))[0, :2]
            ball = state.balls[0]
            assert ball.moving
            errors.append(math.dist((ball.vx, ball.vy), truth))
    assert np.median(errors) < 0.05


def test_an_arm_over_a_ball_does_not_end_it() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    before = by_label(table.show(LAYOUT))
    table.sight = lambda _x, _y: Sight.COVERED
    hidden = {k: v for k, v in LAYOUT.items() if k != "1"}
    found = by_label(table.show(hidden, 200))
    assert found["1"].track == before["1"].track
    assert not found["1"].visible
    assert found["1"].evidence == ("occluded",)
    assert found["1"].covariance[0] > 10 * before["1"].covariance[0]
    again = by_label(table.show(LAYOUT, 2))
    assert again["1"].track == before["1"].track
    assert again["1"].visible
    assert again["1"].evidence == ()


def test_a_ball_taken_away_ends_when_its_place_is_bare() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    hidden = {k: v for k, v in LAYOUT.items() if k != "1"}
    table.show(hidden, 3)
    assert by_label(table.show(hidden))["1"].evidence == ("gone",)
    assert "1" not in by_label(table.show(hidden, 5))


def test_a_ball_put_back_elsewhere_is_the_same_ball() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    number = by_label(table.show(LAYOUT))["9"].track
    table.show({k: v for k, v in LAYOUT.items() if k != "9"}, 40)
    moved = {**LAYOUT, "9": (0.3, 1.1)}
    found = by_label(table.show(moved, 120))
    assert found["9"].track == number


@pytest.mark.parametrize("label", ["cue", "9"])
def test_a_ball_that_is_elsewhere_from_one_picture_to_the_next_is_the_same(label: str) -> None:
    """A cut in a film, a camera that was away: one cue ball, at once, under its number."""
    table = Table30()
    number = by_label(table.show(LAYOUT, 80))[label].track
    moved = {**LAYOUT, label: (0.3, 2.2)}
    for _ in range(12):
        found = table.show(moved)
        assert [b.label for b in found].count(label) == 1
    ball = by_label(found)[label]
    assert (ball.track, ball.visible) == (number, True)
    assert (ball.x_m, ball.y_m) == pytest.approx((0.3, 2.2), abs=0.001)


def test_a_second_cue_ball_is_none_while_the_first_is_seen() -> None:
    table = Table30()
    number = by_label(table.show(LAYOUT, 80))["cue"].track
    twice = [("cue", (0.4, 0.6)), ("cue", (0.3, 2.2)), ("1", (0.7, 1.4))]
    for _ in range(15):
        seen = [Seen(x, y, label_chances(POOL, label)) for label, (x, y) in twice]
        found = table.tracker.update(seen, table.frame, table.now, table.sight)
        table.frame += 1
        assert [b.track for b in found if b.label == "cue"] == [number]


def test_a_ball_taken_for_the_cue_ball_gives_the_name_up_when_pictures_show_both() -> None:
    table = Table30()
    table.show({"1": (0.7, 1.4), "cue": (0.9, 2.0)}, 90)
    together = {"1": (0.7, 1.4), "9": (0.9, 2.0), "cue": (0.4, 0.6)}
    found = by_label(table.show(together, 20))
    assert set(found) == set(together)
    for label, (x, y) in together.items():
        assert math.dist((found[label].x_m, found[label].y_m), (x, y)) < 1e-3


def test_the_cue_ball_taken_up_is_in_hand_until_it_lies_still() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    others = {k: v for k, v in LAYOUT.items() if k != "cue"}
    found = by_label(table.show(others, 10))
    assert found["cue"].in_hand
    assert not found["cue"].visible
    placed = {**others, "cue": (0.8, 0.4)}
    found = by_label(table.show(placed, 8))
    assert found["cue"].in_hand
    found = by_label(table.show(placed, 60))
    assert not found["cue"].in_hand
    assert found["cue"].visible


def test_a_cue_ball_that_moves_as_no_ball_moves_is_in_a_hand() -> None:
    table = Table30()
    table.show(LAYOUT, 70)
    rng = np.random.default_rng(2)
    place, seen_in_hand = np.array(LAYOUT["cue"]), False
    for _ in range(40):
        place = np.clip(place + rng.choice([-0.05, 0.05], 2), 0.1, 1.1)
        found = by_label(table.show({**LAYOUT, "cue": (place[0], place[1])}))
        seen_in_hand |= "cue" in found and found["cue"].in_hand
    assert seen_in_hand


def test_a_ball_that_drops_is_gone_and_says_where() -> None:
    pocket = next(p for p in POOL.pockets if p.name == "far-right")
    target = np.array([1.0, 2.2])
    d = np.array(pocket.mouth_centre) - target
    d /= np.hypot(*d)
    places = np.array([target - 0.6 * d, target])
    played = play(POOL, places, ("cue", "1"), Strike(0, 2.0, math.atan2(d[1], d[0])))
    seen = [b for s in played.states for b in s.balls if b.label == "1"]
    assert "pocket" in seen[-1].evidence
    assert all(b.label != "1" for b in played.states[-1].balls)


def test_a_ball_frozen_under_a_hand_when_struck_is_found_again() -> None:
    """The stroke hides the ball for some pictures; then it is far away."""
    table = Table30()
    table.show(LAYOUT, 30)
    number = by_label(table.show(LAYOUT))["cue"].track
    table.sight = lambda _x, _y: Sight.COVERED
    others = {k: v for k, v in LAYOUT.items() if k != "cue"}
    table.show(others, 3)
    for k in range(4):
        found = by_label(table.show({**others, "cue": (0.4, 1.5 + 0.15 * k)}))
    assert found["cue"].track == number
    assert found["cue"].y_m > 1.8
    assert found["cue"].moving


def test_a_leap_that_leads_nowhere_is_taken_back() -> None:
    table = Table30()
    table.show(LAYOUT, 30)
    table.sight = lambda _x, _y: Sight.COVERED
    others = {k: v for k, v in LAYOUT.items() if k != "1"}
    table.show({**others, "1": (0.75, 1.55)}, 1)
    found = by_label(table.show(LAYOUT, 3))
    assert math.dist((found["1"].x_m, found["1"].y_m), LAYOUT["1"]) < 0.001
    table.show({**others, "1": (0.75, 1.55)}, 1)
    found = by_label(table.show(others, 5))
    assert math.dist((found["1"].x_m, found["1"].y_m), LAYOUT["1"]) < 0.001


def test_a_moving_ball_is_carried_on_and_given_up_in_time() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    others = {k: v for k, v in LAYOUT.items() if k != "9"}
    table.sight = lambda _x, _y: Sight.COVERED
    for k in range(10):
        table.show({**others, "9": (0.9 - 0.03 * k, 2.0)})
    found = by_label(table.show(others, 5))
    assert not found["9"].visible
    assert found["9"].x_m < 0.55
    assert "9" not in by_label(table.show(others, 60))


def test_a_picture_that_tells_nothing_new_only_moves_the_clock() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    for k in range(6):
        table.show({**LAYOUT, "cue": (0.4, 0.6 + 0.03 * k)})
    ball = by_label(table.tracker.coast(table.now))["cue"]
    assert ball.measured_m is None
    assert ball.visible
    assert ball.y_m > 0.76
    repeated = table.tracker.update([], 0, table.now - 10 * FRAME_NS)
    assert by_label(repeated)["cue"].track == ball.track


def test_in_black_pictures_balls_are_carried_on_unseen_and_less_and_less_sure() -> None:
    table = Table30()
    for k in range(12):
        table.show({**LAYOUT, "1": (0.7, 1.4 + 0.02 * k)})
    spreads = []
    for pictures in (1, 20, 40):
        later = table.now + pictures * FRAME_NS
        found = by_label(table.tracker.coast(later, blind=True))
        assert set(found) == set(LAYOUT)
        assert not any(b.visible for b in found.values())
        assert all(POOL.contains(b.x_m, b.y_m, -0.2) for b in found.values())
        spreads.append([found[label].covariance[0] for label in ("cue", "1")])
    assert (np.diff(spreads, axis=0) > 0).all()
    # It rolls on behind the lens cap.
    table.frame += 2
    again = by_label(table.show({**LAYOUT, "1": (0.7, 1.4 + 0.02 * 14)}))
    assert all(b.visible for b in again.values())


def test_a_ball_does_not_leap_from_a_place_that_is_not_bare() -> None:
    """A ball is missed in its place for once, and something like it is seen elsewhere."""
    table = Table30()
    number = by_label(table.show(LAYOUT, 30))["1"].track
    table.sight = lambda _x, _y: Sight.COVERED
    for _ in range(4):
        found = by_label(table.show({**LAYOUT, "1": (0.72, 1.15)}, confidence=0.7))
        assert (found["1"].x_m, found["1"].y_m) == pytest.approx((0.7, 1.4), abs=0.002)
    back = by_label(table.show(LAYOUT))["1"]
    assert (back.track, back.visible) == (number, True)


def test_a_ball_seen_for_the_first_time_does_not_take_a_struck_balls_place() -> None:
    table = Table30()
    number = by_label(table.show(LAYOUT, 80))["1"].track
    # Something shows up beside it for one picture, then the ball is struck past there.
    table.show({**LAYOUT, "3": (0.72, 1.46)})
    for k in range(1, 8):
        found = by_label(table.show({**LAYOUT, "1": (0.7 + 0.02 * k, 1.4 + 0.03 * k)}))
    assert found["1"].track == number
    assert found["1"].visible


def test_a_cue_ball_struck_under_a_hand_is_known_while_it_rolls() -> None:
    table = Table30()
    number = by_label(table.show(LAYOUT, 80))["cue"].track
    table.sight = lambda _x, _y: Sight.COVERED
    others = {k: v for k, v in LAYOUT.items() if k != "cue"}
    table.show(others, 30)
    for k in range(8):
        found = by_label(table.show({**others, "cue": (0.3, 1.0 + 0.03 * k)}))
    assert (found["cue"].track, found["cue"].visible) == (number, True)


def test_the_ellipses_hold_what_calibration_and_light_do() -> None:
    settings = TrackerSettings(systematic=0.0006, outline=1.5)
    tracker = Tracker(POOL, settings)
    stated = 4e-4**2
    for k in range(100):
        seen = Seen(0.4, 0.6, label_chances(POOL, "cue"), (stated, 0.0, stated))
        ball = tracker.update([seen], k, 1 + k * FRAME_NS)[0]
    assert ball.covariance[0] == pytest.approx(0.0006**2 + 1.5 * stated, rel=0.1)


def test_after_a_long_gap_resting_balls_are_still_known() -> None:
    table = Table30()
    table.show(LAYOUT, 20)
    for k in range(6):
        table.show({**LAYOUT, "cue": (0.4, 0.6 + 0.03 * k)})
    before = by_label(table.show({**LAYOUT, "cue": (0.4, 0.78)}))
    table.frame += 300
    stopped = {**LAYOUT, "cue": (0.4, 1.2)}
    found = by_label(table.show(stopped, 120))
    assert {k: b.track for k, b in found.items()} == {k: b.track for k, b in before.items()}


def test_a_table_without_pockets_has_no_pocket_evidence() -> None:
    carom = preset("carom-10ft")
    table = Table30(carom)
    found = table.show({"cue": (0.05, 0.05), "yellow": (0.7, 1.0), "red": (0.7, 2.0)}, 10)
    assert all(b.evidence == () for b in found)


def test_memory_is_bounded() -> None:
    table = Table30()
    table.tracker = Tracker(POOL, TrackerSettings(limit=20))
    rng = np.random.default_rng(3)
    for _ in range(60):
        seen = [
            Seen(*rng.uniform([0.05, 0.05], [1.2, 2.4]), label_chances(POOL, "none", 0.0))
            for _ in range(40)
        ]
        found = table.tracker.update(seen, table.frame, table.now, table.sight)
        table.frame += 1
        assert len(found) <= 20


def test_stated_errors_follow_what_is_seen() -> None:
    """A detector that states a tenth of its true errors is found out."""
    table = Table30()
    tracker = table.tracker
    rng = np.random.default_rng(6)
    for _ in range(900):
        seen = [
            Seen(
                x + rng.normal(0, 6e-4),
                y + rng.normal(0, 6e-4),
                label_chances(POOL, label),
                (1e-8, 0.0, 1e-8),
            )
            for label, (x, y) in LAYOUT.items()
        ]
        found = tracker.update(seen, table.frame, table.now)
        table.frame += 1
    assert len(found) == 3
    errors = [
        math.dist((b.x_m, b.y_m), LAYOUT[b.label]) / math.sqrt(b.covariance[0]) for b in found
    ]
    assert max(errors) < 3.5
