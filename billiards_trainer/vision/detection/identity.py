"""What each ball is, from all pixels of its visible face.

A network looks at all balls of the picture together (``identity_network``).  Where there is none,
how much white a face shows tells cue ball, stripe and solid apart, the colour of the rest tells
which.  Neither the light's white nor the camera's saturation and contrast are known beforehand:
guesses are tried, and those are taken under which all balls together look most like balls of the
set.  What is said of all balls respects the set: one cue ball, one of each number, fifteen reds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from billiards_trainer.table import BallSet
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.cloth import Cloth
from billiards_trainer.vision.detection.colours import STRIPE_OF, ColourProfile
from billiards_trainer.vision.detection.crops import cut
from billiards_trainer.vision.detection.faces import Faces, measure, sample_light, white_guesses
from billiards_trainer.vision.detection.identity_network import IdentityNetwork
from billiards_trainer.vision.detection.view import View

NAMED = 0.5
"""A single label is named from this probability on."""
GROUP_NAMED = 0.6
"""Solid or stripe is said from this probability on."""
SEARCH_EVERY = 120
"""Pictures after which the light is searched anew; in between the last one is only followed."""
TAIL = 5.0
"""Degrees of freedom of the colours' distribution: dirt, gloss and projected light stretch it."""
DOUBT = 0.01
ENOUGH = 4
"""So many balls of one label (reds) show what that label looks like here."""
BLIND = 12.0
"""Log-odds against the last guess of white: plain grey, which nothing in the picture shows."""
BENEFIT = 2.0
"""Log-odds by which the network must be surer of something else than of a ball to outweigh an
outline: among 1,100 balls, real and virtual, the doubtfullest had -1.3, three in four false ones
less than -2."""
CUE_PRESENT = 0.95
"""Share of pictures with balls in which the cue ball is one of them."""
NO_CUE = 6.0
"""Log-odds of a table without its cue ball."""
WORST = -16.0
"""Log-likelihood below which a face is simply none of the set."""
_SATURATIONS = np.array([0.72, 0.86, 1.0, 1.16, 1.34])
_CONTRASTS = np.array([0.78, 0.88, 1.0, 1.12, 1.25, 1.4])


@dataclass(frozen=True, slots=True)
class Identity:
    """Label probabilities of one ball (sum 1), and what to call it."""

    probabilities: dict[str, float]
    label: str


@dataclass(frozen=True, slots=True)
class Light:
    """How lamp and camera change colours.

    ``white`` is linear BGR; colours relative to it appear ``saturation`` times as colourful and
    ``contrast`` times as light as in daylight.
    """

    white: tuple[float, float, float]
    saturation: float = 1.0
    contrast: float = 1.0


class Identifier:
    """Tells balls of one set apart; remembers the light from picture to picture.

    Args:
        balls: the set.
        profile: its colours.
        network: looks at the faces; by colour alone when ``None``.
    """

    def __init__(
        self, balls: BallSet, profile: ColourProfile, network: IdentityNetwork | None = None
    ) -> None:
        self.game = balls.name
        self.labels = balls.labels
        self.network = network
        self.profile = profile
        reds = [15 if (balls.name, n) == ("snooker", "red") else 1 for n in balls.labels]
        self.capacity = np.array(reds)
        self._model = _Model(self.labels, profile)
        self._light: Light | None = None
        self._age = 0

    def look(
        self, picture: Mask, view: View, middles: Array, radii: Array, cloth: Cloth
    ) -> tuple[Array, Array]:
        """What the faces of one picture's balls show.

        Args:
            picture: BGR uint8.
            view: the view.
            middles: of the discs, pixels, (N, 2); at least one.
            radii: of the discs, pixels, (N,).
            cloth: learned from the same picture.

        Returns:
            Log-likelihoods of the labels, (N, labels), for ``name``; and how probable it is at
            most that there is a ball, (N,).
        """
        if self.network is None:
            light = sample_light(picture, view, middles, radii, cloth)
            return self.likelihood(light), np.ones(len(middles))
        fits, odds = self.network.answer(cut(picture, middles, radii), self.labels, self.game)
        if self.profile.learned:
            fits = fits + self.likelihood(sample_light(picture, view, middles, radii, cloth))
        return fits, 1 / (1 + np.exp(-np.clip(odds + BENEFIT, -30, 30)))

    def likelihood(self, light: Array) -> Array:
        """By colour: log-likelihoods of the faces' pixels (N, points, 3), (N, labels)."""
        self._age += 1
        if self._light is None or self._age % SEARCH_EVERY == 0:
            self._light = self._search(light)
        faces = measure(light, np.array(self._light.white))
        fits = self._model.fit(faces, self._light)
        for many in np.flatnonzero(self.capacity > 1):
            alike = fits.argmax(axis=1) == many
            if np.count_nonzero(alike) >= ENOUGH:
                fits[:, many] = _fit_to_peers(faces.body, alike)
        return fits

    @property
    def light(self) -> Light | None:
        """The light as last found."""
        return self._light

    def _search(self, light: Array) -> Light:
        """The light under which the faces look most like balls of the set."""
        if self.profile.white is not None:
            guesses = [np.array(self.profile.white)]
        else:
            guesses = white_guesses(light)
        slots = np.repeat(np.arange(len(self.labels)), np.minimum(self.capacity, len(light)))
        cue = self.labels.index("cue")
        best, best_score = Light(_triple(guesses[0])), -math.inf
        for k, white in enumerate(guesses):
            faces = measure(light[:, ::2], white)
            blind = BLIND if 0 < k == len(guesses) - 1 else 0.0
            for saturation in _SATURATIONS:
                for contrast in _CONTRASTS:
                    guess = Light(_triple(white), float(saturation), float(contrast))
                    # All balls together: no label may serve twice, unless there are more of it.
                    fits = np.maximum(self._model.fit(faces, guess), WORST)[:, slots]
                    rows, columns = linear_sum_assignment(-fits)
                    score = float(fits[rows, columns].sum()) + self._light_prior(guess) - blind
                    if cue not in slots[columns]:
                        score -= NO_CUE
                    if score > best_score:
                        best, best_score = guess, score
        return best

    def _light_prior(self, guess: Light) -> float:
        odd = (math.log(guess.saturation) / 0.25) ** 2 + (math.log(guess.contrast) / 0.18) ** 2
        if self.profile.white is None:
            blue, green, red = (math.log(v) for v in guess.white)
            odd += ((blue - green) / 0.45) ** 2 + ((red - green) / 0.45) ** 2
        return -0.5 * odd

    def name(self, likelihood: Array) -> list[Identity]:
        """Probabilities under the set's constraint, and names, from log-likelihoods."""
        p = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        # A face that fits nothing well may be none of these: another make, a hand's shadow.
        doubt = DOUBT + 0.5 / (1 + np.exp(np.clip(likelihood.max(axis=1) + 16, -30, 30)))
        p = (1 - doubt)[:, None] * p + doubt[:, None] / len(self.labels)
        p = with_one_cue_ball(p, self.labels.index("cue"))
        for _ in range(10):
            load = p.sum(axis=0)
            if (load <= self.capacity).all():
                break
            p = p * np.where(load > self.capacity, self.capacity / np.maximum(load, 1e-9), 1.0)
            p /= p.sum(axis=1, keepdims=True)
        columns = np.repeat(np.arange(len(self.labels)), np.minimum(self.capacity, len(p)))
        chosen = np.full(len(p), -1)
        rows, slots = linear_sum_assignment(-np.log(p[:, columns] + 1e-9))
        chosen[rows] = columns[slots]
        return [self._identity(row, int(k)) for row, k in zip(p, chosen, strict=True)]

    def _identity(self, p: Array, chosen: int) -> Identity:
        probabilities = {n: float(v) for n, v in zip(self.labels, p, strict=True) if v >= 1e-3}
        total = sum(probabilities.values())
        probabilities = {n: v / total for n, v in probabilities.items()}
        if chosen >= 0 and p[chosen] >= NAMED:
            return Identity(probabilities, self.labels[chosen])
        for group, members in (("solid", range(1, 8)), ("stripe", range(9, 16))):
            if sum(probabilities.get(str(n), 0.0) for n in members) >= GROUP_NAMED:
                return Identity(probabilities, group)
        return Identity(probabilities, "unknown")


def with_one_cue_ball(p: Array, cue: int) -> Array:
    """Probabilities given that one ball is the cue ball, or, seldom, none.

    Bayes' rule over which ball it is: where two are white, the whiter one is; where none is sure,
    the likeliest gains.

    Args:
        p: probabilities of each ball by itself under equal priors, (balls, labels).
        cue: column of the cue ball.
    """
    n, labels = p.shape
    alone = np.clip(p[:, cue], 1e-6, 1 - 1e-6)
    odds = alone / (1 - alone) * (labels - 1) * CUE_PRESENT / n
    known = odds / (1 - CUE_PRESENT + odds.sum())
    out = p * ((1 - known) / np.maximum(1 - p[:, cue], 1e-6))[:, None]
    out[:, cue] = known
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _fit_to_peers(bodies: Array, alike: NDArray[np.bool_]) -> Array:
    """Log-likelihood of faces, (N,), for a label that many balls carry: they look like each other.

    Brightness differs with the place on the table and scales lightness and chroma together; their
    ratio and the hue do not.
    """
    lightness = np.maximum(bodies[:, 0], 1.0)
    chroma = np.hypot(bodies[:, 1], bodies[:, 2]) + 1e-6
    ratio = np.log(chroma / lightness)
    hue = np.arctan2(bodies[:, 2], bodies[:, 1])
    turn = np.sin((hue - np.median(hue[alike])) / 2) * 2 * chroma
    squares = ((ratio - np.median(ratio[alike])) / 0.07) ** 2
    squares += (turn / (3.0 + 0.06 * chroma)) ** 2
    squares += ((lightness - np.median(lightness[alike])) / 12.0) ** 2
    return np.asarray(-0.5 * (TAIL + 3) * np.log1p(squares / TAIL))


class _Model:
    """The set's labels as arrays: body colour and spread, and the kind of face."""

    def __init__(self, labels: tuple[str, ...], profile: ColourProfile) -> None:
        pool = profile.game == "pool"
        self._stripe = np.array([pool and n in STRIPE_OF for n in labels])
        self._cue = np.array([n == "cue" for n in labels])
        names = [STRIPE_OF[n] if pool and n in STRIPE_OF else n for n in labels]
        lab = np.array([profile.colours[n] for n in names])
        self._lightness = lab[:, 0]
        self._chroma = np.hypot(lab[:, 1], lab[:, 2])
        self._hue = np.arctan2(lab[:, 2], lab[:, 1])
        self._spread = np.array([profile.spread.get(n, 1.0) for n in names])
        self._numbered = pool

    def fit(self, faces: Faces, light: Light) -> Array:
        """Log-likelihood of each face for each label, (N, labels)."""
        body = faces.body
        lightness = body[:, 0, None] / light.contrast
        chroma = np.hypot(body[:, 1], body[:, 2])[:, None] / light.saturation
        hue = np.arctan2(body[:, 2], body[:, 1])[:, None]
        across = 2 * np.sqrt(chroma * self._chroma) * np.sin((hue - self._hue) / 2)
        squares = ((lightness - self._lightness) / 10.0) ** 2
        squares += ((chroma - self._chroma) / (7.0 + 0.16 * self._chroma)) ** 2
        squares += (across / (6.0 + 0.10 * self._chroma)) ** 2
        squares /= self._spread**2
        colour = -0.5 * (TAIL + 3) * np.log1p(squares / TAIL)
        white = faces.white[:, None]
        # Little body in view is weak evidence of its colour.
        seen = np.clip((1 - white) / 0.25, 0.2, 1.0)
        plain = colour - 0.5 * (np.maximum(0, white - 0.04) / 0.07) ** 2
        if not self._numbered:
            plain = colour - 0.5 * (white / 0.15) ** 2
        stripe = seen * colour - 0.5 * ((white - 0.47) / 0.22) ** 2 - 0.7
        # What is not white on a cue ball is shading and the cloth's reflection: hardly coloured.
        tinted = np.clip((chroma - 18) / 12, 0, None) * np.clip((1 - white - 0.04) / 0.08, 0, 1)
        cue = -0.5 * (np.maximum(0, 0.97 - white) / 0.10) ** 2 - 0.5 * tinted**2
        return np.where(self._cue, cue, np.where(self._stripe, stripe, plain))


def _triple(values: Array) -> tuple[float, float, float]:
    b, g, r = (float(v) for v in values)
    return b, g, r
