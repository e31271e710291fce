"""How large a table is whose size nobody said: its balls are the measure.

A picture shows shapes, not sizes.  Taken for larger than it is, a table shows balls that are larger
than they should be, and the detector, which knows how large a ball must appear, doubts them.  So
the sizes that are built are tried one after the other on the camera that was found, moved nearer
or farther so that the picture stays the same, and the one whose balls are seen best is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.errors import InputError
from billiards_trainer.table import Table, build
from billiards_trainer.vision.calibration.table_finder import TableFit, find_table
from billiards_trainer.vision.detection.colours import ColourProfile
from billiards_trainer.vision.detection.detector import BallDetector

LENGTHS = (1.68, 1.78, 1.88, 1.98, 2.11, 2.235, 2.39, 2.54, 2.69, 2.84, 3.05, 3.30, 3.569)
"""Metres from nose to nose, of tables that are built: home, 7, 8, 8½ and 9 ft pool, carom, snooker.
Near enough to each other that a ball of the wrong one is off by three percent at most."""
_LEAST = 8.0
"""Log odds of all balls together, of being some; less says nothing."""
_CLEARLY, _CLEARLY_SHARE = 4.0, 0.12
"""So much more, or that share more, must speak for a size other than the usual one."""
_ALIKE, _ALIKE_SHARE = 1.0, 0.04
"""Sizes for which so little less speaks are as good; the nearest to the usual one is taken."""
_SUREST = 0.9999


def judged(
    picture: NDArray[np.uint8], fit: TableFit, profile: ColourProfile | None = None
) -> TableFit:
    """The table as found, of the size that its balls tell.

    Args:
        picture: BGR uint8 (H, W, 3), that it was found in.
        fit: the table, taken for one of the game's usual size, the largest.
        profile: the balls' colours, where they were learned.

    Returns:
        Found again at the other size; as it was where the balls do not clearly tell one.
    """
    usual = fit.table.length
    lengths = [length for length in LENGTHS if length < 0.99 * usual]
    seen = {length: _seen(picture, fit, length, profile) for length in (*lengths, usual)}
    length = chosen(seen, usual)
    if length == usual:
        return fit
    try:
        again = find_table(picture, _sized(fit.table, length), corners=fit.corners_px)
    except InputError:
        return fit
    return replace(
        again,
        table_assumed=True,
        head_guessed=fit.head_guessed,
        source=fit.source,
        note=fit.note
        or f"its balls say that the table is about {length:.2f} m long: give its size to be exact",
    )


def chosen(seen: Mapping[float, float], usual: float) -> float:
    """The length, metres, under which the balls are seen best.

    Args:
        seen: what speaks for each length: log odds of its balls being some.
        usual: the length that is taken where there is no clear reason for another.
    """
    most = max(seen.values())
    if most < _LEAST or most - seen[usual] < max(_CLEARLY, _CLEARLY_SHARE * most):
        return usual
    least = most - max(_ALIKE, _ALIKE_SHARE * most)
    return max(length for length, odds in seen.items() if odds >= least)


def _sized(table: Table, length: float) -> Table:
    """A table of the same game, balls and shape."""
    return build(
        "judged",
        table.game,
        length,
        table.width * length / table.length,
        ball_diameter=table.balls.diameter,
    )


def _seen(
    picture: NDArray[np.uint8], fit: TableFit, length: float, profile: ColourProfile | None
) -> float:
    """What speaks for a length: log odds of the balls that are then seen, of being some.

    Not how many they are: in a clear picture all are seen under several sizes, only less surely.
    """
    scale = length / fit.table.length
    x, y, z = fit.camera.translation
    camera = replace(fit.camera, translation=(scale * x, scale * y, scale * z))
    found = BallDetector(_sized(fit.table, length), camera, profile).detect(picture)
    sure = [min(_SUREST, ball.confidence) for ball in found if ball.confidence > 0.5]
    return sum(math.log(p / (1 - p)) for p in sure)
