"""What is drawn against what balls do, and where the difference comes from.

Light is followed to the cloth: a drawn place is where the mis-set projector really throws it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.core.guidance.prediction import Predictor
from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.fitting.table_fit import fit_table
from billiards_trainer.physics.fitting.tracks import Track, TrackedShot
from billiards_trainer.physics.parameters import PhysicsParameters, for_table
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.simulation.randomise import random_parameters
from billiards_trainer.table import Pocket, Point, Table, preset
from billiards_trainer.vision.detection.detector import BallDetector
from tests.closed_loop.projector_room import ProjectorRoom, same_head

POOL = preset("pool-9ft")
R = POOL.balls.radius
OBSERVED = 30
Light = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From places in the frame of predictions to true places on the cloth, both (N, 2)."""
SEEN_STD = 5e-4


@dataclass(frozen=True, slots=True)
class Pot:
    """A shot at a pocket: straight or cut up to 45°."""

    cue_ball: Point
    target: Point
    angle: float
    speed: float
    pocket: Pocket


def random_pot(rng: np.random.Generator) -> Pot:
    """Aimed so that the line of centres points into the pocket."""
    while True:
        pocket = POOL.pockets[int(rng.integers(len(POOL.pockets)))]
        target = (rng.uniform(0.15, 1.12), rng.uniform(0.2, 2.34))
        mouth = pocket.mouth_centre
        leaves = math.atan2(mouth[1] - target[1], mouth[0] - target[0])
        inwards = math.atan2(pocket.centre[1] - mouth[1], pocket.centre[0] - mouth[0])
        if abs(math.remainder(leaves - inwards, 2 * math.pi)) > math.radians(35):
            continue
        if not 0.25 < math.dist(target, mouth) < 1.4:
            continue
        cut, away = math.radians(rng.uniform(-45, 45)), rng.uniform(0.25, 1.2)
        ghost = (target[0] - 2 * R * math.cos(leaves), target[1] - 2 * R * math.sin(leaves))
        angle = leaves + cut
        cue_ball = (ghost[0] - away * math.cos(angle), ghost[1] - away * math.sin(angle))
        if POOL.contains(*cue_ball, R + 0.05):
            return Pot(cue_ball, target, angle, rng.uniform(1.2, 2.5), pocket)


def played(
    places: list[Point], striker: int, speed: float, angle: float, truth: PhysicsParameters
) -> list[list[Point]]:
    """The true ways of all balls, finely sampled."""
    lying = BallsState.at_rest(places, truth.radius)
    shot = simulate(POOL, lying, Strike(striker, speed, angle), parameters=truth)
    times = np.arange(0.0, shot.duration, 0.002)
    return [
        [(float(x), float(y)) for x, y in shot.path(k, times)[:, :2]] for k in range(len(places))
    ]


def crossing(way: list[Point], a: Point, b: Point) -> Point | None:
    """Where a way first crosses the straight line through two points, near them."""
    nx, ny = -(b[1] - a[1]), b[0] - a[0]
    side = [(x - a[0]) * nx + (y - a[1]) * ny for x, y in way]
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    for k in range(len(way) - 1):
        if side[k] == 0.0 or side[k] * side[k + 1] > 0:
            continue
        t = side[k] / (side[k] - side[k + 1])
        (x0, y0), (x1, y1) = way[k], way[k + 1]
        place = (x0 + t * (x1 - x0), y0 + t * (y1 - y0))
        if math.dist(place, middle) < 0.25:
            return place
    return None


def observed_physics(truth: PhysicsParameters, seed: int) -> PhysicsParameters:
    """Fitted from shots that a camera of 30 pictures a second has seen."""
    rng = np.random.default_rng((seed, 9))
    shots = []
    for number in range(OBSERVED):
        pot = random_pot(rng)
        lying = BallsState.at_rest([pot.cue_ball, pot.target], truth.radius)
        strike = Strike(0, rng.uniform(0.8, 3.5), pot.angle + rng.normal(0, 0.01))
        shot = simulate(POOL, lying, strike, parameters=truth)
        times = np.arange(0.0, shot.duration, 1 / 30)
        tracks = []
        for k, ball in enumerate(("cue", "1")):
            places = shot.path(k, times)[:, :2] + rng.normal(0, SEEN_STD, (len(times), 2))
            tracks.append(Track.from_samples(ball, times, places))
        shots.append(TrackedShot(str(number), tuple(tracks)))
    return fit_table(POOL, shots).applied_to(for_table(POOL))


def predicted(
    places: list[Point], angle: float, speed: float, predictor: Predictor
) -> m.Prediction:
    """As the appliance predicts it."""
    balls = tuple(
        m.BallState(track=k, label="cue" if k == 0 else str(k), x_m=x, y_m=y)
        for k, (x, y) in enumerate(places)
    )
    aim = Aim(0, angle, 0.0, 0.0, 0.0, 0.0, speed, True)
    return predictor.predict(balls, aim, 0, 0, odds=False)


def mouth_error_mm(
    pot: Pot,
    places: list[Point],
    angle: float,
    predictor: Predictor,
    truth: PhysicsParameters,
    light: Light | None = None,
) -> float | None:
    """Drawn object-ball line at the pocket's mouth against the ball's true crossing."""
    true_way = played([pot.cue_ball, pot.target], 0, pot.speed, pot.angle, truth)[1]
    foreseen = predicted(places, angle, pot.speed, predictor)
    drawn = next((list(p.points) for p in foreseen.paths if p.track == 1), None)
    if drawn is None:
        return None
    if light is not None:
        drawn = [(float(x), float(y)) for x, y in light(_dense(drawn))]
    a, b = pot.pocket.jaws
    real, shown = crossing(true_way, a, b), crossing(drawn, a, b)
    if real is None or shown is None:
        return None
    return 1e3 * math.dist(real, shown)


def _dense(way: list[Point]) -> NDArray[np.float64]:
    points = [way[0]]
    for (ax, ay), (bx, by) in pairwise(way):
        for k in range(1, 9):
            points.append((ax + (bx - ax) * k / 8, ay + (by - ay) * k / 8))
    return np.array(points)


@dataclass(frozen=True, slots=True)
class Errors:
    """Of one shot, in millimetres, with everything as it is and with parts made perfect.

    ``ghost`` and ``mouth`` are with all that is seen but the true cue line; the others leave one
    cause alone: the physics, the calibration of camera and projector, the places of the balls.
    """

    ghost: float
    mouth: float
    physics: float
    calibration: float
    balls: float


class Chain:
    """One mis-set room: camera found, projector calibrated, physics fitted from watched shots."""

    def __init__(self, seed: int, table: Table = POOL) -> None:
        self.room = ProjectorRoom(seed, table)
        camera = self.room.found_camera()
        session = self.room.calibrate(camera, 0.0)
        assert session.fit is not None, session.problem
        self.model = session.fit.model
        self._detector = BallDetector(table, camera)
        self._turned = not same_head(camera, self.room.true_camera)
        self.truth = random_parameters(table, seed)
        self.fitted = Predictor(table, parameters=observed_physics(self.truth, seed))
        self._perfect = Predictor(table, parameters=self.truth)

    def in_frame(self, place: Point) -> Point:
        """A true place in the frame that the camera was calibrated in."""
        if not self._turned:
            return place
        return POOL.width - place[0], POOL.length - place[1]

    def angle(self, angle: float) -> float:
        """A true direction in that frame."""
        return angle + math.pi if self._turned else angle

    def light(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where light meant for places of that frame really falls."""
        return np.asarray(self.room.truth.to_plane(self.model.to_pixels(places), 0.0))

    def back(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places of that frame as true ones, with perfect light."""
        return np.array([self.in_frame((float(x), float(y))) for x, y in places])

    def seen(self, pot: Pot) -> list[Point] | None:
        """Where vision sees the two balls; ``None`` when it does not see both."""
        lying = [("cue", pot.cue_ball), ("1", pot.target)]
        detections = self._detector.detect(self.room.photograph(None, lying))
        found: list[Point] = []
        for _, place in lying:
            there = self.in_frame(place)
            near = [d for d in detections if math.dist((d.x_m, d.y_m), there) < 0.02]
            if not near:
                return None
            best = min(near, key=lambda d: math.dist((d.x_m, d.y_m), there))
            found.append((best.x_m, best.y_m))
        return found

    def errors(self, pot: Pot) -> Errors | None:
        """Everything that is off for one shot; ``None`` when a line never reaches the mouth."""
        seen = self.seen(pot)
        if seen is None:
            return None
        true_places = [self.in_frame(pot.cue_ball), self.in_frame(pot.target)]
        angle = self.angle(pot.angle)
        found = [
            mouth_error_mm(pot, places, angle, predictor, self.truth, light)
            for places, predictor, light in (
                (seen, self.fitted, self.light),
                (true_places, self.fitted, self.back),
                (true_places, self._perfect, self.light),
                (seen, self._perfect, self.back),
            )
        ]
        ghost = self._ghost_error_mm(pot, seen, angle)
        if ghost is None or any(e is None for e in found):
            return None
        whole, physics, calibration, balls = (e for e in found if e is not None)
        return Errors(ghost, whole, physics, calibration, balls)

    def _ghost_error_mm(self, pot: Pot, places: list[Point], angle: float) -> float | None:
        ghost = predicted(places, angle, pot.speed, self.fitted).ghost_ball
        true_ghost = predicted(
            [pot.cue_ball, pot.target], pot.angle, pot.speed, self._perfect
        ).ghost_ball
        if ghost is None or true_ghost is None:
            return None
        x, y = self.light(np.array([ghost]))[0]
        return 1e3 * math.dist((float(x), float(y)), true_ghost)


def bank_errors_mm(
    rng: np.random.Generator, truth: PhysicsParameters, predictor: Predictor
) -> tuple[float, float] | None:
    """A ball struck into the cushions: how far off it is predicted one leg after the first and
    one after the second cushion, where both are met.
    """
    place = (rng.uniform(0.2, 1.0), rng.uniform(0.3, 2.2))
    angle, speed = rng.uniform(0, 2 * math.pi), rng.uniform(1.5, 3.0)
    true = corners(played([place], 0, speed, angle, truth)[0])
    shown = corners(list(predicted([place], angle, speed, predictor).paths[0].points))
    if len(true) < 4 or len(shown) < 4 or any(_near_pocket(p) for p in (*true[1:4], *shown[1:4])):
        return None
    return 1e3 * math.dist(true[2], shown[2]), 1e3 * math.dist(true[3], shown[3])


def corners(way: list[Point]) -> list[Point]:
    """Start, cushions and end of a way."""
    found = [way[0]]
    for before, here, after in zip(way, way[1:], way[2:], strict=False):
        at_rail = min(here[0], POOL.width - here[0], here[1], POOL.length - here[1]) < R + 0.004
        one = math.atan2(here[1] - before[1], here[0] - before[0])
        two = math.atan2(after[1] - here[1], after[0] - here[0])
        sharp = abs(math.remainder(two - one, 2 * math.pi)) > math.radians(8)
        if at_rail and sharp and math.dist(found[-1], here) > 0.02:
            found.append(here)
    return [*found, way[-1]]


def _near_pocket(place: Point) -> bool:
    return any(math.dist(place, p.mouth_centre) < 0.12 for p in POOL.pockets)
