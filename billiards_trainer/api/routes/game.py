"""What is on the table, what is drawn on it, and what the players want."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from billiards_trainer import messages as m
from billiards_trainer.api.live import STALE_MS
from billiards_trainer.api.problem import Problem
from billiards_trainer.api.route import Call, Route, command


class Aged(BaseModel):
    """How old something is."""

    age_ms: float
    """Since the middle of the exposure of the picture it was derived from."""
    stale: bool
    """Too old to be what is on the table now."""


class LiveTableState(m.TableState, Aged):
    """What vision saw last."""


class LiveGameState(m.GameState, Aged):
    """The state of play."""


class LiveScene(m.Scene, Aged):
    """What is drawn on the cloth."""


class GameView(BaseModel):
    """Table and game; ``null`` before the first message, and where a module is left out."""

    table_state: LiveTableState | None
    game: LiveGameState | None


L = TypeVar("L", bound=BaseModel)


def _newest(call: Call, topic: str, model: type[L]) -> L | None:
    live = call.services.live
    sample = live.newest(topic)
    if sample is None:
        return None
    age = round(sample.age_ms(live.clock()), 1)
    # The message was checked on arrival; it is not checked again for each reader.
    fields: dict[str, Any] = dict(sample.message)
    return model.model_construct(**fields, age_ms=age, stale=age > STALE_MS)


async def state(call: Call) -> BaseModel:
    """The newest table state and game state."""
    return GameView.model_construct(
        table_state=_newest(call, "table.state", LiveTableState),
        game=_newest(call, "game.state", LiveGameState),
    )


async def scene(call: Call) -> BaseModel:
    """The newest scene."""
    found = _newest(call, "scene", LiveScene)
    if found is None:
        raise Problem(404, "nothing has been drawn yet")
    return found


ROUTES = (
    Route("GET", "/api/v1/game/state", "Balls, cue and game", state, GameView, tag="game"),
    Route(
        "GET",
        "/api/v1/scene",
        "What is drawn on the cloth",
        scene,
        LiveScene,
        tag="game",
        problems=(404,),
    ),
    command("game/reset", "game.reset", "Begin a new game"),
    command("game/assistance", "game.assistance", "How much the player is shown"),
    command("game/code", "game.code", "Show a QR code on the cloth"),
    command("game/correct_ball", "vision.correct_ball", "Put right which ball it is, or where"),
    command("game/analyze", "game.analyze", "Predict the present aim, or the one given"),
)
