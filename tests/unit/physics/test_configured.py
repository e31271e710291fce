"""Models chosen by configuration, on their way to the predictions."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from billiards_trainer import messages as m
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.config.schema import RELOADABLE_SECTIONS, Config, PhysicsConfig
from billiards_trainer.core.game import Game, GameSettings
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.core.guidance.prediction import Predictor
from billiards_trainer.core.main import _physics
from billiards_trainer.physics.parameters import (
    BallBallModel,
    CueModel,
    CushionModel,
    Models,
    for_table,
)
from billiards_trainer.physics.strike import FASTEST_CUE
from billiards_trainer.physics_calibration import TablePhysics

from .shots import POOL

CHOSEN = Models(BallBallModel.ELASTIC, CushionModel.MIRROR, CueModel.POINT_WITHOUT_SQUIRT)
BALLS = (
    m.BallState(track=1, label="cue", x_m=0.6, y_m=0.6),
    m.BallState(track=2, label="1", x_m=0.65, y_m=1.6),
)


@pytest.mark.parametrize(
    ("key", "kind"), [("ball_ball", BallBallModel), ("cushion", CushionModel), ("cue", CueModel)]
)
def test_every_model_can_be_configured(key: str, kind: type[IntEnum]) -> None:
    field = PhysicsConfig.model_fields[key]
    assert set(get_args(field.annotation)) == {model.name.lower() for model in kind}
    for model in kind:
        models = PhysicsConfig(**{key: model.name.lower()}).to_models()
        assert getattr(models, key) is model
    assert PhysicsConfig().to_models() == Models()
    with pytest.raises(ValueError, match=key):
        PhysicsConfig(**{key: "marble"})
    assert "physics" in RELOADABLE_SECTIONS


def test_predictions_are_made_with_the_models_in_force() -> None:
    def end(models: Models | None) -> tuple[float, float]:
        predictor = Predictor(POOL, models=models)
        aim = Aim(1, 1.52, 0.1, 0.2, 0.0, 0.0, 2.5, False)
        way = next(p for p in predictor.predict(BALLS, aim, 0, 0).paths if p.track == 2)
        return way.points[-1]

    assert end(None) == end(Models())
    assert end(CHOSEN) != end(None)
    game_settings = GameSettings(physics=TablePhysics(for_table(POOL), models=CHOSEN))
    game = Game(POOL, lambda _: None, game_settings)  # type: ignore[arg-type, return-value]
    assert game._predictor.models == CHOSEN
    game.apply(replace(game_settings, physics=None))
    assert game._predictor.models == Models()


def test_the_fastest_stroke_has_odds() -> None:
    """The speeds around it that are tried as well are no cue's."""
    aim = Aim(1, 1.52, 0.1, 0.2, 0.0, 0.0, FASTEST_CUE, False)
    assert Predictor(POOL).predict(BALLS, aim, 0, 0).scratch_probability >= 0.0


def test_core_takes_the_configured_models_with_and_without_a_calibration(tmp_path: Path) -> None:
    config = Config(
        physics=PhysicsConfig(ball_ball="elastic", cushion="mirror", cue="point_without_squirt")
    )
    complaints: list[str] = []

    def complain(_: str, *, reason: str) -> None:
        complaints.append(reason)

    process: Any = SimpleNamespace(
        config=config, state_dir=tmp_path, log=SimpleNamespace(error=complain)
    )
    found = _physics(process, config)
    assert found is not None
    assert (found.models, found.calibration) == (CHOSEN, None)
    about = {"game": "pool", "length": POOL.length, "width": POOL.width}
    data: dict[str, Any] = {
        "table": about,
        "models": {"ball_ball": "alciatore", "cushion": "mirror"},
        "parameters": {
            name: {"value": 0.5, "std": 0.0, "count": 1} for name in ("e_ball", "e_cushion")
        },
    }
    store = CalibrationStore(tmp_path / "calibrations")
    store.save(data, residual_mm=1.0, solved_from=("x",), kind="physics")
    found = _physics(process, config)
    assert found is not None
    assert found.models == CHOSEN
    # The figure of the cushion was fitted with the model in force, that of the balls was not.
    assert found.parameters.e_cushion == 0.5
    assert found.parameters.e_ball == for_table(POOL).e_ball
    # What cannot be used is said; the models stay.
    data["parameters"] = None
    store.save(data, residual_mm=1.0, solved_from=("x",), kind="physics")
    found = _physics(process, config)
    assert found == TablePhysics(for_table(POOL), models=CHOSEN)
    assert "physics-2" in complaints[0]
