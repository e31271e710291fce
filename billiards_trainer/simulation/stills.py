"""Single pictures of made-up situations: for training, and for tests that need no motion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.observation import (
    BallTruth,
    CuePose,
    Observation,
    Truth,
    visible_disc,
    visible_shares,
)
from billiards_trainer.simulation.orientation import random_turn
from billiards_trainer.simulation.renderer import BallView, Limb, Renderer, View
from billiards_trainer.table import Table

Array = NDArray[np.float64]
Placed = Sequence[tuple[str, tuple[float, float]]]
"""Balls as (label, (x, y) in metres); a label may occur more than once, as snooker's reds do."""


def render_balls(
    renderer: Renderer,
    balls: Placed,
    *,
    turns: Sequence[Array] | None = None,
    limbs: Sequence[Limb] = (),
    cue: CuePose | None = None,
    slides: Array | None = None,
    light: NDArray[np.uint8] | None = None,
    seed: int = 0,
) -> Observation:
    """A picture of balls lying still.

    Args:
        renderer: draws it.
        balls: which ball lies where.
        turns: orientation of each ball, (3, 3); random by ``seed`` when ``None``.
        limbs: the player and the cue, as ``body.limbs`` gives them.
        cue: where the cue is, for the truth; ``limbs`` draws it.
        slides: shifts of the cue along its axis that sample the exposure, metres.
        light: the projector's light map.
        seed: decides orientations and noise.
    """
    rng = np.random.default_rng((seed, 11))
    radius = renderer.table.balls.radius
    camera = renderer.setup.camera
    oriented = [random_turn(rng) for _ in balls] if turns is None else list(turns)
    centres = [np.array([x, y, radius]) for _, (x, y) in balls]
    views = [
        BallView(label, centre[None], turn[None])
        for (label, _), centre, turn in zip(balls, centres, oriented, strict=True)
    ]
    image = renderer.render(
        View(views, limbs, np.zeros(1) if slides is None else slides), light=light, seed=seed
    )
    discs = [visible_disc(camera, c, radius) for c in centres]
    depths = [float(np.linalg.norm(c - camera.position)) for c in centres]
    free = visible_shares(discs, depths, renderer.limb_depth)
    truths = tuple(
        BallTruth(
            label=label,
            position=centre,
            velocity=np.zeros(3),
            spin=np.zeros(3),
            turn=turn,
            on_table=True,
            pixel=(float(middle[0]), float(middle[1])),
            radius_px=r,
            seen=centre,
            visible=share,
        )
        for (label, _), centre, turn, (middle, r), share in zip(
            balls, centres, oriented, discs, free, strict=True
        )
    )
    return Observation(image, Truth(seed, 0.0, truths, cue, "setup"), camera)


def full_set(table: Table) -> tuple[str, ...]:
    """All balls of the game; snooker's fifteen reds one by one."""
    if table.game != "snooker":
        return table.balls.labels
    return tuple(
        label for name in table.balls.labels for label in [name] * (15 if name == "red" else 1)
    )


def random_balls(
    table: Table, rng: np.random.Generator, count: int | None = None
) -> list[tuple[str, tuple[float, float]]]:
    """A random part of the set, strewn about: some touching, some frozen to a cushion.

    Args:
        table: where they lie.
        rng: source of chance.
        count: how many; random when ``None``.
    """
    labels = list(full_set(table))
    rng.shuffle(labels)
    n = int(rng.integers(1, len(labels) + 1)) if count is None else min(count, len(labels))
    radius = table.balls.radius
    placed: list[tuple[str, tuple[float, float]]] = []
    crowd = rng.random() < 0.35
    while len(placed) < n:
        kind = rng.random()
        if placed and kind < (0.6 if crowd else 0.15):
            # Against, or almost against, a ball that lies already.
            _, (x, y) = placed[int(rng.integers(len(placed)))]
            angle = rng.uniform(0, 2 * math.pi)
            gap = 2 * radius + (0.0 if rng.random() < 0.5 else rng.exponential(0.01)) + 1e-6
            at = (x + gap * math.cos(angle), y + gap * math.sin(angle))
        else:
            at = (
                float(rng.uniform(radius, table.width - radius)),
                float(rng.uniform(radius, table.length - radius)),
            )
            if kind > 0.9:
                side = int(rng.integers(4))
                at = (
                    (radius, at[1]),
                    (table.width - radius, at[1]),
                    (at[0], radius),
                    (at[0], table.length - radius),
                )[side]
        if not table.contains(*at, radius - 1e-9):
            continue
        if any(math.dist(at, p.centre) < p.radius + 0.3 * radius for p in table.pockets):
            continue
        if all(math.dist(at, other) >= 2 * radius for _, other in placed):
            placed.append((labels[len(placed)], at))
    return placed
