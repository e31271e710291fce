"""The virtual table without processes: for tests, training and whoever wants pictures with truth.

>>> table = preset("pool-9ft")
>>> virtual = VirtualTable(table, seed=3)
>>> still = virtual.render_state([("cue", (0.6, 0.5)), ("8", (0.7, 1.9))])
>>> still.image.shape
(720, 1280, 3)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.observation import CuePose, Observation
from billiards_trainer.simulation.renderer import Limb, Renderer
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.stills import Placed, random_balls, render_balls
from billiards_trainer.table import Table


class VirtualTable:
    """A table, a camera above it, and true physics.

    Args:
        table: its geometry.
        setup: room, camera, balls; ``Setup.default(table)`` when ``None``.
        seed: decides everything that looks like chance.
        fps: pictures a second.
        caption: words on the surroundings that say this is no real table; empty: none.
    """

    def __init__(
        self,
        table: Table,
        setup: Setup | None = None,
        *,
        seed: int = 1,
        fps: float = 30.0,
        caption: str = "VIRTUAL TABLE",
    ) -> None:
        self.table = table
        self.setup = setup or Setup.default(table)
        self.seed, self.fps = seed, fps
        self.camera = self.setup.camera
        self.renderer = Renderer(table, self.setup, caption=caption)

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
