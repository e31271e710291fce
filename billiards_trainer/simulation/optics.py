"""What all kernels share: rays, projection, lamps, projected light, soft edges.

All lengths are metres in the table frame, colours linear in the order blue, green, red.  Edges are
anti-aliased analytically: the distance of a ray from a silhouette, measured in pixels, gives the
covered share.  Things are described by plain numbers, made by ``packing``:

* camera (21): fx fy cx cy, k1 k2 p1 p2 k3, rotation row by row (9), translation (3);
* lamp (10): position (3), half extents x y, power, colour (3), radius of a disc of the same area;
* look (12): kind, stripe half width, disc radius, dot radius, gloss, base colour (3), white (3), 0;
* limb (14): start (3), radius, end (3), radius, colour (3), gloss, material, softness (px);
* projector (12): position (3), matrix from a lit point on the cloth to the light map (9).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.compilation import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

TILE = 16
"""Side of the tiles in which changes are tracked, pixels."""


@kernel
def cast_rays(camera: F64, rays: F32) -> None:
    """Unit directions through all pixels, in table coordinates, into ``rays`` (H, W, 3)."""
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    k1, k2, p1, p2, k3 = camera[4], camera[5], camera[6], camera[7], camera[8]
    height, width = rays.shape[0], rays.shape[1]
    for row in range(height):
        for column in range(width):
            xd, yd = (column - cx) / fx, (row - cy) / fy
            x, y = xd, yd
            # Fixed point of the distortion's inverse; contracts by |k1| r² a step.
            for _ in range(30):
                r2 = x * x + y * y
                radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
                nx = (xd - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial
                ny = (yd - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial
                change = abs(nx - x) + abs(ny - y)
                x, y = nx, ny
                if change < 1e-11:
                    break
            n = 1.0 / math.sqrt(x * x + y * y + 1.0)
            for k in range(3):
                rays[row, column, k] = (camera[9 + k] * x + camera[12 + k] * y + camera[15 + k]) * n


@kernel
def project(camera: F64, px: float, py: float, pz: float) -> tuple[float, float]:
    """Pixel (column, row) of a point."""
    x = camera[9] * px + camera[10] * py + camera[11] * pz + camera[18]
    y = camera[12] * px + camera[13] * py + camera[14] * pz + camera[19]
    z = camera[15] * px + camera[16] * py + camera[17] * pz + camera[20]
    if z < 0.05:
        z = 0.05
    x /= z
    y /= z
    r2 = x * x + y * y
    # Beyond the picture the polynomial folds back; what lies there is only used for boxes.
    if r2 > 2.0:
        s = math.sqrt(2.0 / r2)
        x *= s
        y *= s
        r2 = 2.0
    radial = 1 + r2 * (camera[4] + r2 * (camera[5] + r2 * camera[8]))
    dx = 2 * camera[6] * x * y + camera[7] * (r2 + 2 * x * x)
    dy = camera[6] * (r2 + 2 * y * y) + 2 * camera[7] * x * y
    return (x * radial + dx) * camera[0] + camera[2], (y * radial + dy) * camera[1] + camera[3]


@kernel
def clamp(value: float, low: float, high: float) -> float:
    """The value, or the bound that it lies beyond."""
    return low if value < low else (high if value > high else value)


@kernel
def index(value: float, low: int, high: int) -> int:
    """A float as an index within bounds; far-off and broken numbers end at the bounds."""
    if not value > low:
        return low
    return high if value > high else int(value)


@kernel
def soft(edge: float) -> float:
    """Share covered by a blurred edge; ``edge`` is how far inside, in widths, -0.5…0.5."""
    x = clamp(edge + 0.5, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@kernel
def overlap(middle: float, half: float, at: float, width: float) -> float:
    """Share of the interval of ``width`` around ``at`` that lies within ``half`` of ``middle``."""
    low = max(middle - half, at - 0.5 * width)
    high = min(middle + half, at + 0.5 * width)
    return max(high - low, 0.0) / width


@kernel
def lamp_light(
    lamp: F64, px: float, py: float, pz: float, nx: float, ny: float, nz: float
) -> float:
    """Irradiance of a lamp at a point with a normal; 1 fills the camera's range on white."""
    x, y, z = lamp[0] - px, lamp[1] - py, lamp[2] - pz
    if z <= 0.0:
        return 0.0
    d2 = x * x + y * y + z * z
    d = math.sqrt(d2)
    facing = (nx * x + ny * y + nz * z) / d
    # An extended lamp lights a little beyond the terminator.
    soft = lamp[9] / d
    facing = facing if facing > soft else max(0.25 * (facing + soft) ** 2 / max(soft, 1e-6), 0.0)
    if nx * x + ny * y + nz * z < -soft * d:
        return 0.0
    return lamp[5] * (lamp[2] * lamp[2] / d2) * facing * z / d


@kernel
def light_at(light: U8, decode: F32, u: float, v: float) -> tuple[float, float, float]:
    """The light map at a place (columns, rows), decoded, bilinear: blue, green, red."""
    rows, columns = light.shape[0], light.shape[1]
    if not (0.0 <= u < columns - 1.0 and 0.0 <= v < rows - 1.0):
        return 0.0, 0.0, 0.0
    i, j = int(v), int(u)
    some = 0
    for k in range(3):
        some |= light[i, j, k] | light[i, j + 1, k] | light[i + 1, j, k] | light[i + 1, j + 1, k]
    if some == 0:
        return 0.0, 0.0, 0.0
    b, a = u - j, v - i
    w00, w01, w10, w11 = (1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b
    blue = decode[light[i, j, 0]] * w00 + decode[light[i, j + 1, 0]] * w01
    blue += decode[light[i + 1, j, 0]] * w10 + decode[light[i + 1, j + 1, 0]] * w11
    green = decode[light[i, j, 1]] * w00 + decode[light[i, j + 1, 1]] * w01
    green += decode[light[i + 1, j, 1]] * w10 + decode[light[i + 1, j + 1, 1]] * w11
    red = decode[light[i, j, 2]] * w00 + decode[light[i, j + 1, 2]] * w01
    red += decode[light[i + 1, j, 2]] * w10 + decode[light[i + 1, j + 1, 2]] * w11
    return blue, green, red


@kernel
def light_place(projector: F64, px: float, py: float, pz: float) -> tuple[float, float]:
    """Place in the light map whose light meets a point: along the projector's ray to z = 0."""
    s = projector[2] / max(projector[2] - pz, 1e-3)
    x = projector[0] + (px - projector[0]) * s
    y = projector[1] + (py - projector[1]) * s
    w = projector[9] * x + projector[10] * y + projector[11]
    u = (projector[3] * x + projector[4] * y + projector[5]) / w
    v = (projector[6] * x + projector[7] * y + projector[8]) / w
    return u, v


@kernel
def map_light(projector: F64, surface: F32, places: F32) -> None:
    """Light-map place (column, row) for every pixel's surface point, into ``places`` (H, W, 2)."""
    for row in range(surface.shape[0]):
        for column in range(surface.shape[1]):
            u, v = light_place(
                projector,
                surface[row, column, 0],
                surface[row, column, 1],
                surface[row, column, 2],
            )
            places[row, column, 0] = u
            places[row, column, 1] = v
