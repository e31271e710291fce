"""Balls that keep their identity through motion, collision, occlusion and missing pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from billiards_trainer.messages import BallCorrection, BallState
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking.births import odds, pictures_needed
from billiards_trainer.vision.tracking.correcting import CorrectionError, Corrections
from billiards_trainer.vision.tracking.following import Follower
from billiards_trainer.vision.tracking.hands import mark_hands
from billiards_trainer.vision.tracking.labels import Array, LabelBelief, LabelSet, name_all
from billiards_trainer.vision.tracking.losing import depart, lose
from billiards_trainer.vision.tracking.matching import match
from billiards_trainer.vision.tracking.measurement import Look, Measurement
from billiards_trainer.vision.tracking.motion import Motion
from billiards_trainer.vision.tracking.report import ball_state
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.succession import predecessor, succeed
from billiards_trainer.vision.tracking.track import Track

_LONGEST_GAP_S = 3.0


class Tracker:
    """Takes in the detections of one picture after the other; see ``update``.

    Memory is bounded: at most ``settings.limit`` tracks, each with a few recent measurements.
    """

    def __init__(self, table: Table, settings: TrackerSettings | None = None) -> None:
        self.table = table
        self.settings = settings or TrackerSettings()
        self._labels = LabelSet(table.balls)
        self._follower = Follower(table, self.settings)
        self._corrections = Corrections(table, self._labels)
        self._tracks: list[Track] = []
        self._next_number = 1
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
            self._after_gap()
        self._time_ns = exposure_ns
        self._pictures += 1
        vectors = [self._labels.vector(d.label_probabilities) for d in detections]
        made = match(
            self._tracks,
            detections,
            vectors,
            exposure_ns,
            table=self.table,
            settings=self.settings,
            noise_scale=self._follower.noise.scale,
            look=look,
        )
        found = {i: (d, way) for (i, d), way in made.items()}
        for index, track in enumerate(self._tracks):
            track.evidence = ()
            if index in found:
                d, way = found[index]
                self._follower.follow(track, detections[d], vectors[d], way, exposure_ns)
                if track.life == "new":
                    track.score += (odds(detections[d].confidence) - track.score) / track.hits
            else:
                lose(track, exposure_ns, look, self.table, self.settings)
        taken = {d for d, _ in found.values()}
        for d, detection in enumerate(detections):
            if d not in taken:
                self._appear(detection, vectors[d], exposure_ns)
        self._believe()
        self._bury(exposure_ns)
        name_all([t.belief for t in self._tracks if t.life == "real"], self._labels)
        mark_hands(self._tracks, exposure_ns)
        return self.states(exposure_ns)

    def coast(self, exposure_ns: int, *, blind: bool = False) -> list[BallState]:
        """The balls at a picture that tells nothing: shown twice, or (``blind``) black."""
        for track in self._tracks:
            track.measured = track.pixels = None
            track.evidence = ("occluded",) if blind else ()
        return self.states(exposure_ns, blind=blind)

    def states(self, exposure_ns: int, *, blind: bool = False) -> list[BallState]:
        """The balls as they are at a time not before the last picture."""
        found = []
        for track in self._tracks:
            in_hand = track.life == "gone" and track.in_hand
            if track.life == "real" or in_hand:
                found.append(ball_state(track, exposure_ns, self.table, self.settings, blind=blind))
        return found

    def correct(self, said: BallCorrection) -> None:
        """Take a person's word for what a ball is, or where; it holds until ``new_rack``.

        Raises:
            CorrectionError: why it cannot be; nothing has changed.
        """
        track = next((t for t in self._tracks if t.number == said.track), None)
        if track is None or track.life != "real":
            raise CorrectionError(f"ball number {said.track} is no longer on the table")
        if said.absent:
            self._corrections.bar(track)
            self._tracks.remove(track)
            return
        if said.position_m is not None:
            self._corrections.place(track, *said.position_m)
        if said.label is not None:
            self._corrections.name(track, said.label, self._tracks)
            name_all([t.belief for t in self._tracks if t.life == "real"], self._labels)

    def new_rack(self) -> None:
        """The rack has ended: corrections no longer hold."""
        self._corrections.forget(self._tracks)

    # --- births and deaths ----------------------------------------------------------------------

    def _appear(self, detection: Measurement, vector: Array, time_ns: int) -> None:
        x, y = detection.x_m, detection.y_m
        if not self.table.contains(x, y, -self.table.balls.radius):
            return
        if self._corrections.is_barred(x, y):
            return
        belief = LabelBelief(self._labels)
        belief.learn(vector, moving=False)
        xx, _, yy = detection.covariance
        std = math.sqrt(max(xx, yy) * self._follower.noise.scale)
        track = Track(
            self._next_number,
            belief,
            time_ns,
            time_ns,
            motion=Motion.started(x, y, 0.0, 0.0, std, 0.7),
            score=odds(detection.confidence),
            kicked_ns=time_ns,
        )
        track.note(detection, time_ns)
        self._next_number += 1
        self._tracks.append(track)

    def _believe(self) -> None:
        """Make new tracks balls, or the continuation of balls, that were seen often enough."""
        for new in [t for t in self._tracks if t.life == "new" and t.misses == 0]:
            old = predecessor(new, self._tracks, self._labels)
            needed = pictures_needed(
                new,
                self.settings,
                self._pictures,
                surplus=old is None and self._is_surplus(new),
                awaited=old is not None,
            )
            if new.hits < needed:
                continue
            if old is None:
                new.life = "real"
                for claimant in self._claimants(new):
                    if self._is_denied(claimant):
                        # Pictures that show both balls together know better than those before.
                        claimant.belief.reconsider()
            else:
                succeed(old, new)
                self._tracks.remove(new)

    def _is_surplus(self, track: Track) -> bool:
        """Whether all balls with the label of this one are on the table already."""
        best = int(track.belief.probabilities.argmax())
        others = [t for t in self._claimants(track) if not self._is_denied(t)]
        on_table = sum(1 for t in self._tracks if t.life == "real")
        return len(others) >= self._labels.capacity[best] or on_table >= self._labels.capacity.sum()

    def _claimants(self, track: Track) -> list[Track]:
        """The balls that are called what this one, most likely, is."""
        label = self._labels.labels[int(track.belief.probabilities.argmax())]
        balls = (t for t in self._tracks if t.life == "real" and t is not track)
        return [t for t in balls if t.belief.shown == label]

    def _is_denied(self, track: Track) -> bool:
        """Whether the newest pictures, which show it well, call a ball something else."""
        return track.misses == 0 and track.belief.denied >= self.settings.confirm

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

    def _after_gap(self) -> None:
        """Nothing was seen for long: balls at rest may lie there still, moving ones do not."""
        for track in self._tracks:
            if track.motion is not None and track.life == "real":
                depart(track)
                track.in_hand = False
        self._tracks = [t for t in self._tracks if t.life != "new"]
