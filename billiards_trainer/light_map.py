"""The light map: what the projector throws on the cloth, in table coordinates.

A small BGR uint8 picture that the projector process writes at its flips.  Row and column grow with
``y`` and ``x`` of the table frame; the middle of cell (row, column) lies at

    x = -MARGIN + (column + 0.5) * RESOLUTION,    y = -MARGIN + (row + 0.5) * RESOLUTION

so that the map covers the nose rectangle and ``MARGIN`` metres around it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.table import Table


class LightMap:
    """Size of the map: metres a cell, and metres of surroundings on every side."""

    RESOLUTION: Final = 0.004
    MARGIN: Final = 0.15

    @classmethod
    def shape(cls, table: Table) -> tuple[int, int]:
        """(rows, columns) of the map of a table."""
        rows = math.ceil((table.length + 2 * cls.MARGIN) / cls.RESOLUTION - 1e-9)
        columns = math.ceil((table.width + 2 * cls.MARGIN) / cls.RESOLUTION - 1e-9)
        return rows, columns

    @classmethod
    def bytes_for(cls, table: Table) -> int:
        """Bytes of one map: what a slot of the light ring must hold."""
        rows, columns = cls.shape(table)
        return rows * columns * 3


def table_to_map() -> NDArray[np.float64]:
    """2x3 affine from table (x, y) in metres to map (column, row); whole numbers are cell middles.

    The map's frame hangs on the near left corner, so it is the same for all tables.
    """
    scale = 1 / LightMap.RESOLUTION
    shift = LightMap.MARGIN * scale - 0.5
    return np.array([[scale, 0.0, shift], [0.0, scale, shift]])


def map_to_table(table: Table) -> NDArray[np.float64]:
    """Table coordinates of all cell middles, shape (rows, columns, 2), metres."""
    rows, columns = LightMap.shape(table)
    x = -LightMap.MARGIN + (np.arange(columns) + 0.5) * LightMap.RESOLUTION
    y = -LightMap.MARGIN + (np.arange(rows) + 0.5) * LightMap.RESOLUTION
    return np.stack(np.meshgrid(x, y), axis=-1)
