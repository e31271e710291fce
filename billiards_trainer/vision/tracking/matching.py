"""Which detection is which ball: every ball's ways to go on, against every detection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from billiards_trainer.table import Table
from billiards_trainer.vision.tracking import hypotheses as h
from billiards_trainer.vision.tracking.assignment import Pair, assign
from billiards_trainer.vision.tracking.births import doubt
from billiards_trainer.vision.tracking.labels import Array
from billiards_trainer.vision.tracking.measurement import Look, Measurement, Sight
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

_LEAST_RATIO = math.exp(-5.0)
_MOST_RATIO = math.exp(2.0)
_STILL_THERE = 3.0
"""Cost of believing that a ball leapt away whose place is not bare: it, or an arm, is there."""
_UNMOVED = 0.002
"""A detection so near to a ball at rest is that ball, metres."""


def match(
    tracks: Sequence[Track],
    detections: Sequence[Measurement],
    vectors: Sequence[Array],
    time_ns: int,
    *,
    table: Table,
    settings: TrackerSettings,
    noise_scale: float,
    look: Look | None = None,
) -> Mapping[Pair, h.Hypothesis]:
    """Pair balls with detections; balls that have gone take no part.

    Args:
        tracks: the balls.
        detections: of one picture.
        vectors: their label probabilities, see ``LabelSet.vector``.
        time_ns: exposure time of that picture.
        table: cushions and pockets.
        settings: see there.
        noise_scale: what the detector's variances must be multiplied by.
        look: tells what is seen in a ball's place.

    Returns:
        For each pair made (index of track, index of detection), how the ball came there.
    """
    made = {(i, d): h.stays(tracks[i], settings) for i, d in _unmoved(tracks, detections, vectors)}
    settled, taken = {i for i, _ in made}, {d for _, d in made}
    free = [d for d in range(len(detections)) if d not in taken]
    contacts = h.collisions(tracks, time_ns, table, settings)
    anything_moves = any(t.life == "real" and t.moving for t in tracks)
    alone = -math.log(1 - settings.seen) - math.log(settings.new_per_area)
    costs: dict[Pair, float] = {}
    chosen: dict[Pair, h.Hypothesis] = {}
    for i, track in enumerate(tracks):
        if i in settled or track.life == "gone" or not free:
            continue
        provoked = anything_moves or track.belief.shown == "cue"
        ways = h.hypotheses(
            track, time_ns, table, settings, contacts=contacts.get(i, ()), provoked=provoked
        )
        left = provoked or look is None or track.moving or look(track.x, track.y) is Sight.BARE
        for d in free:
            cost, way = _cost(track, ways, detections[d], vectors[d], alone, noise_scale)
            apart = math.dist((detections[d].x_m, detections[d].y_m), (track.x, track.y))
            if way.kind == "kick" and not left and apart > table.balls.diameter:
                cost += _STILL_THERE
            if cost < alone:
                costs[i, d], chosen[i, d] = cost, way
    # Balls that are known choose first: one seen once or twice may go anywhere.
    known = {i for i, t in enumerate(tracks) if t.life == "real" or t.hits >= settings.confirm}
    pairs = assign({p: c for p, c in costs.items() if p[0] in known}, alone)
    taken |= {d for _, d in pairs}
    left_over = {p: c for p, c in costs.items() if p[0] not in known and p[1] not in taken}
    return made | {pair: chosen[pair] for pair in (*pairs, *assign(left_over, alone))}


def _cost(
    track: Track,
    ways: Sequence[h.Hypothesis],
    detection: Measurement,
    vector: Array,
    alone: float,
    noise_scale: float,
) -> tuple[float, h.Hypothesis]:
    """What it costs to believe that a detection is this ball, and by which way."""
    xx, _, yy = detection.covariance
    likelihoods = [
        way.log_likelihood(detection.x_m, detection.y_m, xx * noise_scale, yy * noise_scale)
        for way in ways
    ]
    likelihood = max(likelihoods)
    way = ways[likelihoods.index(likelihood)]
    if -likelihood - math.log(_MOST_RATIO) >= alone:
        return math.inf, way
    ratio = min(_MOST_RATIO, max(_LEAST_RATIO, track.belief.ratio(vector)))
    cost = -likelihood - math.log(ratio)
    if way.kind in ("kick", "return"):
        cost += doubt(detection.confidence)
    return cost, way


def _unmoved(
    tracks: Sequence[Track], detections: Sequence[Measurement], vectors: Sequence[Array]
) -> list[Pair]:
    """Balls at rest with a detection right in their place: nobody else can lie there."""
    pairs = []
    taken: set[int] = set()
    for i, track in enumerate(tracks):
        if track.rest is None or track.life != "real":
            continue
        for d, detection in enumerate(detections):
            away = abs(detection.x_m - track.rest.x) + abs(detection.y_m - track.rest.y)
            if away < _UNMOVED and d not in taken and track.belief.ratio(vectors[d]) > 0.1:
                pairs.append((i, d))
                taken.add(d)
                break
    return pairs
