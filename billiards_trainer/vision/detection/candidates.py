"""Where discs of the expected size may be: edge pixels vote for the centre they would belong to.

Each edge pixel votes for the two points that lie one ball radius away along
and against its gradient; a disc's outline votes for one point [Loy & Zelinsky 2003, radial
symmetry; here with the radius known everywhere from camera and table].  Lines, rings of another
size, hands and text spread their votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.cloth import GREY, PEDESTAL
from billiards_trainer.vision.detection.view import View

EDGE = 34
"""Weakest gradient that votes: sum of absolute Sobel responses where cloth has ``GREY`` levels."""
STRONG = 160.0
"""Gradients from here on have a full vote, so that one bright edge does not outvote a circle."""
NEAR = 40
"""Edges farther than two pixels from anything this unlike cloth are texture, not a ball."""
MOST_EDGES = 30_000
"""Pixels that may vote; a picture of noise must not take seconds."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Edge pixels: working column and row, and the gradient's direction (unit) and size.

    Each stands for ``thinning`` of them.
    """

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    dx: Single
    dy: Single
    size: Single
    thinning: int


def edges(image: Mask, background: Mask, unlike: Mask, view: View) -> Edges:
    """Edges near anything that is unlike cloth; their size is relative to the cloth's brightness.

    Args:
        image: working image, uint8 (height, width, 3).
        background: the cloth's colour, likewise.
        unlike: how unlike cloth each pixel is, uint8 (height, width).
        view: the view of all of them.
    """
    # Noise makes single pixels unlike cloth; a ball makes many.
    near = cv2.dilate(cv2.blur(unlike, (3, 3)), np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(image, (3, 3), 0)
    slopes = [cv2.spatialGradient(channel) for channel in cv2.split(soft)]
    # Halved so that the strongest edges do not saturate.
    sizes = [
        cv2.add(cv2.convertScaleAbs(x, alpha=0.5), cv2.convertScaleAbs(y, alpha=0.5))
        for x, y in slopes
    ]
    light = cv2.transform(background, np.full((1, 3), 1 / 3, np.float32))
    light = cv2.add(light, np.full_like(light, PEDESTAL))
    strongest = cv2.max(cv2.max(sizes[0], sizes[1]), sizes[2])
    relative = cv2.divide(strongest, light, scale=GREY)
    index = np.flatnonzero((relative > EDGE / 2) & (near > NEAR) & (view.search > 0))
    thinning = -(-len(index) // MOST_EDGES)
    if thinning > 1:
        index = index[::thinning]
    channel = np.stack([s.reshape(-1)[index] for s in sizes]).argmax(axis=0)
    dx = _chosen([x for x, _ in slopes], index, channel)
    dy = _chosen([y for _, y in slopes], index, channel)
    size = np.hypot(dx, dy) + np.float32(1e-6)
    row, column = np.divmod(index, view.width)
    scale = np.float32(GREY) / light.reshape(-1)[index]
    return Edges(column, row, dx / size, dy / size, size * scale, max(1, thinning))


def votes(found: Edges, view: View) -> Single:
    """Vote map: 1 to 2 at the middle of a clear disc, about 0.3 at clutter.

    Args:
        found: edge pixels.
        view: where and how large balls may be.

    Returns:
        float32 (height, width): smoothed votes as a share of the outline's length.
    """
    weight = np.minimum(found.size, STRONG) / STRONG
    reach = view.radius[found.row, found.column]
    tally = np.zeros(view.width * view.height)
    for side in (1, -1):
        x = np.rint(found.column + side * reach * found.dx).astype(np.int64)
        y = np.rint(found.row + side * reach * found.dy).astype(np.int64)
        ok = (x >= 0) & (y >= 0) & (x < view.width) & (y < view.height)
        tally += np.bincount(y[ok] * view.width + x[ok], weights=weight[ok], minlength=len(tally))
    counted = tally.reshape(view.height, view.width).astype(np.float32)
    sigma = max(0.8, 0.14 * view.mean_radius)
    smooth = cv2.GaussianBlur(counted, (0, 0), sigma)
    # Normalised so that a full outline whose votes scatter by sigma gives the same at any scale.
    return smooth * (sigma * sigma * found.thinning) / view.radius


def peaks(tally: Single, view: View, least: float, most: int = 80) -> tuple[Array, Array]:
    """Highest places of the vote map where a ball's centre may be.

    Args:
        tally: from ``votes``.
        view: the view.
        least: smallest value of interest.
        most: how many to return at most, highest first.

    Returns:
        Working pixels (column, row), shape (N, 2), and values, shape (N,).
    """
    reach = 2 * max(1, round(0.3 * view.mean_radius)) + 1
    top = cv2.dilate(tally, np.ones((reach, reach), np.uint8))
    found = np.flatnonzero((tally >= top) & (tally > least) & (view.centres > 0))
    value = tally.reshape(-1)[found]
    best = np.argsort(-value, kind="stable")[:most]
    row, column = np.divmod(found[best], view.width)
    return np.column_stack([column, row]).astype(np.float64), value[best].astype(np.float64)


def _chosen(images: list[Any], index: NDArray[np.int64], channel: NDArray[np.int64]) -> Single:
    values = np.stack([image.reshape(-1)[index] for image in images])
    return values[channel, np.arange(len(index))].astype(np.float32)
