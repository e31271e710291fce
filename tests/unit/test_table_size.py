"""A table whose size nobody said is as large as its balls say."""

from __future__ import annotations

import math

import pytest

from billiards_trainer.simulation.randomise import random_setup
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset
from billiards_trainer.vision.still import analyse
from billiards_trainer.vision.table_size import chosen


@pytest.mark.parametrize(
    ("seen", "length"),
    [
        ({1.78: 54.0, 1.98: 102.0, 2.11: 91.0, 2.54: 52.0}, 1.98),
        ({2.11: 73.0, 2.235: 73.0, 2.39: 75.0, 2.54: 59.0}, 2.39),
        ({2.235: 112.0, 2.39: 110.0, 2.54: 109.0}, 2.54),
        ({2.235: 41.0, 2.39: 45.0, 2.54: 42.0}, 2.54),
        ({1.68: 12.0, 1.78: 10.0, 2.54: 0.0}, 1.68),
        ({1.98: 7.0, 2.54: 0.0}, 2.54),
        ({1.98: 0.0, 2.54: 0.0}, 2.54),
    ],
)
def test_the_usual_size_unless_another_is_clearly_better(
    seen: dict[float, float], length: float
) -> None:
    assert chosen(seen, 2.54) == length


@pytest.mark.parametrize("name", ["pool-7ft", "pool-8ft", "pool-9ft"])
def test_tables_of_other_sizes_are_told_and_their_balls_seen(name: str) -> None:
    table = preset(name)
    virtual = VirtualTable(table, random_setup(table, 12), seed=12)
    truth = virtual.random_state(3, count=12)
    found = analyse(truth.image)
    assert found.table.table.length == pytest.approx(table.length, rel=0.03)
    assert found.table.table_assumed
    places = [ball.pixel for ball in truth.truth.balls if ball.radius_px > 0 and ball.visible > 0.5]
    assert len(found.balls) == len(places)
    for place in places:
        assert min(math.dist(place, (b.x_px, b.y_px)) for b in found.balls) < 3.0
