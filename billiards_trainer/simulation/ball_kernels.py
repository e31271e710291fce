"""Kernels that draw balls and their shadows; see ``optics`` for the numbers they take."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.compilation import kernel
from billiards_trainer.simulation.optics import (
    TILE,
    clamp,
    index,
    lamp_light,
    light_at,
    light_place,
    overlap,
    project,
    soft,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

PLAIN, SOLID, STRIPE = 0, 1, 2
"""Kinds of balls: one colour; one colour with numbers; a stripe with numbers."""


@kernel
def _ball_paint(
    look: F64, glyph: F32, bx: float, by: float, bz: float, blur: float
) -> tuple[float, float, float]:
    """Colour of a ball's surface at a body-frame unit vector; edges are ``blur`` radii wide."""
    b, g, r = look[5], look[6], look[7]
    kind = int(look[0])
    if kind == STRIPE:
        share = clamp(0.5 + (look[1] - abs(bz)) / blur, 0.0, 1.0)
        b, g, r = (
            look[8] + (b - look[8]) * share,
            look[9] + (g - look[9]) * share,
            look[10] + (r - look[10]) * share,
        )
    if kind != PLAIN:
        distance = math.sqrt(by * by + bz * bz)
        share = clamp(0.5 + (look[2] - distance) / blur, 0.0, 1.0)
        if share > 0.0:
            size = glyph.shape[0]
            u = (by if bx > 0 else -by) / look[2]
            u = (0.5 + 0.5 * u) * size - 0.5
            v = (0.5 - 0.5 * bz / look[2]) * size - 0.5
            u = clamp(u, 0.0, size - 1.001)
            v = clamp(v, 0.0, size - 1.001)
            i, j = int(v), int(u)
            s, t = v - i, u - j
            ink = (glyph[i, j] * (1 - t) + glyph[i, j + 1] * t) * (1 - s) + (
                glyph[i + 1, j] * (1 - t) + glyph[i + 1, j + 1] * t
            ) * s
            paper = 1.0 - 0.97 * ink
            b += (look[8] * paper - b) * share
            g += (look[9] * paper - g) * share
            r += (look[10] * paper - r) * share
    elif look[3] > 0.0:
        top = max(abs(bx), abs(by), abs(bz))
        distance = math.sqrt(max(1.0 - top * top, 0.0))
        share = clamp(0.5 + (look[3] - distance) / blur, 0.0, 1.0)
        b += (0.012 - b) * share
        g += (0.012 - g) * share
        r += (0.40 - r) * share
    return b, g, r


@kernel
def draw_ball(
    picture: F32,
    dirty: U8,
    rays: F32,
    eye: F64,
    camera: F64,
    softness: float,
    centres: F64,
    turns: F64,
    radius: float,
    look: F64,
    glyph: F32,
    lamps: F64,
    lit: F64,
    ambient: F64,
    bounce: F64,
    clip: F32,
    clipped: bool,
    light: U8,
    decode: F32,
    projector: F64,
    projected: float,
) -> None:
    """Blend a ball into the picture, averaged over the exposure.

    ``centres`` (K, 3) and ``turns`` (K, 3, 3: body to table) sample the exposure; ``lit`` (lamps)
    says how much of each lamp reaches the ball; ``bounce`` is the light that the cloth throws back.
    ``clip`` (H, W) limits a ball inside a pocket to the pocket's opening; ``projected`` scales the
    projector's light, 0 where none falls.
    """
    height, width = picture.shape[0], picture.shape[1]
    samples = len(centres)
    left, top, right, bottom = width, height, 0, 0
    for k in range(samples):
        u, v = project(camera, centres[k, 0], centres[k, 1], centres[k, 2])
        dx, dy = centres[k, 0] - eye[0], centres[k, 1] - eye[1]
        dz = centres[k, 2] - eye[2]
        reach = 1.25 * radius * camera[0] / math.sqrt(dx * dx + dy * dy + dz * dz) + 3.0 + softness
        # A sphere seen aslant is an ellipse, longer by the secant of the angle off the axis.
        reach *= 1.0 + 0.5 * (dx * dx + dy * dy) / (dz * dz)
        left = min(left, index(u - reach, 0, width))
        right = max(right, index(u + reach + 1, 0, width))
        top = min(top, index(v - reach, 0, height))
        bottom = max(bottom, index(v + reach + 1, 0, height))
    pixel = 1.0 / camera[0]
    for row in range(top, bottom):
        for column in range(left, right):
            ux = float(rays[row, column, 0])
            uy = float(rays[row, column, 1])
            uz = float(rays[row, column, 2])
            cover = 0.0
            sum_b = sum_g = sum_r = 0.0
            for k in range(samples):
                ox = centres[k, 0] - eye[0]
                oy = centres[k, 1] - eye[1]
                oz = centres[k, 2] - eye[2]
                along = ox * ux + oy * uy + oz * uz
                # Foot of the perpendicular from the centre to the ray.
                fx, fy, fz = along * ux - ox, along * uy - oy, along * uz - oz
                d2 = fx * fx + fy * fy + fz * fz
                footprint = along * pixel
                edge = (radius - math.sqrt(d2)) / (footprint * softness)
                if edge <= -0.5:
                    continue
                share = soft(edge)
                inside = radius * radius - d2
                back = math.sqrt(inside) if inside > 0 else 0.0
                nx, ny, nz = fx - back * ux, fy - back * uy, fz - back * uz
                n = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                nx, ny, nz = nx * n, ny * n, nz * n
                px = centres[k, 0] + radius * nx
                py = centres[k, 1] + radius * ny
                pz = centres[k, 2] + radius * nz
                facing = max(-(nx * ux + ny * uy + nz * uz), 0.0)
                bx = turns[k, 0, 0] * nx + turns[k, 1, 0] * ny + turns[k, 2, 0] * nz
                by = turns[k, 0, 1] * nx + turns[k, 1, 1] * ny + turns[k, 2, 1] * nz
                bz = turns[k, 0, 2] * nx + turns[k, 1, 2] * ny + turns[k, 2, 2] * nz
                blur = 1.3 * footprint / radius / max(facing, 0.3)
                paint_b, paint_g, paint_r = _ball_paint(look, glyph, bx, by, bz, blur)
                up = 0.5 + 0.5 * nz
                # The cloth below a ball lies in the ball's own shadow.
                down = (0.5 - 0.5 * nz) * (0.45 + 0.55 * (1.0 - max(-nz, 0.0)))
                light_b = ambient[0] * up + bounce[0] * down
                light_g = ambient[1] * up + bounce[1] * down
                light_r = ambient[2] * up + bounce[2] * down
                for i in range(len(lamps)):
                    e = lit[i] * lamp_light(lamps[i], px, py, pz, nx, ny, nz)
                    light_b += e * lamps[i, 6]
                    light_g += e * lamps[i, 7]
                    light_r += e * lamps[i, 8]
                if projected > 0.0 and nz > 0.0:
                    mu, mv = light_place(projector, px, py, pz)
                    gain = projected * nz
                    shine = light_at(light, decode, mu, mv)
                    light_b += gain * shine[0]
                    light_g += gain * shine[1]
                    light_r += gain * shine[2]
                fresnel = look[4] * (0.04 + 0.96 * (1.0 - facing) ** 5)
                rest = 1.0 - fresnel
                colour_b = paint_b * light_b * rest
                colour_g = paint_g * light_g * rest
                colour_r = paint_r * light_r * rest
                # What the lacquer mirrors: lamps and ceiling above, cloth below.
                rx = ux + 2 * facing * nx
                ry = uy + 2 * facing * ny
                rz = uz + 2 * facing * nz
                if rz > 0.02:
                    colour_b += fresnel * ambient[0] * 0.6
                    colour_g += fresnel * ambient[1] * 0.6
                    colour_r += fresnel * ambient[2] * 0.6
                    spread = 2.2 * footprint / radius / max(facing, 0.3)
                    for i in range(len(lamps)):
                        t = (lamps[i, 2] - pz) / rz
                        if t <= 0.0:
                            continue
                        w = max(spread * t, 1e-4)
                        seen = overlap(lamps[i, 0], lamps[i, 3], px + t * rx, w) * overlap(
                            lamps[i, 1], lamps[i, 4], py + t * ry, w
                        )
                        if seen > 0.0:
                            area = 4 * lamps[i, 3] * lamps[i, 4]
                            radiance = math.pi * lamps[i, 5] * lamps[i, 2] * lamps[i, 2] / area * rz
                            glint = fresnel * lit[i] * radiance * seen
                            colour_b += glint * lamps[i, 6]
                            colour_g += glint * lamps[i, 7]
                            colour_r += glint * lamps[i, 8]
                else:
                    colour_b += fresnel * bounce[0] * 0.8
                    colour_g += fresnel * bounce[1] * 0.8
                    colour_r += fresnel * bounce[2] * 0.8
                cover += share
                sum_b += share * colour_b
                sum_g += share * colour_g
                sum_r += share * colour_r
            if cover <= 0.0:
                continue
            keep = 1.0 / samples
            if clipped:
                keep *= clip[row, column]
            cover *= keep
            picture[row, column, 0] = picture[row, column, 0] * (1 - cover) + sum_b * keep
            picture[row, column, 1] = picture[row, column, 1] * (1 - cover) + sum_g * keep
            picture[row, column, 2] = picture[row, column, 2] * (1 - cover) + sum_r * keep
            dirty[row // TILE, column // TILE] = 1


@kernel
def shade_ball(
    picture: F32,
    dirty: U8,
    surface: F32,
    camera: F64,
    centre: F64,
    radius: float,
    lamps: F64,
    ambient: float,
) -> None:
    """Darken the surroundings by a ball's shadows, soft as the lamps are wide, and where it rests.

    ``ambient`` is the mean of the light that comes from everywhere.
    """
    height, width = picture.shape[0], picture.shape[1]
    cx, cy, cz = centre[0], centre[1], centre[2]
    total = ambient
    for i in range(len(lamps)):
        total += lamp_light(lamps[i], cx, cy, 0.0, 0.0, 0.0, 1.0)
    for i in range(-1, len(lamps)):
        if i < 0:
            sx, sy, reach = cx, cy, 2.8 * radius
            weight = ambient / total
        else:
            lx, ly, lz = lamps[i, 0], lamps[i, 1], lamps[i, 2]
            weight = lamp_light(lamps[i], cx, cy, 0.0, 0.0, 0.0, 1.0) / total
            drop = cz / (lz - cz)
            sx, sy = cx + (cx - lx) * drop, cy + (cy - ly) * drop
            lean = math.sqrt((cx - lx) ** 2 + (cy - ly) ** 2) / (lz - cz)
            reach = (
                1.15 * radius * math.sqrt(1 + lean * lean)
                + 1.2 * max(lamps[i, 3], lamps[i, 4]) * drop * 2
                + 0.004
            )
        left, top, right, bottom = width, height, 0, 0
        for corner in range(4):
            u, v = project(
                camera,
                sx + (reach if corner % 2 else -reach),
                sy + (reach if corner // 2 else -reach),
                0.0,
            )
            left = min(left, index(u - 1, 0, width))
            right = max(right, index(u + 2, 0, width))
            top = min(top, index(v - 1, 0, height))
            bottom = max(bottom, index(v + 2, 0, height))
        for row in range(top, bottom):
            for column in range(left, right):
                px = float(surface[row, column, 0])
                py = float(surface[row, column, 1])
                pz = float(surface[row, column, 2])
                wx, wy, wz = cx - px, cy - py, cz - pz
                if i < 0:
                    d2 = wx * wx + wy * wy + wz * wz
                    if d2 > reach * reach:
                        continue
                    d2 = max(d2, radius * radius)
                    # Form factor of a sphere seen from a plane: (R/d)² cos θ, let fade at the end.
                    dark = 0.9 * radius * radius * max(wz, 0.0) / (d2 * math.sqrt(d2))
                    dark *= 1.0 - (d2 / (reach * reach)) ** 2
                else:
                    vx, vy, vz = lx - px, ly - py, lz - pz
                    length = math.sqrt(vx * vx + vy * vy + vz * vz)
                    t = (wx * vx + wy * vy + wz * vz) / length
                    if t <= 0.0:
                        continue
                    d2 = wx * wx + wy * wy + wz * wz - t * t
                    distance = math.sqrt(d2) if d2 > 0 else 0.0
                    penumbra = lamps[i, 9] * t / length + 0.0012
                    edge = (radius - distance) / (2 * penumbra)
                    if edge <= -0.5:
                        continue
                    dark = soft(edge)
                factor = 1.0 - weight * dark
                if factor < 0.9985:
                    picture[row, column, 0] *= factor
                    picture[row, column, 1] *= factor
                    picture[row, column, 2] *= factor
                    dirty[row // TILE, column // TILE] = 1
