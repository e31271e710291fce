"""Which geometry the projector works with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.config.schema import Config
from billiards_trainer.projector import geometry
from billiards_trainer.projector.projection import Projection
from billiards_trainer.table import preset
from billiards_trainer.virtual_projector import misset_projector

POOL = preset("pool-9ft")
ABOUT = {"name": POOL.name, "width": POOL.width, "length": POOL.length}
MODEL = misset_projector(POOL, 7, 1920, 1080)
PLACES = np.array([[0.1, 0.2], [1.1, 0.4], [0.6, 1.3], [0.2, 2.4]])


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path)


def keep(store: CalibrationStore, **data: object) -> None:
    given = {"camera": MODEL.to_dict(), "table": ABOUT, **data}
    store.save(given, residual_mm=0.4, solved_from=("test",), kind="projector")


def test_without_a_calibration_there_is_none_and_nothing_to_complain_of(
    store: CalibrationStore,
) -> None:
    assert geometry.calibrated(store, POOL, 1920, 1080) == (None, "")


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (3840, 2160)])
def test_a_calibration_holds_for_every_resolution_of_its_shape(
    store: CalibrationStore, size: tuple[int, int]
) -> None:
    keep(store)
    found, problem = geometry.calibrated(store, POOL, *size)
    assert problem == ""
    assert found is not None
    assert found.name == "projector-1"
    expected = (MODEL.to_pixels(PLACES) + 0.5) * size[0] / 1920 - 0.5
    assert np.allclose(found.to_pixels(PLACES), expected)


def test_what_does_not_fit_is_said(store: CalibrationStore) -> None:
    keep(store)
    found, problem = geometry.calibrated(store, POOL, 1024, 768)
    assert found is None
    assert "1920 x 1080" in problem
    keep(store, table={**ABOUT, "name": "snooker-12ft"})
    assert "another table" in geometry.calibrated(store, POOL, 1920, 1080)[1]
    keep(store, camera={"width": 3})
    assert "field camera" in geometry.calibrated(store, POOL, 1920, 1080)[1]


def test_only_the_virtual_tables_light_has_a_truth_of_its_own() -> None:
    believed = Projection.from_model(MODEL, "projector-1")
    real = Config.model_validate({"source": {"url": "v4l2:0"}})
    assert geometry.true_geometry(real, POOL, believed) is believed
    virtual = Config.model_validate({"simulation": {"projector": "random", "seed": 9}})
    truth = geometry.true_geometry(virtual, POOL, believed)
    expected = misset_projector(POOL, 9, 1920, 1080).to_pixels(PLACES)
    assert np.allclose(truth.to_pixels(PLACES), expected)
    nominal = geometry.true_geometry(Config(), POOL, believed)
    assert np.allclose(
        nominal.to_pixels(PLACES), Projection.centred(POOL, 1920, 1080).to_pixels(PLACES)
    )
