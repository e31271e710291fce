"""One shot being aimed and played at random on a random table: for measuring how the cue is seen.

The same table and seed give the same room, balls, player and stroke.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.light_map import LightMap, table_to_map
from billiards_trainer.physics.state import BallsState
from billiards_trainer.simulation.acts import Shot
from billiards_trainer.simulation.observation import CuePose, Observation
from billiards_trainer.simulation.orientation import random_turn
from billiards_trainer.simulation.randomise import random_setup
from billiards_trainer.simulation.renderer import Renderer
from billiards_trainer.simulation.shooter import Situation, Skill, choose_stroke
from billiards_trainer.simulation.stills import random_balls, render_balls
from billiards_trainer.simulation.stroke import Stroke, Tempo
from billiards_trainer.table import Table


class Aim:
    """A random room with balls strewn about and a player who aims at one of them.

    Attributes:
        table: its geometry.
        setup: room, camera, player.
        stroke: how the shot is played.
        contact_s: time at which the tip touches the cue ball.
        approach_s: time at which the player has bent down.
    """

    def __init__(self, table: Table, seed: int, *, width: int = 1280, height: int = 720) -> None:
        rng = np.random.default_rng((seed, 31))
        self.table, self.seed = table, seed
        self.setup = random_setup(table, seed, width=width, height=height)
        self._renderer = Renderer(table, self.setup, caption="")
        self._placed = _with_cue_ball(table, rng)
        self._turns = [random_turn(rng) for _ in self._placed]
        labels = tuple(label for label, _ in self._placed)
        state = BallsState.at_rest([at for _, at in self._placed], table.balls.radius)
        situation = Situation(table, state, 0, tuple(range(1, len(labels))))
        self.stroke: Stroke = choose_stroke(situation, Tempo(), Skill(), rng)
        trajectory = situation.play(self.stroke.strike)
        self._shot = Shot(0.0, self.stroke, trajectory, labels, table)
        self._scale = self.setup.camera.pixels_per_metre(table.width / 2, table.length / 2)
        self.approach_s = self.stroke.tempo.approach_s
        self.contact_s = self.stroke.contact_s

    def cue(self, time_s: float) -> CuePose | None:
        """Where a picture of that time shows the cue."""
        return self._shot.above(time_s, self.setup, self._scale).cue

    def observe(self, time_s: float, light: NDArray[np.uint8] | None = None) -> Observation:
        """A picture at that time, with the truth about it; balls lie until the tip touches.

        Args:
            time_s: since the player began to walk up.
            light: the projector's light map.

        Raises:
            ValueError: the tip has touched the ball.
        """
        if time_s > self.contact_s:
            raise ValueError("an aim ends when the tip touches the ball")
        above = self._shot.above(time_s, self.setup, self._scale)
        return render_balls(
            self._renderer,
            self._placed,
            turns=self._turns,
            limbs=above.limbs,
            cue=above.cue,
            slides=above.slides,
            light=light,
            seed=round(time_s * 1e4),
        )

    def without_player(self, light: NDArray[np.uint8] | None = None) -> Observation:
        """The same room and balls, nobody at the table."""
        return render_balls(
            self._renderer, self._placed, turns=self._turns, light=light, seed=self.seed
        )

    def light(self) -> NDArray[np.uint8]:
        """A light map as the appliance would project while this shot is aimed."""
        return drawn_light(self.table, self.stroke, [at for _, at in self._placed], self.seed)


def drawn_light(
    table: Table, stroke: Stroke, balls: list[tuple[float, float]], seed: int
) -> NDArray[np.uint8]:
    """Aim line, a path after a cushion, a ghost ball and rings round some balls, at random."""
    rng = np.random.default_rng((seed, 32))
    light = np.zeros((*LightMap.shape(table), 3), np.uint8)
    matrix = table_to_map()
    radius = table.balls.radius

    def cell(point: tuple[float, float] | NDArray[np.float64]) -> tuple[int, int]:
        x, y = matrix[:, :2] @ np.asarray(point) + matrix[:, 2]
        return round(float(x) * 16), round(float(y) * 16)

    def colour() -> tuple[int, int, int]:
        b, g, r = (int(v) for v in rng.integers(90, 256, 3))
        return b, g, r

    start = np.array(stroke.cue_ball[:2])
    way = np.array([np.cos(stroke.strike.direction), np.sin(stroke.strike.direction)])
    end = start + float(rng.uniform(0.2, 1.6)) * way
    thick = int(rng.integers(1, 3))
    cv2.line(light, cell(start), cell(end), colour(), thick, cv2.LINE_AA, 4)
    turned = end + float(rng.uniform(0.1, 0.8)) * rng.normal(size=2)
    cv2.line(light, cell(end), cell(turned), colour(), thick, cv2.LINE_AA, 4)
    ring = round((radius + 0.008) / LightMap.RESOLUTION * 16)
    cv2.circle(light, cell(end), ring, colour(), thick, cv2.LINE_AA, 4)
    for at in balls:
        if rng.random() < 0.4:
            cv2.circle(light, cell(at), ring, colour(), thick, cv2.LINE_AA, 4)
    return light


def _with_cue_ball(table: Table, rng: np.random.Generator) -> list[tuple[str, tuple[float, float]]]:
    """Balls strewn about, the cue ball first."""
    while True:
        placed = random_balls(table, rng)
        at = next((k for k, (label, _) in enumerate(placed) if label == "cue"), None)
        if at is None:
            at = int(rng.integers(len(placed)))
            placed[at] = ("cue", placed[at][1])
        if len(placed) > 1:
            return [placed[at], *placed[:at], *placed[at + 1 :]]
