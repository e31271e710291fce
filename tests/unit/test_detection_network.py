"""The identity network: what it is given, what it says, and what happens without it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer.models import registry
from billiards_trainer.models.registry import ModelError
from billiards_trainer.table import CAROM_BALLS, POOL_BALLS, SNOOKER_BALLS, preset
from billiards_trainer.vision.detection import crops, identity_network
from billiards_trainer.vision.detection.colours import default_profile
from billiards_trainer.vision.detection.detector import BallDetector
from billiards_trainer.vision.detection.identity import Identifier
from billiards_trainer.vision.detection.identity_network import IdentityNetwork
from tests.unit.drawn_tables import BALLS, add_ball, camera_over, develop, empty_table

TABLE = preset("pool-9ft")
CAMERA = camera_over(TABLE)
PLACES = {"cue": (0.3, 0.4), "1": (0.8, 0.9), "2": (0.4, 1.3), "3": (0.9, 1.6), "8": (0.2, 2.0)}


@pytest.fixture(scope="module")
def network() -> IdentityNetwork:
    found = identity_network.load().network
    assert found is not None
    return found


def picture() -> np.ndarray:
    drawn = empty_table(TABLE, CAMERA)
    for label, at in PLACES.items():
        add_ball(drawn, TABLE, CAMERA, at, BALLS[label])
    return develop(drawn)


def site_with(folder: Path, content: bytes | None = None, **changes: str) -> Path:
    """A site's folder whose chosen model is the shipped one, changed."""
    shipped = registry.in_force("identity", None)
    source = folder / "source"
    source.mkdir()
    shutil.copy(shipped.file, source / "identity.onnx")
    card = {**shipped.data, "version": "site", **changes}
    (source / "identity.json").write_text(json.dumps(card))
    site = folder / "models"
    registry.install(source / "identity.onnx", site)
    registry.use("identity", "site", site)
    if content is not None:
        (site / "identity" / "site" / "identity.onnx").write_bytes(content)
    return site


@pytest.mark.parametrize("radius", [5.0, 15.0, 60.0])
def test_crops_show_the_ball_and_a_rim(radius: float) -> None:
    picture = np.full((200, 300, 3), 40, np.uint8)
    middle = (150.3, 90.6)
    at = (round(middle[0] * 16), round(middle[1] * 16))
    cv2.circle(picture, at, round(radius * 16), (0, 0, 250), -1, cv2.LINE_AA, 4)
    crop = crops.cut(picture, np.array([middle]), np.array([radius]))[0]
    assert crop.shape == (crops.SIZE, crops.SIZE, 3)
    red = crop[:, :, 2] > 145
    # The disc fills its share of the square and sits in the middle.
    drawn = (radius + 0.5) / radius  # OpenCV draws half a pixel more
    assert red.mean() == pytest.approx(np.pi * (drawn / (2 * crops.REACH)) ** 2, rel=0.05)
    row, column = (float(v.mean()) for v in np.nonzero(red))
    assert (row, column) == pytest.approx((15.5, 15.5), abs=0.4)


def test_no_balls_no_crops() -> None:
    assert crops.cut(picture(), np.zeros((0, 2)), np.zeros(0)).shape == (0, 32, 32, 3)


def test_every_label_of_every_set_has_its_output(network: IdentityNetwork) -> None:
    some = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
    for balls in (POOL_BALLS, SNOOKER_BALLS, CAROM_BALLS):
        found, odds = network.answer(some, balls.labels, balls.name)
        assert found.shape == (5, len(balls.labels))
        assert odds.shape == (5,)
        assert found.max(axis=1) == pytest.approx(0)
    with pytest.raises(ValueError, match="not in"):
        network.answer(some, ("pink",), "pool")
    assert "ExecutionProvider" in network.provider


def test_what_is_no_ball_is_doubted(network: IdentityNetwork) -> None:
    drawn = empty_table(TABLE, CAMERA)
    middle = CAMERA.to_pixels([0.9, 1.9, 0.0])
    at = (round(middle[0] * 16), round(middle[1] * 16))
    cv2.circle(drawn, at, 15 * 16, (250, 160, 90), 9, cv2.LINE_AA, 4)
    add_ball(drawn, TABLE, CAMERA, (0.5, 1.2), BALLS["3"])
    shown = develop(drawn)
    middles = np.vstack([middle, CAMERA.to_pixels([0.5, 1.2, TABLE.balls.radius])])
    cut = crops.cut(shown, middles, np.array([15.0, 15.0]))
    _, odds = network.answer(cut, POOL_BALLS.labels, "pool")
    assert odds[0] < 0 < odds[1]


def test_the_order_of_the_balls_does_not_matter(network: IdentityNetwork) -> None:
    some = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    order = np.array([3, 1, 5, 0, 4, 2])
    straight, _ = network.answer(some, POOL_BALLS.labels, "pool")
    turned, _ = network.answer(some[order], POOL_BALLS.labels, "pool")
    assert turned == pytest.approx(straight[order], abs=1e-3)


def test_a_model_of_the_site_is_used(tmp_path: Path) -> None:
    loaded = identity_network.load(site_with(tmp_path))
    assert loaded.network is not None
    assert loaded.network.card.version == "site"
    assert loaded.status.startswith("balls are told apart by identity site on ")


def test_a_process_chooses_its_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_network, "_site", None)
    identity_network.choose_site(site_with(tmp_path))
    network = BallDetector(TABLE, CAMERA).identifier.network
    assert network is not None
    assert network.card.version == "site"


@pytest.mark.parametrize(
    ("content", "contract", "reason"),
    [(b"x", "identity/1", "checksum"), (None, "identity/99", "contract identity/99")],
)
def test_a_wrong_model_gives_way_to_the_shipped_one(
    tmp_path: Path, content: bytes | None, contract: str, reason: str
) -> None:
    loaded = identity_network.load(site_with(tmp_path, content, contract=contract))
    assert loaded.network is not None
    assert loaded.network.card.shipped
    assert reason in loaded.problem
    assert reason in loaded.status


def test_without_any_network_colours_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    identity_network.load.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    try:
        loaded = identity_network.load()
        assert loaded.network is None
        assert loaded.status.endswith("by colour alone: ONNX Runtime is not installed")
        found = BallDetector(TABLE, CAMERA).detect(picture())
    finally:
        identity_network.load.cache_clear()
    assert sorted(d.label for d in found) == sorted(PLACES)


def test_what_is_no_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="ONNX Runtime refuses it"):
        identity_network._session(b"no network", registry.in_force("identity", None))
    monkeypatch.setattr(identity_network, "SIZE", 48)
    with pytest.raises(ModelError, match="inputs and outputs are not those"):
        IdentityNetwork(registry.in_force("identity", None))


def test_providers_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity_network.PROVIDERS_VARIABLE, "NoSuchExecutionProvider")
    found = IdentityNetwork(registry.in_force("identity", None))
    assert found.provider == "CPUExecutionProvider"


def test_learned_colours_have_a_say(network: IdentityNetwork) -> None:
    detector = BallDetector(TABLE, CAMERA)
    shown = picture()
    balls = detector.detect(shown)
    assert detector.working is not None
    middles = np.array([[b.x_px, b.y_px] for b in balls])
    radii = np.array([b.radius_px for b in balls])
    book = default_profile(POOL_BALLS)
    # A table whose one is red and whose three is yellow.
    swapped = {**book.colours, "1": book.colours["3"], "3": book.colours["1"]}
    sure = dict.fromkeys(swapped, 0.15)
    profile = replace(book, colours=swapped, spread=sure, white=(0.9, 0.9, 0.9), learned=True)
    identifier = Identifier(POOL_BALLS, profile, network)
    working = detector.working
    fits, _ = identifier.look(shown, detector.view, middles, radii, working.cloth)
    names = [who.label for who in identifier.name(fits)]
    places = [(b.x_m, b.y_m) for b in balls]
    nearest = min(range(len(balls)), key=lambda k: np.hypot(*np.subtract(places[k], PLACES["1"])))
    assert names[nearest] != "1"
