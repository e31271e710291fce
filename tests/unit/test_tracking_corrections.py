"""A person's word about a ball: it outweighs the pictures until the rack ends, and is kept."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.vision.corrections import CorrectionArchive
from billiards_trainer.vision.rack_watch import RackWatch
from billiards_trainer.vision.tracking.correcting import CorrectionError
from tests.unit.test_tracking_tracker import LAYOUT, Table30, by_label

FILM = m.SourceInfo(kind="film", name="drawn")


def said(
    track: int,
    label: str | None = None,
    position_m: tuple[float, float] | None = None,
    absent: bool = False,
) -> m.BallCorrection:
    return m.BallCorrection(track=track, epoch=0, label=label, position_m=position_m, absent=absent)


def test_a_label_given_by_a_person_stays_whatever_is_seen() -> None:
    table = Table30()
    track = by_label(table.show(LAYOUT, 20))["1"].track
    table.tracker.correct(said(track, "3"))
    for k in range(60):
        # It rolls, and shows the same wrong face from all sides.
        found = {b.track: b for b in table.show({**LAYOUT, "1": (0.7, 1.4 + 0.005 * k)})}
    assert (found[track].label, found[track].visible) == ("3", True)
    assert found[track].label_confidence > 0.99
    table.tracker.new_rack()
    assert {b.track: b.label for b in table.show({**LAYOUT, "1": (0.7, 1.7)}, 30)}[track] == "1"


def test_the_ball_that_had_the_label_gives_it_up() -> None:
    table = Table30()
    before = by_label(table.show(LAYOUT, 20))
    table.tracker.correct(said(before["1"].track, "cue"))
    found = {b.track: b.label for b in table.show(LAYOUT, 3)}
    assert found[before["1"].track] == "cue"
    assert found[before["cue"].track] != "cue"
    table.tracker.correct(said(before["cue"].track, "cue"))
    found = {b.track: b.label for b in table.show(LAYOUT, 3)}
    assert found[before["cue"].track] == "cue"
    assert found[before["1"].track] == "1"


def test_a_corrected_ball_carried_elsewhere_is_still_that_ball() -> None:
    table = Table30()
    track = by_label(table.show(LAYOUT, 80))["1"].track
    table.tracker.correct(said(track, "3"))
    table.show({k: v for k, v in LAYOUT.items() if k != "1"}, 20)
    found = {b.track: b.label for b in table.show({**LAYOUT, "1": (0.3, 1.9)}, 20)}
    assert found[track] == "3"


def test_a_place_given_by_a_person_holds_until_the_ball_moves() -> None:
    table = Table30()
    ball = by_label(table.show(LAYOUT, 20))["9"]
    table.tracker.correct(said(ball.track, position_m=(0.91, 2.003)))
    moved = by_label(table.show(LAYOUT, 30))["9"]
    assert (moved.x_m, moved.y_m) == pytest.approx((0.91, 2.003), abs=3e-4)
    assert moved.measured_m == pytest.approx((0.91, 2.003), abs=2e-3)
    assert not moved.moving
    for k in range(20):
        rolling = by_label(table.show({**LAYOUT, "9": (0.9, 2.0 - 0.01 * k)}))["9"]
    assert (rolling.x_m, rolling.y_m) == pytest.approx((0.9, 1.81), abs=2e-3)


def test_what_is_no_ball_is_never_seen_as_one_again() -> None:
    table = Table30()
    track = by_label(table.show(LAYOUT, 20))["1"].track
    table.tracker.correct(said(track, absent=True))
    assert set(by_label(table.show(LAYOUT, 100))) == {"cue", "9"}
    table.tracker.new_rack()
    assert "1" in by_label(table.show(LAYOUT, 100))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"label": "pink"}, "no ball of this game"),
        ({"position_m": (0.5, 2.0)}, "too far"),
        ({"position_m": (-0.1, 2.0)}, "not on the table"),
        ({"track": 77}, "no longer on the table"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], why: str) -> None:
    table = Table30()
    before = table.show(LAYOUT, 20)
    track = by_label(before)["9"].track
    with pytest.raises(CorrectionError, match=why):
        table.tracker.correct(said(track).model_copy(update=wrong))
    assert [b.label for b in table.show(LAYOUT)] == [b.label for b in before]


def test_a_rolling_ball_has_no_place() -> None:
    table = Table30()
    for k in range(10):
        found = by_label(table.show({**LAYOUT, "1": (0.7, 1.4 + 0.02 * k)}))
    with pytest.raises(CorrectionError, match="moves"):
        table.tracker.correct(said(found["1"].track, position_m=(0.7, 1.6)))


def test_pictures_are_kept_with_what_was_said_and_the_oldest_go(tmp_path: Path) -> None:
    archive = CorrectionArchive(tmp_path / "corrections", kept=3)
    picture = np.full((90, 160, 3), (40, 120, 60), np.uint8)
    ball = m.BallState(track=4, label="3", x_m=0.7, y_m=1.4, x_px=80, y_px=45, radius_px=6)
    hidden = m.BallState(track=5, label="9", x_m=0.2, y_m=0.2, visible=False)
    state = m.TableState(
        frame=1, exposure_ns=1, epoch=0, table="pool-9ft", width=1.27, length=2.54,
        ball_radius=0.0286, source=FILM, calibration="camera-2", balls=(ball, hidden),
    )  # fmt: skip
    for _ in range(5):
        path = archive.keep(picture, state, said(4, "3"))
    assert sorted(p.name for p in archive.folder.iterdir()) == [
        f"correction-{n}.{kind}" for n in (3, 4, 5) for kind in ("jpg", "json")
    ]
    record = json.loads(path.read_text())
    assert record["said"]["label"] == "3"
    assert record["calibration"] == "camera-2"
    assert [(b["track"], b["label"], b["x_px"]) for b in record["balls"]] == [(4, "3", 80.0)]
    stored = cv2.imread(str(archive.folder / record["picture"]))
    assert np.abs(stored.astype(int) - picture).max() < 8


def test_a_rack_ends_by_command_with_a_session_or_with_the_balls_set_up() -> None:
    def game(session: str = "a", rack: int = 1, potted: int = 0) -> m.GameState:
        labels = tuple(str(n) for n in range(1, potted + 1))
        return m.GameState(
            frame=0, exposure_ns=1, epoch=0, session=session, rack=rack, potted=labels
        )

    watch = RackWatch()
    assert not watch.has_ended(game())
    assert not watch.has_ended(game(potted=1))
    # A ball was respotted.
    assert not watch.has_ended(game())
    assert watch.has_ended(game(rack=2))
    # Core was started again.
    assert not watch.has_ended(game(rack=1))
    assert not watch.has_ended(game(potted=9))
    assert not watch.has_ended(game(potted=4))
    assert watch.has_ended(game())
    assert not watch.has_ended(game())
    assert watch.has_ended(game("b"))
