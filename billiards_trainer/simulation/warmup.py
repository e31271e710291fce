"""Compile the renderer's kernels once: ``python -m billiards_trainer.simulation.warmup``."""

from __future__ import annotations

import sys

import numpy as np

from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation.body import Stance, player_limbs
from billiards_trainer.simulation.observation import CuePose
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset


def main() -> int:
    """Draw one small picture with everything in it."""
    table = preset("pool-9ft")
    setup = Setup.default(table, width=160, height=90)
    virtual = VirtualTable(table, setup)
    pose = CuePose((0.6, 1.0, 0.03), 1.5, 0.07)
    limbs = player_limbs(pose, Stance((0.58, 0.8), 1.5), setup.player, setup.cue)
    light = np.full((*LightMap.shape(table), 3), 50, np.uint8)
    virtual.render_state([("cue", (0.6, 1.1)), ("9", (0.3, 0.5))], limbs=limbs, light=light)
    virtual.step()
    return 0


if __name__ == "__main__":
    sys.exit(main())
