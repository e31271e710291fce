"""What a ball's visible face shows: how much of it is white, and the colour of the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.cloth import Cloth
from billiards_trainer.vision.detection.colours import linear, to_lab
from billiards_trainer.vision.detection.view import View

POINTS = 96
REACH = 0.92
"""Radii to which a face is looked at; the very limb mirrors the cloth."""
_LINEAR = linear(np.arange(256, dtype=np.float64))


def _spiral() -> Array:
    """Points spread evenly over a disc (Vogel's spiral)."""
    k = np.arange(POINTS) + 0.5
    reach, turn = REACH * np.sqrt(k / POINTS), k * math.pi * (3 - math.sqrt(5))
    return np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])


FACE = _spiral()


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces under a guess of the light's white; arrays over balls.

    Attributes:
        white: share of white pixels, (N,).
        body: median Lab colour of the others, (N, 3); of all where there are hardly any.
    """

    white: Array
    body: Array


def sample_light(picture: Mask, view: View, middles: Array, radii: Array, cloth: Cloth) -> Array:
    """Linear light of the faces' pixels, freed of the light's change over the table.

    Args:
        picture: BGR uint8.
        view: the view.
        middles: of the discs, pixels, (N, 2).
        radii: of the discs, pixels, (N,).
        cloth: learned from the same picture; its local brightness tells how the light varies.

    Returns:
        Linear BGR, (N, POINTS, 3).
    """
    at = (middles[:, None, :] + radii[:, None, None] * FACE).astype(np.float32)
    colours = cv2.remap(
        picture,
        np.ascontiguousarray(at[:, :, 0]),
        np.ascontiguousarray(at[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(len(middles), POINTS, 3)
    spots = np.rint(view.to_work(middles)).astype(np.intp)
    column = np.clip(spots[:, 0], 0, view.width - 1)
    row = np.clip(spots[:, 1], 0, view.height - 1)
    here = cloth.background[row, column].astype(np.float64)
    # Brightness only: the cloth's own texture and the lamps' mixture make its chroma less sure.
    relative = (here.mean(axis=1) + 4) / (float(np.mean(cloth.colour)) + 4)
    return _LINEAR[colours] / (np.clip(relative, 0.5, 1.6) ** 2.2)[:, None, None]


def measure(light: Array, white: Array) -> Faces:
    """Split faces into white and body.

    Args:
        light: from ``sample_light``, (N, points, 3).
        white: the light's white, linear BGR, (3,).
    """
    lab = to_lab(light / white)
    lightness = lab[:, :, 0]
    chroma = np.hypot(lab[:, :, 1], lab[:, :, 2])
    pale = (lightness > 55) & (chroma < 10 + 0.25 * (lightness - 55))
    n, points = pale.shape
    others = points - pale.sum(axis=1)
    # With hardly any other pixel the whole face is taken: its colour is white's.
    hidden = pale & (others >= 5)[:, None]
    ranked = np.sort(np.where(hidden[:, :, None], np.inf, lab), axis=1)
    middle = np.where(others >= 5, others, points) // 2
    return Faces(1 - others / points, ranked[np.arange(n), middle])


def white_guesses(light: Array) -> list[Array]:
    """What white may look like: the palest faces and the palest parts of faces, linear BGR."""
    least = light.min(axis=2)
    points = least.shape[1]
    order = np.argsort(least, axis=1)
    sixty, high = order[:, int(0.60 * points)], order[:, int(0.85 * points)]
    rows = np.arange(len(light))
    guesses = []
    for ball in np.argsort(-least[rows, sixty])[:3]:
        guesses.append(np.median(light[ball][order[ball][points // 3 :]], axis=0))
    for ball in np.argsort(-least[rows, high])[:2]:
        chosen = order[ball][int(0.78 * points) : int(0.92 * points)]
        guesses.append(light[ball][chosen].mean(axis=0))
    brightest = float(np.partition(light.max(axis=2).ravel(), -light.size // 60)[-light.size // 60])
    guesses.append(np.full(3, brightest))
    return [np.maximum(g, 0.01) for g in guesses]
