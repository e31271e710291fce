"""The renderer's inner loops: rays, balls, limbs, shadows, projected light, tone.

All lengths are metres in the table frame, colours linear in the order blue, green, red.  Edges are
anti-aliased analytically: the distance of a ray from a silhouette, measured in pixels, gives the
covered share.  Things are described by plain numbers, made by ``packing``:

* camera (21): fx fy cx cy, k1 k2 p1 p2 k3, rotation row by row (9), translation (3);
* lamp (10): position (3), half extents x y, power, colour (3), radius of a disc of the same area;
* look (12): kind, stripe half width, disc radius, dot radius, gloss, base colour (3), white (3), 0;
* limb (14): start (3), radius, end (3), radius, colour (3), gloss, material, softness (px).
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

PLAIN, SOLID, STRIPE = 0, 1, 2
"""Kinds of balls: one colour; one colour with numbers; a stripe with numbers."""

SKIN, FABRIC, HAIR, CUE = 0, 1, 2, 3
"""Materials of limbs."""


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
def _project(camera: F64, px: float, py: float, pz: float) -> tuple[float, float]:
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
def _clamp(value: float, low: float, high: float) -> float:
    return low if value < low else (high if value > high else value)


@kernel
def _index(value: float, low: int, high: int) -> int:
    """A float as an index within bounds; far-off and broken numbers end at the bounds."""
    if not value > low:
        return low
    return high if value > high else int(value)


@kernel
def _soft(edge: float) -> float:
    """Share covered by a blurred edge; ``edge`` is how far inside, in widths, -0.5…0.5."""
    x = _clamp(edge + 0.5, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@kernel
def _overlap(middle: float, half: float, at: float, width: float) -> float:
    """Share of the interval of ``width`` around ``at`` that lies within ``half`` of ``middle``."""
    low = max(middle - half, at - 0.5 * width)
    high = min(middle + half, at + 0.5 * width)
    return max(high - low, 0.0) / width


@kernel
def _lamp_light(
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
def _light_at(light: U8, decode: F32, u: float, v: float, channel: int) -> float:
    """The light map at a place (columns, rows), decoded, bilinear."""
    rows, columns = light.shape[0], light.shape[1]
    if not (0.0 <= u < columns - 1.0 and 0.0 <= v < rows - 1.0):
        return 0.0
    i, j = int(v), int(u)
    a, b = v - i, u - j
    upper = decode[light[i, j, channel]] * (1 - b) + decode[light[i, j + 1, channel]] * b
    lower = decode[light[i + 1, j, channel]] * (1 - b) + decode[light[i + 1, j + 1, channel]] * b
    return upper * (1 - a) + lower * a


@kernel
def _light_place(projector: F64, px: float, py: float, pz: float) -> tuple[float, float]:
    """Place in the light map whose light meets a point: along the projector's ray down to z = 0.

    ``projector`` is position (3), then the 3x3 matrix from the cloth to the light map.
    """
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
            u, v = _light_place(
                projector,
                surface[row, column, 0],
                surface[row, column, 1],
                surface[row, column, 2],
            )
            places[row, column, 0] = u
            places[row, column, 1] = v


# --- balls --------------------------------------------------------------------------------------


@kernel
def _ball_paint(
    look: F64, glyph: F32, bx: float, by: float, bz: float, blur: float
) -> tuple[float, float, float]:
    """Colour of a ball's surface at a body-frame unit vector; edges are ``blur`` radii wide."""
    b, g, r = look[5], look[6], look[7]
    kind = int(look[0])
    if kind == STRIPE:
        share = _clamp(0.5 + (look[1] - abs(bz)) / blur, 0.0, 1.0)
        b, g, r = (
            look[8] + (b - look[8]) * share,
            look[9] + (g - look[9]) * share,
            look[10] + (r - look[10]) * share,
        )
    if kind != PLAIN:
        distance = math.sqrt(by * by + bz * bz)
        share = _clamp(0.5 + (look[2] - distance) / blur, 0.0, 1.0)
        if share > 0.0:
            size = glyph.shape[0]
            u = (by if bx > 0 else -by) / look[2]
            u = (0.5 + 0.5 * u) * size - 0.5
            v = (0.5 - 0.5 * bz / look[2]) * size - 0.5
            u = _clamp(u, 0.0, size - 1.001)
            v = _clamp(v, 0.0, size - 1.001)
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
        share = _clamp(0.5 + (look[3] - distance) / blur, 0.0, 1.0)
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
        u, v = _project(camera, centres[k, 0], centres[k, 1], centres[k, 2])
        dx, dy = centres[k, 0] - eye[0], centres[k, 1] - eye[1]
        dz = centres[k, 2] - eye[2]
        reach = 1.25 * radius * camera[0] / math.sqrt(dx * dx + dy * dy + dz * dz) + 3.0 + softness
        # A sphere seen aslant is an ellipse, longer by the secant of the angle off the axis.
        reach *= 1.0 + 0.5 * (dx * dx + dy * dy) / (dz * dz)
        left = min(left, _index(u - reach, 0, width))
        right = max(right, _index(u + reach + 1, 0, width))
        top = min(top, _index(v - reach, 0, height))
        bottom = max(bottom, _index(v + reach + 1, 0, height))
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
                share = _soft(edge)
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
                    e = lit[i] * _lamp_light(lamps[i], px, py, pz, nx, ny, nz)
                    light_b += e * lamps[i, 6]
                    light_g += e * lamps[i, 7]
                    light_r += e * lamps[i, 8]
                if projected > 0.0 and nz > 0.0:
                    mu, mv = _light_place(projector, px, py, pz)
                    gain = projected * nz
                    light_b += gain * _light_at(light, decode, mu, mv, 0)
                    light_g += gain * _light_at(light, decode, mu, mv, 1)
                    light_r += gain * _light_at(light, decode, mu, mv, 2)
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
                        seen = _overlap(lamps[i, 0], lamps[i, 3], px + t * rx, w) * _overlap(
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
        total += _lamp_light(lamps[i], cx, cy, 0.0, 0.0, 0.0, 1.0)
    for i in range(-1, len(lamps)):
        if i < 0:
            sx, sy, reach = cx, cy, 2.8 * radius
            weight = ambient / total
        else:
            lx, ly, lz = lamps[i, 0], lamps[i, 1], lamps[i, 2]
            weight = _lamp_light(lamps[i], cx, cy, 0.0, 0.0, 0.0, 1.0) / total
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
            u, v = _project(
                camera,
                sx + (reach if corner % 2 else -reach),
                sy + (reach if corner // 2 else -reach),
                0.0,
            )
            left = min(left, _index(u - 1, 0, width))
            right = max(right, _index(u + 2, 0, width))
            top = min(top, _index(v - 1, 0, height))
            bottom = max(bottom, _index(v + 2, 0, height))
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
                    dark = _soft(edge)
                factor = 1.0 - weight * dark
                if factor < 0.9985:
                    picture[row, column, 0] *= factor
                    picture[row, column, 1] *= factor
                    picture[row, column, 2] *= factor
                    dirty[row // TILE, column // TILE] = 1


# --- limbs, cue -----------------------------------------------------------------------------------


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
            u, v = _project(camera, qx, qy, qz)
            depth = math.sqrt((qx - eye[0]) ** 2 + (qy - eye[1]) ** 2 + (qz - eye[2]) ** 2)
            reach = 1.4 * max(ra, rb) * camera[0] / max(depth, 0.1) + 3.0 + edge_width
            left = min(left, _index(u - reach, 0, width))
            right = max(right, _index(u + reach + 1, 0, width))
            top = min(top, _index(v - reach, 0, height))
            bottom = max(bottom, _index(v + reach + 1, 0, height))
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
                    s = _clamp(s_free - slides[k], 0.0, length)
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
                    part = _soft(edge)
                    share += part
                    if material == CUE:
                        i = 0
                        while i < len(bands) - 1 and s + ra > bands[i + 1, 0]:
                            i += 1
                        # Bands meet within a pixel.
                        mix = 0.0
                        j = min(i + 1, len(bands) - 1)
                        if j > i:
                            mix = _clamp(0.5 + (s + ra - bands[j, 0]) / (1.2 * t * pixel), 0.0, 1.0)
                        paint_b += part * (bands[i, 1] * (1 - mix) + bands[j, 1] * mix)
                        paint_g += part * (bands[i, 2] * (1 - mix) + bands[j, 2] * mix)
                        paint_r += part * (bands[i, 3] * (1 - mix) + bands[j, 3] * mix)
                if share <= 0.0:
                    continue
                # Shading once, at the middle of the exposure.
                s = _clamp(s_free, 0.0, length)
                t = ud * s - uw
                qx, qy, qz = t * ux + wx - s * dx, t * uy + wy - s * dy, t * uz + wz - s * dz
                r = ra + (rb - ra) * s / length
                back = math.sqrt(max(1.0 - (qx * qx + qy * qy + qz * qz) / (r * r), 0.0))
                depth = t - r * back
                cover = share / len(slides)
                if melt > 0.0:
                    cover *= _clamp(0.5 + (depths[row, column] - depth) / (2 * melt), 0.0, 1.0)
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
                    mu, mv = _light_place(
                        projector, ax + s * dx + r * nx, ay + s * dy + r * ny, az + s * dz + r * nz
                    )
                    gain = projected * nz
                    light_b += gain * _light_at(light, decode, mu, mv, 0)
                    light_g += gain * _light_at(light, decode, mu, mv, 1)
                    light_r += gain * _light_at(light, decode, mu, mv, 2)
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
                u, v = _project(
                    camera,
                    sx + (reach if corner % 2 else -reach),
                    sy + (reach if corner // 2 else -reach),
                    0.0,
                )
                left = min(left, _index(u / scale - 1, 0, columns))
                right = max(right, _index(u / scale + 2, 0, columns))
                top = min(top, _index(v / scale - 1, 0, rows))
                bottom = max(bottom, _index(v / scale + 2, 0, rows))
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
                s = _clamp(s, 0.0, length)
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
                dark = _soft(edge)
                # A rod thinner than its penumbra never hides the whole source.
                dark *= min(1.0, r / penumbra)
                if dark > blocked[row, column]:
                    blocked[row, column] = dark
                    if dark > 0.004:
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
    fine_scale: int,
    coarse_scale: int,
) -> None:
    """Darken the touched tiles by what the body hides of each lamp and of the room's light.

    ``fine`` (lamps + 1, rows, columns) holds what limbs near the cloth hide of each lamp and, last,
    of the light from everywhere; ``coarse`` the same for what is higher up.
    """
    height, width = picture.shape[0], picture.shape[1]
    planes = len(lamps)
    weights = np.zeros(planes + 1)
    cells = TILE // fine_scale + 1
    hidden = np.zeros((cells, cells), np.float32)
    ratio = fine_scale / coarse_scale
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
                weights[k] = _lamp_light(lamps[k], x, y, 0.0, 0.0, 0.0, 1.0)
                total += weights[k]
            for k in range(planes):
                weights[k] /= total
            weights[planes] = 0.85 * ambient / total
            for row in range(cells):
                fine_row = min(top // fine_scale + row, fine.shape[1] - 1)
                v = min(fine_row * ratio, coarse.shape[1] - 1.001)
                i = int(v)
                a = v - i
                for column in range(cells):
                    fine_column = min(left // fine_scale + column, fine.shape[2] - 1)
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
                i = (row - top) // fine_scale
                a = (row - top) / fine_scale - i
                for column in range(left, right):
                    j = (column - left) // fine_scale
                    b = (column - left) / fine_scale - j
                    upper = hidden[i, j] * (1 - b) + hidden[i, j + 1] * b
                    lower = hidden[i + 1, j] * (1 - b) + hidden[i + 1, j + 1] * b
                    factor = 1.0 - (upper * (1 - a) + lower * a)
                    picture[row, column, 0] *= factor
                    picture[row, column, 1] *= factor
                    picture[row, column, 2] *= factor


# --- light, tone ----------------------------------------------------------------------------------


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
    decode: F32,
    projector: F64,
    strength: float,
    balls: F64,
    radius: float,
    near_blocked: F32,
    far_blocked: F32,
    body: bool,
    near_scale: int,
    far_scale: int,
) -> None:
    """Let the projector's light fall on everything that lies still, but not behind balls and arms.

    ``balls`` (N, 3) are centres; ``near_blocked`` and ``far_blocked`` are the shares of the
    projector that limbs hide.
    """
    height, width = picture.shape[0], picture.shape[1]
    rows, columns = light.shape[0], light.shape[1]
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
                    if not (0.0 <= u < columns - 1.0 and 0.0 <= v < rows - 1.0):
                        continue
                    i, j = int(v), int(u)
                    some = 0
                    for k in range(3):
                        some |= light[i, j, k] | light[i, j + 1, k]
                        some |= light[i + 1, j, k] | light[i + 1, j + 1, k]
                    if some == 0:
                        continue
                    b = _light_at(light, decode, u, v, 0)
                    g = _light_at(light, decode, u, v, 1)
                    r = _light_at(light, decode, u, v, 2)
                    gain = strength
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
                        gain *= _clamp(0.5 - (radius - miss) / 0.003, 0.0, 1.0)
                    if body:
                        gain *= 1.0 - max(
                            near_blocked[row // near_scale, column // near_scale],
                            far_blocked[row // far_scale, column // far_scale],
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
    last = len(curve) - 1
    for tile_row in range(dirty.shape[0]):
        for tile_column in range(dirty.shape[1]):
            if dirty[tile_row, tile_column] == 0:
                continue
            left = tile_column * TILE
            right = min(left + TILE, width)
            for row in range(tile_row * TILE, min(tile_row * TILE + TILE, height)):
                for column in range(left, right):
                    fall = vignette[row, column]
                    b = min(picture[row, column, 0] * fall * gains[0], 4.0)
                    g = min(picture[row, column, 1] * fall * gains[1], 4.0)
                    r = min(picture[row, column, 2] * fall * gains[2], 4.0)
                    grey = 0.114 * b + 0.587 * g + 0.299 * r
                    out[row, column, 0] = curve[
                        _index((grey + saturation * (b - grey)) * per_unit, 0, last)
                    ]
                    out[row, column, 1] = curve[
                        _index((grey + saturation * (g - grey)) * per_unit, 0, last)
                    ]
                    out[row, column, 2] = curve[
                        _index((grey + saturation * (r - grey)) * per_unit, 0, last)
                    ]
