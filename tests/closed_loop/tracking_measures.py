"""Plays shots on virtual tables, tracks them from their pictures, and holds that against truth."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.simulation.observation import BallTruth, Truth
from billiards_trainer.simulation.randomise import random_parameters, random_setup
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.simulation.world import Play
from billiards_trainer.table import preset
from billiards_trainer.vision.pipeline import Pipeline

TABLES = ("pool-9ft", "pool-8ft", "snooker-12ft", "pool-7ft", "pool-9ft", "carom-10ft")
VIRTUAL = m.SourceInfo(kind="simulated", name="virtual table")
INSIDE_95 = 5.991
"""Squared Mahalanobis distance within which 95 % of a plane Gaussian lie."""
_SETTLING = 10
"""Pictures after the first state that are not counted."""
_WINDOW = 30
"""Pictures at rest over which jitter is taken."""
_CLEAR = 0.9
"""Least visible share of a ball whose place is judged."""
_SHOTS = 4


@dataclass
class Measures:
    """What was counted over all set-ups; ``add`` one after the other."""

    tables: int = 0
    frames: int = 0
    inside: list[bool] = field(default_factory=list)
    errors_mm: list[float] = field(default_factory=list)
    jitter_mm: list[float] = field(default_factory=list)
    followed: int = 0
    named: int = 0
    matched: int = 0
    false: int = 0
    visible: int = 0

    @property
    def coverage(self) -> float:
        """Share of true places inside the stated 95 % ellipses."""
        return float(np.mean(self.inside))

    @property
    def identity(self) -> float:
        """Share of ball pictures in which a ball has the number that it has most of the time."""
        return self.followed / self.matched

    @property
    def labels(self) -> float:
        """Share of ball pictures with the right name."""
        return self.named / self.matched

    @property
    def recall(self) -> float:
        """Share of the balls at least half visible that are there."""
        return self.matched / self.visible

    @property
    def false_share(self) -> float:
        """Balls that are none, per ball picture."""
        return self.false / self.matched

    def add(self, seed: int, pictures: int) -> None:
        """Play one set-up.

        Args:
            seed: of room, camera, physics and play.
            pictures: how many, from an aim on.
        """
        virtual = _at_an_aim(seed)
        pipeline = Pipeline(virtual.table, epoch=0)
        tally = _Tally(self, virtual.table.balls.radius)
        first: int | None = None
        for k in range(pictures):
            seen = virtual.step()
            exposure_ns = 1 + round(seen.truth.time_s * 1e9)
            state = pipeline.process(seen.image, k, exposure_ns, VIRTUAL)
            if pipeline.camera is None:
                continue
            first = k if first is None else first
            if k - first >= _SETTLING:
                tally.take(k, state, seen.truth)
        if first is not None:
            tally.close()
            self.tables += 1

    def report(self, made_by: str) -> str:
        """All figures, as a page of the documentation."""
        errors, jitter = np.array(self.errors_mm), np.array(self.jitter_mm)
        rows = [
            ("95 % ellipses hold", "93 to 97 %", f"{100 * self.coverage:.1f} %"),
            ("jitter of a ball at rest, median", "0.1 mm", f"{np.median(jitter):.3f} mm"),
            ("jitter, 99th percentile", "0.1 mm", f"{np.quantile(jitter, 0.99):.3f} mm"),
            ("identity over tracks", "0.995", f"{self.identity:.4f}"),
            ("right name", "", f"{self.labels:.4f}"),
            ("balls at least half visible that are there", "", f"{self.recall:.4f}"),
            ("balls that are none, per ball", "", f"{self.false_share:.5f}"),
            ("place, median", "", f"{np.median(errors):.2f} mm"),
            ("place, 99th percentile", "", f"{np.quantile(errors, 0.99):.2f} mm"),
        ]
        return (
            "# Tracking, measured\n\n"
            f"Written by `make acceptance` (`{made_by}`): {self.tables} virtual tables with "
            f"held-out seeds, {self.frames} pictures; every table found by itself from one "
            "picture, in rooms, light, balls and physics at random; a shot on each, breaks among "
            "them. The ellipses must hold over tables: on a single one the calibration errs all "
            "balls alike.\n\n"
            "| what | wanted | measured |\n|---|---|---|\n"
            + "".join(f"| {what} | {wanted} | {got} |\n" for what, wanted, got in rows)
        )


class _Tally:
    """One set-up's counts."""

    def __init__(self, measures: Measures, radius: float) -> None:
        self._all = measures
        self._radius = radius
        self._owners: dict[int, Counter[int]] = defaultdict(Counter)
        self._resting: dict[int, list[tuple[int, float, float]]] = defaultdict(list)

    def take(self, k: int, state: m.TableState, truth: Truth) -> None:
        """One picture."""
        self._all.frames += 1
        there = [(i, t) for i, t in enumerate(truth.balls) if t.radius_px > 0]
        wanted = {i for i, t in there if t.on_table and t.visible > 0.5}
        self._all.visible += len(wanted)
        for ball in state.balls:
            if not ball.visible:
                continue
            near = min(there, key=lambda it: math.dist((ball.x_m, ball.y_m), it[1].seen[:2]))
            if math.dist((ball.x_m, ball.y_m), near[1].seen[:2]) > self._radius:
                self._all.false += 1
            elif near[0] in wanted:
                wanted.discard(near[0])
                self._judge(k, ball, *near)

    def _judge(self, k: int, ball: m.BallState, index: int, truth: BallTruth) -> None:
        total = self._all
        total.matched += 1
        total.named += ball.label == truth.label
        self._owners[index][ball.track] += 1
        if truth.visible < _CLEAR:
            return
        error = np.array([ball.x_m, ball.y_m]) - truth.seen[:2]
        total.errors_mm.append(1e3 * float(np.hypot(*error)))
        total.inside.append(_distance2(error, ball.covariance) < INSIDE_95)
        if not truth.velocity.any():
            self._resting[index].append((k, ball.x_m, ball.y_m))

    def close(self) -> None:
        """The set-up has ended."""
        self._all.followed += sum(max(owner.values()) for owner in self._owners.values())
        for places in self._resting.values():
            for start in range(_WINDOW, len(places) - _WINDOW, _WINDOW):
                window = np.array(places[start : start + _WINDOW])
                if window[-1, 0] - window[0, 0] == _WINDOW - 1:
                    self._all.jitter_mm.append(1e3 * float(np.hypot(*window[:, 1:].std(axis=0))))


def _distance2(error: NDArray[np.float64], covariance: tuple[float, float, float]) -> float:
    xx, xy, yy = covariance
    return float(error @ np.linalg.solve(np.array([[xx, xy], [xy, yy]]), error))


def _at_an_aim(seed: int) -> VirtualTable:
    """A random room in which somebody aims: at the break, or a shot or two later."""
    table = preset(TABLES[seed % len(TABLES)])
    play = Play(parameters=random_parameters(table, seed))
    virtual = VirtualTable(table, random_setup(table, seed), seed=seed, play=play)
    for _ in range(400):
        virtual.skip(0.5)
        world = virtual.world
        if world.shot >= seed % _SHOTS and world.act.phase(world.time) == "aim":
            break
    return virtual
