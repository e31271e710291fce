"""The appliance's own light in the picture: where the cloth only looks different because of it.

The light map tells what falls on the cloth at the exposure, in table coordinates.  Cloth under it
is brighter, in the light's colours, and is still cloth: there is neither ball nor shaft.  How
bright it gets depends on lamps and projector, so it is taken from the picture itself.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.light_map import LightMap, table_to_map
from billiards_trainer.vision.detection.arrays import Mask
from billiards_trainer.vision.detection.cloth import GREY
from billiards_trainer.vision.detection.view import View
from billiards_trainer.vision.detection.working import Working

DIM = 12
"""Levels of the light map that nobody sees on a lit cloth."""
ASTRAY_M = 0.006
"""So far the light may fall beside where the map says: errors of calibration, and blur."""
DARKER = 5
"""Lit cloth is never darker than unlit cloth, but for noise; levels of the divided picture."""
HEADROOM = 1.2
"""Lit cloth is at most so many times as bright as nine tenths of it."""
CROSSTALK = 0.45
"""Share of a light's gain in one channel that may show in one in which it has none."""
LEAST_LIT = 30


class OwnLight:
    """Own light in the pictures of one camera."""

    def __init__(self, view: View) -> None:
        self._view = view
        u, v = np.meshgrid(np.arange(view.width), np.arange(view.height))
        pixels = view.to_full(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))
        places = np.nan_to_num(view.camera.to_plane(pixels, 0.0), nan=-9.0)
        matrix = table_to_map()
        cells = (places @ matrix[:, :2].T + matrix[:, 2]).reshape(view.height, view.width, 2)
        cells = np.clip(cells, -1e4, 1e4).astype(np.float32)
        # Whole cells; what lies outside the map is not lit.
        self._cells = np.rint(cells).astype(np.int16)
        self._no_fraction: NDArray[np.uint16] = np.empty(0, np.uint16)
        size = 2 * max(1, round(ASTRAY_M / LightMap.RESOLUTION)) + 1
        self._astray = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))

    def explains(self, working: Working, light: Mask) -> Mask | None:
        """Where own light explains what is unlike cloth.

        Args:
            working: the picture made ready, of this camera.
            light: the light map at the exposure, BGR uint8, see ``light_map``.

        Returns:
            255 where it does, uint8 of the working image's size; ``None`` without light.
        """
        strongest = cv2.max(cv2.max(light[:, :, 0], light[:, :, 1]), light[:, :, 2])
        if not cv2.countNonZero(strongest):
            return None
        spread = cv2.dilate(strongest, self._astray)
        around = cv2.remap(spread, self._cells, self._no_fraction, cv2.INTER_NEAREST)
        index = np.flatnonzero((around > DIM) & (self._view.cloth > 0))
        if len(index) < LEAST_LIT:
            return None
        seen = working.divided.reshape(-1, 3)[index].astype(np.float32)
        column, row = self._cells.reshape(-1, 2)[index].T
        falls = cv2.dilate(light, self._astray)[row, column].astype(np.float32)
        share = falls / falls.max(axis=1, keepdims=True)
        most = np.maximum(np.percentile(seen, 90, axis=0), GREY) * HEADROOM
        # A channel in which the light has little gains little.
        gain = (seen.max(axis=1, keepdims=True) - GREY) * np.maximum(share, CROSSTALK)
        allowed = np.minimum(most, GREY + np.maximum(1.6 * gain, 0) + 3 * DARKER)
        noise = 2 * max(working.cloth.noise)
        explained = ((seen > GREY - DARKER - noise) & (seen < allowed + noise)).all(axis=1)
        out = np.zeros_like(self._view.cloth)
        out.reshape(-1)[index[explained]] = 255
        return out

    def without(self, working: Working, light: Mask) -> Working:
        """The picture made ready as if there were no own light on the cloth."""
        mask = self.explains(working, light)
        if mask is None:
            return working
        near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        found = working.edges
        keep: NDArray[np.bool_] = near[found.row, found.column] == 0
        return replace(
            working,
            unlike=cv2.bitwise_and(working.unlike, cv2.bitwise_not(mask)),
            edges=replace(
                found,
                column=found.column[keep],
                row=found.row[keep],
                dx=found.dx[keep],
                dy=found.dy[keep],
                size=found.size[keep],
            ),
        )
