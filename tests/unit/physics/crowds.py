"""Random states meant to break an event-driven engine, and what must hold for every shot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from billiards_trainer.physics import layout
from billiards_trainer.physics.engine import kinetic_energy, simulate
from billiards_trainer.physics.geometry import Geometry, for_table
from billiards_trainer.physics.parameters import (
    BallBallModel,
    CushionModel,
    Models,
    PhysicsParameters,
)
from billiards_trainer.physics.parameters import for_table as for_game
from billiards_trainer.physics.placing import placed
from billiards_trainer.physics.state import BallsState, Motion, StateError
from billiards_trainer.physics.trajectory import EventKind, Trajectory
from billiards_trainer.table import TABLE_NAMES, Table, preset


def random_places(rng: np.random.Generator, table: Table, count: int, crowd: float) -> np.ndarray:
    """Centres of balls on a table; a share ``crowd`` of them is frozen to another or to rubber.

    Frozen means: touching, or apart or overlapping by at most a micrometre.  Rubber is all there
    is of it: short and long rails, jaws, and the facings in the pockets' mouths.
    """
    radius = table.balls.radius
    shape = for_table(table, radius)
    low, high = (
        np.array([radius, radius]),
        np.array([table.width - radius, table.length - radius]),
    )
    places: list[np.ndarray] = []
    while len(places) < count:
        at = rng.uniform(low, high)
        if rng.random() < crowd:
            slip = rng.choice([0.0, 0.0, 1e-5, 1e-9, -1e-9, rng.uniform(-5e-7, 1e-6)])
            if places and rng.random() < 0.6:
                angle = rng.choice([rng.uniform(0, 2 * math.pi), math.pi / 3, 0.0, math.pi / 2])
                way = np.array([math.cos(angle), math.sin(angle)])
                at = places[rng.integers(len(places))] + (2 * radius + slip) * way
            else:
                at = _at_rubber(rng, shape, radius + slip)
        elif rng.random() < 0.1 and len(table.pockets):
            # Anywhere in a mouth, at the edge of the hole too.
            pocket = table.pockets[rng.integers(len(table.pockets))]
            angle = rng.uniform(0, 2 * math.pi)
            out = pocket.radius + rng.choice([0.0, 1e-9, rng.uniform(0, 0.06)])
            at = np.array(pocket.centre) + out * np.array([math.cos(angle), math.sin(angle)])
        if any(math.dist(at, p) < 2 * radius - 9e-7 for p in places):
            continue
        try:
            placed(at[None, None].copy(), np.ones((1, 1), dtype=bool), shape, radius, 9e-7)
        except StateError:
            continue
        places.append(at)
    return np.array(places)


def _at_rubber(rng: np.random.Generator, shape: Geometry, reach: float) -> np.ndarray:
    """A place at that distance from some edge or jaw, on whichever side; there may be no cloth."""
    if len(shape.jaws) and rng.random() < 0.4:
        jaw = shape.jaws[rng.integers(len(shape.jaws))]
        angle = rng.uniform(0, 2 * math.pi)
        out = jaw[2] + reach
        return np.array([jaw[0] + out * math.cos(angle), jaw[1] + out * math.sin(angle)])
    row = shape.segments[rng.integers(len(shape.segments))]
    along = row[layout.SLENGTH] * rng.choice([0.0, 1.0, rng.uniform(0, 1), rng.uniform(0, 1)])
    out = reach * (rng.choice([-1.0, 1.0]) if row[layout.SBOTH] else 1.0)
    return np.array(
        [
            row[layout.SX] + along * row[layout.STX] + out * row[layout.SNX],
            row[layout.SY] + along * row[layout.STY] + out * row[layout.SNY],
        ]
    )


def random_state(rng: np.random.Generator, table: Table, most: int = 16) -> BallsState:
    """Balls at random, crowded, at rest or moving at up to 15 m/s and 300 rad/s."""
    count = int(rng.integers(1, most + 1))
    places = random_places(rng, table, count, rng.choice([0.0, 0.5, 0.9]))
    moving = rng.random(count) < rng.choice([0.1, 0.5, 1.0])
    moving[rng.integers(count)] = True
    speed = rng.uniform(0, 15, count) ** rng.choice([1.0, 0.0, -3.0]) * moving
    speed = np.minimum(speed, 15.0)
    angle = (
        rng.choice([0.0, math.pi / 2, math.pi, 1.0], count)
        if rng.random() < 0.3
        else (rng.uniform(0, 2 * math.pi, count))
    )
    velocity = speed[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    spin = rng.uniform(-300, 300, (count, 3)) * (rng.random((count, 3)) < 0.5)
    spin *= (rng.random(count) < 0.6)[:, None]
    return BallsState.moving(places, velocity, spin, table.balls.radius)


def random_parameters(rng: np.random.Generator, table: Table) -> PhysicsParameters:
    """Balls, cloth and cushions from ice to glue, as far as ``PhysicsParameters`` goes."""
    return replace(
        for_game(table),
        mu_slide=float(rng.choice([0.05, 0.2, 0.5, 1.0])),
        mu_roll=float(rng.choice([0.005, 0.01, 0.1])),
        mu_spin=float(rng.choice([0.005, 0.02, 0.2])),
        e_ball=float(rng.choice([0.0, 0.95, 1.0, rng.uniform(0, 1)])),
        mu_ball=float(rng.choice([0.0, 0.05, 0.5])),
        mu_ball_a=float(rng.choice([0.0, 0.01, 0.5])),
        e_cushion=float(rng.choice([0.05, 0.85, 1.0, rng.uniform(0.05, 1)])),
        mu_cushion=float(rng.choice([0.0, 0.14, rng.uniform(0, 2)])),
        cushion_ratio=float(rng.choice([1.0001, 1.8, 1.9999, rng.uniform(1.01, 1.99)])),
    )


@dataclass
class Tally:
    """What came of many crowds.

    Attributes:
        shots, events: how many.
        bounded: shots that a bound ended.
        most_events: of one shot.
        deepest_ball, deepest_rubber: that a ball was ever in another, or in rubber, m.
        gain: most energy over mass that any event ever gained, J/kg.
        found: what was wrong.
    """

    shots: int = 0
    events: int = 0
    bounded: int = 0
    most_events: int = 0
    deepest_ball: float = 0.0
    deepest_rubber: float = 0.0
    gain: float = -math.inf
    found: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in those of another."""
        self.shots += other.shots
        self.events += other.events
        self.bounded += other.bounded
        self.most_events = max(self.most_events, other.most_events)
        self.deepest_ball = max(self.deepest_ball, other.deepest_ball)
        self.deepest_rubber = max(self.deepest_rubber, other.deepest_rubber)
        self.gain = max(self.gain, other.gain)
        self.found += other.found


def play_crowds(seeds: Iterable[int], *, varied: bool) -> Tally:
    """Play the random states of those seeds: every table, every combination of models.

    ``varied`` draws the parameters, too; then a shot may be too long for its bounds.
    """
    tally = Tally()
    for seed in seeds:
        table = preset(TABLE_NAMES[seed % 5])
        rng = np.random.default_rng(seed)
        state = random_state(rng, table)
        models = Models(BallBallModel(seed % 4), CushionModel(seed // 4 % 4))
        parameters = random_parameters(rng, table) if varied else for_game(table)
        shot = simulate(table, state, parameters=parameters, models=models)
        tally.shots += 1
        tally.events += len(shot.times)
        tally.most_events = max(tally.most_events, len(shot.times))
        tally.bounded += not shot.complete
        tally.found += [f"seed {seed}: {words}" for words in troubles(table, shot, tally=tally)]
        if not shot.complete and (not varied or _stands_still(shot)):
            tally.found.append(f"seed {seed}: stopped by {shot.stopped_by} at {shot.duration} s")
    return tally


def _stands_still(shot: Trajectory) -> bool:
    """Whether a shot that was cut short made events without getting on."""
    late = shot.times[-2000:]
    return len(late) == 2000 and bool(late[-1] - late[0] < 1e-3)


def troubles(
    table: Table, shot: Trajectory, sunk: float = 2e-5, tally: Tally | None = None
) -> list[str]:
    """What is wrong with a shot: empty for a sound one.

    Numbers, energy, the table's edge at every event; and between any two, from the closed forms,
    whether a ball went through another, a cushion or a jaw.
    """
    tally = tally or Tally()
    p = shot.parameters
    pairs = shot.records[shot.kinds[:, 0] == EventKind.BALL_BALL, 1]
    if not (np.isfinite(shot.records[:, 0]).all() and np.isfinite(pairs).all()):
        return ["a number is not finite"]
    ways = Ways.of(shot)
    balls = range(len(shot.initial))
    found: list[str] = []
    for i in balls:
        for j in range(i):
            gap = ways.nearest_to_ball(i, j, 2 * p.radius) - 2 * p.radius
            tally.deepest_ball = max(tally.deepest_ball, -gap)
            if gap < -sunk:
                found.append(f"balls {j} and {i} overlap by {-gap:.3g} m")
        gap = ways.nearest_to_rubber(i, shot.geometry) - p.radius
        tally.deepest_rubber = max(tally.deepest_rubber, -gap)
        if gap < -sunk:
            found.append(f"ball {i} is {-gap:.3g} m in the rubber")
    # A ball's centre never passes a nose: only in a mouth can it be beyond the nose rectangle.
    for i in balls:
        x, y = ways.position[i][ways.live[i]].T
        out = (x < 0) | (x > table.width) | (y < 0) | (y > table.length)
        for px, py in zip(x[out], y[out], strict=True):
            near = table.nearest_pocket(px, py)
            if near is None or near[1] > 0.2:
                found.append(f"ball {i} is off the table at {px:.4f}, {py:.4f}")
                break
    records = shot.records.copy()
    records[shot.kinds[:, 0] != EventKind.BALL_BALL, 1] = 0.0
    energy = _energies(records, p.radius)
    gain = (energy[:, :, 1] - energy[:, :, 0]).sum(axis=1)
    gain[shot.kinds[:, 0] == EventKind.STRIKE] = -np.inf
    tally.gain = max(tally.gain, float(gain.max(initial=-np.inf)))
    wrong = gain > 1e-9 * np.maximum(1.0, energy[:, 0, 0])
    found += [f"event {k} gains {gain[k]:.3g} (J/kg)" for k in np.flatnonzero(wrong)]
    if shot.complete:
        still = (shot.final.motion == Motion.RESTING) | (shot.final.motion == Motion.POCKETED)
        if not still.all() or kinetic_energy(shot.final, p) != 0.0:
            found.append("a ball still moves at the end")
    return found


@dataclass(frozen=True)
class Ways:
    """All balls' closed forms over the K spans between one event and the next, of any balls.

    Attributes:
        spans: (K,) lengths of the spans, s; the last has none.
        position, velocity, acceleration: (N, K, 2) at the beginning of each span.
        live: (N, K), whether the ball is on the table.
        reach: (N, K), how far a ball gets within a span at most, m.
    """

    spans: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    live: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(cls, shot: Trajectory) -> Ways:
        times = np.unique(np.concatenate([[0.0], shot.times]))
        position, velocity, acceleration, live = [], [], [], []
        for ball in range(len(shot.initial)):
            pieces = shot.pieces(ball)
            k = np.searchsorted(pieces.times, times, side="right") - 1
            at, going, _, motion = pieces.at(times)
            position.append(at)
            velocity.append(going)
            acceleration.append(pieces.acceleration[k])
            live.append(motion != Motion.POCKETED)
        spans, v, a = np.append(np.diff(times), 0.0), np.array(velocity), np.array(acceleration)
        reach = spans * (np.hypot(*v.T).T + 0.5 * spans * np.hypot(*a.T).T)
        return cls(spans, np.array(position), v, a, np.array(live), reach)

    def nearest_to_ball(self, i: int, j: int, within: float) -> float:
        """The least distance that the centres of two balls ever have while both are there, m.

        Infinite when they certainly never come ``within`` so many metres.
        """
        way = self.position[i] - self.position[j]
        apart = np.hypot(way[:, 0], way[:, 1]) - self.reach[i] - self.reach[j]
        both = self.live[i] & self.live[j] & (apart < within)
        if not both.any():
            return math.inf
        return _nearest(
            (self.position[i] - self.position[j])[both],
            (self.velocity[i] - self.velocity[j])[both],
            (self.acceleration[i] - self.acceleration[j])[both],
            self.spans[both],
        )

    def nearest_to_rubber(self, i: int, shape: Geometry) -> float:
        """The least distance of a ball's centre from cushions and jaws, m.

        Behind a nose it is negative.
        """
        out = self._leaves(i, shape.box)
        if not out.any():
            return math.inf
        p, v, a = self.position[i][out], self.velocity[i][out], self.acceleration[i][out]
        spans = self.spans[out]
        least = math.inf
        if len(shape.jaws):
            off = p - shape.jaws[:, None, :2]
            k = np.tile(np.arange(len(p)), len(shape.jaws))
            radii = np.repeat(shape.jaws[:, 2], len(p))
            least = _nearest(off.reshape(-1, 2), v[k], a[k], spans[k], radii)
        if len(shape.segments):
            least = min(least, _nearest_to_edges(p, v, a, spans, shape.segments))
        return least

    def _leaves(self, i: int, box: np.ndarray) -> np.ndarray:
        """The spans (K,) in which a ball is ever outside the free box, where rubber may be."""
        p, v, a = self.position[i], self.velocity[i], self.acceleration[i]
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.clip(np.nan_to_num(-v / a), 0.0, self.spans[:, None])
        out = np.zeros(len(p), dtype=bool)
        for t in (0.0, self.spans[:, None], turn):
            at = p + t * (v + 0.5 * t * a)
            out |= ((at < box[[0, 2]]) | (at > box[[1, 3]])).any(axis=1)
        return out & self.live[i]


def _nearest_to_edges(
    p: np.ndarray, v: np.ndarray, a: np.ndarray, spans: np.ndarray, segments: np.ndarray
) -> float:
    """Least distance of points on their ways from the segments they are level with."""
    along = segments[:, [layout.STX, layout.STY]]
    normal = segments[:, [layout.SNX, layout.SNY]]
    both = segments[:, layout.SBOTH, None] != 0.0
    off = p - segments[:, None, [layout.SX, layout.SY]]
    away = (off * normal[:, None]).sum(axis=2)
    speed, pull = normal @ v.T, normal @ a.T
    place, creep = (off * along[:, None]).sum(axis=2), along @ v.T
    bend = along @ a.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Begin, end, turning point, and where it passes from one side to the other.
        root = np.sqrt(speed**2 - 2 * pull * away)
        times = [-speed / pull, (-speed + root) / pull, (-speed - root) / pull, -away / speed]
    least = math.inf
    for t in (np.zeros_like(away), np.broadcast_to(spans, away.shape), *times):
        # fmin and fmax put what is not a number at the span's end.
        t = np.fmax(np.fmin(t, spans), 0.0)
        u = place + t * (creep + 0.5 * t * bend)
        gap = away + t * (speed + 0.5 * t * pull)
        gap = np.where(both, np.abs(gap), gap)
        there = (u >= 0.0) & (u <= segments[:, layout.SLENGTH, None])
        least = min(least, float(gap[there].min(initial=math.inf)))
    return least


def _nearest(
    p: np.ndarray, v: np.ndarray, a: np.ndarray, spans: np.ndarray, less: np.ndarray | float = 0.0
) -> float:
    """Least of abs(p + v·t + a·t²/2) - less within any of the spans, where the length is least."""
    sizes = [np.hypot(*x.T) for x in (p, v, a)]
    begin = sizes[0] - less
    start = begin.min(initial=math.inf)
    # Only where the way of the span is long enough to get nearer than anywhere yet.
    can = begin - spans * (sizes[1] + 0.5 * spans * sizes[2]) < start
    if not can.any():
        return float(start)
    p, h = p[can], spans[can, None]
    v, a = v[can] * h, a[can] * h * h
    cubic = np.array(
        [
            0.5 * (a * a).sum(axis=1),
            1.5 * (v * a).sum(axis=1),
            (v * v).sum(axis=1) + (p * a).sum(axis=1),
            (p * v).sum(axis=1),
        ]
    )
    # As eigenvalues; a leading coefficient of zero only sends one root far away.
    lead = np.maximum(cubic[0], 1e-14 * np.abs(cubic).max(axis=0) + 1e-300)
    matrix = np.zeros((p.shape[0], 3, 3))
    matrix[:, 0] = -(cubic[1:] / lead).T
    matrix[:, 1, 0] = matrix[:, 2, 1] = 1.0
    roots = np.linalg.eigvals(matrix).real
    times = np.clip(np.column_stack([roots, np.ones(len(roots))]), 0.0, 1.0)[:, :, None]
    way = p[:, None] + times * (v[:, None] + 0.5 * times * a[:, None])
    end = np.hypot(way[..., 0], way[..., 1]).min(axis=1) - np.broadcast_to(less, can.shape)[can]
    return float(min(start, end.min()))


def _energies(records: np.ndarray, radius: float) -> np.ndarray:
    """Energy over mass (E, 2, 2) of states (E, 2, 2, 8)."""
    v2 = (records[..., 2:4] ** 2).sum(axis=-1)
    w2 = (records[..., 4:7] ** 2).sum(axis=-1)
    return np.asarray(0.5 * v2 + 0.2 * radius**2 * w2)
