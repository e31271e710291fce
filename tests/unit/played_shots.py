"""Shots of the physics engine as a detector reports them: tracking and shots are tested on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from billiards_trainer import messages as m
from billiards_trainer.core.shots.segmenter import ShotSegmenter
from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import EventKind, Trajectory
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking.measurement import Sight
from billiards_trainer.vision.tracking.tracker import Tracker

FILM = m.SourceInfo(kind="film", name="played")


@dataclass(frozen=True)
class Seen:
    """A detection that never was in a picture."""

    x_m: float
    y_m: float
    label_probabilities: dict[str, float]
    covariance: tuple[float, float, float] = (1.6e-7, 0.0, 1.6e-7)
    confidence: float = 0.998
    x_px: float = 0.0
    y_px: float = 0.0
    radius_px: float = 15.0


@dataclass
class Played:
    """A shot, its truth, and what became of it."""

    table: Table
    labels: tuple[str, ...]
    shot: Trajectory
    start_s: float
    fps: float
    states: list[m.TableState] = field(default_factory=list)
    events: list[m.ShotEvent] = field(default_factory=list)
    true_places: list[np.ndarray] = field(default_factory=list)
    segmenter: ShotSegmenter | None = None

    def true_events(self, kind: m.EventKind) -> list[tuple[float, tuple[str, ...], np.ndarray]]:
        """Time from the first picture, labels and centres of the true events of a kind."""
        kinds = {
            m.EventKind.BALL_COLLISION: (EventKind.BALL_BALL,),
            m.EventKind.CUSHION_COLLISION: (EventKind.CUSHION, EventKind.JAW),
            m.EventKind.POCKETED: (EventKind.POCKET,),
        }[kind]
        return [
            (
                self.start_s + e.time,
                tuple(self.labels[b] for b in e.balls),
                e.before.position[:, :2],
            )
            for e in self.shot.events
            if e.kind in kinds
        ]


def label_chances(table: Table, label: str, sure: float = 0.9) -> dict[str, float]:
    """What a classifier that is that sure says of a ball."""
    rest = (1 - sure) / (len(table.balls.labels) - 1)
    return {name: sure if name == label else rest for name in table.balls.labels}


def random_layout(table: Table, count: int, rng: np.random.Generator) -> np.ndarray:
    """Places of balls that touch nothing, (count, 2)."""
    r = table.balls.radius
    while True:
        places = rng.uniform(
            [2 * r, 2 * r], [table.width - 2 * r, table.length - 2 * r], (count, 2)
        )
        apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + np.eye(count)
        if apart.min() > 2.2 * r:
            return places


def play(
    table: Table,
    places: np.ndarray,
    labels: tuple[str, ...],
    strike: Strike,
    *,
    fps: float = 30.0,
    noise: float = 0.0004,
    seed: int = 0,
    start_s: float = 1.02,
    after_s: float = 1.0,
    hidden: tuple[tuple[str, float, float], ...] = (),
    missing: float = 0.0,
    false_balls: float = 0.0,
    sure: float = 0.9,
    look: bool = True,
) -> Played:
    """Play a shot and run tracking and segmentation over pictures of it.

    Args:
        table: where.
        places: balls at rest, (N, 2).
        labels: of the balls.
        strike: what the cue does at ``start_s``.
        fps: pictures a second.
        noise: standard deviation of a detection, metres.
        seed: of the noise.
        start_s: when the shot begins.
        after_s: pictures after everything rests.
        hidden: (label, from, to): not detected between those times.
        missing: share of detections that are missing at random.
        false_balls: mean number of false detections in a picture, of low confidence.
        sure: of the right label.
        look: whether the tracker may look at the picture.
    """
    rng = np.random.default_rng(seed)
    radius = table.balls.radius
    shot = simulate(table, BallsState.at_rest(places, radius), strike)
    played = Played(table, labels, shot, start_s, fps)
    tracker, segmenter = Tracker(table), ShotSegmenter(table)
    played.segmenter = segmenter
    count = int((start_s + shot.duration + after_s) * fps)
    for frame in range(count):
        t = frame / fps
        now = shot.at(min(max(0.0, t - start_s), shot.duration)) if t >= start_s else shot.initial
        on_bed = now.motion != Motion.POCKETED
        played.true_places.append(np.where(on_bed[:, None], now.position[:, :2], np.nan))
        seen = []
        for i, label in enumerate(labels):
            covered = any(h[0] == label and h[1] <= t < h[2] for h in hidden)
            if not on_bed[i] or covered or rng.random() < missing:
                continue
            x, y = now.position[i, :2] + rng.normal(0, noise, 2)
            seen.append(Seen(x, y, label_chances(table, label, sure), (noise**2, 0.0, noise**2)))
        for _ in range(rng.poisson(false_balls)):
            x, y = rng.uniform([0, 0], [table.width, table.length])
            seen.append(Seen(x, y, label_chances(table, "none", 0.0), confidence=0.6))
        rng.shuffle(seen)  # type: ignore[arg-type]

        def sight(x: float, y: float, t: float = t, on: np.ndarray = on_bed, p=now) -> Sight:
            for i, label in enumerate(labels):
                near = np.hypot(*(p.position[i, :2] - (x, y))) < radius
                if any(h[0] == label and h[1] <= t < h[2] for h in hidden) and near and on[i]:
                    return Sight.COVERED
            return Sight.BARE

        balls = tracker.update(seen, frame, round(t * 1e9), sight if look else None)
        state = m.TableState(
            frame=frame,
            exposure_ns=round(t * 1e9),
            epoch=1,
            table=table.name,
            width=table.width,
            length=table.length,
            ball_radius=radius,
            source=FILM,
            calibration="camera-1",
            balls=tuple(balls),
        )
        played.states.append(state)
        played.events += segmenter.update(state)
    played.events += segmenter.finish()
    return played
