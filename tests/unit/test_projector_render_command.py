"""`billiards-trainer render`: a scene becomes a picture, a bad file one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.cli import main
from billiards_trainer.projector.table_picture import Palette, TablePicture
from billiards_trainer.table import TABLE_NAMES, preset


def scene_of(name: str, **more: Any) -> m.Scene:
    table = preset(name)
    line = m.Line(points=((0.3, 0.3), (0.3, 1.5)), width=0.03)
    return m.Scene(
        frame=1, exposure_ns=2, table=name, width=table.width, length=table.length,
        ball_radius=table.balls.radius, elements=(line,), **more,
    )  # fmt: skip


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_a_scene_is_drawn_on_its_table(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scene.json"
    file.write_text(scene_of(name, keep_clear=((0.6, 0.9),)).model_dump_json())
    assert main(["render", str(file), "--width", "800"]) == 0
    said = json.loads(capsys.readouterr().out)
    picture = cv2.imread(said["path"])
    assert said == {"path": str(tmp_path / "scene.png"), "width": 800, "height": len(picture)}
    table, colours = preset(name), Palette()
    projection = TablePicture(table, 800).projection

    def at(x: float, y: float) -> np.ndarray:
        column, row = projection.to_pixels([[x, y]])[0].round().astype(int)
        return picture[row, column].astype(int)

    assert at(0.3, 1.0) == pytest.approx([255, 255, 255], abs=3), "the line"
    assert at(0.6, 0.9) == pytest.approx(colours.ball, abs=3)
    assert at(0.6, 0.6) == pytest.approx(colours.cloth, abs=3)
    assert at(-0.7 * table.rail_width, 0.6) == pytest.approx(colours.wood, abs=3)
    for pocket in table.pockets:
        assert at(*pocket.centre) == pytest.approx(colours.pocket, abs=3)


def test_a_table_measured_by_hand_and_another_place_for_the_picture(tmp_path: Path) -> None:
    file, picture = tmp_path / "scene.json", tmp_path / "out.png"
    scene = scene_of("pool-9ft").model_copy(update={"width": 0.943, "length": 1.881})
    file.write_text(scene.model_dump_json())
    assert main(["render", str(file), "--output", str(picture), "--width", "400"]) == 0
    assert cv2.imread(str(picture)).shape[1] == 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read the scene"),
        ("no JSON", "Invalid JSON"),
        ('{"frame": 1}', "field exposure_ns"),
        (
            json.dumps({**json.loads(scene_of("pool-9ft").model_dump_json()), "length": 99}),
            "length",
        ),
    ],
)
def test_bad_files_get_one_sentence(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scene.json"
    if content is not None:
        file.write_text(content)
    assert main(["render", str(file)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert str(file) in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("flags", [["--width", "5"], ["--output", "/no such folder/x.png"]])
def test_bad_flags_get_one_sentence(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scene.json"
    file.write_text(scene_of("pool-9ft").model_dump_json())
    assert main(["render", str(file), *flags]) == 2
    assert flags[0] in capsys.readouterr().err
