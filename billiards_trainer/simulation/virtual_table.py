"""The virtual table without processes: for tests, training and whoever wants pictures with truth.

>>> virtual = VirtualTable(preset("pool-9ft"), seed=3)
>>> seen = virtual.step()                      # the next picture of a game that is being played
>>> seen.image.shape, seen.truth.phase
((720, 1280, 3), 'setup')
>>> still = virtual.render_state([("cue", (0.6, 0.5)), ("8", (0.7, 1.9))])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config
from billiards_trainer.physics.parameters import Models, PhysicsParameters, for_table
from billiards_trainer.simulation.observation import (
    BallTruth,
    CuePose,
    Observation,
    TrueEvent,
    Truth,
    visible_disc,
    visible_shares,
)
from billiards_trainer.simulation.orientation import rotation
from billiards_trainer.simulation.randomise import random_parameters, random_setup
from billiards_trainer.simulation.renderer import BallView, Limb, Renderer, View
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.shutter import exposure_times, row_delay
from billiards_trainer.simulation.stills import Placed, random_balls, render_balls
from billiards_trainer.simulation.stroke import Tempo
from billiards_trainer.simulation.world import Play, World
from billiards_trainer.table import Table

Array = NDArray[np.float64]

_MOST_SAMPLES = 14


class VirtualTable:
    """A table, a camera above it, true physics and a player.

    Args:
        table: its geometry.
        setup: room, camera, balls; ``Setup.default(table)`` when ``None``.
        seed: decides everything that looks like chance.
        fps: pictures a second.
        play: how the world is played in; the table's usual rack when ``None``.
        caption: words on the surroundings that say this is no real table; empty: none.

    Attributes:
        camera: the true camera.
        renderer: draws the pictures.
        world: balls and player.
    """

    def __init__(
        self,
        table: Table,
        setup: Setup | None = None,
        *,
        seed: int = 1,
        fps: float = 30.0,
        play: Play | None = None,
        caption: str = "VIRTUAL TABLE",
    ) -> None:
        self.table = table
        self.setup = setup or Setup.default(table)
        self.seed, self.fps = seed, fps
        self.camera = self.setup.camera
        self.renderer = Renderer(table, self.setup, caption=caption)
        self.world = World(table, seed=seed, play=play)
        self._eye = self.camera.position
        self._discs: dict[int, tuple[Array, tuple[Array, float]]] = {}
        self._frame = self._step = -1
        self._scale = self.camera.pixels_per_metre(table.width / 2, table.length / 2)
        played = self.world.play
        self._physics = _true_physics(
            played.parameters or for_table(table), played.models or Models()
        )

    @classmethod
    def from_config(cls, config: Config) -> VirtualTable:
        """The virtual table that a configuration describes."""
        table = config.table.to_table()
        wanted, source = config.simulation, config.source
        setup = (
            Setup.default(table, width=source.width, height=source.height)
            if wanted.room == "show"
            else random_setup(table, wanted.seed, width=source.width, height=source.height)
        )
        parameters = random_parameters(table, wanted.seed) if wanted.physics == "random" else None
        play = Play(
            rack=None if wanted.rack == "auto" else wanted.rack,
            tempo=Tempo().hurried(wanted.tempo),
            parameters=parameters,
        )
        return cls(table, setup, seed=wanted.seed, fps=source.fps, play=play)

    def step(self, light: NDArray[np.uint8] | None = None) -> Observation:
        """Let 1/fps seconds pass and take a picture.

        Args:
            light: the projector's light map that meets the cloth during this exposure.
        """
        return self.observe(max(0.0, (self._step + 1) / self.fps), light)

    def observe(self, time_s: float, light: NDArray[np.uint8] | None = None) -> Observation:
        """Let time pass until ``time_s`` of the virtual world and take a picture.

        Raises:
            ValueError: that time is over.
        """
        events = self.world.advance(time_s)
        self._step = round(time_s * self.fps)
        self._frame += 1
        view, truth = self._look(events)
        image = self.renderer.render(view, light=light, seed=self._frame)
        return Observation(image, self._with_visibility(truth), self.camera)

    def skip(self, seconds: float) -> tuple[TrueEvent, ...]:
        """Let time pass without taking pictures; returns what happened."""
        self._step = max(0, self._step + round(seconds * self.fps))
        return self.world.advance(self._step / self.fps)

    def _look(self, events: tuple[TrueEvent, ...]) -> tuple[View, Truth]:
        """What the camera is about to see, and the truth about it."""
        world, act, now = self.world, self.world.act, self.world.time
        views, truths = [], []
        for index, label in enumerate(world.labels):
            middle = act.ball(index, np.array([now]))
            at, turn = middle.position[0], world.turns[index]
            if not middle.shown[0]:
                truths.append(self._away(label, at, turn))
                continue
            spin = middle.spin[0]
            if middle.velocity[0].any() or spin.any():
                offset = row_delay(self.setup, at)
                times = self._exposure(now + offset, middle.velocity[0], spin)
                during = act.ball(index, np.append(times, now + offset)).position
                turns = np.array([rotation(spin * (float(t) - now)) @ turn for t in times])
                views.append(BallView(label, during[:-1], turns))
                seen = during[-1]
            else:
                views.append(BallView(label, at[None], turn[None]))
                seen = at
            disc, radius = self._disc(index, seen)
            truths.append(
                BallTruth(
                    label, at, middle.velocity[0], spin, turn.copy(), bool(middle.on_table[0]),
                    (float(disc[0]), float(disc[1])), radius, seen, motion=act.motion(index, now),
                )
            )  # fmt: skip
        above = act.above(now, self.setup, self._scale)
        truth = Truth(
            self._frame, now, tuple(truths), above.cue, act.phase(now), world.rack, world.shot,
            events, self._physics,
        )  # fmt: skip
        return View(views, above.limbs, above.slides), truth

    def _with_visibility(self, truth: Truth) -> Truth:
        """Add what the picture just drawn shows of each ball."""
        shown = [b for b in truth.balls if b.radius_px > 0]
        discs = [(np.array(b.pixel), b.radius_px) for b in shown]
        depths = [float(np.linalg.norm(b.seen - self._eye)) for b in shown]
        free = iter(visible_shares(discs, depths, self.renderer.limb_depth))
        balls = (replace(b, visible=next(free)) if b.radius_px > 0 else b for b in truth.balls)
        return replace(truth, balls=tuple(balls))

    def _disc(self, index: int, seen: Array) -> tuple[Array, float]:
        """The ball's visible disc; computed anew only when it has moved."""
        known = self._discs.get(index)
        if known is None or not np.array_equal(known[0], seen):
            radius = self.table.balls.radius
            known = (seen.copy(), visible_disc(self.camera, seen, radius))
            self._discs[index] = known
        return known[1]

    @staticmethod
    def _away(label: str, at: Array, turn: Array) -> BallTruth:
        """A ball in a pocket or off the table."""
        zero = np.zeros(3)
        away = (-1.0, -1.0)
        return BallTruth(label, at, zero, zero, turn, False, away, 0.0, at, 0.0, "pocketed")

    def _exposure(self, middle: float, velocity: Array, spin: Array) -> Array:
        """Times that sample the exposure: one for a ball at rest, more the further it moves."""
        exposure = self.setup.sensor.exposure_s
        pixels = float(np.linalg.norm(velocity)) * exposure * self._scale
        turned = float(np.linalg.norm(spin)) * exposure * self.table.balls.radius * self._scale
        n = 1 + min(math.ceil(max(pixels, 0.6 * turned) / 0.9), _MOST_SAMPLES - 1)
        return exposure_times(self.setup.sensor, middle, n)

    def render_state(
        self,
        balls: Placed,
        *,
        turns: Sequence[NDArray[np.float64]] | None = None,
        limbs: Sequence[Limb] = (),
        cue: CuePose | None = None,
        light: NDArray[np.uint8] | None = None,
        seed: int = 0,
    ) -> Observation:
        """A picture of balls lying still; see ``stills.render_balls``."""
        return render_balls(
            self.renderer, balls, turns=turns, limbs=limbs, cue=cue, light=light, seed=seed
        )

    def random_state(self, seed: int, *, count: int | None = None) -> Observation:
        """A picture of a random part of the set, strewn about."""
        rng = np.random.default_rng((self.seed, seed, 5))
        return self.render_state(random_balls(self.table, rng, count), seed=seed)


def _true_physics(parameters: PhysicsParameters, models: Models) -> m.TruePhysics:
    """The physics in force, by names."""
    return m.TruePhysics(
        parameters=asdict(parameters),
        ball_ball=models.ball_ball.name.lower(),
        cushion=models.cushion.name.lower(),
        cue=models.cue.name.lower(),
    )
