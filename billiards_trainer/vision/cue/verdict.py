"""Is a measured shaft a cue?  What speaks for it and against it, weighed by logistic regression.

The weights were fitted to shafts that were measured on random virtual tables, cues and whatever
else was taken for one; ``scripts/measure_cue.py`` fits them anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from billiards_trainer.vision.cue.line import pixels_per_metre, real, values_at
from billiards_trainer.vision.cue.shaft import Shaft, lit_at, unlike_at
from billiards_trainer.vision.detection.arrays import Array
from billiards_trainer.vision.detection.working import Working

UNLIKE = 90
"""From here on a pixel is certainly no cloth."""
USUAL_TIP_M, USUAL_BUTT_M = 0.0125, 0.017


@dataclass(frozen=True, slots=True)
class Looks:
    """What a shaft looks like; about 0…1 each, so that the weights can be compared.

    Attributes:
        aimed: a ball lies ahead of the tip.
        gap: distance of the tip from that ball, in shares of what it may be.
        beside: how far from its centre the axis passes, in ball radii.
        length: from end to end.
        seen: length on which both edges are seen.
        fill: share of the length on which both edges are seen.
        held: share on which at least one is.
        contrast: of its edges.
        scatter: of the edges about straight lines.
        thin_tip, thick_tip: the tip is narrower or wider than usual.
        thin_butt, thick_butt: so is the other end.
        widening: towards the other end.
        body: share of the axis over the cloth that is unlike cloth.
        lit: share of it that looks like cloth under more light.
        over_cloth: share of the shaft that is seen over the cloth.
        tip_free: cloth follows the tip.
        loose: cloth follows the other end too.
        along_rail: it runs along a rail.
    """

    aimed: float
    gap: float
    beside: float
    length: float
    seen: float
    fill: float
    held: float
    contrast: float
    scatter: float
    thin_tip: float
    thick_tip: float
    thin_butt: float
    thick_butt: float
    widening: float
    body: float
    lit: float
    over_cloth: float
    tip_free: float
    loose: float
    along_rail: float

    def as_array(self) -> Array:
        """The numbers in the order of the attributes."""
        return np.array([getattr(self, f.name) for f in fields(self)])


WEIGHTS: dict[str, float] = {
    "aimed": 2.22,
    "gap": 0.00,
    "beside": -1.78,
    "length": 0.00,
    "seen": 0.00,
    "fill": 2.12,
    "held": 4.41,
    "contrast": 5.77,
    "scatter": -1.73,
    "thin_tip": 0.00,
    "thick_tip": -1.55,
    "thin_butt": -4.38,
    "thick_butt": 0.00,
    "widening": 0.00,
    "body": 0.00,
    "lit": -1.00,
    "over_cloth": 0.00,
    "tip_free": 0.24,
    "loose": -2.63,
    "along_rail": -4.24,
}
BIAS = -8.13


def confidence(looks: Looks, prior: float = 0.0) -> float:
    """Probability that it is a cue.

    Args:
        looks: what it looks like.
        prior: what spoke for a cue here before the picture, log odds.
    """
    evidence = prior + BIAS
    evidence += sum(weight * getattr(looks, name) for name, weight in WEIGHTS.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, evidence))))


def over_the_cloth(working: Working, measured: Shaft) -> tuple[float, float, float]:
    """Share of the seen stations over the cloth; share of those unlike cloth; share only lit."""
    view = working.view
    pixels = real(view.camera, measured.axes(measured.stations[measured.seen]))
    over = values_at(view, view.shaft, pixels, 0) > 0
    share = float(over.mean()) if len(over) else 0.0
    if np.count_nonzero(over) < 3:
        return share, 0.8, 0.0
    body = float((unlike_at(working, pixels[over]) > UNLIKE).mean())
    return share, body, float(lit_at(working, pixels[over]).mean())


def is_free_end(working: Working, measured: Shaft, s: float) -> bool:
    """Whether only cloth follows beyond an end, rather than a hand or the picture's border."""
    sign = 1.0 if s == measured.end else -1.0
    radius = pixels_per_metre(working.view) * working.view.table.balls.radius
    far = s + sign * np.linspace(0.5, 1.5, 6) * radius
    values = unlike_at(working, real(working.view.camera, measured.axes(far)))
    return bool(np.mean(values < UNLIKE) >= 0.6)
