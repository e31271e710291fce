"""The cue from picture to picture: followed while it is seen, looked for now and then while not."""

from __future__ import annotations

from collections.abc import Sequence

from billiards_trainer.vision.cue.finder import CueObservation, Disc, find_cue
from billiards_trainer.vision.detection.arrays import Mask
from billiards_trainer.vision.detection.view import View
from billiards_trainer.vision.detection.working import Working
from billiards_trainer.vision.own_light import OwnLight

SEARCH_EVERY = 3
"""While nobody aims, only every third picture is searched: a player takes longer to bend down."""
RECENT_NS = 500_000_000
"""A cue that was seen so short a time ago is looked for in every picture."""


class CueWatch:
    """Looks for the cue in the pictures of one camera.

    Args:
        view: of the camera.
    """

    def __init__(self, view: View) -> None:
        self._own_light = OwnLight(view)
        self._last: CueObservation | None = None
        self._last_ns: int | None = None
        self._pictures = 0

    def look(
        self,
        working: Working,
        discs: Sequence[Disc],
        exposure_ns: int,
        light: Mask | None = None,
    ) -> CueObservation | None:
        """The cue in this picture, or ``None``.

        Args:
            working: the picture made ready.
            discs: its balls.
            exposure_ns: when it was taken.
            light: the projector's light map at that time, if known.
        """
        self._pictures += 1
        recent = self._last_ns is not None and 0 <= exposure_ns - self._last_ns < RECENT_NS
        if not recent and self._pictures % SEARCH_EVERY != 1:
            return None
        if light is not None:
            working = self._own_light.without(working, light)
        view = working.view
        previous = self._last if recent else None
        found = find_cue(working.picture, view.table, view.camera, discs, previous, working=working)
        if found is not None:
            self._last_ns = exposure_ns
        self._last = found
        return found

    def forget(self) -> None:
        """What comes next does not continue what was seen."""
        self._last = self._last_ns = None
        self._pictures = 0
