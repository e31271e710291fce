"""Cuts tracks where a ball's motion changes suddenly.

Over a quarter of a second a ball between two contacts moves along a parabola.  Where the parabola
that fits what came before and the one that fits what comes after disagree about the velocity,
there was a contact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from billiards_trainer.physics.fitting.tracks import Track
from billiards_trainer.physics.state import Floats
from billiards_trainer.table import Table

_WINDOW = 8
_WINDOW_S = 0.3
_FEWEST = 4
_LEG_FEWEST = 8
_LEAST_WAY = 0.06
"""A leg is at least so many samples and metres long."""
_LONGEST_GAP_S = 0.5
_LEAST_CHANGE = 0.08
_LEAST_SCORE = 5.0
_RESTING = 0.01
"""m/s, over a quarter of a second."""
_MOUTH = 1.5
"""Ball radii round a pocket in which rubber of every shape may interfere."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a track without contacts.

    Attributes:
        track: index of the track it belongs to.
        times: (T,) s.
        places: (T, 2) m.
        moves: whether it moves enough to be fitted; else the ball rests or too little is known.
        after: index among this track's legs' cuts: ``True`` when a sudden change, not a gap,
            parts it from the leg before.
    """

    track: int
    times: Floats
    places: Floats
    moves: bool
    after: bool


def cut(track: Track, index: int, table: Table, noise: float) -> list[Leg]:
    """The legs of one track in order of time.

    Args:
        track: the samples.
        index: of the track, for the legs to remember.
        table: its pockets' surroundings are left out.
        noise: standard deviation of a coordinate, m.
    """
    outside = np.ones(len(track), dtype=bool)
    for pocket in table.pockets:
        off = track.places - np.array(pocket.centre)
        outside &= np.hypot(*off.T) > pocket.radius + _MOUTH * table.balls.radius
    keep = outside & ~_lonely(track.times, track.places, noise)
    times, places = track.times[keep], track.places[keep]
    if len(times) < _FEWEST:
        return []
    kinks = _kinks(times, places, noise)
    gaps = np.flatnonzero(np.diff(times) > _LONGEST_GAP_S) + 1
    ends = sorted({0, len(times), *kinks, *gaps.tolist()})
    legs = []
    for start, end in pairwise(ends):
        t, p = _trimmed(times[start:end], places[start:end])
        if len(t):
            way = float(np.hypot(*(np.median(p[-3:], axis=0) - np.median(p[:3], axis=0))))
            moves = len(t) >= _LEG_FEWEST and way > max(_LEAST_WAY, 20.0 * noise)
            legs.append(Leg(index, t, p, moves, start in kinks))
    return legs


def noise_of(tracks: list[Track]) -> float:
    """Standard deviation of a coordinate, m, from how far samples lie off their neighbours."""
    found = [np.zeros(0)]
    for track in tracks:
        t, p = track.times, track.places
        if len(t) < 4:
            continue
        # What a line through the neighbours leaves, twice: parabolas vanish too.
        a, b = np.diff(t)[:-1, None], np.diff(t)[1:, None]
        off = p[1:-1] - (p[:-2] * b + p[2:] * a) / (a + b)
        moving = np.hypot(*(p[2:] - p[:-2]).T) > 0.01
        found.append((np.diff(off, axis=0) / math.sqrt(5.0))[moving[1:]].ravel())
    everything = np.abs(np.concatenate(found))
    if not len(everything):
        return 0.001
    return max(2e-4, float(np.median(everything)) / 0.6745)


def _lonely(times: Floats, places: Floats, noise: float) -> np.ndarray:
    """Samples far from where both their neighbours put them, while those agree."""
    n = len(times)
    lonely = np.zeros(n, dtype=bool)
    limit = max(8.0 * noise, 0.006)
    for i in range(2, n - 2):
        if float(np.hypot(*(2 * places[i] - places[i - 1] - places[i + 1]))) < limit:
            continue
        near = [i - 2, i - 1, i + 1, i + 2]
        t = times[near] - times[i]
        if t[-1] - t[0] > _WINDOW_S:
            continue
        c = np.polynomial.polynomial.polyfit(t, places[near], 2)
        left = places[near] - np.polynomial.polynomial.polyval(t, c).T
        off = float(np.hypot(*(places[i] - c[0])))
        lonely[i] = off > limit and float(np.abs(left).max()) < 0.35 * off
    return lonely


def _kinks(times: Floats, places: Floats, noise: float) -> list[int]:
    """Indices of the first samples after sudden changes of velocity, the clearest first.

    A window that holds a contact shows changes on either side of it as well, so once one has been
    found, its neighbourhood is looked at anew with windows that end there.
    """
    n = len(times)
    found: list[int] = []
    score = np.zeros(n + 1)
    stale = range(_FEWEST, n - _FEWEST + 1)
    while True:
        for i in stale:
            low = max((k for k in found if k <= i), default=0)
            high = min((k for k in found if k > i), default=n)
            score[i] = _change(times[low:high], places[low:high], i - low, noise)
        best = int(np.argmax(score))
        if score[best] < _LEAST_SCORE:
            return found
        found.append(best)
        stale = range(max(best - _WINDOW, _FEWEST), min(best + _WINDOW, n - _FEWEST) + 1)


def _change(times: Floats, places: Floats, i: int, noise: float) -> float:
    """How surely the velocity changes just before sample ``i``, in standard deviations."""
    if not _FEWEST <= i <= len(times) - _FEWEST or times[i] - times[i - 1] > _WINDOW_S:
        return 0.0
    came = (places[i - 1] - places[i - _FEWEST]) / (times[i - 1] - times[i - _FEWEST])
    goes = (places[i + _FEWEST - 1] - places[i]) / (times[i + _FEWEST - 1] - times[i])
    if float(np.hypot(*(goes - came))) < 0.5 * _LEAST_CHANGE:
        return 0.0
    middle = 0.5 * (times[i - 1] + times[i])
    start = max(i - _WINDOW, 0)
    before = _velocity(times[start:i], places[start:i], middle, noise)
    after = _velocity(times[i : i + _WINDOW], places[i : i + _WINDOW], middle, noise)
    if before is None or after is None:
        return 0.0
    (v, sv), (w, sw) = before, after
    change = float(np.hypot(*(w - v)))
    if change < _LEAST_CHANGE:
        return 0.0
    return change / math.hypot(sv, sw, 0.01 + 0.02 * float(np.hypot(*v)))


def _velocity(t: Floats, p: Floats, at: float, noise: float) -> tuple[Floats, float] | None:
    """Velocity (2,) and its standard deviation at a time, from a parabola; ``None``: too few."""
    near = np.abs(t - at) < _WINDOW_S
    s = t[near] - at
    if len(s) < _FEWEST:
        return None
    design = np.column_stack([np.ones_like(s), s, 0.5 * s * s])
    # No ball is braked by more than some m/s²: it steadies short windows.
    prior = np.diag([0.0, 0.0, (noise / 3.0) ** 2])
    weight = np.ones(len(s))
    for _ in range(4):
        weighted = design * weight[:, None]
        information = weighted.T @ design + prior
        c = np.linalg.solve(information, weighted.T @ p[near])
        off = np.hypot(*(p[near] - design @ c).T)
        weight = 1.0 / np.maximum(1.0, off / (2.0 * noise))
    std = noise * math.sqrt(float(np.linalg.inv(information)[1, 1]))
    return c[1], std


def _trimmed(times: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Without the long rest at the end, of which the first instants are kept."""
    n = len(times)
    last = np.median(places[-5:], axis=0)
    # The end counts as rest from where everything that follows stays within 5 mm.
    away = np.flatnonzero(np.hypot(*(places - last).T) > 0.005)
    rest = int(away[-1]) + 1 if len(away) else 0
    if rest == 0 or n - rest <= 5:
        return times, places
    spent = times[-1] - times[rest]
    if spent < 0.25 or np.hypot(*(places[-1] - places[rest])) / spent > _RESTING * 2:
        return times, places
    return times[: rest + 5], places[: rest + 5]
