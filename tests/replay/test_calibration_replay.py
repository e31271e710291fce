"""Table finding on real pictures: ceiling cameras, broadcasts, a carom table."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from billiards_trainer.commands.track import read_film
from billiards_trainer.config.schema import VisionConfig
from billiards_trainer.table import build, preset
from billiards_trainer.vision.calibration.drift import measure_drift
from billiards_trainer.vision.calibration.table_finder import find_table

CEILING = build("measured", "pool", 1.881, 0.943, ball_diameter=0.0523)
BROADCASTS = [
    "game1_clip1", "game1_clip2", "game1_clip3", "game1_clip4", "game3_clip1", "game3_clip2",
]  # fmt: skip


@pytest.fixture(scope="module")
def annotations(data_dir):
    content = json.loads((data_dir / "annotations.json").read_text())
    return {entry["image"]: entry for entry in content["images"]}


def read(path):
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def farthest(found, labelled):
    """Largest corner distance, whatever corner the label begins with and which way it runs."""
    orders = [np.roll(found[::way], k, axis=0) for way in (1, -1) for k in range(4)]
    return min(float(np.linalg.norm(order - labelled, axis=1).max()) for order in orders)


@pytest.mark.parametrize("name", ["plain/2", "plain/23", "rings/14", "rings/27"])
def test_balls_on_the_projected_table_map_to_their_millimetres(data_dir, annotations, name):
    entry = annotations[f"ceiling_projector/{name}.png"]
    fit = find_table(read(data_dir / entry["image"]), CEILING)
    balls = [b for b in entry["balls"] if b.get("mm")]
    found = fit.camera.to_plane([[b["cx"], b["cy"]] for b in balls], CEILING.balls.radius) * 1e3
    # The labels' origin is the table's middle, x to the right and y up in the picture.
    middle = np.column_stack([found[:, 1] - 940.5, 471.5 - found[:, 0]])
    errors = np.linalg.norm(middle - [b["mm"] for b in balls], axis=1)
    assert np.median(errors) < 3.0
    assert errors.max() < 7.0
    assert fit.confidence > 0.8
    # The labels' own corners lie up to 5 px off the noses that one sees.
    assert farthest(fit.corners_px, np.array(entry["table_corners"])) < 8.0


@pytest.mark.parametrize("clip", BROADCASTS)
def test_broadcasts_within_six_pixels(data_dir, annotations, clip):
    entry = annotations[f"broadcast/{clip}/frames/frame_last.png"]
    fit = find_table(read(data_dir / entry["image"]))
    # These labels were fitted to the whole cloth, cushion tops included.
    assert farthest(fit.cloth_corners_px, np.array(entry["table_corners"])) < 6.0
    assert fit.confidence > 0.8


@pytest.mark.parametrize(
    "name", ["table_a/Noball", "table_a/new8", "table_b/empty_table", "table_b/table_w_balls"]
)
def test_other_ceilings_look_like_tables(data_dir, name):
    fit = find_table(read(data_dir / f"ceiling_unlabelled/{name}.jpg"))
    assert fit.confidence > 0.8
    assert fit.residual_mm < 3.0
    assert min(fit.corners_px[:, 0].min(), fit.corners_px[:, 1].min()) > 0


def test_a_carom_table_has_no_pockets_to_go_by(data_dir):
    picture = read(data_dir / "carom_topdown_unlabelled/F3/F3.00001.png")
    fit = find_table(picture, preset("carom-10ft"))
    seen = np.array([[129, 97], [127, 402], [746, 404], [744, 94]])
    assert farthest(fit.corners_px, seen) < 4.0


@pytest.mark.parametrize("film", ["slow_roll", "straight_shot"])
def test_a_camera_that_hangs_still_has_not_been_knocked(data_dir, film):
    path = data_dir / "ceiling_projector" / "films" / f"{film}.mp4"
    pictures = [picture for _, picture in read_film(path)]
    # One rail of this table throws a shadow that is sharper than the edge of its nose.
    camera = find_table(pictures[0], CEILING).camera
    looks = [measure_drift(picture, camera, CEILING).drift_mm for picture in pictures[::20]]
    assert np.median([mm for mm in looks if mm is not None]) < VisionConfig().drift_limit_mm
