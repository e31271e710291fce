"""Kernels for the shadow that the player and the cue cast; see ``optics`` for their numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.compilation import kernel
from billiards_trainer.simulation.optics import TILE, clamp, index, lamp_light, project, soft

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

FINE, COARSE = 2, 8
"""Pixels a cell of the shadows of limbs near the cloth, and of those higher up."""


@kernel
def block_light(
    blocked: F32, touched: U8, surface: F32, camera: F64, limb: F64, source: F64, scale: int
) -> None:
    """Mark in ``blocked`` (coarse by ``scale``) what share of a source a rod hides.

    ``touched`` gets a 1 for every tile of the picture with a share worth seeing.
    ``source``: position (3), radius; a source at height 0 or below stands for light from straight
    above.  The largest share of all rods counts: they overlap in the body.
    """
    height, width = surface.shape[0], surface.shape[1]
    rows, columns = blocked.shape
    ax, ay, az, ra = limb[0], limb[1], limb[2], limb[3]
    bx, by, bz, rb = limb[4], limb[5], limb[6], limb[7]
    length = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2 + (bz - az) ** 2)
    length = max(length, 1e-6)
    dx, dy, dz = (bx - ax) / length, (by - ay) / length, (bz - az) / length
    overhead = source[2] <= 0.0
    pieces = 1 + int(length / max(5.0 * max(ra, rb), 0.08))
    for piece in range(pieces):
        s0 = length * piece / pieces
        s1 = length * (piece + 1) / pieces
        left, top, right, bottom = columns, rows, 0, 0
        for end in range(2):
            s = s0 if end == 0 else s1
            qx, qy, qz = ax + s * dx, ay + s * dy, az + s * dz
            if overhead:
                drop, wide = 0.0, max(qz, 0.0) * source[3]
                spread = 1.0
            else:
                drop = max(qz, 0.0) / max(source[2] - qz, 0.05)
                wide = source[3] * drop
                spread = 1.0 + drop
            reach = spread * max(ra, rb) * 1.1 + wide + 0.004
            sx = qx + (qx - source[0]) * drop
            sy = qy + (qy - source[1]) * drop
            for corner in range(4):
                u, v = project(
                    camera,
                    sx + (reach if corner % 2 else -reach),
                    sy + (reach if corner // 2 else -reach),
                    0.0,
                )
                left = min(left, index(u / scale - 1, 0, columns))
                right = max(right, index(u / scale + 2, 0, columns))
                top = min(top, index(v / scale - 1, 0, rows))
                bottom = max(bottom, index(v / scale + 2, 0, rows))
        for row in range(top, bottom):
            for column in range(left, right):
                i, j = min(row * scale, height - 1), min(column * scale, width - 1)
                px = float(surface[i, j, 0])
                py = float(surface[i, j, 1])
                pz = float(surface[i, j, 2])
                vx, vy, vz = source[0] - px, source[1] - py, source[2] - pz
                if overhead:
                    vx, vy, vz = 0.0, 0.0, 1.0
                distance = math.sqrt(vx * vx + vy * vy + vz * vz)
                vx, vy, vz = vx / distance, vy / distance, vz / distance
                wx, wy, wz = px - ax, py - ay, pz - az
                vd = vx * dx + vy * dy + vz * dz
                vw = vx * wx + vy * wy + vz * wz
                dw = dx * wx + dy * wy + dz * wz
                s = (dw - vd * vw) / max(1.0 - vd * vd, 1e-9)
                s = clamp(s, 0.0, length)
                t = vd * s - vw
                if t <= 0.0:
                    continue
                qx = px + t * vx - ax - s * dx
                qy = py + t * vy - ay - s * dy
                qz = pz + t * vz - az - s * dz
                miss = math.sqrt(qx * qx + qy * qy + qz * qz)
                r = ra + (rb - ra) * s / length
                penumbra = (source[3] * t if overhead else source[3] * t / distance) + 0.0015
                edge = (r - miss) / (2 * penumbra)
                if edge <= -0.5:
                    continue
                dark = soft(edge)
                # A rod thinner than its penumbra never hides the whole source.
                dark *= min(1.0, r / penumbra)
                if dark > blocked[row, column]:
                    blocked[row, column] = dark
                    if dark > 0.012:
                        touched[i // TILE, j // TILE] = 1


@kernel
def spread_touched(touched: U8, out: U8) -> None:
    """Copy the touched tiles and their neighbours, into which soft edges reach, to ``out``."""
    rows, columns = touched.shape
    out[:] = 0
    for row in range(rows):
        for column in range(columns):
            if touched[row, column]:
                for i in range(max(row - 1, 0), min(row + 2, rows)):
                    for j in range(max(column - 1, 0), min(column + 2, columns)):
                        out[i, j] = 1


@kernel
def apply_blocks(
    picture: F32,
    dirty: U8,
    touched: U8,
    fine: F32,
    coarse: F32,
    surface: F32,
    lamps: F64,
    ambient: float,
) -> None:
    """Darken the touched tiles by what the body hides of each lamp and of the room's light.

    ``fine`` (lamps + 1, rows, columns) holds what limbs near the cloth hide of each lamp and, last,
    of the light from everywhere; ``coarse`` the same for what is higher up.
    """
    height, width = picture.shape[0], picture.shape[1]
    planes = len(lamps)
    weights = np.zeros(planes + 1)
    cells = TILE // FINE + 1
    hidden = np.zeros((cells, cells), np.float32)
    ratio = FINE / COARSE
    for tile_row in range(dirty.shape[0]):
        for tile_column in range(dirty.shape[1]):
            if touched[tile_row, tile_column] == 0:
                continue
            dirty[tile_row, tile_column] = 1
            top, left = tile_row * TILE, tile_column * TILE
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            # The lamps' shares change slowly: once a tile is enough.
            x = float(surface[(top + bottom) // 2, (left + right) // 2, 0])
            y = float(surface[(top + bottom) // 2, (left + right) // 2, 1])
            total = ambient
            for k in range(planes):
                weights[k] = lamp_light(lamps[k], x, y, 0.0, 0.0, 0.0, 1.0)
                total += weights[k]
            for k in range(planes):
                weights[k] /= total
            weights[planes] = 0.85 * ambient / total
            for row in range(cells):
                fine_row = min(top // FINE + row, fine.shape[1] - 1)
                v = min(fine_row * ratio, coarse.shape[1] - 1.001)
                i = int(v)
                a = v - i
                for column in range(cells):
                    fine_column = min(left // FINE + column, fine.shape[2] - 1)
                    u = min(fine_column * ratio, coarse.shape[2] - 1.001)
                    j = int(u)
                    b = u - j
                    dark = 0.0
                    for k in range(planes + 1):
                        upper = coarse[k, i, j] * (1 - b) + coarse[k, i, j + 1] * b
                        lower = coarse[k, i + 1, j] * (1 - b) + coarse[k, i + 1, j + 1] * b
                        value = upper * (1 - a) + lower * a
                        dark += weights[k] * max(value, float(fine[k, fine_row, fine_column]))
                    hidden[row, column] = dark
            for row in range(top, bottom):
                i = (row - top) // FINE
                a = (row - top) * (1.0 / FINE) - i
                for column in range(left, right):
                    j = (column - left) // FINE
                    b = (column - left) * (1.0 / FINE) - j
                    upper = hidden[i, j] * (1 - b) + hidden[i, j + 1] * b
                    lower = hidden[i + 1, j] * (1 - b) + hidden[i + 1, j + 1] * b
                    factor = 1.0 - (upper * (1 - a) + lower * a)
                    picture[row, column, 0] *= factor
                    picture[row, column, 1] *= factor
                    picture[row, column, 2] *= factor
