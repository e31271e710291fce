"""The middle of a disc to a fraction of a pixel, and how much of its outline is really seen.

The outline of a ball at a place is known; only its shift is sought.  The picture is sampled along
rays through the expected outline, at full resolution.  First the shift is found at which the whole
outline lies on edges (Daugman's integro-differential operator with the shape known, over a small
grid); then each ray's own edge is measured and a robust fit takes the shift from all of them, so
that a neighbour, a cue or a highlight that hides a part does not pull.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.vision.detection.arrays import Array, Mask, Single
from billiards_trainer.vision.detection.view import RAYS as ANGLES
from billiards_trainer.vision.detection.view import View

INNER, OUTER, STEPS = 0.5, 1.46, 25
LAMBDA = np.linspace(INNER, OUTER, STEPS)
STEP = float(LAMBDA[1] - LAMBDA[0])
WEAK = 0.10
"""Edge strength, in shares of the cloth's light, that counts half."""
REACH = 0.3
"""Largest shift sought by the coarse search, in radii."""
WINDOW = 3
"""Steps to either side within which a ray's own edge is sought."""
SIZE_STD = 0.02
"""How uncertain the expected size of a disc is, as a share: ball, table and camera height."""
RAY_STD = 0.03
"""Scatter of a ray's edge, in radii, against which that is weighed."""


@dataclass(frozen=True, slots=True)
class Rays:
    """Samples round candidates.

    ``middle`` (N, 2) and ``spoke`` (N, ANGLES, 2) in pixels; ``colours`` uint8
    (N·ANGLES, STEPS, 3), BGR along each ray.
    """

    middle: Array
    spoke: Array
    colours: Mask

    def only(self, chosen: NDArray[np.intp]) -> Rays:
        """The rays of some of the candidates."""
        colours = self.colours.reshape(-1, ANGLES, STEPS, 3)[chosen]
        return Rays(self.middle[chosen], self.spoke[chosen], colours.reshape(-1, STEPS, 3))


def sample(picture: Mask, view: View, middle: Array) -> Rays:
    """Sample along rays from the discs' middles.

    Args:
        picture: full-resolution BGR uint8.
        view: the view.
        middle: where the discs' middles are believed to be, pixels, (N, 2).
    """
    spoke = view.spokes.at(middle)
    at = middle[:, None, None, :] + LAMBDA[None, None, :, None] * spoke[:, :, None, :]
    n = len(middle)
    flat = at.reshape(n * ANGLES, STEPS, 2).astype(np.float32)
    colours = cv2.remap(
        picture,
        np.ascontiguousarray(flat[:, :, 0]),
        np.ascontiguousarray(flat[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Rays(middle, spoke, colours)


@dataclass(frozen=True, slots=True)
class Fit:
    """What the outline says about each candidate.

    Attributes:
        middle: refined middle of the disc, pixels, (N, 2).
        radius: mean outline radius expected, pixels, (N,).
        growth: how much larger than expected the disc seems, share of the radius, (N,).
        spread: standard deviation of a ray's edge about the fitted outline, pixels, (N,).
        support: share of the outline on which an edge lies where it should, (N,).
        strength: mean strength of those edges in shares of the cloth's light, (N,).
        seen: which rays support the fit, bool (N, ANGLES).
        information: inverse covariance of shift (and growth) in radii for rays of unit scatter,
            (N, 3, 3).
    """

    middle: Array
    radius: Array
    growth: Array
    spread: Array
    support: Array
    strength: Array
    seen: NDArray[np.bool_]
    information: Array


def edge_strength(rays: Rays, background: Single) -> Single:
    """Change of colour along the rays, in shares of the cloth's own light.

    Args:
        rays: from ``sample``.
        background: cloth colour at each candidate, (N, 3).

    Returns:
        float32 (N, ANGLES, STEPS), at the same places as the samples; the ends are 0.
    """
    n = len(background)
    change = cv2.absdiff(rays.colours[:, 2:], rays.colours[:, :-2])
    scale = np.repeat(1 / (background + np.float32(10)), ANGLES, axis=0)
    b, g, r = (c * scale[:, k, None] for k, c in enumerate(cv2.split(change)))
    out = np.zeros((n * ANGLES, STEPS), np.float32)
    np.maximum(np.maximum(b, g), r, out=out[:, 1:-1])
    return out.reshape(n, ANGLES, STEPS)


def fit(rays: Rays, strength: Single) -> Fit:
    """Shift the expected outlines onto the edges; see the module's description."""
    size = np.sqrt((rays.spoke**2).sum(axis=2))
    normal = rays.spoke / size[:, :, None]
    nx, ny = normal[:, :, 0], normal[:, :, 1]
    radius = size.mean(axis=1)
    shift = _coarse(strength, normal)
    expected = 1 + nx * shift[:, :1] + ny * shift[:, 1:]
    position, peak = _ray_edges(strength, expected)
    # Everything in radii, relative to the expected outline.
    offset = position - 1
    base = peak / (peak + WEAK)
    one = np.ones_like(nx)
    design = np.stack([nx, ny, one], axis=2)
    products = np.stack([nx * nx, nx * ny, nx, nx * ny, ny * ny, ny, nx, ny, one], axis=2)
    prior = np.diag([1e-3, 1e-3, (RAY_STD / SIZE_STD) ** 2])
    solution = np.concatenate([shift, np.zeros((len(shift), 1))], axis=1)
    for scale in (0.10, 0.07, 0.05, 0.05):
        residual = offset - (design @ solution[:, :, None])[:, :, 0]
        inlier = np.clip(1 - (residual / (2.5 * scale)) ** 2, 0, None) ** 2
        weight = (base * inlier)[:, None, :]
        information = (weight @ products).reshape(-1, 3, 3) + prior
        right = weight @ (design * offset[:, :, None])
        solution = np.linalg.solve(information, right[:, 0, :, None])[:, :, 0]
    residual = offset - (design @ solution[:, :, None])[:, :, 0]
    seen = (np.abs(residual) < 0.11) & (peak > WEAK / 3)
    weight = weight[:, 0]
    total = np.maximum(weight.sum(axis=1), 1e-6)
    spread = np.sqrt((weight * residual**2).sum(axis=1) / total + 1e-6)
    return Fit(
        middle=rays.middle + solution[:, :2] * radius[:, None],
        radius=radius,
        growth=solution[:, 2],
        spread=spread * radius,
        support=seen.mean(axis=1),
        strength=(peak * seen).sum(axis=1) / np.maximum(1, seen.sum(axis=1)),
        seen=seen,
        information=information,
    )


def _coarse(strength: Single, normal: Array) -> Array:
    """Best shift on a small grid, in radii, (N, 2)."""
    sure = strength[:, ::2] / (strength[:, ::2] + np.float32(WEAK))
    soft = sure.copy()
    soft[:, :, 1:-1] += np.float32(0.5) * (sure[:, :, :-2] + sure[:, :, 2:])
    side = np.linspace(-REACH, REACH, 7)
    dx, dy = (g.ravel() for g in np.meshgrid(side, side))
    n, angles, _ = soft.shape
    offset = normal[:, ::2] @ np.stack([dx, dy])
    index = np.rint((1 + offset - INNER) / STEP).astype(np.int32)
    index += (np.arange(n * angles, dtype=np.int32) * STEPS).reshape(n, angles, 1)
    total = soft.ravel()[index].sum(axis=1)
    # The votes already point at the middle: a farther place must be clearly better.
    total = total * (1 - 0.25 * (dx * dx + dy * dy) / REACH**2)
    best = total.argmax(axis=1)
    return np.column_stack([dx[best], dy[best]])


def _ray_edges(strength: Single, expected: Array) -> tuple[Array, Array]:
    """Each ray's own edge near the expected one: position in radii and strength."""
    centre = np.clip(
        np.rint((expected - INNER) / STEP).astype(np.intp), WINDOW + 1, STEPS - WINDOW - 2
    )
    index = centre[:, :, None] + np.arange(-WINDOW, WINDOW + 1)
    near = np.take_along_axis(strength, index, axis=2)
    falloff = 1 - 0.5 * (np.arange(-WINDOW, WINDOW + 1) / (WINDOW + 1)) ** 2
    top = (near * falloff.astype(np.float32)).argmax(axis=2) + centre - WINDOW
    before, at, after = (
        np.take_along_axis(strength, (top + k)[:, :, None], axis=2)[:, :, 0].astype(np.float64)
        for k in (-1, 0, 1)
    )
    bend = before - 2 * at + after
    part = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0)
    return INNER + STEP * (top + np.clip(part, -0.5, 0.5)), at


def background_at(background: Mask, places: Array) -> Single:
    """Cloth colour at working pixels (column, row), shape (N, 3)."""
    height, width = background.shape[:2]
    column = np.clip(np.rint(places[:, 0]).astype(np.intp), 0, width - 1)
    row = np.clip(np.rint(places[:, 1]).astype(np.intp), 0, height - 1)
    return background[row, column].astype(np.float32)
