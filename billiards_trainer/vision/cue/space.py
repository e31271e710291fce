"""From the cue's line in the picture to a line in space.

One picture shows only the plane through the lens in which the cue lies.  Where in it takes two more
numbers: the tip's height, about a ball's centre while the cue addresses one, and the elevation.  A
cue is held as level as the rail lets: it has to clear the nose and the rail behind it, and
players leave a finger's breadth.  What is not known of it goes into the angle's uncertainty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.detection.arrays import Array

CLEARANCE_M = 0.010
"""Half the shaft's thickness, and a little air."""
RAIL_TOP_M, RAIL_BEHIND_M = 0.048, 0.05
"""The rail's top, above the cloth, and where it begins behind the nose."""
LEVEL = math.radians(2.2)
"""Nobody holds a cue more level than this: hand and butt are in the way."""
ABOVE_LEAST = math.radians(1.2)
ELEVATION_STD = math.radians(0.9)
STEEP_SHARE = 0.2
"""Of a steep elevation this share is uncertain: it hangs on where the tip strikes."""
STRUCK_AT, COMFORTABLE = (1.0, 1.3, 1.45), math.radians(9.0)
"""Heights at which a ball is struck, in radii, and how steep a cue players put up with for them."""
STEEPEST = math.radians(25.0)


@dataclass(frozen=True, slots=True)
class Pose:
    """The cue in space.

    Attributes:
        tip_m: the tip in the table frame, metres; its height is assumed.
        angle: where it points, atan2(dy, dx), rad.
        elevation: of the butt above the tip, rad.
        elevation_std: its standard deviation.
        angle_per_elevation: how the angle would change with the elevation (rad/rad).
    """

    tip_m: tuple[float, float, float]
    angle: float
    elevation: float
    elevation_std: float
    angle_per_elevation: float


def lay(
    camera: CameraModel, table: Table, tip_px: Array, behind_px: Array, ball_px: Array | None
) -> Pose:
    """Lay a cue through two points of its axis.

    Args:
        camera: the camera.
        table: the table.
        tip_px: the tip, pixels, (2,).
        behind_px: another point, towards the butt.
        ball_px: middle of the ball that it addresses, if any.
    """
    height = table.balls.radius
    tip_m = camera.to_plane(tip_px, height)
    rays = camera.rays(np.stack([tip_px, behind_px]))
    normal = np.cross(rays[1], rays[0])
    flat = tip_m - camera.to_plane(behind_px, height)
    guess = math.atan2(float(flat[1]), float(flat[0]))
    x, y = float(tip_m[0]), float(tip_m[1])
    struck = tip_m if ball_px is None else camera.to_plane(ball_px, height)
    elevation, std = usual_elevation(table, float(struck[0]), float(struck[1]), guess)
    step = math.radians(0.5)
    low, high = (angle_at(normal, elevation + k * step, guess) for k in (-1, 1))
    return Pose(
        tip_m=(x, y, height),
        angle=math.remainder(angle_at(normal, elevation, guess), 2 * math.pi),
        elevation=elevation,
        elevation_std=std,
        angle_per_elevation=(high - low) / (2 * step),
    )


def usual_elevation(table: Table, x: float, y: float, angle: float) -> tuple[float, float]:
    """Elevation at which a ball there is usually struck, and its standard deviation.

    Near a rail players strike higher on the ball rather than raise the butt.
    """
    back = _to_noses(table, x, y, angle)
    least = STEEPEST
    for share in STRUCK_AT:
        height = share * table.balls.radius
        over_nose = math.atan2(table.cushion_height + CLEARANCE_M - height, back)
        over_rail = math.atan2(RAIL_TOP_M + CLEARANCE_M - height, back + RAIL_BEHIND_M)
        least = min(max(over_nose, over_rail, LEVEL), STEEPEST)
        if least <= COMFORTABLE:
            break
    # Whoever has to raise the butt anyway raises it no more than needed.
    more = ABOVE_LEAST * min(1.0, max(0.0, (COMFORTABLE - least) / (COMFORTABLE - LEVEL)) + 0.3)
    return least + more, math.hypot(ELEVATION_STD, STEEP_SHARE * (least - LEVEL))


def _to_noses(table: Table, x: float, y: float, angle: float) -> float:
    """Distance from a ball back along the cue to the rectangle of the noses, metres."""
    reach = math.inf
    for at, size, way in ((x, table.width, -math.cos(angle)), (y, table.length, -math.sin(angle))):
        if abs(way) > 1e-9:
            reach = min(reach, ((size if way > 0 else 0.0) - at) / way)
    return max(reach, 0.02)


def angle_at(normal: Array, elevation: float, guess: float) -> float:
    """Table angle of a line in the viewing plane that dips by ``elevation`` towards its tip.

    The pointing direction (cos a·cos e, sin a·cos e, -sin e) is at right angles to the plane's
    normal n: n_x cos a + n_y sin a = n_z tan e.  Of its two solutions that near ``guess``.
    """
    nx, ny, nz = (float(v) for v in normal)
    size = math.hypot(nx, ny)
    if size < 1e-12:
        return guess
    turn = math.acos(max(-1.0, min(1.0, nz * math.tan(elevation) / size)))
    base = math.atan2(ny, nx)
    return min(
        (base + turn, base - turn),
        key=lambda a: abs(math.remainder(a - guess, 2 * math.pi)),
    )
