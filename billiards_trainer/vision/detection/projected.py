"""Rings of projected light that have a ball's size: ghost balls, targets, marks round a pocket.

A ball replaces the cloth; light adds to it.  Under a drawn ring the cloth goes on: it is the same
inside and outside, only the line between is brighter.  No ball looks like that all round, whatever
its colour: its face is not lit cloth, and its rim is darker than its face, not brighter.
"""

from __future__ import annotations

import numpy as np

from billiards_trainer.vision.detection.arrays import Array, Single
from billiards_trainer.vision.detection.cloth import PEDESTAL
from billiards_trainer.vision.detection.refine import LAMBDA, Rays
from billiards_trainer.vision.detection.view import RAYS

RING = 0.4
"""Share of the rays across a line of light from which a candidate is a ring of light.

On 2,000 balls of the virtual table, overexposed ones among them, it is 0.33 at most; 0.07 on real
ones."""
LINE = 0.08
"""A line of light is so much brighter than what lies on its two sides, in shares of the cloth."""
_INSIDE = LAMBDA < 0.72
_LINE = (LAMBDA > 0.8) & (LAMBDA < 1.2)
_OUTSIDE = LAMBDA > 1.28


def ring_share(rays: Rays, background: Single) -> Array:
    """Share of the rays that go from cloth over a line of light to cloth, (N,).

    Args:
        rays: from ``refine.sample``.
        background: cloth colour at each candidate, (N, 3).
    """
    n = len(background)
    colours = rays.colours.reshape(n, RAYS, len(LAMBDA), 3).astype(np.float32) + PEDESTAL
    relative = colours / (background[:, None, None, :] + PEDESTAL)
    light = relative.mean(axis=3)
    inside = np.median(light[:, :, _INSIDE], axis=2)
    outside = np.median(light[:, :, _OUTSIDE], axis=2)
    # Compression spreads a line's colour over its surroundings, hence the wide limits.
    weakest = np.median(relative[:, :, _INSIDE].min(axis=3), axis=2)
    cloth = (inside > 0.88) & (inside < 1.2) & (weakest > 0.72)
    cloth &= (outside > 0.85) & (outside < 1.2)
    line = light[:, :, _LINE].max(axis=2) > np.maximum(inside, outside) + LINE
    return np.asarray((cloth & line).mean(axis=1))
