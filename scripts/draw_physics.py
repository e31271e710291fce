"""Draw the figures of docs/physics.md from the engine: ``python scripts/draw_physics.py``."""

from __future__ import annotations

import math
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from billiards_trainer.physics import layout
from billiards_trainer.physics.ball_ball import collide
from billiards_trainer.physics.ball_cushion import rebound
from billiards_trainer.physics.engine import numbers_of
from billiards_trainer.physics.parameters import STANDARD, BallBallModel, CushionModel

POOL = STANDARD["pool"]
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "figures"
COLOURS = ("#1f6f4a", "#c2571a", "#2f5fa8", "#7a3b8f", "#555555")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 400, 64, 52, 40, 20

Curve = tuple[str, Sequence[float], Sequence[float]]


def chart(
    title: str,
    x_label: str,
    y_label: str,
    curves: Sequence[Curve],
    measured: Sequence[tuple[float, float]] = (),
) -> str:
    """A line chart as SVG, with what was measured as dots."""
    x0, x1 = _span([x for _, xs, _ in curves for x in xs] + [x for x, _ in measured])
    y0, y1 = _span([y for _, _, ys in curves for y in ys] + [y for _, y in measured])

    def px(x: float) -> float:
        return LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def py(y: float) -> float:
        return HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{title}</text>',
    ]
    for x in _ticks(x0, x1):
        parts.append(
            f'<path d="M{px(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
            f'<text x="{px(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>'
        )
    for y in _ticks(y0, y1):
        parts.append(
            f'<path d="M{LEFT} {py(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{py(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    for k, (name, xs, ys) in enumerate(curves):
        way = "L".join(f"{px(x):.1f} {py(y):.1f}" for x, y in zip(xs, ys, strict=True))
        colour = COLOURS[k % len(COLOURS)]
        parts.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 18 + 18 * k}" fill="{colour}">{name}</text>')
    parts += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="4.5"/>' for x, y in measured]
    if measured:
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 18 + 18 * len(curves)}">● measured</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_label}</text>'
        f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{y_label}</text></svg>"
    )
    return "\n".join(parts) + "\n"


def _span(values: Sequence[float]) -> tuple[float, float]:
    step = _step(min(values), max(values))
    return math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step


def _step(low: float, high: float) -> float:
    rough = (high - low) / 6
    size = 10 ** math.floor(math.log10(rough))
    return next(size * k for k in (1, 2, 5, 10) if size * k >= rough)


def _ticks(low: float, high: float) -> list[float]:
    step = _step(low, high)
    return [round(low + k * step, 10) for k in range(round((high - low) / step) + 1)]


def ball(
    velocity: Sequence[float], spin: Sequence[float], x: float = 0.0, y: float = 0.0
) -> np.ndarray:
    """A row of the kernels' ball array."""
    row = np.zeros(layout.BALL_COLUMNS)
    row[layout.X], row[layout.Y] = x, y
    row[layout.VX : layout.VY + 1] = velocity
    row[layout.WX : layout.WZ + 1] = spin
    return row


def throw() -> str:
    """Cut-induced throw of a stun shot at three speeds, and by the constant friction."""
    cuts = np.radians(np.linspace(0.5, 85.0, 170))
    curves: list[Curve] = []
    for name, model, speed in (
        ("alciatore, 0.5 m/s", BallBallModel.ALCIATORE, 0.5),
        ("alciatore, 1.5 m/s", BallBallModel.ALCIATORE, 1.5),
        ("alciatore, 4 m/s", BallBallModel.ALCIATORE, 4.0),
        ("coulomb, any speed", BallBallModel.COULOMB, 1.5),
    ):
        angles = []
        for cut in cuts:
            a = ball((speed, 0.0), (0, 0, 0))
            d = 2 * POOL.radius
            b = ball((0, 0), (0, 0, 0), d * math.cos(cut), d * math.sin(cut))
            collide(a, b, numbers_of(POOL), model)
            angles.append(math.degrees(cut - math.atan2(b[layout.VY], b[layout.VX])))
        curves.append((name, np.degrees(cuts).tolist(), angles))
    return chart("Throw of the object ball, stun shot", "cut angle, °", "throw, °", curves)


def cushions() -> str:
    """Rebound angle of a rolling ball against its angle of incidence, by model."""
    angles = np.radians(np.linspace(5.0, 85.0, 81))
    height = 1.27 * POOL.radius
    curves: list[Curve] = []
    for model in CushionModel:
        out = []
        for angle in angles:
            vx, vy = -2.0 * math.cos(angle), 2.0 * math.sin(angle)
            row = ball((vx, vy), (-vy / POOL.radius, vx / POOL.radius, 0.0))
            rebound(row, 1.0, 0.0, POOL.radius, 0.0, height, numbers_of(POOL), model)
            out.append(math.degrees(math.atan2(row[layout.VY], row[layout.VX])))
        curves.append((model.name.lower(), np.degrees(angles).tolist(), out))
    return chart(
        "A ball that rolls into a cushion at 2 m/s, right after the impact",
        "angle of incidence from the normal, °",
        "angle of rebound, °",
        curves,
    )


def friction(tables: dict[str, Any]) -> str:
    """Friction between balls by the speed of slip: Marlow's figures and the engine's."""
    slips = np.geomspace(0.05, 8.0, 120)
    curve = ("alciatore", np.log10(slips).tolist(), [tables["friction_made"](v) for v in slips])
    return chart(
        "Friction between balls (measured: Marlow 1995, Table 10)",
        "logarithm of the slip in m/s",
        "friction",
        [curve],
        [(math.log10(slip), mu) for slip, mu in tables["MARLOW"]],
    )


def rebounds(tables: dict[str, Any]) -> str:
    """Speed of a rolling ball after a straight rebound: filmed, and by each model."""
    speeds = np.linspace(0.2, 3.5, 67)
    curves: list[Curve] = []
    for model in CushionModel:
        e, _ = tables["best_restitution"](model)
        after = [tables["after_straight"](v, model, e) for v in speeds]
        curves.append((f"{model.name.lower()}, e = {e:.3f}", speeds.tolist(), after))
    return chart(
        "Straight into a cushion (measured: Am. J. Phys. 77 (2009) 788, Fig. 9)",
        "speed into the cushion, m/s",
        "speed back, m/s",
        curves,
        tables["STRAIGHT"],
    )


def main() -> None:
    """Write the figures."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "throw.svg").write_text(throw(), encoding="utf-8")
    (FOLDER / "cushions.svg").write_text(cushions(), encoding="utf-8")
    tables = runpy.run_path(str(Path(__file__).with_name("physics_tables.py")))
    (FOLDER / "friction.svg").write_text(friction(tables), encoding="utf-8")
    (FOLDER / "rebounds.svg").write_text(rebounds(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
