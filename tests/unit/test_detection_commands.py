from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer.cli import main
from billiards_trainer.errors import InputError
from billiards_trainer.table import preset
from billiards_trainer.vision import evaluation
from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.picture_file import read_picture
from tests.unit.drawn_tables import BALLS, add_ball, add_cue, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
PLACES = {"cue": (0.30, 0.50), "1": (0.80, 0.90), "3": (0.90, 1.60), "8": (0.20, 2.00)}
CORNERS = CAMERA.to_pixels([(x, y, TABLE.cushion_height) for x, y in TABLE.corners])
CORNERS_TEXT = ",".join(f"{v:.1f}" for v in CORNERS.ravel())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = empty_table(TABLE, CAMERA)
    for label, at in PLACES.items():
        add_ball(picture, TABLE, CAMERA, at, BALLS[label])
    add_cue(picture, CAMERA, (0.7, 1.3, 0.028), 1.9)
    path = tmp_path_factory.mktemp("drawn") / "table.png"
    cv2.imwrite(str(path), develop(picture))
    return path


def png(width: int, height: int, bits: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def jpeg(channels: int, width: int = 64, bits: int = 8) -> bytes:
    frame = struct.pack(">HBHHB", 8 + 3 * channels, bits, 64, width, channels) + bytes(3 * channels)
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0" + frame + b"\xff\xd9"


def encoded(kind: str, picture: np.ndarray) -> bytes:
    return cv2.imencode(kind, picture)[1].tobytes()


SMALL = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
BAD = {
    "text.png": (b"these are words", "not a picture"),
    "empty.png": (b"", "empty"),
    "cut.png": (encoded(".png", SMALL)[:5000], "cut off"),
    "stub.png": (encoded(".png", SMALL)[:20], "cut off"),
    "cut.jpg": (encoded(".jpg", SMALL)[:3000], "cut off"),
    "head.jpg": (encoded(".jpg", SMALL)[:60], "cut off"),
    "deep.png": (encoded(".png", SMALL.astype(np.uint16) * 200), "16 bits"),
    "deep.tiff": (encoded(".tiff", SMALL.astype(np.uint16) * 200), "16 bits"),
    "huge.png": (png(12000, 9000, 8), "108 megapixels"),
    "print.jpg": (jpeg(4), "CMYK"),
    "odd.jpg": (jpeg(3, bits=12), "12 bits"),
    "hollow.png": (png(300, 200, 8), "damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_get_one_sentence(tmp_path: Path, name: str) -> None:
    data, why = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=why) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_good_pictures_are_read(tmp_path: Path) -> None:
    for kind in (".png", ".jpg", ".bmp"):
        path = tmp_path / f"good{kind}"
        path.write_bytes(encoded(kind, SMALL))
        assert read_picture(path).shape == SMALL.shape
    grey = tmp_path / "grey.png"
    grey.write_bytes(encoded(".png", SMALL[:, :, 0]))
    assert read_picture(grey).shape == SMALL.shape
    with pytest.raises(InputError, match="no such file"):
        read_picture(tmp_path / "none.png")


def test_detect_prints_the_contract(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(
        ["detect", str(drawn), "--table-size", "2.54x1.27", "--corners", CORNERS_TEXT, "--json"]
    )
    (entry,) = json.loads(capsys.readouterr().out)["images"]
    assert status == 0
    assert (entry["width"], entry["height"]) == (1280, 720)
    assert entry["table"]["source"] == "given"
    assert np.array(entry["table"]["corners_px"]) == pytest.approx(CORNERS, abs=4)
    assert sorted(b["label"] for b in entry["balls"]) == sorted(PLACES)
    for ball in entry["balls"]:
        middle, radius = geometry.discs(CAMERA, np.array([PLACES[ball["label"]]]), 0.028575)
        assert (ball["x_px"], ball["y_px"]) == pytest.approx(middle[0], abs=0.7)
        assert ball["radius_px"] == pytest.approx(radius[0], rel=0.03)
        assert (ball["x_m"], ball["y_m"]) == pytest.approx(PLACES[ball["label"]], abs=0.012)
    assert entry["cue"]["angle_rad"] == pytest.approx(1.9, abs=0.03)
    assert entry["elapsed_ms"] > 0


def test_the_others_are_still_done(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, dot = tmp_path / "text.png", tmp_path / "dot.png"
    text.write_text("words")
    dot.write_bytes(encoded(".png", SMALL[:1, :1]))
    status = main(["detect", str(text), str(dot), str(drawn), "--corners", CORNERS_TEXT, "--json"])
    printed = capsys.readouterr()
    first, second, third = json.loads(printed.out)["images"]
    assert status == 2
    assert "not a picture" in first["error"]
    assert "1x1" in second["error"]
    assert len(third["balls"]) == len(PLACES)
    assert len(printed.err.strip().splitlines()) == 2


def test_detect_speaks_to_people(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", str(drawn), "--corners", CORNERS_TEXT]) == 0
    printed = capsys.readouterr().out
    assert "4 balls" in printed
    assert "cue stick" in printed


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--table-size", "9x9"], "not a table"),
        (["--table-size", "wide"], "LxW"),
        (["--ball-diameter", "2"], "billiard ball"),
        (["--corners", "1,2,3"], "eight numbers"),
        (["--corners", "a,b,c,d,e,f,g,h"], "eight numbers"),
    ],
)
def test_bad_flags_get_one_sentence(
    drawn: Path, flags: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(drawn), *flags]) == 2
    assert why in capsys.readouterr().err


def annotations(drawn: Path) -> Path:
    balls = []
    kinds = {"cue": "cue", "1": "solid", "3": "red", "8": "eight"}
    for label, at in PLACES.items():
        middle, radius = geometry.discs(CAMERA, np.array([at]), 0.028575)
        (x, y), r = middle[0], radius[0]
        balls.append({"x": x - r, "y": y - r, "w": 2 * r, "h": 2 * r, "class": kinds[label]})
    balls.append({"x": 600, "y": 300, "w": 26, "h": 26, "class": "ball"})
    path = drawn.parent / "annotations.json"
    entry = {"image": drawn.name, "balls": balls, "table_corners": CORNERS[::-1].tolist()}
    path.write_text(json.dumps({"images": [entry]}))
    return path


def test_evaluate_counts(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "worst.png"
    flags = ["--table-size", "2.54x1.27", "--given-corners"]
    where = str(annotations(drawn))
    assert main(["evaluate", "vision", where, *flags, "--json", "--sheet", str(sheet)]) == 0
    report = json.loads(capsys.readouterr().out)
    figures = report["all"]
    assert figures["balls"] == 5
    assert figures["recall"] == pytest.approx(0.8)
    assert figures["precision"] == 1.0
    assert figures["label_accuracy"] == pytest.approx(0.75)
    assert figures["median_mm"] < 1.5
    assert figures["corners_px"] < 5
    assert cv2.imread(str(sheet)) is not None
    assert main(["evaluate", "vision", where, *flags]) == 0
    assert "| all | 1 | 5 |" in capsys.readouterr().out


def test_evaluate_says_what_is_wrong(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = {
        "none.json": (None, "no such file"),
        "broken.json": (b"{", "not JSON"),
        "binary.json": (b"\xff\xfe\x00", "not a text file"),
        "empty.json": (b'{"images": []}', "no labelled pictures"),
        "lacking.json": (b'{"images": [{"image": "a"}]}', "balls"),
        "wrong.json": (b'{"images": 3}', "not a list"),
    }
    for name, (data, why) in cases.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        assert main(["evaluate", "vision", str(path)]) == 2
        assert why in capsys.readouterr().err
    missing = tmp_path / "missing.json"
    entry = {"image": "gone.png", "balls": [{"x": 1, "y": 1, "w": 9, "h": 9, "class": "red"}]}
    missing.write_text(json.dumps({"images": [entry]}))
    assert main(["evaluate", "vision", str(missing)]) == 2
    blank = tmp_path / "gone.png"
    cv2.imwrite(str(blank), np.zeros((300, 400, 3), np.uint8))
    assert main(["evaluate", "vision", str(missing), "--sheet", str(tmp_path / "s.png")]) == 0
    with pytest.raises(FileNotFoundError):
        (tmp_path / "nowhere").stat()
    bad_sheet = str(tmp_path / "nowhere" / "s.png")
    assert main(["evaluate", "vision", str(missing), "--sheet", bad_sheet]) == 2


def test_reliability_and_groups() -> None:
    stated = [(0.95, True), (0.91, True), (0.93, False), (0.2, False)]
    low, high = evaluation.reliability(stated)
    assert low == (pytest.approx(0.2), 0.0, 1)
    assert high[1:] == (pytest.approx(2 / 3), 3)
    assert evaluation.is_right("8", "eight")
    assert evaluation.is_right("12", "stripe")
    assert evaluation.is_right("solid", "solid")
    assert not evaluation.is_right("unknown", "solid")
    assert evaluation.is_right("red", "red")


def test_bench_vision_measures_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "vision", "--rounds", "1", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages_ms"]
    parts = {"cloth", "votes", "outlines", "judge", "identity"}
    assert parts | {"quality", "detection", "cue", "tracking", "aiming", "all"} <= set(stages)
    assert stages["all"]["median"] <= stages["all"]["p99"]
    assert main(["bench", "vision", "--rounds", "1"]) == 0
    assert "median" in capsys.readouterr().out
