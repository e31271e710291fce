"""``evaluate vision`` on YOLO folders and on crops of single balls."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer.cli import main
from billiards_trainer.errors import InputError
from billiards_trainer.table import POOL_BALLS, SNOOKER_BALLS, preset
from billiards_trainer.vision import evaluation_sets, evaluation_sheets
from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.detection.colours import default_profile
from billiards_trainer.vision.detection.identity import Identifier
from billiards_trainer.vision.picture_file import read_picture
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
PLACES = {"cue": (0.30, 0.50), "1": (0.80, 0.90), "3": (0.90, 1.60), "8": (0.20, 2.00)}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    drawn = empty_table(TABLE, CAMERA)
    for label, at in PLACES.items():
        add_ball(drawn, TABLE, CAMERA, at, BALLS[label])
    return develop(drawn)


@pytest.fixture
def yolo(tmp_path: Path, picture: np.ndarray) -> Path:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), picture)
    lines = ["1 0.5 0.5 0.9 0.9", ""]
    middles, radii = geometry.discs(CAMERA, np.array(list(PLACES.values())), TABLE.balls.radius)
    for (x, y), r in zip(middles, radii, strict=True):
        lines.append(f"0 {(x + 0.5) / 1280} {(y + 0.5) / 720} {2 * r / 1280} {2 * r / 720}")
    (tmp_path / "labels" / "a.txt").write_text("\n".join(lines))
    return tmp_path


def crops(folder: Path, picture: np.ndarray) -> Path:
    """Crops of single balls, half as wide again as the balls."""
    middles, radii = geometry.discs(CAMERA, np.array(list(PLACES.values())), TABLE.balls.radius)
    names = {"cue": "WHITE", "1": "1", "3": "3", "8": "8"}
    for label, (x, y), r in zip(PLACES, middles, radii, strict=True):
        half = round(r / (2 * evaluation_sets.CROP_RADIUS))
        where = folder / "table" / names[label]
        where.mkdir(parents=True)
        row, column = round(y), round(x)
        crop = picture[row - half : row + half + 1, column - half : column + half + 1]
        cv2.imwrite(str(where / "1.png"), crop)
    return folder


def test_yolo_folders(yolo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "vision", str(yolo), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["all"]
    assert (figures["balls"], figures["recall"], figures["precision"]) == (4, 1.0, 1.0)
    assert figures["label_accuracy"] is None


def test_yolo_lines_that_are_none(yolo: Path) -> None:
    (yolo / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n0 0.5")
    with pytest.raises(InputError, match=r"a\.txt: line 2 is not a box"):
        evaluation_sets.read_yolo(yolo)
    (yolo / "labels" / "a.txt").unlink()
    assert evaluation_sets.read_yolo(yolo)[0].balls == ()


def test_crops_of_single_balls(
    tmp_path: Path, picture: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = crops(tmp_path / "crops", picture)
    diagram = tmp_path / "diagram.png"
    command = ["evaluate", "vision", str(folder), "--balls", "pool", "--diagram", str(diagram)]
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"]["table"]["label_accuracy"] == 1.0
    assert sum(count for _, _, count in report["reliability"]) == 4
    assert read_picture(diagram).shape == (580, 580, 3)
    assert main(["evaluate", "vision", str(folder)]) == 0
    assert "| stated | right | names |" in capsys.readouterr().out
    (folder / "table" / "3").rename(folder / "table" / "teal")
    assert main(command) == 2
    assert "no ball of pool is called 'teal'" in capsys.readouterr().err
    assert main(["evaluate", "vision", str(tmp_path / "nothing" / "here")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", "vision", str(tmp_path / "empty")]) == 2


def test_crops_need_a_network(tmp_path: Path) -> None:
    identifier = Identifier(POOL_BALLS, default_profile(POOL_BALLS))
    with pytest.raises(InputError, match="there is none"):
        evaluation_sets.score_crops(tmp_path, SNOOKER_BALLS, identifier)


def test_the_diagram_shows_where_confidences_are_true() -> None:
    sheet = evaluation_sheets.reliability_diagram([(0.9, 0.9, 40), (0.5, 0.1, 10)], size=400)
    # Up is right more often: a dot on the diagonal, another below it.
    assert tuple(sheet[50 + 40, 50 + 360]) == (150, 90, 20)
    assert tuple(sheet[50 + 360, 50 + 200]) == (150, 90, 20)
    assert tuple(sheet[50 + 200, 50 + 100]) == (255, 255, 255)
