"""Balls that keep their identity through motion, collision, occlusion and missing pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from billiards_trainer.messages import BallState, Evidence
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking import hypotheses as h
from billiards_trainer.vision.tracking.assignment import assign
from billiards_trainer.vision.tracking.births import doubt, odds, pictures_needed
from billiards_trainer.vision.tracking.labels import Array, LabelBelief, LabelSet, name_all
from billiards_trainer.vision.tracking.measurement import Look, Measurement, Sight
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.report import ball_state
from billiards_trainer.vision.tracking.rest import WINDOW, Rest
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track

_LEAST_RATIO = math.exp(-5.0)
_MOST_RATIO = math.exp(2.0)
_RETURN_RATIO = 3.0
"""A ball that had gone is known again only by a label that fits this much better than any."""
_UNMOVED = 0.002
"""A detection so near to a ball at rest is that ball, metres."""
_CONVINCED = 3
"""Pictures of motion after a kick that show that it was one."""
_CLEARLY_MOVING = 0.2
"""A ball seen only a few times moves when it is faster than this, m/s."""
_HAND_S = 0.7
_PLACED_S = 0.5
_LONGEST_GAP_S = 3.0


class Tracker:
    """Takes in the detections of one picture after the other; see ``update``.

    Memory is bounded: at most ``settings.limit`` tracks, each with a few recent measurements.
    """

    def __init__(self, table: Table, settings: TrackerSettings | None = None) -> None:
        self.table = table
        self.settings = settings or TrackerSettings()
        self._labels = LabelSet(table.balls)
        self._tracks: list[Track] = []
        self._next_number = 1
        self._noise_scale = 1.0
        self._time_ns: int | None = None
        self._pictures = 0

    def update(
        self,
        detections: Sequence[Measurement],
        frame: int,
        exposure_ns: int,
        look: Look | None = None,
    ) -> list[BallState]:
        """The balls at one picture.

        Args:
            detections: what was detected in it.
            frame: its number; only its order matters.
            exposure_ns: middle of its exposure; must grow from call to call.
            look: tells what is seen where a ball is expected and not detected.

        Returns:
            All balls that exist, ordered by track number.
        """
        if self._time_ns is not None and exposure_ns <= self._time_ns:
            return self.coast(exposure_ns)
        if self._time_ns is not None and exposure_ns - self._time_ns > _LONGEST_GAP_S * 1e9:
            self._after_gap(exposure_ns)
        self._time_ns = exposure_ns
        self._pictures += 1
        vectors = [self._labels.vector(d.label_probabilities) for d in detections]
        pairs, chosen = self._match(detections, vectors, exposure_ns)
        taken = {d for _, d in pairs}
        matched = dict(pairs)
        for index, track in enumerate(self._tracks):
            track.evidence = ()
            if index in matched:
                d = matched[index]
                self._seen(track, detections[d], vectors[d], chosen[index, d], exposure_ns)
            else:
                self._unseen(track, exposure_ns, look)
        for d, detection in enumerate(detections):
            if d not in taken:
                self._appear(detection, vectors[d], exposure_ns)
        self._bury(exposure_ns)
        name_all([t.belief for t in self._tracks if t.life == "real"], self._labels)
        self._mark_hands(exposure_ns)
        return self.states(exposure_ns)

    def coast(self, exposure_ns: int) -> list[BallState]:
        """The balls at a picture that tells nothing new (repeated, black, covered)."""
        for track in self._tracks:
            track.measured = track.pixels = None
            track.evidence = ()
        return self.states(exposure_ns)

    def states(self, exposure_ns: int) -> list[BallState]:
        """The balls as they are at a time not before the last picture."""
        found = []
        for track in self._tracks:
            in_hand = track.life == "gone" and track.in_hand
            if track.life == "real" or in_hand:
                found.append(ball_state(track, exposure_ns, self.settings))
        return found

    # --- matching ---------------------------------------------------------------------------

    def _match(
        self, detections: Sequence[Measurement], vectors: Sequence[Array], time_ns: int
    ) -> tuple[list[tuple[int, int]], Mapping[tuple[int, int], h.Hypothesis]]:
        settings, tracks = self.settings, self._tracks
        contacts = h.collisions(tracks, time_ns, self.table, settings)
        provoked = any(t.life == "real" and t.moving for t in tracks)
        costs: dict[tuple[int, int], float] = {}
        chosen: dict[tuple[int, int], h.Hypothesis] = {}
        alone = -math.log(1 - settings.seen) - math.log(settings.new_per_area)
        pairs = self._unmoved(detections, vectors)
        for i, d in pairs:
            chosen[i, d] = h.stays(tracks[i], settings)
        settled, free = {i for i, _ in pairs}, set(range(len(detections)))
        free -= {d for _, d in pairs}
        for i, track in enumerate(tracks):
            if i in settled or not free:
                continue
            ways = h.hypotheses(
                track,
                time_ns,
                self.table,
                settings,
                contacts=contacts.get(i, ()),
                provoked=provoked or track.belief.shown == "cue",
            )
            for d in free:
                detection = detections[d]
                xx, _, yy = detection.covariance
                noise = (xx * self._noise_scale, yy * self._noise_scale)
                best = max(
                    ways, key=lambda w: w.log_likelihood(detection.x_m, detection.y_m, *noise)
                )
                likelihood = best.log_likelihood(detection.x_m, detection.y_m, *noise)
                if -likelihood - math.log(_MOST_RATIO) >= alone:
                    continue
                ratio = track.belief.ratio(vectors[d])
                if track.life == "gone" and ratio < _RETURN_RATIO:
                    continue
                cost = -likelihood - math.log(min(_MOST_RATIO, max(_LEAST_RATIO, ratio)))
                if best.kind in ("kick", "return"):
                    cost += doubt(detection.confidence)
                if cost < alone:
                    costs[i, d] = cost
                    chosen[i, d] = best
        return pairs + assign(costs, alone), chosen

    def _unmoved(
        self, detections: Sequence[Measurement], vectors: Sequence[Array]
    ) -> list[tuple[int, int]]:
        """Balls at rest with a detection right in their place: nobody else can lie there."""
        pairs = []
        taken: set[int] = set()
        for i, track in enumerate(self._tracks):
            if track.rest is None or track.life != "real":
                continue
            for d, detection in enumerate(detections):
                away = abs(detection.x_m - track.rest.x) + abs(detection.y_m - track.rest.y)
                if away < _UNMOVED and d not in taken and track.belief.ratio(vectors[d]) > 0.1:
                    pairs.append((i, d))
                    taken.add(d)
                    break
        return pairs

    # --- a track and its picture ----------------------------------------------------------------

    def _seen(
        self,
        track: Track,
        detection: Measurement,
        vector: Array,
        way: h.Hypothesis,
        time_ns: int,
    ) -> None:
        x, y = detection.x_m, detection.y_m
        dt = max(1e-4, (time_ns - track.time_ns) / 1e9)
        blur = h.blur_variance(track.speed, dt)
        xx, _, yy = detection.covariance
        noise_x, noise_y = xx * self._noise_scale + blur, yy * self._noise_scale + blur
        evidence: list[Evidence] = []
        if way.kind == "stay":
            self._stay(track, x, y, xx, yy, time_ns)
        elif way.kind == "kick":
            self._kick(track, x, y, max(noise_x, noise_y), dt, time_ns)
            evidence.append("kick")
        elif way.kind == "return" and track.fallback is not None:
            track.settle(track.fallback, time_ns)
            track.fallback = None
            track.kicks.clear()
            self._stay(track, x, y, xx, yy, time_ns)
        elif way.motion is None:
            self._come_back(track, x, y, max(noise_x, noise_y), time_ns)
        else:
            motion = way.motion.copy()
            motion.measure(x, y, noise_x, noise_y)
            track.start(motion, time_ns)
            if way.kind == "cushion":
                evidence.append("cushion")
                track.kicked_ns = time_ns
            elif way.kind == "contact":
                evidence.append("contact")
                track.kicked_ns = time_ns
            if len(track.recent) >= _CONVINCED:
                track.fallback = None
        track.recent.append((time_ns, x, y))
        track.measured = (x, y)
        track.pixels = (detection.x_px, detection.y_px, detection.radius_px)
        track.seen_ns = time_ns
        track.hits += 1
        track.misses = track.bare = 0
        if self._near_pocket(track):
            evidence.append("pocket")
        track.evidence = tuple(evidence)
        moving = track.rest is None and track.speed > self.settings.move_speed
        track.belief.learn(vector, moving=moving)
        if track.motion is not None:
            self._maybe_settle(track, time_ns)
        self._say_moving(track)
        if track.life == "new":
            self._maybe_believe(track, detection.confidence)

    def _stay(self, track: Track, x: float, y: float, xx: float, yy: float, time_ns: int) -> None:
        rest = track.rest
        assert rest is not None
        variance = (xx + yy) / 2 * self._noise_scale
        self._learn_noise(rest, x, y, (xx + yy) / 2)
        rest.measure(x, y, variance, self.settings.rest_memory)
        track.time_ns = time_ns
        if not rest.has_moved():
            return
        recent = [*list(track.recent)[-(WINDOW - 1) :], (time_ns, x, y)]
        mx = sum(p[1] for p in recent) / len(recent)
        my = sum(p[2] for p in recent) / len(recent)
        (t0, x0, y0), (t1, x1, y1) = recent[0], recent[-1]
        span = max(1e-3, (t1 - t0) / 1e9)
        vx, vy = (x1 - x0) / span, (y1 - y0) / span
        if math.hypot(vx, vy) < self.settings.rest_speed:
            # It was seen somewhere else all the time: a change of light, or a nudge.
            track.settle(Rest(mx, my, float(len(recent)), variance), time_ns)
            return
        std = math.sqrt(variance)
        track.start(Motion.started(x, y, vx, vy, std, 2 * std / span + 0.01), time_ns)
        track.kicked_ns = time_ns

    def _kick(
        self, track: Track, x: float, y: float, variance: float, dt: float, time_ns: int
    ) -> None:
        if track.rest is not None:
            track.fallback = track.rest
            # It may have been struck in any picture since it was last seen.
            dt = max(dt, (time_ns - track.seen_ns) / 1e9)
        else:
            track.kicks.append(time_ns)
        vx, vy = (x - track.x) / dt, (y - track.y) / dt
        change = math.hypot(vx - track.velocity[0], vy - track.velocity[1])
        std = math.sqrt(variance)
        track.start(Motion.started(x, y, vx, vy, std, 0.7 * change + std / dt), time_ns)
        track.kicked_ns = time_ns
        track.recent.clear()

    def _come_back(self, track: Track, x: float, y: float, variance: float, time_ns: int) -> None:
        track.life = "new"
        track.score = 0.0
        track.hits = 0
        track.dropped = False
        track.recent.clear()
        track.kicks.clear()
        track.fallback = None
        track.start(Motion.started(x, y, 0.0, 0.0, math.sqrt(variance), 0.7), time_ns)
        track.kicked_ns = time_ns

    def _unseen(self, track: Track, time_ns: int, look: Look | None) -> None:
        track.measured = track.pixels = None
        track.misses += 1
        if track.life == "gone":
            return
        if track.life == "new":
            if track.motion is not None:
                track.start(h.advanced(track, time_ns, self.settings), time_ns)
            return
        if track.motion is not None:
            coasted = h.advanced(track, time_ns, self.settings)
            if h.in_mouth(track.x, track.y, self.table):
                # What bounces about in a pocket does not come back onto the table unseen.
                coasted.x, coasted.y, coasted.vx, coasted.vy = track.x, track.y, 0.0, 0.0
            track.start(h.reflected(coasted, self.table) or coasted, time_ns)
        else:
            track.time_ns = time_ns
        sight = look(track.x, track.y) if look else Sight.UNKNOWN
        track.bare = track.bare + 1 if sight is Sight.BARE else 0
        evidence: list[Evidence] = ["gone" if sight is Sight.BARE else "occluded"]
        near_pocket = self._near_pocket(track)
        if near_pocket:
            evidence.append("pocket")
        track.evidence = tuple(evidence)
        unseen_s = (time_ns - track.seen_ns) / 1e9
        settings = self.settings
        if track.motion is not None:
            if track.fallback is not None and sight is not Sight.BARE and track.misses > 2:
                # The kick led nowhere: the ball may lie where it lay, under an arm.
                track.settle(track.fallback, time_ns)
                track.fallback = None
            elif (
                near_pocket
                # A hole is dark: in the mouth it does not count as covered.
                and (sight is not Sight.COVERED or h.in_mouth(track.x, track.y, self.table))
                and track.misses >= settings.pocket_pictures
            ):
                self._depart(track, dropped=True)
            elif track.bare >= settings.bare_pictures or unseen_s > settings.coast_s:
                self._depart(track)
        elif track.bare >= settings.bare_pictures or unseen_s > settings.hidden_s:
            self._depart(track)
        self._say_moving(track)

    def _depart(self, track: Track, *, dropped: bool = False) -> None:
        track.life = "gone"
        track.dropped = dropped
        track.moving = False
        track.fallback = None
        track.in_hand = track.belief.shown == "cue"

    # --- births and deaths ----------------------------------------------------------------------

    def _appear(self, detection: Measurement, vector: Array, time_ns: int) -> None:
        if not self.table.contains(detection.x_m, detection.y_m, -self.table.balls.radius):
            return
        belief = LabelBelief(self._labels)
        belief.learn(vector, moving=False)
        xx, _, yy = detection.covariance
        std = math.sqrt(max(xx, yy) * self._noise_scale)
        track = Track(
            self._next_number,
            belief,
            time_ns,
            time_ns,
            motion=Motion.started(detection.x_m, detection.y_m, 0.0, 0.0, std, 0.7),
            score=odds(detection.confidence),
            hits=1,
            kicked_ns=time_ns,
            measured=(detection.x_m, detection.y_m),
            pixels=(detection.x_px, detection.y_px, detection.radius_px),
        )
        track.recent.append((time_ns, detection.x_m, detection.y_m))
        self._next_number += 1
        self._tracks.append(track)

    def _maybe_believe(self, track: Track, confidence: float) -> None:
        track.score += (odds(confidence) - track.score) / track.hits
        if track.hits >= pictures_needed(
            track, self.settings, self._pictures, surplus=self._is_surplus(track)
        ):
            track.life = "real"

    def _is_surplus(self, track: Track) -> bool:
        """Whether all balls with the label of this one are on the table already."""
        best = int(track.belief.probabilities.argmax())
        label = self._labels.labels[best]
        others = sum(1 for t in self._tracks if t.life == "real" and t.belief.shown == label)
        on_table = sum(1 for t in self._tracks if t.life == "real")
        return others >= self._labels.capacity[best] or on_table >= self._labels.capacity.sum()

    def _bury(self, time_ns: int) -> None:
        kept = []
        for track in self._tracks:
            unseen_s = (time_ns - track.seen_ns) / 1e9
            if track.life == "new" and track.misses > 3:
                continue
            if track.life == "gone" and unseen_s > self.settings.return_s and not track.in_hand:
                continue
            kept.append(track)
        if len(kept) > self.settings.limit:
            kept.sort(key=lambda t: (t.life == "real", t.seen_ns))
            kept = sorted(kept[-self.settings.limit :], key=lambda t: t.number)
        self._tracks = kept

    def _after_gap(self, time_ns: int) -> None:
        """Nothing was seen for long: balls at rest may lie there still, moving ones do not."""
        for track in self._tracks:
            if track.motion is not None and track.life == "real":
                self._depart(track)
                track.in_hand = False
        self._tracks = [t for t in self._tracks if t.life != "new"]

    # --- judgements -------------------------------------------------------------------------------

    def _learn_noise(self, rest: Rest, x: float, y: float, stated: float) -> None:
        """Compare the errors that the detector states with how balls at rest are seen to jitter."""
        if rest.count < 10:
            return
        squared = ((x - rest.x) ** 2 + (y - rest.y) ** 2) / 2
        ratio = min(25.0, squared / (stated * (1 + 1 / rest.count)))
        self._noise_scale += 0.002 * (min(ratio, 4 * self._noise_scale) - self._noise_scale)
        self._noise_scale = min(25.0, max(0.04, self._noise_scale))

    def _maybe_settle(self, track: Track, time_ns: int) -> None:
        settings = self.settings
        if len(track.recent) < settings.rest_pictures:
            return
        drift = track.drift()
        if drift is None:
            return
        x, y, vx, vy = drift
        motion = track.motion
        assert motion is not None
        noise = math.sqrt(motion.along_x.pp + motion.along_y.pp)
        if math.hypot(vx, vy) < settings.rest_speed and track.spread(x, y) < 0.001 + 4 * noise:
            count = float(len(track.recent))
            variance = max(1e-9, (motion.along_x.pp + motion.along_y.pp) / 2 * 2)
            track.settle(Rest(x, y, count, variance), time_ns)

    def _say_moving(self, track: Track) -> None:
        if track.rest is not None:
            track.moving = False
        elif not track.moving:
            known = track.hits > self.settings.rest_pictures
            least = self.settings.move_speed if known else _CLEARLY_MOVING
            track.moving = track.speed > least
        elif track.speed < 0.75 * self.settings.move_speed:
            track.moving = False

    def _mark_hands(self, time_ns: int) -> None:
        """A cue ball that has gone, or that moves as no ball moves, is in somebody's hand."""
        for track in self._tracks:
            if track.life != "real" or track.belief.shown != "cue":
                continue
            erratic = (
                len(track.kicks) == track.kicks.maxlen and time_ns - track.kicks[0] < _HAND_S * 1e9
            )
            if erratic:
                track.in_hand = True
            elif track.in_hand and track.rest is not None:
                still_s = track.rest.count * self._interval_s(track)
                if still_s > _PLACED_S:
                    track.in_hand = False

    def _interval_s(self, track: Track) -> float:
        if len(track.recent) < 2:
            return 1 / 30
        span = (track.recent[-1][0] - track.recent[0][0]) / 1e9
        return span / (len(track.recent) - 1)

    def _near_pocket(self, track: Track) -> bool:
        """Whether the ball may drop: over a mouth, or about to be."""
        nearest = self.table.nearest_pocket(track.x, track.y)
        if nearest is None:
            return False
        pocket, distance = nearest
        margin = self.table.balls.diameter + 0.03 * track.speed
        return distance < pocket.radius + margin
