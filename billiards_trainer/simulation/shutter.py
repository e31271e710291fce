"""When what is exposed: rows follow each other, and each is open for a while.

A picture's time is that of the middle of the exposure of its middle row; rows above it are exposed
earlier, rows below it later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.simulation.setup import Sensor, Setup

Array = NDArray[np.float64]


def row_delay(setup: Setup, point: ArrayLike) -> float:
    """How much later than the middle row the row of a point (3,) is exposed, seconds.

    What lies above or below the picture counts as its first or last row.
    """
    height = setup.camera.height
    row = min(max(float(setup.camera.to_pixels(point)[1]), 0.0), float(height))
    return setup.sensor.readout_s * (row / height - 0.5)


def exposure_times(sensor: Sensor, middle: float, count: int) -> Array:
    """Times that sample a row's exposure evenly, (count,) seconds."""
    return np.asarray(middle + ((np.arange(count) + 0.5) / count - 0.5) * sensor.exposure_s)
