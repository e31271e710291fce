"""The light map's frame."""

from __future__ import annotations

import numpy as np
import pytest

from billiards_trainer.light_map import LightMap, map_to_table, table_to_map
from billiards_trainer.table import TABLE_NAMES, preset


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_affine_takes_cell_middles_to_their_row_and_column(name: str) -> None:
    table = preset(name)
    cells = map_to_table(table)
    rows, columns = LightMap.shape(table)
    assert cells.shape == (rows, columns, 2)
    found = cells.reshape(-1, 2) @ table_to_map()[:, :2].T + table_to_map()[:, 2]
    row, column = np.indices((rows, columns))
    assert np.allclose(found[:, 0], column.ravel(), atol=1e-9)
    assert np.allclose(found[:, 1], row.ravel(), atol=1e-9)


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_map_covers_the_nose_rectangle_and_its_margin(name: str) -> None:
    table = preset(name)
    cells = map_to_table(table)
    half = LightMap.RESOLUTION / 2
    assert cells[0, 0] == pytest.approx((-LightMap.MARGIN + half,) * 2)
    assert cells[-1, -1, 0] + half >= table.width + LightMap.MARGIN - 1e-9
    assert cells[-1, -1, 1] + half >= table.length + LightMap.MARGIN - 1e-9
    rows, columns = LightMap.shape(table)
    assert LightMap.bytes_for(table) == rows * columns * 3
