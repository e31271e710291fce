"""What the virtual table gives for each picture: the picture, and the truth beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel

Array = NDArray[np.float64]
Phase = Literal["setup", "approach", "aim", "stroke", "rolling"]

_RIM = 16
"""Points of the outline of a ball."""


@dataclass(frozen=True, slots=True)
class CuePose:
    """The cue as a line in space.

    ``tip`` is the foremost point of the leather, metres; ``angle`` where it points, atan2(dy, dx);
    ``elevation`` how far the butt is above the tip, rad.
    """

    tip: tuple[float, float, float]
    angle: float
    elevation: float

    @property
    def direction(self) -> Array:
        """Unit vector along which the cue points, from butt to tip."""
        c = math.cos(self.elevation)
        return np.array(
            [c * math.cos(self.angle), c * math.sin(self.angle), -math.sin(self.elevation)]
        )


@dataclass(frozen=True, slots=True)
class BallTruth:
    """One ball at the middle of the exposure, and as this picture shows it.

    Attributes:
        label: which ball.
        position: centre, metres, (3,).
        velocity: m/s, (3,).
        spin: rad/s, (3,).
        turn: rotation from the ball's frame to the table's, (3, 3).
        on_table: not in a pocket and not in somebody's hand.
        pixel: middle of the ball's visible disc, as if nothing covered it.
        radius_px: of that disc.
        seen: centre at the time when the ball's own rows were exposed, metres, (3,); it differs
            from ``position`` by the motion during the read-out.
        visible: share of the disc that neither player nor cue nor other balls cover.
        motion: what it does.
    """

    label: str
    position: Array
    velocity: Array
    spin: Array
    turn: Array
    on_table: bool
    pixel: tuple[float, float]
    radius_px: float
    seen: Array
    visible: float = 1.0
    motion: m.TrueMotion = "resting"

    def message(self) -> m.TrueBall:
        """The ball for other processes."""
        x, y, z = self.position.tolist()
        vx, vy, vz = self.velocity.tolist()
        return m.TrueBall(
            label=self.label,
            x_m=x,
            y_m=y,
            vx=vx,
            vy=vy,
            on_table=self.on_table,
            z_m=z,
            vz=vz,
            spin=tuple(self.spin.tolist()),
            motion=self.motion,
            visible=self.visible,
        )


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """One event of the true physics.

    ``kind`` is a value of ``messages.EventKind``; ``time_s`` in the virtual world; ``balls`` are
    the places of ``labels`` among the world's balls.
    """

    kind: m.EventKind
    time_s: float
    labels: tuple[str, ...]
    x_m: float
    y_m: float
    pocket: str | None = None
    balls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is true of a picture.

    Attributes:
        frame: number of the picture.
        time_s: time in the virtual world of the middle of the exposure.
        balls: all of them, in the world's order.
        cue: where the picture shows the cue, if anybody holds it over the table.
        phase: what the player is doing.
        rack: number of the rack.
        shot: number of the shot in the rack.
        events: what has happened since the picture before.
        physics: what balls, cloth and cushions are like; ``None`` where nothing ever moves.
    """

    frame: int
    time_s: float
    balls: tuple[BallTruth, ...]
    cue: CuePose | None
    phase: Phase = "setup"
    rack: int = 0
    shot: int = 0
    events: tuple[TrueEvent, ...] = ()
    physics: m.TruePhysics | None = None

    def message(self, exposure_ns: int) -> m.GroundTruth:
        """The truth for other processes.

        Args:
            exposure_ns: monotonic time that ``time_s`` stands for.
        """
        return m.GroundTruth(
            frame=self.frame,
            exposure_ns=exposure_ns,
            balls=tuple(b.message() for b in self.balls),
            cue_tip_m=None if self.cue is None else self.cue.tip,
            cue_angle_rad=None if self.cue is None else self.cue.angle,
            cue_elevation_rad=None if self.cue is None else self.cue.elevation,
            phase=self.phase,
            rack=self.rack,
            shot=self.shot,
            events=tuple(
                m.TrueEvent(
                    kind=e.kind,
                    time_ns=exposure_ns + round((e.time_s - self.time_s) * 1e9),
                    labels=e.labels,
                    balls=e.balls,
                    x_m=e.x_m,
                    y_m=e.y_m,
                    pocket=e.pocket,
                )
                for e in self.events
            ),
            physics=self.physics,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One picture with its truth, and the camera that took it."""

    image: NDArray[np.uint8]
    truth: Truth
    camera: CameraModel

    @property
    def events(self) -> tuple[TrueEvent, ...]:
        """What has happened since the picture before."""
        return self.truth.events


def visible_disc(camera: CameraModel, centre: ArrayLike, radius: float) -> tuple[Array, float]:
    """Middle and radius, in pixels, of the outline of a sphere in the picture.

    The outline is where rays touch the sphere: a circle in space that is nearer than the centre.
    """
    c = np.asarray(centre, dtype=np.float64)
    towards = camera.position - c
    distance = float(np.linalg.norm(towards))
    towards /= distance
    side = np.cross(towards, [0.0, 1.0, 0.0] if abs(towards[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(towards, side)
    ring = radius * math.sqrt(1 - (radius / distance) ** 2)
    a = np.linspace(0, 2 * math.pi, _RIM, endpoint=False)[:, None]
    points = c + towards * radius**2 / distance + ring * (np.cos(a) * side + np.sin(a) * other)
    pixels = camera.to_pixels(points)
    x, y = pixels[:, 0], pixels[:, 1]
    nx, ny = np.roll(x, -1), np.roll(y, -1)
    cross = x * ny - nx * y
    area = cross.sum() / 2
    middle = np.array([((x + nx) * cross).sum(), ((y + ny) * cross).sum()]) / (6 * area)
    # The polygon is a little smaller than the circle that it stands for.
    full = abs(area) / (_RIM / (2 * math.pi) * math.sin(2 * math.pi / _RIM))
    return middle, math.sqrt(full / math.pi)


def _even_disc(count: int) -> Array:
    """Points spread evenly over the unit disc, (count, 2): a sunflower's pattern."""
    k = np.arange(count)
    r, a = np.sqrt((k + 0.5) / count), k * math.pi * (3 - math.sqrt(5))
    return np.column_stack([r * np.cos(a), r * np.sin(a)])


_GRID = _even_disc(60)


def visible_shares(
    discs: Sequence[tuple[Array, float]],
    depths: Sequence[float],
    limb_depth: Callable[[Array], Array],
) -> list[float]:
    """Share of each disc that neither a nearer disc nor a limb covers, from even test points.

    Args:
        discs: middle (pixels) and radius of each ball's visible disc.
        depths: distance of each ball's centre from the camera, metres.
        limb_depth: distance from the camera of the nearest limb or cue at pixels (N, 2), infinite
            where there is none.
    """
    out = []
    for i, (middle, radius) in enumerate(discs):
        points = middle + radius * _GRID
        free = limb_depth(points) > depths[i]
        for j, (other, reach) in enumerate(discs):
            if j != i and depths[j] < depths[i] and math.dist(middle, other) < radius + reach:
                free &= ((points - other) ** 2).sum(axis=1) > reach**2
        out.append(float(free.mean()))
    return out
