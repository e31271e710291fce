"""What each ball is, from all pixels of its visible face.

A face is split into white and body; how much white there is tells cue ball, stripe and solid apart,
the body's colour tells which.  The light's white is not known beforehand: several guesses are tried
(white faces and caps in the picture), and the one under which all balls together look most like
balls of the set is taken.  What is said of all balls respects the set: one cue ball, one of each
number, fifteen reds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from billiards_trainer.vision.detection.cloth import Cloth
from billiards_trainer.vision.detection.colours import (
    STRIPE_OF,
    ColourProfile,
    linear,
    to_lab,
)
from billiards_trainer.vision.detection.view import View

Array = NDArray[np.float64]
Mask = NDArray[np.uint8]

_LINEAR = linear(np.arange(256, dtype=np.float64))
NAMED = 0.5
"""A single label is named from this probability on."""
GROUP_NAMED = 0.75
"""Solid or stripe is said from this probability on."""


def _face_pattern() -> Array:
    """Points spread evenly over a disc of 0.86 of the radius (Vogel's spiral)."""
    count = 96
    k = np.arange(count) + 0.5
    reach, turn = 0.86 * np.sqrt(k / count), k * math.pi * (3 - math.sqrt(5))
    return np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])


FACE = _face_pattern()


@dataclass(frozen=True, slots=True)
class Identity:
    """Label probabilities of one ball (sum 1), and what to call it."""

    probabilities: dict[str, float]
    label: str


@dataclass(frozen=True, slots=True)
class Faces:
    """What was measured of the faces under one guess of white; arrays over balls.

    ``white`` is the share of white pixels, ``body`` the body's Lab colour (N, 3), ``amount`` the
    share of pixels that show the body.
    """

    white: Array
    body: Array
    amount: Array


def identify(
    picture: Mask, view: View, middles: Array, radii: Array, cloth: Cloth, profile: ColourProfile
) -> list[Identity]:
    """Label probabilities of the balls of one picture.

    Args:
        picture: BGR uint8.
        view: the view.
        middles: of the discs, pixels, (N, 2).
        radii: of the discs, pixels, (N,).
        cloth: learned from the same picture; its local colour tells how the light varies.
        profile: the balls' colours.
    """
    if len(middles) == 0:
        return []
    light = sample_light(picture, view, middles, radii, cloth)
    labels = label_order(view.table.balls.labels)
    _, likelihood = best_white(light, profile, labels)
    capacity = np.array([15 if (profile.game, n) == ("snooker", "red") else 1 for n in labels])
    return name(likelihood, labels, capacity)


def sample_light(picture: Mask, view: View, middles: Array, radii: Array, cloth: Cloth) -> Array:
    """Linear light of the faces' pixels, freed of the light's change over the table, (N, K, 3)."""
    at = middles[:, None, :] + radii[:, None, None] * FACE
    maps = at.astype(np.float32)
    colours = cv2.remap(
        picture,
        np.ascontiguousarray(maps[:, :, 0]),
        np.ascontiguousarray(maps[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(len(middles), len(FACE), 3)
    spots = np.rint(view.to_work(middles)).astype(np.intp)
    column = np.clip(spots[:, 0], 0, view.width - 1)
    row = np.clip(spots[:, 1], 0, view.height - 1)
    here = cloth.background[row, column].astype(np.float64)
    # Brightness only: the cloth's own texture and the lamps' mixture make its chroma less sure.
    relative = (here.mean(axis=1) + 4) / (float(np.mean(cloth.colour)) + 4)
    return _LINEAR[colours] / (np.clip(relative, 0.5, 1.6) ** 2.2)[:, None, None]


def label_order(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The set's labels in the order of the columns of all matrices here."""
    return labels


def best_white(
    light: Array, profile: ColourProfile, labels: tuple[str, ...]
) -> tuple[Array, Array]:
    """The light's white (linear BGR) and the log-likelihoods under it, (N, labels)."""
    best: tuple[float, Array, Array] | None = None
    for white in _white_guesses(light, profile):
        likelihood = log_likelihood(measure(light, white), profile, labels)
        top = likelihood.max(axis=1)
        score = float(np.clip(top, -12, None).sum()) + _white_prior(white, profile)
        if best is None or score > best[0]:
            best = (score, white, likelihood)
    assert best is not None
    return best[1], best[2]


def measure(light: Array, white: Array) -> Faces:
    """Split faces into white and body under a guess of white."""
    lab = to_lab(light / white)
    lightness, chroma = lab[:, :, 0], np.hypot(lab[:, :, 1], lab[:, :, 2])
    is_white = (lightness > 62) & (chroma < 12 + 0.25 * (lightness - 62))
    count = lab.shape[1]
    share = is_white.mean(axis=1)
    body = np.empty((len(lab), 3))
    amount = np.empty(len(lab))
    for i, (pixels, pale) in enumerate(zip(lab, is_white, strict=True)):
        rest = pixels[~pale]
        amount[i] = len(rest) / count
        chosen = rest if len(rest) >= 8 else pixels
        body[i] = np.median(chosen, axis=0)
    return Faces(share, body, amount)


def log_likelihood(faces: Faces, profile: ColourProfile, labels: tuple[str, ...]) -> Array:
    """How well each face fits each label, (N, labels)."""
    out = np.empty((len(faces.white), len(labels)))
    for j, label in enumerate(labels):
        source = STRIPE_OF.get(label, label) if profile.game == "pool" else label
        away = _colour_distance(faces, np.array(profile.colours[source]), profile.spread.get(label))
        if label == "cue":
            out[:, j] = _share_fit(faces.white, 0.95, 0.12)
        elif profile.game == "pool" and label in STRIPE_OF:
            out[:, j] = away + _share_fit(faces.white, 0.48, 0.16)
        else:
            out[:, j] = away + _share_fit(faces.white, 0.06, 0.10)
    return out


def name(likelihood: Array, labels: tuple[str, ...], capacity: NDArray[np.intp]) -> list[Identity]:
    """Probabilities under the set's constraint, and names."""
    top = likelihood.max(axis=1, keepdims=True)
    raw = np.exp(np.clip(likelihood - top, -30, 0))
    # A face may be none of the set (another make, a hand's shadow): some doubt stays.
    doubt = 0.01 + 0.3 / (1 + np.exp(np.clip(top + 14, -30, 30)))
    p = raw / raw.sum(axis=1, keepdims=True)
    p = (1 - doubt) * p + doubt / len(labels)
    for _ in range(10):
        load = p.sum(axis=0)
        p = p * np.where(load > capacity, capacity / np.maximum(load, 1e-9), 1.0)
        p = p / p.sum(axis=1, keepdims=True)
    columns = np.repeat(np.arange(len(labels)), np.minimum(capacity, len(p)))
    chosen = np.full(len(p), -1)
    rows, slots = linear_sum_assignment(-np.log(p[:, columns] + 1e-9))
    chosen[rows] = columns[slots]
    return [_identity(p[i], labels, int(chosen[i])) for i in range(len(p))]


def _identity(p: Array, labels: tuple[str, ...], chosen: int) -> Identity:
    probabilities = {label: float(v) for label, v in zip(labels, p, strict=True) if v >= 1e-4}
    total = sum(probabilities.values())
    probabilities = {label: v / total for label, v in probabilities.items()}
    if chosen >= 0 and p[chosen] >= NAMED:
        return Identity(probabilities, labels[chosen])
    for group, members in (("solid", range(1, 8)), ("stripe", range(9, 16))):
        if sum(probabilities.get(str(n), 0.0) for n in members) >= GROUP_NAMED:
            return Identity(probabilities, group)
    return Identity(probabilities, "unknown")


def _white_guesses(light: Array, profile: ColourProfile) -> list[Array]:
    if profile.white is not None:
        return [np.array(profile.white)]
    least = light.min(axis=2)
    guesses = []
    for ball in np.argsort(-np.percentile(least, 60, axis=1))[:3]:
        order = np.argsort(least[ball])
        guesses.append(np.median(light[ball][order[len(order) // 3 :]], axis=0))
    for ball in np.argsort(-np.percentile(least, 85, axis=1))[:3]:
        order = np.argsort(least[ball])
        guesses.append(
            light[ball][order[int(0.80 * len(order)) : int(0.92 * len(order))]].mean(axis=0)
        )
    strongest = float(np.percentile(light.max(axis=2), 90))
    guesses.append(np.full(3, strongest))
    return [np.maximum(g, 0.02) for g in guesses]


def _white_prior(white: Array, profile: ColourProfile) -> float:
    if profile.white is not None:
        return 0.0
    blue, green, red = np.log(white)
    return float(-0.5 * ((blue - green) ** 2 + (red - green) ** 2) / 0.35**2)


def _colour_distance(faces: Faces, colour: Array, spread: float | None) -> Array:
    """Log-likelihood of the body's colour: hue counts most, lightness least."""
    scale = 1.0 if spread is None else spread / 10.0
    lightness = (faces.body[:, 0] - colour[0]) / (16.0 * scale)
    own = np.hypot(faces.body[:, 1], faces.body[:, 2])
    want = float(np.hypot(colour[1], colour[2]))
    # Chroma and hue apart: exposure, gloss and the camera's saturation change chroma more.
    chroma = (own - want) / ((8.0 + 0.25 * want) * scale)
    cross = np.maximum(
        0.0, own * want - (faces.body[:, 1] * colour[1] + faces.body[:, 2] * colour[2])
    )
    hue = np.sqrt(2 * cross) / ((5.0 + 0.10 * np.sqrt(own * want)) * scale)
    # Little body in view is weak evidence.
    sure = np.clip(faces.amount / 0.25, 0.15, 1.0)
    return np.asarray(-0.5 * (lightness**2 + chroma**2 + hue**2) * sure)


def _share_fit(share: Array, mean: float, spread: float) -> Array:
    return np.asarray(-0.5 * ((share - mean) / spread) ** 2 - math.log(spread / 0.1))
