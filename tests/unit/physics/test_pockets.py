"""Tight and loose pockets: in the table, in the shot file, and in what falls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer import table as tables
from billiards_trainer.physics.batch import simulate_batch
from billiards_trainer.table import POCKET_CUTS, PocketShape, TableError, pocket_shapes, preset


def potted(table: tables.Table, pocket: int) -> float:
    """Share of balls sent from the middle towards a pocket, spread by some degrees, that fall."""
    start = np.array([table.width / 2, table.length * 0.4])
    way = np.array(table.pockets[pocket].mouth_centre) - start
    angles = math.atan2(way[1], way[0]) + np.radians(np.linspace(-6, 6, 241))
    rows = np.zeros((len(angles), 1, 8))
    rows[:, 0, :2] = start
    rows[:, 0, 2] = 2.0 * np.cos(angles)
    rows[:, 0, 3] = 2.0 * np.sin(angles)
    rows[:, 0, 7] = 2
    return float((simulate_batch(table, rows, max_time=2.0).pocket_of[:, 0] == pocket).mean())


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["pool-9ft", "snooker-12ft"])
@pytest.mark.parametrize("pocket", [0, 1, 2])
def test_the_tighter_the_pocket_the_less_falls(name: str, pocket: int) -> None:
    game = preset(name).game
    shares = []
    for cut in ("tight", "standard", "loose"):
        corner, side = pocket_shapes(game, cut)  # type: ignore[arg-type]
        shares.append(potted(preset(name, corner=corner, side=side), pocket))
    assert 0.0 < shares[0] < shares[1] < shares[2] < 1.0


def test_the_standard_cut_is_the_presets_own() -> None:
    corner, side = pocket_shapes("pool")
    assert preset("pool-9ft", corner=corner, side=side) == preset("pool-9ft")
    assert POCKET_CUTS == ("standard", "tight", "loose")


def test_pockets_that_nobody_cuts_are_refused() -> None:
    corner, side = pocket_shapes("pool")
    with pytest.raises(TableError, match="no pockets that are cut 'tight'"):
        pocket_shapes("carom", "tight")
    with pytest.raises(TableError, match="carom table has no pockets"):
        preset("carom-10ft", corner=corner)
    with pytest.raises(TableError, match="unknown table"):
        preset("ping-pong")
    with pytest.raises(TableError, match="lets no ball"):
        tables.build("m", "pool", 2.54, 1.27, corner=PocketShape(0.05, 2.4, 0.03, 0.06, 0.01))
    with pytest.raises(TableError, match="lets balls pass beside it"):
        tables.build("m", "pool", 2.54, 1.27, side=replace(side, mouth=0.2, hole_radius=0.04))
    with pytest.raises(TableError, match="corner pocket's hole lies on the bed"):
        tables.build("m", "pool", 2.54, 1.27, corner=replace(corner, mouth=0.2, hole_radius=0.05))
    with pytest.raises(TableError, match="cut_angle"):
        PocketShape(0.1, 1.5, 0.03, 0.06, 0.01)
    with pytest.raises(TableError, match="shelf"):
        PocketShape(0.1, 2.4, math.nan, 0.06, 0.01)
    with pytest.raises(TableError, match="does not meet a ball"):
        tables.build("m", "pool", 2.54, 1.27, cushion_height=0.06)
