"""``billiards-trainer calibrate`` on drawn pictures."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from billiards_trainer.cli import main
from billiards_trainer.table import preset
from tests.drawn_table import ceiling_camera, draw, true_corners

POOL = preset("pool-9ft")
CAMERA = ceiling_camera(POOL)


@pytest.fixture(scope="module")
def picture_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "table.png"
    cv2.imwrite(str(path), draw(POOL, CAMERA))
    return path


def test_prints_residual_and_what_it_stored(picture_file, tmp_path, capsys):
    command = ["calibrate", "camera", str(picture_file), "--table", "pool-9ft"]
    assert main([*command, "--store", str(tmp_path)]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["id"] == "camera-1"
    assert 0 <= out["residual_mm"] < 2.0
    assert not out["table_assumed"]
    assert out["solved_from"] == ["table.png"]
    stored = json.loads((tmp_path / "camera-1.json").read_text())
    assert stored["data"]["camera"] == out["camera"]
    assert np.abs(np.array(out["corners_px"]) - true_corners(POOL, CAMERA)).max() < 2.0


def test_many_pictures_lose_what_moves(picture_file, tmp_path, capsys):
    files = []
    for k in range(3):
        picture = cv2.imread(str(picture_file))
        cv2.rectangle(picture, (100 + 330 * k, 0), (380 + 330 * k, 719), (30, 30, 200), -1)
        files.append(str(tmp_path / f"{k}.png"))
        cv2.imwrite(files[-1], picture)
    assert main(["calibrate", "camera", *files, "--table-size", "2.54x1.27",
                 "--store", str(tmp_path)]) == 0  # fmt: skip
    out = json.loads(capsys.readouterr().out)
    assert np.abs(np.array(out["corners_px"]) - true_corners(POOL, CAMERA)).max() < 2.0


def test_a_film_and_given_corners(tmp_path, capsys):
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 30, (1280, 720))
    for k in range(12):
        writer.write(draw(POOL, CAMERA, seed=k))
    writer.release()
    corners = ",".join(f"{v:.1f}" for v in true_corners(POOL, CAMERA).ravel())
    command = ["calibrate", "camera", str(film), "--corners", corners, "--store", str(tmp_path)]
    assert main([*command, "--camera-height", "2.5"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["source"] == "given"
    assert out["table_assumed"]
    assert out["camera_height_m"] == pytest.approx(2.5, abs=0.1)
    assert main([*command, "--as-given"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "camera-2"


def test_without_a_folder_it_keeps_its_state(picture_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["calibrate", "camera", str(picture_file)]) == 0
    assert json.loads(capsys.readouterr().out)["stored"].startswith(str(tmp_path))


@pytest.mark.parametrize("kind", ["projector", "colours"])
def test_what_the_appliance_does_needs_one(kind, capsys, tmp_path):
    assert main(["calibrate", kind, "--runtime-dir", str(tmp_path / "none")]) == 2
    err = capsys.readouterr().err
    assert f"calibrate {kind}: no appliance is running" in err
    assert err.count("\n") == 1


def test_bad_pictures_are_told_and_the_others_used(picture_file, tmp_path, capsys):
    (tmp_path / "text.png").write_text("not a picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(picture_file.read_bytes()[:9000])
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((720, 1280, 3), np.uint16))
    bad = [str(tmp_path / name) for name in ("text.png", "cut.png", "dot.png", "deep.png")]
    command = ["calibrate", "camera", bad[0], str(picture_file), *bad[1:], "--table", "pool-9ft"]
    assert main([*command, "--store", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["solved_from"] == ["table.png"]
    assert err.count("\n") == len(bad)
    for name, line in zip(bad, err.splitlines(), strict=True):
        assert name in line
    assert (tmp_path / "out" / "camera-1.json").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{folder}/none.png"], "no such file"),
        (["{folder}/text.png"], "not a picture"),
        (["{folder}/empty.png"], "empty"),
        (["{folder}/deep.png"], "16 bits"),
        (["{folder}/black.png"], "black"),
        (["{folder}/black.png", "--corners", "1,2,3"], "eight numbers"),
        (["{folder}/black.png", "--table-size", "9x1"], "not a table"),
        (["{folder}/black.png", "--camera-height", "90"], "between 0.5 and 20"),
        (["{folder}/black.png", "--as-given"], "no --corners"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, capsys, arguments, sentence):
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((480, 640, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((240, 320, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((480, 640, 3), np.uint16))
    words = [word.format(folder=tmp_path) for word in arguments]
    assert main(["calibrate", "camera", *words, "--store", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(picture_file, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert main(["calibrate", "camera", str(picture_file), "--store", str(blocked)]) == 2
    assert "cannot store" in capsys.readouterr().err
