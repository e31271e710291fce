"""A virtual room whose camera and projector hang as the seed decides, without processes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.projector.light import LightMapper
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.simulation.randomise import random_setup
from billiards_trainer.simulation.stills import Placed, random_balls
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import Table, preset
from billiards_trainer.virtual_projector import misset_projector
from billiards_trainer.vision.calibration.projector_session import ProjectorSession
from billiards_trainer.vision.calibration.table_finder import find_table

SIZE = (1920, 1080)
POOL = preset("pool-9ft")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One calibration against the truth, millimetres on the cloth."""

    stated: float
    dots: float
    rms: float
    worst: float


class ProjectorRoom:
    """A table with some balls on it, a camera and a projector nobody has measured."""

    def __init__(self, seed: int, table: Table = POOL) -> None:
        self.table = table
        self.truth = misset_projector(table, seed, *SIZE)
        setup = random_setup(table, seed)
        position = tuple(float(v) for v in self.truth.position)
        strength = max(1.0, setup.projector.strength)
        look = replace(setup.projector, position=position, strength=strength)
        self.virtual = VirtualTable(table, replace(setup, projector=look), seed=seed)
        rng = np.random.default_rng((seed, 31))
        self._balls = random_balls(table, rng, 8)
        self._turns = [np.eye(3)] * len(self._balls)
        self._renderer = SceneRenderer(table, Projection.centred(table, *SIZE))
        self._mapper = LightMapper(table, Projection.from_model(self.truth))
        self._picture = 0

    @property
    def true_camera(self):
        """The camera as it really is."""
        return self.virtual.setup.camera

    def lit_by(self, pattern: m.Pattern | None) -> NDArray[np.uint8]:
        """Have the projector show a pattern: the light map that falls on the cloth."""
        dots = () if pattern is None else pattern.dots
        changed = self._renderer.draw_dots(dots, 0.0065 if pattern is None else pattern.radius)
        return self._mapper.update(self._renderer.canvas, changed)

    def photograph(
        self, light: NDArray[np.uint8] | None, balls: Placed | None = None
    ) -> NDArray[np.uint8]:
        """A camera picture, with noise of its own; of the usual balls where none are given."""
        self._picture += 1
        lying, turns = (self._balls, self._turns) if balls is None else (balls, None)
        return self.virtual.render_state(lying, turns=turns, light=light, seed=self._picture).image

    def found_camera(self):
        """The camera as the appliance finds it in a picture."""
        return find_table(self.photograph(None), self.table).camera

    def calibrate(self, camera, camera_mm: float) -> ProjectorSession:
        """The whole calibration, pictures at 30 a second."""
        session = ProjectorSession(100, camera, self.table, 0, camera_mm=camera_mm)
        now_ns = 0
        while not session.over:
            pattern = session.pattern
            light = self.lit_by(pattern)
            session.shown(m.PatternShown(number=pattern.number, flip_ns=now_ns,
                                         width=SIZE[0], height=SIZE[1]))  # fmt: skip
            now_ns += 200_000_000
            while not session.over and session.pattern.number == pattern.number:
                session.see(self.photograph(light), now_ns)
                now_ns += 33_333_333
        return session

    def judge(self, session: ProjectorSession, camera) -> Outcome:
        """Light meant for places all over the cloth: how far beside them does it fall?"""
        assert session.fit is not None, session.problem
        table = self.table
        x, y = np.meshgrid(np.linspace(0.03, table.width - 0.03, 9),
                           np.linspace(0.03, table.length - 0.03, 15))  # fmt: skip
        places = np.column_stack([x.ravel(), y.ravel()])
        # Which end is the head may have been guessed: then everything is turned round.
        meant = places if same_head(camera, self.true_camera) else turned(table, places)
        falls = self.truth.to_plane(session.fit.model.to_pixels(meant), 0.0)
        off = 1e3 * np.linalg.norm(falls - places, axis=1)
        return Outcome(
            session.fit.residual_mm, session.fit.dots_mm,
            float(np.sqrt((off**2).mean())), float(off.max()),
        )  # fmt: skip


def turned(table: Table, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same places with the head at the other end."""
    return np.array([table.width, table.length]) - places


def same_head(one, other) -> bool:
    """Whether two cameras look at the table with the same end as its head."""
    return float((one.rotation_matrix[:, 1] * other.rotation_matrix[:, 1]).sum()) > 0
