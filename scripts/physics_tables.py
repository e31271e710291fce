"""Hold the engine's models against published measurements: ``python scripts/physics_tables.py``.

Writes docs/physics-tables.md.  The measurements are those of S. Mathavan, M. R. Jackson and R. M.
Parkin, "Application of high-speed imaging to determine the dynamics of billiards", Am. J. Phys. 77
(2009) 788, on a snooker table: Table I (oblique collisions of a rolling ball with one at rest; the
speeds are those with which both roll afterwards) and the eight markers of its Fig. 9 that can be
told apart (rolling balls straight into a cushion).  The numbers were taken from the transcription
in the public repository maxjchuang/BilliardGL (tests/physics_validation), which names table, row
and figure; the paper itself was not at hand.

The same authors' "Numerical simulations of the frictional collisions of solid balls on a rough
surface", Sports Engineering 17 (2014) 227, gives what their model makes of those five collisions:
speeds and directions with which both balls roll, for the parameters in ``MODEL_2014``.

W. C. Marlow, The Physics of Pocket Billiards (1995), Table 10 on page 245, has the friction between
balls at three speeds of slip; D. Alciatore quotes it in TP A.28 and fitted the formula of TP A-14.
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
from billiards_trainer.physics.parameters import (
    STANDARD,
    BallBallModel,
    CushionModel,
    PhysicsParameters,
)

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

# Speed (m/s) and topspin (rad/s) of the cue ball, cut angle (°); rolling speeds afterwards of cue
# ball and object ball (m/s), and the angles (°) of their ways with the cue ball's way before.
ROWS_2014 = (
    (1.539, 58.63, 33.83, 0.914, 0.831, 31.93, 32.20),
    (1.032, 39.31, 26.36, 0.520, 0.599, 32.45, 25.07),
    (1.364, 51.96, 40.52, 0.917, 0.676, 29.91, 38.62),
    (1.731, 65.94, 46.50, 1.280, 0.780, 27.32, 44.38),
    (0.942, 35.89, 18.05, 0.383, 0.579, 29.47, 17.15),
)
# The paper's friction between balls is one number.
MODEL_2014 = replace(
    BALLS,
    radius=0.02625,
    mass=0.1406,
    e_ball=0.89,
    mu_slide=0.21,
    mu_ball=0.05,
    mu_ball_a=0.05,
    mu_ball_b=0.0,
)
# Speed of slip (m/s) and friction between balls.
MARLOW = tuple(
    (speed * math.sin(math.pi / 4), mu) for speed, mu in ((0.1, 0.11), (1, 0.06), (10, 0.01))
)


def after_collision(
    speed: float,
    topspin: float,
    cut: float,
    model: BallBallModel,
    numbers: PhysicsParameters,
) -> tuple[float, float, float, float]:
    """How cue ball and object ball roll after an oblique collision.

    Args:
        speed: of the cue ball, m/s.
        topspin: of the cue ball, rad/s.
        cut: angle between its way and the line of centres, °.
        model: of the impact.
        numbers: of balls and cloth.

    Returns:
        Both speeds, m/s, and the angles of both ways with the cue ball's way before, °.
    """
    radius = numbers.radius
    rows = np.zeros((2, layout.BALL_COLUMNS))
    rows[0, layout.VX], rows[0, layout.WY] = speed, topspin
    angle = math.radians(cut)
    rows[1, layout.X] = 2 * radius * math.cos(angle)
    rows[1, layout.Y] = 2 * radius * math.sin(angle)
    collide(rows[0], rows[1], numbers_of(numbers), int(model))
    velocity = rows[:, [layout.VX, layout.VY]]
    turned = np.column_stack([-rows[:, layout.WY], rows[:, layout.WX]])
    # A slide takes 2/7 of the contact point's speed from the ball.
    rolling = velocity - 2.0 / 7.0 * (velocity + radius * turned)
    cue, other = np.hypot(*rolling.T)
    cue_way, other_way = np.degrees(np.abs(np.arctan2(rolling[:, 1], rolling[:, 0])))
    return float(cue), float(other), float(cue_way), float(other_way)


def after_oblique(speed: float, cut: float, model: BallBallModel) -> tuple[float, float]:
    """Speeds with which cue ball and object ball roll when the cue ball rolled before, m/s."""
    cue, other, _, _ = after_collision(speed, speed / BALLS.radius, cut, model, BALLS)
    return cue, other


def friction_made(slip: float) -> float:
    """Friction between balls that ``alciatore`` works with at a speed of slip, m/s.

    Found from an impact whose friction cannot stop the slip.
    """
    numbers = replace(BALLS, e_ball=1.0)
    rows = np.zeros((2, layout.BALL_COLUMNS))
    closing = 1e-2 * slip + 2 * layout.SLOW
    rows[0, layout.VX], rows[0, layout.VY] = closing, slip
    rows[1, layout.X] = 2 * numbers.radius
    collide(rows[0], rows[1], numbers_of(numbers), int(BallBallModel.ALCIATORE))
    return float(rows[1, layout.VY]) / closing


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


def _model_2014() -> list[str]:
    lines = [
        "| speed, topspin | cut | published: speeds; angles | ours: speeds; angles |",
        "|---|---|---|---|",
    ]
    for speed, topspin, cut, *published in ROWS_2014:
        made = after_collision(speed, topspin, cut, BallBallModel.MATHAVAN_2014, MODEL_2014)
        cells = [f"{a:.3f} / {b:.3f} m/s; {c:.2f}° / {d:.2f}°" for a, b, c, d in (published, made)]
        lines.append(
            f"| {speed:.3f} m/s, {topspin:.2f} rad/s | {cut:.2f}° | {cells[0]} | {cells[1]} |"
        )
    return lines


def _marlow() -> list[str]:
    lines = ["| slip, m/s | measured | `alciatore` |", "|---|---|---|"]
    lines += [f"| {slip:.4f} | {mu:.2f} | {friction_made(slip):.4f} |" for slip, mu in MARLOW]
    return lines


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
        "## The same collisions by their authors' model (Sports Eng. 17 (2014) 227)",
        "What Mathavan, Jackson and Parkin's own program makes of them, and what `mathavan_2014` "
        "does with their parameters (e = 0.89, friction between balls 0.05 and on the cloth 0.21, "
        "R = 26.25 mm, M = 140.6 g): speeds and angles of cue ball / object ball when they roll.",
        "\n".join(_model_2014()),
        "## Friction between balls (Marlow 1995, Table 10, p. 245)",
        "\n".join(_marlow()),
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
