"""The models against published measurements, and the pages that show it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.physics.parameters import BallBallModel, CushionModel

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "physics_tables.py"))


@pytest.mark.parametrize("model", [BallBallModel.ALCIATORE, BallBallModel.MATHAVAN_2014])
def test_oblique_collisions_are_as_measured(tables: dict[str, Any], model: BallBallModel) -> None:
    """Am. J. Phys. 77 (2009) 788, Table I: speeds were measured to some 4 cm/s."""
    assert tables["error_oblique"](model) < 0.04
    assert tables["error_oblique"](model) < 0.7 * tables["error_oblique"](BallBallModel.ELASTIC)


def test_the_cushion_of_2010_rebounds_as_measured_where_it_holds(tables: dict[str, Any]) -> None:
    """With their own restitution, up to the 2.5 m/s to which they say that it holds."""
    for speed, back in tables["STRAIGHT"]:
        made = tables["after_straight"](speed, CushionModel.MATHAVAN_2010)
        if speed < 2.5:
            assert made == pytest.approx(back, rel=0.1, abs=0.05)


def test_the_model_of_2014_gives_the_rows_its_authors_published(tables: dict[str, Any]) -> None:
    """Sports Eng. 17 (2014) 227: printed to a millimetre a second and a hundredth of a degree."""
    for speed, topspin, cut, *published in tables["ROWS_2014"]:
        made = tables["after_collision"](
            speed, topspin, cut, BallBallModel.MATHAVAN_2014, tables["MODEL_2014"]
        )
        assert made[:2] == pytest.approx(published[:2], abs=0.003)
        assert made[2:] == pytest.approx(published[2:], abs=0.08)


def test_friction_between_balls_is_as_marlow_measured_it(tables: dict[str, Any]) -> None:
    """The Physics of Pocket Billiards, Table 10: given to a hundredth."""
    for slip, mu in tables["MARLOW"]:
        assert tables["friction_made"](slip) == pytest.approx(mu, abs=5e-4)


@pytest.mark.compiled
def test_the_page_is_what_the_script_writes(tables: dict[str, Any]) -> None:
    assert (ROOT / "docs" / "physics-tables.md").read_text(encoding="utf-8") == tables["page"]()


@pytest.mark.acceptance
def test_tables_and_figures_are_drawn_anew() -> None:
    for script in ("physics_tables.py", "draw_physics.py"):
        runpy.run_path(str(ROOT / "scripts" / script), run_name="__main__")
    assert (ROOT / "docs" / "figures" / "throw.svg").stat().st_size > 1000
