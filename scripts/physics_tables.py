"""Hold the engine's models against published measurements: ``python scripts/physics_tables.py``.

Writes docs/physics-tables.md.  The measurements are those of S. Mathavan, M. R. Jackson and R. M.
Parkin, "Application of high-speed imaging to determine the dynamics of billiards", Am. J. Phys. 77
(2009) 788, on a snooker table: Table I (oblique collisions of a rolling ball with one at rest; the
speeds are those with which both roll afterwards) and the eight markers of its Fig. 9 that can be
told apart (rolling balls straight into a cushion).  The numbers were taken from the transcription
in the public repository maxjchuang/BilliardGL (tests/physics_validation), which names table, row
and figure; the paper itself was not at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from billiards_trainer.physics import layout
from billiards_trainer.physics.ball_ball import collide
from billiards_trainer.physics.ball_cushion import rebound
from billiards_trainer.physics.engine import numbers_of
from billiards_trainer.physics.parameters import STANDARD, BallBallModel, CushionModel

PAGE = Path(__file__).resolve().parent.parent / "docs" / "physics-tables.md"
BALLS = replace(STANDARD["snooker"], radius=0.0262)

# Speed of the rolling cue ball (m/s), cut angle (°), rolling speeds afterwards: cue, object ball.
OBLIQUE = (
    (1.539, 33.83, 0.816, 0.836),
    (1.032, 26.36, 0.520, 0.629),
    (1.364, 40.52, 0.925, 0.700),
    (1.731, 46.50, 1.275, 0.787),
    (0.942, 18.05, 0.365, 0.581),
)
# Speed into the cushion and back from it, m/s.
STRAIGHT = (
    (0.273, 0.217),
    (1.515, 1.453),
    (1.761, 1.638),
    (1.989, 1.822),
    (2.280, 2.033),
    (2.530, 2.282),
    (2.703, 2.261),
    (3.404, 2.737),
)
# Mathavan et al., Proc. IMechE C 224 (2010): found for their own model on the same table.
RUBBER_2010 = replace(BALLS, e_cushion=0.98, mu_cushion=0.14)


def after_oblique(speed: float, cut: float, model: BallBallModel) -> tuple[float, float]:
    """Speeds with which cue ball and object ball roll after an oblique collision, m/s."""
    radius = BALLS.radius
    rows = np.zeros((2, layout.BALL_COLUMNS))
    rows[0, layout.VX], rows[0, layout.WY] = speed, speed / radius
    angle = math.radians(cut)
    rows[1, layout.X] = 2 * radius * math.cos(angle)
    rows[1, layout.Y] = 2 * radius * math.sin(angle)
    collide(rows[0], rows[1], numbers_of(BALLS), int(model))
    velocity = rows[:, [layout.VX, layout.VY]]
    turned = np.column_stack([-rows[:, layout.WY], rows[:, layout.WX]])
    # A slide takes 2/7 of the contact point's speed from the ball.
    rolling = velocity - 2.0 / 7.0 * (velocity + radius * turned)
    cue, other = np.hypot(*rolling.T)
    return float(cue), float(other)


def after_straight(speed: float, model: CushionModel, e: float | None = None) -> float:
    """Speed of a rolling ball right after it went straight into a cushion, m/s."""
    radius = BALLS.radius
    row = np.zeros(layout.BALL_COLUMNS)
    row[layout.VX], row[layout.WY] = -speed, -speed / radius
    rubber = RUBBER_2010 if e is None else replace(RUBBER_2010, e_cushion=e)
    rebound(row, 1.0, 0.0, radius, 0.0, 1.2 * radius, numbers_of(rubber), int(model))
    return float(row[layout.VX])


def error_oblique(model: BallBallModel) -> float:
    """Root mean square of the ten differences from Table I, m/s."""
    off = [
        seen - made
        for speed, cut, *both in OBLIQUE
        for seen, made in zip(both, after_oblique(speed, cut, model), strict=True)
    ]
    return math.sqrt(sum(d * d for d in off) / len(off))


def best_restitution(model: CushionModel) -> tuple[float, float]:
    """The restitution that fits the straight rebounds best, and the rms difference then, m/s."""

    def error(e: float) -> float:
        off = [after_straight(speed, model, e) - back for speed, back in STRAIGHT]
        return math.sqrt(sum(d * d for d in off) / len(off))

    best = min((0.5 + 0.005 * k for k in range(101)), key=error)
    return best, error(best)


def _oblique() -> list[str]:
    models = tuple(BallBallModel)
    names = " | ".join(f"`{m.name.lower()}`" for m in models)
    lines = [
        f"| speed, m/s | cut | measured cue / object | {names} |",
        "|---|---|---|" + "---|" * len(models),
    ]
    for speed, cut, cue, other in OBLIQUE:
        made = [after_oblique(speed, cut, model) for model in models]
        cells = " | ".join(f"{a:.3f} / {b:.3f}" for a, b in made)
        lines.append(f"| {speed:.3f} | {cut:.2f}° | {cue:.3f} / {other:.3f} | {cells} |")
    errors = " | ".join(f"{error_oblique(model):.3f}" for model in models)
    return [*lines, f"| rms difference, m/s | | | {errors} |"]


def _straight() -> list[str]:
    models = tuple(CushionModel)
    best = {model: best_restitution(model) for model in models}
    names = " | ".join(f"`{m.name.lower()}`, e = {best[m][0]:.3f}" for m in models)
    lines = [f"| into, m/s | measured back | {names} |", "|---|---|" + "---|" * len(models)]
    for speed, back in STRAIGHT:
        cells = " | ".join(f"{after_straight(speed, m, best[m][0]):.3f}" for m in models)
        lines.append(f"| {speed:.3f} | {back:.3f} | {cells} |")
    errors = " | ".join(f"{best[m][1]:.3f}" for m in models)
    return [*lines, f"| rms difference, m/s | | {errors} |"]


def page() -> str:
    """The page's text."""
    source: Callable[[str], str] = "Am. J. Phys. 77 (2009) 788, {}".format
    slide, roll = BALLS.mu_slide * BALLS.gravity, BALLS.mu_roll * BALLS.gravity
    parts = [
        "# The models against published measurements",
        "Written by `scripts/physics_tables.py`, which says where the measurements come from.",
        f"## Rolling ball on a ball at rest ({source('Table I')})",
        "Speeds with which both balls roll afterwards, m/s, cue ball / object ball. Standard "
        "parameters of snooker, nothing fitted.",
        "\n".join(_oblique()),
        f"## Rolling ball straight into a cushion ({source('Fig. 9')})",
        "Speed after it, m/s. One restitution was fitted to each model; the friction is 0.14 and "
        "the nose a fifth of the radius above the centre. No model with a constant restitution "
        "follows the loss that grows with speed; Mathavan et al. (2010) found 0.98 for theirs and "
        "say that it holds up to 2.5 m/s.",
        "\n".join(_straight()),
        f"## Cloth ({source('Fig. 6 and p. 790')})",
        "| | measured, m/s² | standard parameters of snooker |\n|---|---|---|\n"
        f"| a sliding ball is braked by | 1.75–2.40 | {slide:.2f} |\n"
        f"| a rolling ball is braked by | 0.124–0.126 | {roll:.4f} |",
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
