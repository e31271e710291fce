"""Calibrations on the disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.errors import InputError
from billiards_trainer.table import preset
from tests.drawn_table import ceiling_camera

CAMERA = ceiling_camera(preset("pool-9ft"), k1=-0.03)


def save(store, **changes):
    given = {"residual_mm": 0.7, "solved_from": ("film.mp4",), **changes}
    return store.save({"camera": CAMERA.to_dict()}, **given)


def test_numbers_count_up_and_the_newest_is_latest(tmp_path):
    store = CalibrationStore(tmp_path / "deep" / "folder")
    assert store.latest() is None
    first = save(store, now=datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    assert (first.id, first.date) == ("camera-1", "2026-11-20T12:00:00+00:00")
    second = save(store, residual_mm=0.5)
    assert second.id == "camera-2"
    assert store.latest() == second
    assert store.load("camera-1") == first
    assert store.load("camera-2").camera == CAMERA


def test_kinds_count_apart(tmp_path):
    store = CalibrationStore(tmp_path)
    save(store)
    assert save(store, kind="projector").id == "projector-1"
    latest = store.latest("projector")
    assert latest is not None
    assert latest.id == "projector-1"
    assert store.latest("colours") is None


def test_strange_files_are_left_alone(tmp_path):
    (tmp_path / "camera-x.json").write_text("{}")
    (tmp_path / "camera-07.json").write_text("{}")
    assert save(CalibrationStore(tmp_path)).id == "camera-1"


def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path):
    store = CalibrationStore(tmp_path)
    first = save(store)
    save(store)
    (tmp_path / "camera-2.json").write_text('{"schema": 1, "da')
    assert store.latest() == first
    assert save(store).id == "camera-3"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "not readable"),
        ("[]", "not a calibration"),
        ('{"schema": 9}', "field schema"),
        ('{"schema": 1, "date": 3}', "field date"),
        ('{"schema": 1, "date": "", "residual_mm": 1, "solved_from": []}', "field data"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(tmp_path, content, sentence):
    (tmp_path / "camera-4.json").write_text(content)
    with pytest.raises(InputError, match=rf"camera-4\.json.*{sentence}"):
        CalibrationStore(tmp_path).load("camera-4")


@pytest.mark.parametrize("name", ["../camera-1", "camera", "camera-0", "Camera-1", ""])
def test_only_names_of_calibrations_are_looked_up(tmp_path, name):
    with pytest.raises(InputError, match="not the name"):
        CalibrationStore(tmp_path).load(name)


def test_one_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match="no calibration camera-9"):
        CalibrationStore(tmp_path).load("camera-9")


def test_data_without_a_camera_says_so(tmp_path):
    store = CalibrationStore(tmp_path)
    bad = CAMERA.to_dict() | {"focal": [1.0]}
    for data in ({}, {"camera": 3}, {"camera": bad}):
        record = store.save(data, residual_mm=0.0, solved_from=(), kind="camera")
        with pytest.raises(InputError, match="field camera"):
            _ = record.camera


def test_what_is_not_a_number_is_never_written(tmp_path):
    with pytest.raises(ValueError):
        save(CalibrationStore(tmp_path), residual_mm=float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_plain_json(tmp_path):
    save(CalibrationStore(tmp_path))
    content = json.loads((tmp_path / "camera-1.json").read_text())
    assert content["id"] == "camera-1"
    assert content["solved_from"] == ["film.mp4"]
