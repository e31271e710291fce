"""Detection on real pictures; the figures are floors, the measured ones stand in docs/vision.md."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer.table import Table, build, preset
from billiards_trainer.vision import evaluation
from billiards_trainer.vision.picture_file import read_picture
from billiards_trainer.vision.still import Still, analyse

CEILING = build("ceiling", "snooker", 1.881, 0.943, ball_diameter=0.0523)


def labelled(data: Path, part: str) -> list[evaluation.LabelledPicture]:
    entries = json.loads((data / "annotations.json").read_text())
    return [p for p in evaluation.read_annotations(entries) if part in p.path]


def scored(
    data: Path, pictures: list[evaluation.LabelledPicture], table: Table
) -> evaluation.Score:
    total = evaluation.Score()
    for one in pictures:
        still = analyse(read_picture(data / one.path), table)
        total.add(
            evaluation.score_picture(one, still.balls, still.table.corners_px, table.balls.diameter)
        )
    return total


def look(data: Path, path: str, table: Table) -> Still:
    return analyse(read_picture(data / path), table)


def test_the_appliances_own_situation(data_dir: Path) -> None:
    pictures = labelled(data_dir, "ceiling_projector/")
    chosen = [p for p in pictures if "rings/" in p.path or p.path.endswith(("/1.png", "/4.png"))]
    figures = scored(data_dir, chosen, CEILING).summary()
    assert figures["precision"] >= 0.99
    assert figures["recall"] >= 0.99
    assert figures["median_mm"] <= 2.0
    assert figures["label_accuracy"] >= 0.97


def test_arm_and_cue_are_no_balls(data_dir: Path) -> None:
    still = look(data_dir, "ceiling_projector/arm_and_cue/arm.png", CEILING)
    # Arm, hand and cue lie in the upper left quarter, where there is only the yellow ball.
    there = [b for b in still.balls if b.x_px < 500 and b.y_px < 300]
    assert [b.label for b in there] == ["yellow"]
    assert still.cue is not None
    assert np.hypot(still.cue.tip_px[0] - 469, still.cue.tip_px[1] - 248) < 12
    assert still.cue.direction_px == pytest.approx((0.963, 0.268), abs=0.02)


def test_a_projected_ghost_ball_is_no_ball(data_dir: Path) -> None:
    film = cv2.VideoCapture(str(data_dir / "ceiling_projector/films/pot_side_pocket.mp4"))
    _, picture = film.read()
    still = analyse(picture, CEILING)
    # The ring of light of a ball's size lies at (645, 256); cue ball and object ball are real.
    assert sorted((b.label, round(b.x_px, -1)) for b in still.balls) == [("cue", 290), ("red", 540)]


def test_an_empty_table_is_empty(data_dir: Path) -> None:
    still = look(data_dir, "ceiling_unlabelled/table_b/empty_table.jpg", preset("pool-9ft"))
    assert still.balls == []
    assert still.cue is None


def test_a_broadcast_view_from_above(data_dir: Path) -> None:
    pictures = labelled(data_dir, "broadcast/game1_clip1")
    figures = scored(data_dir, pictures, preset("pool-9ft")).summary()
    assert figures["precision"] >= 0.95
    assert figures["recall"] >= 0.95
    assert figures["label_accuracy"] >= 0.85


@pytest.mark.parametrize(
    ("name", "balls"),
    [
        ("table_a/WIN_20221019_23_45_51_Pro.jpg", 6),
        ("table_a/new8.jpg", 2),
        ("table_b/table_w_balls.jpg", 10),
    ],
)
def test_every_ball_on_tables_whose_size_nobody_said(data_dir: Path, name: str, balls: int) -> None:
    still = analyse(read_picture(data_dir / "ceiling_unlabelled" / name))
    assert len(still.balls) == balls
    assert [b.label for b in still.balls].count("cue") == 1
