"""The kernel that draws limbs and the cue; see ``optics`` for the numbers it takes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.compilation import kernel
from billiards_trainer.simulation.optics import (
    TILE,
    clamp,
    index,
    light_at,
    light_place,
    project,
    soft,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SKIN, FABRIC, HAIR, CUE = 0, 1, 2, 3
"""Materials of limbs."""


@kernel
def _pattern(texture: F32, x: float, y: float) -> float:
    """A periodic texture (256, 256) of mean 0 at a place in cells."""
    return texture[math.floor(y) & 255, math.floor(x) & 255]


@kernel
def draw_limb(
    picture: F32,
    depths: F32,
    dirty: U8,
    rays: F32,
    eye: F64,
    camera: F64,
    softness: float,
    limb: F64,
    bands: F64,
    slides: F64,
    lamps: F64,
    ambient: F64,
    texture: F32,
    light: U8,
    decode: F32,
    projector: F64,
    projected: float,
) -> None:
    """Blend a tapered rod with round ends into the picture: a finger, an arm, the cue.

    ``depths`` (H, W) remembers how far the nearest rod is, so that rods of one body melt into each
    other.  ``bands`` (N, 4: distance from the start, colour) paints the cue along its length;
    ``slides`` (K) are the shifts along the axis during the exposure; ``texture`` roughens cloth,
    hair and wood.
    """
    height, width = picture.shape[0], picture.shape[1]
    ax, ay, az, ra = limb[0], limb[1], limb[2], limb[3]
    dx, dy, dz = limb[4] - ax, limb[5] - ay, limb[6] - az
    rb = limb[7]
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    length = max(length, 1e-6)
    dx, dy, dz = dx / length, dy / length, dz / length
    material = int(limb[12])
    pixel = 1.0 / camera[0]
    edge_width = softness + limb[13]
    melt = 0.0 if material == CUE else min(0.35 * min(ra, rb), 0.004)
    slide_low, slide_high = 0.0, 0.0
    for k in range(len(slides)):
        slide_low = min(slide_low, slides[k])
        slide_high = max(slide_high, slides[k])
    count = len(lamps)
    towards = np.zeros((count, 4))
    wx, wy, wz = eye[0] - ax, eye[1] - ay, eye[2] - az
    dw = dx * wx + dy * wy + dz * wz
    # Pieces so short that their boxes hug the rod; a pixel belongs to the piece it is beside.
    reach_a, reach_b = -ra + slide_low - 0.02, length + rb + slide_high + 0.02
    pieces = 1 + int((reach_b - reach_a) / max(1.5 * max(ra, rb), 0.06))
    step = (reach_b - reach_a) / pieces
    for piece in range(pieces):
        s0 = reach_a + piece * step
        s1 = s0 + step
        left, top, right, bottom = width, height, 0, 0
        for end in range(2):
            s = s0 if end == 0 else s1
            qx, qy, qz = ax + s * dx, ay + s * dy, az + s * dz
            u, v = project(camera, qx, qy, qz)
            depth = math.sqrt((qx - eye[0]) ** 2 + (qy - eye[1]) ** 2 + (qz - eye[2]) ** 2)
            reach = 1.2 * max(ra, rb) * camera[0] / max(depth, 0.1) + 3.0 + edge_width
            left = min(left, index(u - reach, 0, width))
            right = max(right, index(u + reach + 1, 0, width))
            top = min(top, index(v - reach, 0, height))
            bottom = max(bottom, index(v + reach + 1, 0, height))
        if left >= right or top >= bottom:
            continue
        # A lamp shines on the whole piece from the same side.
        s = 0.5 * (s0 + s1)
        for i in range(count):
            vx = lamps[i, 0] - ax - s * dx
            vy = lamps[i, 1] - ay - s * dy
            vz = lamps[i, 2] - az - s * dz
            d = math.sqrt(vx * vx + vy * vy + vz * vz)
            towards[i, 0], towards[i, 1], towards[i, 2] = vx / d, vy / d, vz / d
            towards[i, 3] = lamps[i, 5] * (lamps[i, 2] / d) ** 2 * max(vz / d, 0.0)
        for row in range(top, bottom):
            for column in range(left, right):
                ux = float(rays[row, column, 0])
                uy = float(rays[row, column, 1])
                uz = float(rays[row, column, 2])
                ud = ux * dx + uy * dy + uz * dz
                uw = ux * wx + uy * wy + uz * wz
                across = max(1.0 - ud * ud, 1e-9)
                s_free = (dw - ud * uw) / across
                if s_free < s0 or s_free >= s1:
                    continue
                share = 0.0
                paint_b = paint_g = paint_r = 0.0
                for k in range(len(slides)):
                    s = clamp(s_free - slides[k], 0.0, length)
                    shifted = s + slides[k]
                    t = ud * shifted - uw
                    qx = t * ux + wx - shifted * dx
                    qy = t * uy + wy - shifted * dy
                    qz = t * uz + wz - shifted * dz
                    distance = math.sqrt(qx * qx + qy * qy + qz * qz)
                    r = ra + (rb - ra) * s / length
                    edge = (r - distance) / (t * pixel * edge_width)
                    if edge <= -0.5:
                        continue
                    part = soft(edge)
                    share += part
                    if material == CUE:
                        i = 0
                        while i < len(bands) - 1 and s + ra > bands[i + 1, 0]:
                            i += 1
                        # Bands meet within a pixel.
                        mix = 0.0
                        j = min(i + 1, len(bands) - 1)
                        if j > i:
                            mix = clamp(0.5 + (s + ra - bands[j, 0]) / (1.2 * t * pixel), 0.0, 1.0)
                        paint_b += part * (bands[i, 1] * (1 - mix) + bands[j, 1] * mix)
                        paint_g += part * (bands[i, 2] * (1 - mix) + bands[j, 2] * mix)
                        paint_r += part * (bands[i, 3] * (1 - mix) + bands[j, 3] * mix)
                if share <= 0.0:
                    continue
                # Shading once, at the middle of the exposure.
                s = clamp(s_free, 0.0, length)
                t = ud * s - uw
                qx, qy, qz = t * ux + wx - s * dx, t * uy + wy - s * dy, t * uz + wz - s * dz
                r = ra + (rb - ra) * s / length
                back = math.sqrt(max(1.0 - (qx * qx + qy * qy + qz * qz) / (r * r), 0.0))
                depth = t - r * back
                cover = share / len(slides)
                if melt > 0.0:
                    cover *= clamp(0.5 + (depths[row, column] - depth) / (2 * melt), 0.0, 1.0)
                    if cover <= 0.0:
                        continue
                # Towards the camera, at right angles to the axis on the rod, straight at its ends.
                mx, my, mz = -ux, -uy, -uz
                if 0.0 < s < length:
                    mx, my, mz = mx + ud * dx, my + ud * dy, mz + ud * dz
                m = back / math.sqrt(max(mx * mx + my * my + mz * mz, 1e-12))
                nx, ny, nz = qx / r + mx * m, qy / r + my * m, qz / r + mz * m
                n = 1.0 / math.sqrt(max(nx * nx + ny * ny + nz * nz, 1e-12))
                nx, ny, nz = nx * n, ny * n, nz * n
                sideways = nx * dy - ny * dx
                if material == CUE:
                    ring = (1.0 + 0.025 * _pattern(texture, sideways * 9.0, s * 30.0)) / share
                    paint_b, paint_g, paint_r = paint_b * ring, paint_g * ring, paint_r * ring
                else:
                    paint_b, paint_g, paint_r = limb[8], limb[9], limb[10]
                if material == FABRIC:
                    fold = _pattern(texture, s * 330.0 + 25.0 * sideways, sideways * 26.0)
                    nx += 0.16 * fold * dx
                    ny += 0.16 * fold * dy
                    weave = 1.0 + 0.05 * fold
                    paint_b, paint_g, paint_r = paint_b * weave, paint_g * weave, paint_r * weave
                elif material == HAIR:
                    strand = 1.0 + 0.28 * _pattern(texture, s * 90.0, sideways * 110.0)
                    paint_b, paint_g, paint_r = paint_b * strand, paint_g * strand, paint_r * strand
                elif material == SKIN:
                    blush = 1.0 + 0.03 * _pattern(texture, s * 800.0, sideways * 14.0)
                    paint_b, paint_g = paint_b / blush, paint_g / blush
                up = 0.5 + 0.5 * nz
                light_b, light_g, light_r = ambient[0] * up, ambient[1] * up, ambient[2] * up
                along = 2 * (ux * nx + uy * ny + uz * nz)
                shine_b = shine_g = shine_r = 0.0
                for i in range(count):
                    facing = nx * towards[i, 0] + ny * towards[i, 1] + nz * towards[i, 2]
                    # Wrapped a little round the edge: the lamps are wide.
                    e = towards[i, 3] * max(facing + 0.12, 0.0) / 1.12
                    light_b += e * lamps[i, 6]
                    light_g += e * lamps[i, 7]
                    light_r += e * lamps[i, 8]
                    if limb[11] > 0.0:
                        c = (
                            (ux - along * nx) * towards[i, 0]
                            + (uy - along * ny) * towards[i, 1]
                            + (uz - along * nz) * towards[i, 2]
                        )
                        if c > 0.0:
                            c *= c
                            c *= c
                            c *= c
                            gleam = limb[11] * towards[i, 3] * c * c * c
                            shine_b += gleam * lamps[i, 6]
                            shine_g += gleam * lamps[i, 7]
                            shine_r += gleam * lamps[i, 8]
                if projected > 0.0 and nz > 0.0:
                    mu, mv = light_place(
                        projector, ax + s * dx + r * nx, ay + s * dy + r * ny, az + s * dz + r * nz
                    )
                    gain = projected * nz
                    thrown = light_at(light, decode, mu, mv)
                    light_b += gain * thrown[0]
                    light_g += gain * thrown[1]
                    light_r += gain * thrown[2]
                keep = 1.0 - cover
                picture[row, column, 0] = picture[row, column, 0] * keep + cover * (
                    paint_b * light_b + shine_b
                )
                picture[row, column, 1] = picture[row, column, 1] * keep + cover * (
                    paint_g * light_g + shine_g
                )
                picture[row, column, 2] = picture[row, column, 2] * keep + cover * (
                    paint_r * light_r + shine_r
                )
                if cover > 0.5 and depth < depths[row, column]:
                    depths[row, column] = depth
                dirty[row // TILE, column // TILE] = 1
