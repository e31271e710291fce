"""Names for kinds of arrays.

OpenCV's annotations leave the element type open, so for what comes from it these names tell readers
what a checker cannot know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[Any]
"""uint8: a picture or a mask."""
Single = NDArray[Any]
"""float32: maps and samples."""
