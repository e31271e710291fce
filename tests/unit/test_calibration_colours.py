"""Learning a table's colours from several pictures: the command, and what vision keeps for it."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.cli import main
from billiards_trainer.errors import InputError
from billiards_trainer.table import preset
from billiards_trainer.vision.calibration.ball_colours import Look, learn_colours
from billiards_trainer.vision.calibrations import FOLDER, Calibrations
from billiards_trainer.vision.colour_lessons import EVERY_S, KEPT, ColourLessons
from billiards_trainer.vision.detection.detector import BallDetector
from billiards_trainer.vision.detection.learning import Separability
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
PLACES = {"cue": (0.3, 0.4), "1": (0.8, 0.9), "2": (0.4, 1.3), "3": (0.9, 1.6), "8": (0.2, 2.0)}
LAMP = (0.75, 0.95, 1.0)


def picture(seed: int, places: dict[str, tuple[float, float]] = PLACES) -> np.ndarray:
    drawn = empty_table(TABLE, CAMERA)
    for label, at in places.items():
        add_ball(drawn, TABLE, CAMERA, at, BALLS[label])
    return np.clip(develop(drawn, seed) * np.array(LAMP), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    detector = BallDetector(TABLE, CAMERA)
    pictures = [picture(seed) for seed in range(3)]
    return [Look(shown, detector.detect(shown)) for shown in pictures]


def test_the_median_of_several_pictures_is_learned(looks: list[Look]) -> None:
    spoilt = Look(looks[0].picture, [])
    learned = learn_colours([*looks, spoilt], TABLE, CAMERA)
    assert learned.looks == 3
    assert set(learned.apart.seen) == {"1", "2", "3", "8"}
    assert learned.apart.pair[0] in learned.verdict
    single = [learn_colours([look], TABLE, CAMERA).profile.colours["3"] for look in looks]
    assert learned.profile.colours["3"] == pytest.approx(np.median(single, axis=0))
    again = BallDetector(TABLE, CAMERA, learned.profile).detect(looks[0].picture)
    assert sorted(d.label for d in again) == sorted(PLACES)


def test_too_few_balls_teach_nothing(looks: list[Look]) -> None:
    with pytest.raises(InputError, match="too few balls"):
        learn_colours([], TABLE, CAMERA)
    one = Look(looks[0].picture, [b for b in looks[0].balls if b.label == "3"])
    with pytest.raises(InputError, match="spread the whole set"):
        learn_colours([one], TABLE, CAMERA)


@pytest.mark.parametrize(
    ("least", "said"), [(1.0, "will be confused"), (3.0, "now and then"), (6.0, "told apart")]
)
def test_says_how_well_balls_can_be_told_apart(looks: list[Look], least: float, said: str) -> None:
    learned = learn_colours(looks, TABLE, CAMERA)
    apart = Separability(least, ("3", "7"), ())
    verdict = type(learned)(learned.profile, apart, 3).verdict
    assert said in verdict
    assert "3 and 7" in verdict


def test_colours_are_kept_for_their_game(looks: list[Look], tmp_path) -> None:
    learned = learn_colours(looks, TABLE, CAMERA)
    kept = Calibrations(tmp_path, TABLE).keep_colours(learned, "camera 1")
    assert kept.id == "colours-1"
    assert Calibrations(tmp_path, TABLE).colours() == learned.profile
    assert Calibrations(tmp_path, preset("snooker-12ft")).colours() is None
    path = tmp_path / FOLDER / "colours-1.json"
    content = json.loads(path.read_text())
    content["data"].pop("game")
    path.write_text(json.dumps(content))
    assert Calibrations(tmp_path, TABLE).colours() is None


def state(detection, label: str, *, moving: bool = False, visible: bool = True) -> m.BallState:
    return m.BallState(
        track=1, label=label, label_confidence=0.95, x_m=detection.x_m, y_m=detection.y_m,
        moving=moving, visible=visible, x_px=detection.x_px, y_px=detection.y_px,
    )  # fmt: skip


def test_lessons_are_pictures_at_rest_with_the_tracks_labels(looks: list[Look]) -> None:
    now = 0.0
    lessons = ColourLessons(lambda: now)
    look = looks[0]
    red = next(b for b in look.balls if b.label == "3")
    lessons.see(look.picture, look.balls, [state(red, "7", moving=True)])
    lessons.see(look.picture, look.balls, [])
    assert lessons.looks == ()
    lessons.see(
        look.picture, look.balls, [state(red, "7"), state(look.balls[0], "x", visible=False)]
    )
    assert [b.label for b in lessons.looks[0].balls] == ["7"]
    assert lessons.looks[0].balls[0].label_probabilities == {"7": 0.95}
    lessons.see(look.picture, look.balls, [state(red, "7")])
    assert len(lessons.looks) == 1
    for k in range(2 * KEPT):
        now = (k + 1) * EVERY_S
        lessons.see(look.picture, look.balls, [state(red, "7")])
    assert len(lessons.looks) == KEPT
    lessons.clear()
    assert lessons.looks == ()


def test_the_command_stores_what_it_learned(looks: list[Look], tmp_path, capsys) -> None:
    files = []
    for k, look in enumerate(looks):
        files.append(str(tmp_path / f"{k}.png"))
        cv2.imwrite(files[-1], look.picture)
    (tmp_path / "text.png").write_text("no picture")
    command = ["calibrate", "colours", "--table", "pool-9ft", "--store", str(tmp_path), *files]
    assert main(command) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["id"] == "colours-1"
    assert out["separability"] > 0
    assert len(out["worst_pair"]) == 2
    assert out["pictures"] == 3
    assert main([*command, str(tmp_path / "text.png")]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["id"] == "colours-2"
    assert "text.png" in err
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.clip(develop(empty_table(TABLE, CAMERA)), 0, 255).astype(np.uint8))
    assert main(["calibrate", "colours", str(empty), "--table", "pool-9ft"]) == 2
    assert "too few balls" in capsys.readouterr().err
