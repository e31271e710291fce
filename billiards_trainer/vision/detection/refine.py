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

from billiards_trainer.vision.detection import geometry
from billiards_trainer.vision.detection.view import View

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.uint8]

ANGLES = 40
INNER, OUTER, STEPS = 0.4, 1.6, 31
LAMBDA = np.linspace(INNER, OUTER, STEPS)
STEP = float(LAMBDA[1] - LAMBDA[0])
WEAK = 0.10
"""Edge strength, in shares of the cloth's light, that counts half."""
REACH = 0.3
"""Largest shift sought by the coarse search, in radii."""
WINDOW = 3
"""Steps to either side within which a ray's own edge is sought."""


@dataclass(frozen=True, slots=True)
class Rays:
    """Samples round candidates: ``colours`` float32 (N, ANGLES, STEPS, 3), BGR."""

    middle: Array
    spoke: Array
    colours: Single


def sample(picture: Mask, view: View, centres: Array) -> Rays:
    """Sample along rays from the discs' middles.

    Args:
        picture: full-resolution BGR uint8.
        view: the view.
        centres: shape (N, 2), table metres.
    """
    ring = geometry.outlines(view.camera, centres, view.table.balls.radius, ANGLES)
    middle = ring.mean(axis=1)
    spoke = ring - middle[:, None, :]
    at = middle[:, None, None, :] + LAMBDA[None, None, :, None] * spoke[:, :, None, :]
    n = len(centres)
    flat = at.reshape(n * ANGLES, STEPS, 2).astype(np.float32)
    colours = cv2.remap(
        picture,
        np.ascontiguousarray(flat[:, :, 0]),
        np.ascontiguousarray(flat[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Rays(middle, spoke, colours.reshape(n, ANGLES, STEPS, 3).astype(np.float32))


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
        information: inverse covariance of the middle for edges of one pixel scatter, (N, 2, 2).
    """

    middle: Array
    radius: Array
    growth: Array
    spread: Array
    support: Array
    strength: Array
    seen: NDArray[np.bool_]
    information: Array


def edge_strength(colours: Single, background: Single) -> Single:
    """Change of colour along the rays, in shares of the cloth's own light.

    Args:
        colours: (N, ANGLES, STEPS, 3).
        background: cloth colour at each candidate, (N, 3).

    Returns:
        float32 (N, ANGLES, STEPS), at the same places as the samples; the ends are 0.
    """
    scaled = colours / (background[:, None, None, :] + 10.0)
    change = np.abs(scaled[:, :, 2:] - scaled[:, :, :-2]).max(axis=3)
    out = np.zeros(colours.shape[:3], np.float32)
    out[:, :, 1:-1] = change
    return out


def fit(rays: Rays, strength: Single) -> Fit:
    """Shift the expected outlines onto the edges; see the module's description."""
    n = len(strength)
    size = np.linalg.norm(rays.spoke, axis=2)
    normal = rays.spoke / size[:, :, None]
    radius = size.mean(axis=1)
    shift = _coarse(strength, normal)
    expected = 1 + np.einsum("nak,nk->na", normal, shift)
    position, peak = _ray_edges(strength, expected)
    # In units of the radius, relative to the expected outline.
    offset = position - 1
    growth = np.zeros(n)
    base = peak / (peak + WEAK)
    moved = shift.copy()
    information = np.zeros((n, 3, 3))
    design = np.concatenate([normal, np.ones((n, ANGLES, 1))], axis=2)
    prior = np.diag([1e-3, 1e-3, 1.0]) * (0.02**-2 * 0.03**2)
    weight = base
    for scale in (0.10, 0.07, 0.05, 0.05):
        residual = offset - np.einsum("nak,nk->na", normal, moved) - growth[:, None]
        inlier = np.clip(1 - (residual / (2.5 * scale)) ** 2, 0, None) ** 2
        weight = base * inlier
        information = np.einsum("na,nai,naj->nij", weight, design, design) + prior
        right = np.einsum("na,nai,na->ni", weight, design, offset)
        solution = np.linalg.solve(information, right[:, :, None])[:, :, 0]
        moved, growth = solution[:, :2], solution[:, 2]
    residual = offset - np.einsum("nak,nk->na", normal, moved) - growth[:, None]
    seen = (np.abs(residual) < 0.11) & (peak > WEAK / 3)
    count = np.maximum(1, seen.sum(axis=1))
    spread = np.sqrt(
        np.maximum(1e-6, (weight * residual**2).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6))
    )
    return Fit(
        middle=rays.middle + moved * radius[:, None],
        radius=radius,
        growth=growth,
        spread=spread * radius,
        support=seen.mean(axis=1),
        strength=(peak * seen).sum(axis=1) / count,
        seen=seen,
        information=information[:, :2, :2],
    )


def _coarse(strength: Single, normal: Array) -> Array:
    """Best shift on a small grid, in radii, (N, 2)."""
    sure = strength / (strength + np.float32(WEAK))
    soft = sure.copy()
    soft[:, :, 1:-1] += 0.5 * (sure[:, :, :-2] + sure[:, :, 2:])
    side = np.linspace(-REACH, REACH, 7)
    dx, dy = (g.ravel() for g in np.meshgrid(side, side))
    offset = normal[:, :, 0, None] * dx + normal[:, :, 1, None] * dy
    index = np.rint((1 + offset - INNER) / STEP).astype(np.intp)
    total = np.take_along_axis(soft, index, axis=2).sum(axis=1)
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
