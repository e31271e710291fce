"""Learns a table's ball colours from a picture of its own balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.detection import cloth, faces
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.colours import (
    STRIPE_OF,
    ColourProfile,
    Lab,
    default_profile,
)
from billiards_trainer.vision.detection.detector import Detection
from billiards_trainer.vision.detection.identity import Identifier
from billiards_trainer.vision.detection.view import make_view

SURE = 0.6
"""Detections named with less than this teach nothing."""
LEARNED_SPREAD = 0.7
"""Spread of a colour that was measured on the table, against one from the book."""


@dataclass(frozen=True, slots=True)
class Separability:
    """How well the balls can be told apart.

    Attributes:
        least: smallest distance between two balls' colours in standard deviations of a single look;
            below 2 they will be confused, above 4 hardly ever.
        pair: the two labels that are nearest to each other.
        seen: labels whose colour was measured; the others are taken from the book.
    """

    least: float
    pair: tuple[str, str]
    seen: tuple[str, ...]


def learn_profile(
    picture: Mask,
    detections: Sequence[Detection],
    table: Table,
    camera: CameraModel,
    base: ColourProfile | None = None,
) -> tuple[ColourProfile, Separability]:
    """A colour profile from one picture with named balls.

    Args:
        picture: BGR uint8.
        detections: the balls in it; their labels are believed (a person may have put them right).
        table: the table.
        camera: the camera.
        base: what was known before; the usual colours when ``None``.

    Raises:
        ClothError: no cloth is seen.
        ValueError: no ball is named surely enough.
    """
    known = base or default_profile(table.balls)
    named = [d for d in detections if d.label_probabilities.get(d.label, 0.0) >= SURE]
    if not named:
        raise ValueError("no ball is named surely enough to learn its colour")
    view = make_view(table, camera)
    learned = cloth.learn(view.working_image(picture), view, known.cloth)
    middles = np.array([[d.x_px, d.y_px] for d in named])
    radii = np.array([d.radius_px for d in named])
    light = faces.sample_light(picture, view, middles, radii, learned)
    identifier = Identifier(table.balls, known)
    identifier.likelihood(light)
    seen_light = identifier.light
    assert seen_light is not None
    white = _white(light, named, np.array(seen_light.white))
    bodies = faces.measure(light, white).body
    colours = {
        label: _under(lab, seen_light.saturation, seen_light.contrast)
        for label, lab in known.colours.items()
    }
    spread = dict.fromkeys(colours, 1.0)
    measured: dict[str, list[Array]] = {}
    for ball, body in zip(named, bodies, strict=True):
        source = STRIPE_OF.get(ball.label, ball.label) if known.game == "pool" else ball.label
        if source in colours and source != "cue":
            measured.setdefault(source, []).append(body)
    for label, values in measured.items():
        lightness, a, b = (float(v) for v in np.median(values, axis=0))
        colours[label] = (lightness, a, b)
        spread[label] = LEARNED_SPREAD
    b, g, r = (float(v) for v in white)
    profile = ColourProfile(known.game, colours, spread, learned.colour, (b, g, r), True)
    return profile, separability(profile, tuple(sorted(measured)))


def separability(profile: ColourProfile, seen: tuple[str, ...] = ()) -> Separability:
    """The two colours of a profile that are most alike, and how far they are apart."""
    labels = list(profile.colours)
    least, pair = np.inf, (labels[0], labels[-1])
    for i, first in enumerate(labels):
        for second in labels[i + 1 :]:
            scale = (profile.spread.get(first, 1.0) + profile.spread.get(second, 1.0)) / 2
            away = _apart(profile.colours[first], profile.colours[second]) / scale
            if away < least:
                least, pair = away, (first, second)
    return Separability(float(least), pair, seen)


def _apart(first: Lab, second: Lab) -> float:
    """Distance of two colours in standard deviations: lightness varies more than chroma."""
    lightness = (first[0] - second[0]) / 10.0
    chroma = np.hypot(first[1] - second[1], first[2] - second[2]) / 9.0
    return float(np.hypot(lightness, chroma))


def _under(lab: Lab, saturation: float, contrast: float) -> Lab:
    return (lab[0] * contrast, lab[1] * saturation, lab[2] * saturation)


def _white(light: Array, named: Sequence[Detection], guess: Array) -> Array:
    """White as the cue ball shows it, else the guess."""
    for face, ball in zip(light, named, strict=True):
        if ball.label == "cue":
            least = face.min(axis=1)
            return np.asarray(np.median(face[least >= np.quantile(least, 0.4)], axis=0))
    return guess
