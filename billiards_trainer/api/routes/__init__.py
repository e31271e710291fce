"""The table of routes: everything that can be asked for, one small module a subject."""

from billiards_trainer.api.route import Route
from billiards_trainer.api.routes import (
    calibration,
    camera,
    config,
    game,
    health,
    shots,
    system,
    table,
)

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *system.ROUTES,
    *config.ROUTES,
    *table.ROUTES,
    *game.ROUTES,
    *calibration.ROUTES,
    *camera.ROUTES,
    *shots.ROUTES,
)
