"""Kernels for the projector's light, and from linear light to display levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.compilation import kernel
from billiards_trainer.simulation.optics import TILE, clamp, light_at
from billiards_trainer.simulation.shade_kernels import COARSE, FINE

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@kernel
def find_lit_tiles(sums: NDArray[np.int32], reaches: NDArray[np.int32], lit: U8) -> int:
    """Which tiles of the picture any projected light can meet; returns how many.

    ``sums`` is the integral of the light map's occupied cells, ``reaches`` (rows, columns, 4) the
    cells (left, top, right, bottom, exclusive) that a tile looks at.
    """
    count = 0
    for row in range(lit.shape[0]):
        for column in range(lit.shape[1]):
            left, top = reaches[row, column, 0], reaches[row, column, 1]
            right, bottom = reaches[row, column, 2], reaches[row, column, 3]
            some = (
                sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            ) > 0
            lit[row, column] = 1 if some else 0
            count += 1 if some else 0
    return count


@kernel
def add_light(
    picture: F32,
    dirty: U8,
    lit: U8,
    surface: F32,
    albedo: F32,
    places: F32,
    light: U8,
    occupied: U8,
    decode: F32,
    projector: F64,
    balls: F64,
    radius: float,
    near_blocked: F32,
    far_blocked: F32,
    body: bool,
) -> None:
    """Let the projector's light fall on everything that lies still, but not behind balls and arms.

    ``occupied`` says where in the light map any of a cell and its next neighbours is not dark;
    ``balls`` (N, 3) are centres; ``near_blocked`` and ``far_blocked`` are the shares of the
    projector that limbs hide.
    """
    height, width = picture.shape[0], picture.shape[1]
    rows, columns = occupied.shape
    near = np.zeros(len(balls), np.int64)
    for tile_row in range(lit.shape[0]):
        for tile_column in range(lit.shape[1]):
            if lit[tile_row, tile_column] == 0:
                continue
            top, left = tile_row * TILE, tile_column * TILE
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            mx = float(surface[(top + bottom) // 2, (left + right) // 2, 0])
            my = float(surface[(top + bottom) // 2, (left + right) // 2, 1])
            count = 0
            for k in range(len(balls)):
                if abs(balls[k, 0] - mx) < 0.2 and abs(balls[k, 1] - my) < 0.2:
                    near[count] = k
                    count += 1
            touched = False
            for row in range(top, bottom):
                for column in range(left, right):
                    u, v = float(places[row, column, 0]), float(places[row, column, 1])
                    if not (0.0 <= u < columns and 0.0 <= v < rows):
                        continue
                    if occupied[int(v), int(u)] == 0:
                        continue
                    b, g, r = light_at(light, decode, u, v)
                    gain = 1.0
                    px = float(surface[row, column, 0])
                    py = float(surface[row, column, 1])
                    pz = float(surface[row, column, 2])
                    vx, vy, vz = projector[0] - px, projector[1] - py, projector[2] - pz
                    length = math.sqrt(vx * vx + vy * vy + vz * vz)
                    for c in range(count):
                        k = near[c]
                        wx, wy, wz = balls[k, 0] - px, balls[k, 1] - py, balls[k, 2] - pz
                        t = (wx * vx + wy * vy + wz * vz) / length
                        if t <= 0.0:
                            continue
                        d2 = wx * wx + wy * wy + wz * wz - t * t
                        miss = math.sqrt(d2) if d2 > 0 else 0.0
                        gain *= clamp(0.5 - (radius - miss) / 0.003, 0.0, 1.0)
                    if body:
                        gain *= 1.0 - max(
                            near_blocked[row // FINE, column // FINE],
                            far_blocked[row // COARSE, column // COARSE],
                        )
                    if gain <= 0.0:
                        continue
                    picture[row, column, 0] += gain * b * albedo[row, column, 0]
                    picture[row, column, 1] += gain * g * albedo[row, column, 1]
                    picture[row, column, 2] += gain * r * albedo[row, column, 2]
                    touched = True
            if touched:
                dirty[tile_row, tile_column] = 1


@kernel
def restore(picture: F32, base: F32, depths: F32, dirty: U8) -> None:
    """Put the empty table back into the tiles that were changed, and forget that they were."""
    height, width = picture.shape[0], picture.shape[1]
    for tile_row in range(dirty.shape[0]):
        for tile_column in range(dirty.shape[1]):
            if dirty[tile_row, tile_column] == 0:
                continue
            dirty[tile_row, tile_column] = 0
            left = tile_column * TILE
            right = min(left + TILE, width)
            for row in range(tile_row * TILE, min(tile_row * TILE + TILE, height)):
                for column in range(left, right):
                    depths[row, column] = np.inf
                    for k in range(3):
                        picture[row, column, k] = base[row, column, k]


@kernel
def develop(
    picture: F32,
    dirty: U8,
    vignette: F32,
    gains: F64,
    saturation: float,
    curve: U8,
    per_unit: float,
    out: U8,
) -> None:
    """Linear light to display levels in the changed tiles.

    ``gains`` (3) are exposure and white balance; ``curve`` is the tone curve with ``per_unit``
    entries for a unit of light.
    """
    height, width = picture.shape[0], picture.shape[1]
    # Single precision throughout: it goes through twice as fast.
    last, zero, mixing = np.float32(len(curve) - 1), np.float32(0.0), np.float32(saturation)
    gain_b = np.float32(gains[0] * per_unit)
    gain_g = np.float32(gains[1] * per_unit)
    gain_r = np.float32(gains[2] * per_unit)
    for tile_row in range(dirty.shape[0]):
        for tile_column in range(dirty.shape[1]):
            if dirty[tile_row, tile_column] == 0:
                continue
            left = tile_column * TILE
            right = min(left + TILE, width)
            for row in range(tile_row * TILE, min(tile_row * TILE + TILE, height)):
                for column in range(left, right):
                    fall = vignette[row, column]
                    b = picture[row, column, 0] * fall * gain_b
                    g = picture[row, column, 1] * fall * gain_g
                    r = picture[row, column, 2] * fall * gain_r
                    grey = (np.float32(0.114) * b + np.float32(0.587) * g) + np.float32(0.299) * r
                    b = min(max(grey + mixing * (b - grey), zero), last)
                    g = min(max(grey + mixing * (g - grey), zero), last)
                    r = min(max(grey + mixing * (r - grey), zero), last)
                    out[row, column, 0] = curve[int(b)]
                    out[row, column, 1] = curve[int(g)]
                    out[row, column, 2] = curve[int(r)]
