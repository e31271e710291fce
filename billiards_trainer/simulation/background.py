"""The empty table as the camera sees it: everything that never moves, painted once per set-up.

Flat parts are painted from the floor upwards, each through the camera at its own height, with exact
area coverage at the edges, so parallax is right and edges are sharp to a hundredth of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.simulation import outlines, textures
from billiards_trainer.simulation.optics import cast_rays
from billiards_trainer.simulation.packing import bgr, pack_camera, pack_lamps
from billiards_trainer.simulation.raster import bounds, coverage
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.table import Table

F32 = NDArray[np.float32]
Array = NDArray[np.float64]

FLOOR = -0.80
"""Height of the floor, metres."""
_CELLS_PER_METRE = 420.0


@dataclass(frozen=True, slots=True)
class Background:
    """Pictures of the empty table, all (H, W, …).

    Attributes:
        rays: unit directions through the pixels, table coordinates, (H, W, 3).
        picture: linear light, BGR.
        albedo: share of light thrown back, BGR; what the projector's light is multiplied by.
        surface: the table point that each pixel sees, metres, (H, W, 3).
        pockets: share of each pixel through which one looks into a pocket.
    """

    rays: F32
    picture: F32
    albedo: F32
    surface: F32
    pockets: F32


class _Painter:
    """Paints layers into a picture; keeps light and reflectance apart."""

    def __init__(self, table: Table, setup: Setup) -> None:
        self.table, self.setup = table, setup
        self.camera = setup.camera
        self.height, self.width = setup.camera.height, setup.camera.width
        self.rays: F32 = np.empty((self.height, self.width, 3), np.float32)
        cast_rays(pack_camera(setup.camera), self.rays)
        self.eye = tuple(float(v) for v in setup.camera.position)
        # Python's floats keep single precision arrays single.
        self.lamps = [[float(v) for v in lamp] for lamp in pack_lamps(setup)]
        self.ambient = bgr(setup.ambient)
        shape = (self.height, self.width, 3)
        self.picture: F32 = np.zeros(shape, np.float32)
        self.albedo: F32 = np.zeros(shape, np.float32)
        self.surface: F32 = np.zeros(shape, np.float32)
        self.rng = np.random.default_rng(setup.seed)

    def plane(self, z: float) -> F32:
        """Where the pixels' rays meet a height, (H, W, 2)."""
        t = (z - self.eye[2]) / np.minimum(self.rays[..., 2], -1e-3)
        eye = np.array(self.eye[:2], np.float32)
        return np.asarray(eye + t[..., None] * self.rays[..., :2], np.float32)

    def irradiance(self, points: F32, z: float, occlusion: list[F32] | None = None) -> F32:
        """Light on a horizontal surface, BGR, (…, 3); lamps dimmed where hidden."""
        out = np.broadcast_to(self.ambient.astype(np.float32), (*points.shape[:-1], 3)).copy()
        for i, lamp in enumerate(self.lamps):
            drop = lamp[2] - z
            d2 = (points[..., 0] - lamp[0]) ** 2 + (points[..., 1] - lamp[1]) ** 2 + drop**2
            light = lamp[5] * lamp[2] ** 2 * drop**2 / d2**2
            if occlusion is not None:
                light = light * occlusion[i]
            out += light[..., None] * np.array(lamp[6:9], np.float32)
        return np.asarray(out, np.float32)

    def outline(self, points: ArrayLike) -> Array:
        """Pixels of a closed outline in space, (N, 3); long edges are cut: lenses bend them."""
        p = np.asarray(points, dtype=np.float64)
        nxt = np.roll(p, -1, axis=0)
        pieces = []
        for a, b in zip(p, nxt, strict=True):
            n = max(1, math.ceil(float(np.linalg.norm(b - a)) / 0.03))
            pieces.append(a + np.arange(n)[:, None] / n * (b - a))
        return self.camera.to_pixels(np.concatenate(pieces))

    def mask(self, points: ArrayLike) -> F32:
        """Coverage of a closed outline in space, full picture."""
        pixels = self.outline(points)
        left, top, right, bottom = bounds(pixels, self.width, self.height)
        out: F32 = np.zeros((self.height, self.width), np.float32)
        if right > left and bottom > top:
            out[top:bottom, left:right] = coverage(
                pixels, right - left, bottom - top, left=left, top=top
            )
        return out

    def paint(
        self,
        mask: F32,
        albedo: ArrayLike,
        light: F32 | float,
        points: F32 | None = None,
        z: float = 0.0,
        gloss: ArrayLike = 0.0,
    ) -> None:
        """Cover the picture where ``mask`` says with a lit surface."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))

        def cut(a: ArrayLike) -> Array | F32:
            array = np.asarray(a, np.float32)
            return array[part] if array.ndim == 3 and len(array) == self.height else array

        share = mask[part][..., None]
        surface_albedo, surface_light = cut(albedo), cut(light)
        value = surface_albedo * surface_light + cut(gloss)
        self.picture[part] += (value - self.picture[part]) * share
        self.albedo[part] += (surface_albedo - self.albedo[part]) * share
        if points is not None:
            inside = mask[part] > 0.5
            self.surface[part][inside, :2] = points[part][inside]
            self.surface[part][inside, 2] = z

    def texture(self, field: F32, points: F32, origin: tuple[float, float], turned: bool) -> F32:
        """Look a plan-view field up at table points; ``turned``: its rows run along x."""
        u = (points[..., 1] - origin[1]) if turned else (points[..., 0] - origin[0])
        v = (points[..., 0] - origin[0]) if turned else (points[..., 1] - origin[1])
        out = cv2.remap(
            field,
            np.asarray(u * _CELLS_PER_METRE, np.float32),
            np.asarray(v * _CELLS_PER_METRE, np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        return np.asarray(out, np.float32).reshape(points.shape[:2])


def paint_background(table: Table, setup: Setup) -> Background:
    """Paint the empty table."""
    p = _Painter(table, setup)
    _floor(p)
    bed = p.plane(0.0)
    pocket_mask = _bed(p, bed)
    _cushions(p)
    _rails(p, bed, pocket_mask)
    if setup.sensor.blur > 0:
        p.picture = np.asarray(cv2.GaussianBlur(p.picture, (0, 0), setup.sensor.blur), np.float32)
        p.albedo = np.asarray(cv2.GaussianBlur(p.albedo, (0, 0), setup.sensor.blur), np.float32)
    return Background(p.rays, p.picture, p.albedo, p.surface, pocket_mask)


def _at(points: ArrayLike, z: float) -> Array:
    p = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return np.column_stack([p, np.full(len(p), z)])


def _floor(p: _Painter) -> None:
    table, room = p.table, p.setup.room
    points = p.plane(FLOOR)
    light = p.irradiance(points, FLOOR)
    rows, columns = 512, 512
    field = 1 + 0.12 * textures.smooth_noise(p.rng, rows, columns, 2.0)
    field += 0.25 * room.floor_pattern * textures.smooth_noise(p.rng, rows, columns, 40.0)
    u = np.asarray((points[..., 0] + 2) * 70, np.float32)
    v = np.asarray((points[..., 1] + 2) * 70, np.float32)
    pattern = cv2.remap(
        np.asarray(field, np.float32), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    pattern = np.asarray(pattern, np.float32).reshape(points.shape[:2])
    # Planks or tiles: dark joints on a grid.
    grid = np.maximum(
        np.exp(-(((points[..., 0] * 5) % 1 - 0.5) ** 2) * 2000),
        np.exp(-(((points[..., 1] * 1.2) % 1 - 0.5) ** 2) * 20000),
    )
    pattern = pattern * (1 - 0.5 * room.floor_pattern * grid)
    # The table keeps the light from the floor around it.
    outside = np.maximum(
        np.maximum(-points[..., 0], points[..., 0] - table.width),
        np.maximum(-points[..., 1], points[..., 1] - table.length),
    )
    shade = 0.25 + 0.75 * np.clip((outside - 0.05) / 0.55, 0, 1)
    albedo = bgr(room.floor).astype(np.float32) * (pattern * shade)[..., None]
    everywhere: F32 = np.ones((p.height, p.width), np.float32)
    p.paint(everywhere, albedo, light, points, FLOOR)
    above = p.plane(FLOOR + 0.2)
    light = 0.7 * p.irradiance(above, FLOOR + 0.2)
    for _ in range(room.clutter):
        _clutter(p, above, light)


def _clutter(p: _Painter, points: F32, light: F32) -> None:
    """A chair leg, a bag, a shoe beside the table: a blurred dark or light patch on the floor."""
    table, rng = p.table, p.rng
    side = int(rng.integers(4))
    along = rng.uniform(-0.2, 1.2)
    out = table.rail_width + rng.uniform(0.15, 0.7)
    x = (-out, table.width + out, along * table.width, along * table.width)[side]
    y = (along * table.length, along * table.length, -out, table.length + out)[side]
    size, stretch, turn = rng.uniform(0.03, 0.2), rng.uniform(0.3, 1), rng.uniform(0, math.pi)
    a = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    wobble = 1 + 0.15 * np.sin(3 * a + rng.uniform(0, 6))
    ex, ey = size * np.cos(a) * wobble, size * stretch * np.sin(a) * wobble
    outline = np.column_stack(
        [
            x + ex * math.cos(turn) - ey * math.sin(turn),
            y + ex * math.sin(turn) + ey * math.cos(turn),
        ]
    )
    mask = np.asarray(cv2.GaussianBlur(p.mask(_at(outline, FLOOR + 0.2)), (0, 0), 1.2), np.float32)
    tone = rng.uniform(0.02, 0.35)
    colour = np.clip(tone * (1 + 0.12 * rng.standard_normal(3)), 0.01, 0.6)
    p.paint(mask, colour, light, points, FLOOR)


def _bed(p: _Painter, points: F32) -> F32:
    """Cloth, its markings, the cushions' shadows on it, and the holes."""
    table, setup = p.table, p.setup
    look, reach = setup.cloth, 0.12
    origin = (-reach, -reach)
    rows = int((table.length + 2 * reach) * _CELLS_PER_METRE)
    columns = int((table.width + 2 * reach) * _CELLS_PER_METRE)
    field = textures.cloth(p.rng, rows, columns, look.nap, look.wear)
    field += textures.chalk_marks(p.rng, rows, columns, _CELLS_PER_METRE, look.chalk)
    pattern = p.texture(field, points, origin, turned=False)
    albedo = bgr(look.colour).astype(np.float32) * np.clip(pattern, 0.2, 2.5)[..., None]
    marking = bgr(look.markings).astype(np.float32)
    for outline in outlines.markings(table):
        mask = p.mask(_at(outline, 0.0)) * 0.85
        albedo += (marking - albedo) * mask[..., None]
    occlusion = [_cushion_shadow(p, lamp) for lamp in p.lamps]
    light = p.irradiance(points, 0.0, occlusion)
    # Ambient light is dimmer close to the cushions, which cover part of the room.
    edge = np.minimum(
        np.minimum(points[..., 0], table.width - points[..., 0]),
        np.minimum(points[..., 1], table.length - points[..., 1]),
    )
    dim = 1 - 0.35 * np.exp(-np.maximum(edge, 0) / 0.03)
    light = light * dim[..., None] + np.float32(setup.projector.black)
    outer = p.mask(_at(outlines.table_edge(table, setup.rails.rounding), 0.0))
    p.paint(outer, albedo, light, points, 0.0)
    holes: F32 = np.zeros((p.height, p.width), np.float32)
    liner = bgr(setup.rails.liner)
    for pocket in table.pockets:
        rim = p.mask(_at(outlines.opening(table, pocket, 0.003), 0.0))
        p.paint(rim, bgr(look.colour) * 0.35, light, points, 0.0)
        behind = p.mask(_at(outlines.behind_pocket(table, pocket), 0.0))
        p.paint(behind, liner * 0.5, light, points, 0.0)
        opening = p.mask(_at(outlines.opening(table, pocket, 0.0), 0.0))
        # Looking down a well: its wall darkens with depth.
        steps = 8
        for k in range(steps):
            depth = -0.02 - 0.11 * k / (steps - 1)
            ring = p.mask(_at(outlines.disc(pocket.centre, pocket.radius * 0.99), depth))
            shade = 0.30 * (1 - k / (steps - 1)) ** 1.5 + 0.02
            inside = opening if k == 0 else opening * ring
            p.paint(inside, liner * shade + 0.0015, light)
        holes = np.maximum(holes, opening)
    return holes


def _cushion_shadow(p: _Painter, lamp: list[float]) -> F32:
    """Share of a lamp that the cushions leave to each point of the bed."""
    table = p.table
    nose = np.array(outlines.nose_line(table))
    total: F32 = np.zeros((p.height, p.width), np.float32)
    spots = [(i, j) for i in (-0.75, -0.25, 0.25, 0.75) for j in (-0.75, -0.25, 0.25, 0.75)]
    for i, j in spots:
        at = np.array([lamp[0] + i * lamp[3], lamp[1] + j * lamp[4]])
        # The nose, seen from the lamp, on the cloth.
        drop = table.cushion_height / (lamp[2] - table.cushion_height)
        total += p.mask(_at(nose + (nose - at) * drop, 0.0))
    return np.asarray(total / len(spots), np.float32)


def _cushions(p: _Painter) -> None:
    table, setup = p.table, p.setup
    look = setup.rails
    z = (table.cushion_height + look.height) / 2
    points = p.plane(z)
    light = p.irradiance(points, z)
    reach = 0.12
    rows = int((table.length + 2 * reach) * _CELLS_PER_METRE)
    columns = int((table.width + 2 * reach) * _CELLS_PER_METRE)
    pattern = p.texture(
        textures.cloth(p.rng, rows, columns, setup.cloth.nap * 0.8, setup.cloth.wear * 0.5),
        points,
        (-reach, -reach),
        turned=False,
    )
    cloth = bgr(setup.cloth.colour).astype(np.float32) * pattern[..., None]
    # The rubber ends where the pocket begins.
    free: F32 = np.ones((p.height, p.width), np.float32)
    for pocket in table.pockets:
        hole = outlines.disc(pocket.centre, pocket.radius + 0.002)
        free *= 1 - p.mask(_at(hole, table.cushion_height))
    for face in outlines.cushion_faces(table):
        mask = p.mask(face) * free
        p.paint(mask, cloth * 0.8, 0.30 * light, points, z)
    for top, tilt in outlines.cushion_tops(table, look.cushion_width, look.height):
        mask = p.mask(top) * free
        p.paint(mask, cloth, light * _tilted(p, points, z, tilt), points, z)
    # The rounded nose catches the light.
    for seam in outlines.nose_seams(table):
        p.paint(0.35 * p.mask(seam) * free, cloth * 1.25, light, None)


def _tilted(p: _Painter, points: F32, z: float, tilt: tuple[float, float]) -> F32:
    """How much brighter a surface is whose normal leans by ``tilt`` (x, y), than a level one."""
    level = float(p.ambient.mean())
    leaning = np.full(points.shape[:2], level, np.float32)
    total = leaning.copy()
    for lamp in p.lamps:
        dx, dy, dz = lamp[0] - points[..., 0], lamp[1] - points[..., 1], lamp[2] - z
        d = np.sqrt(dx**2 + dy**2 + dz**2)
        base = lamp[5] * lamp[2] ** 2 * dz / d**3
        total += base * dz / d
        leaning += base * np.maximum(tilt[0] * dx + tilt[1] * dy + dz, 0) / d
    return np.asarray((leaning / total)[..., None], np.float32)


def _rails(p: _Painter, bed: F32, pocket_mask: F32) -> None:
    table, setup = p.table, p.setup
    look = setup.rails
    z = look.height
    points = p.plane(z)
    light = p.irradiance(points, z)
    joint = outlines.rectangle(table, look.cushion_width)
    outer = p.mask(_at(outlines.table_edge(table, look.rounding), z))
    rail = outer - np.minimum(outer, p.mask(_at(joint, z)))
    cut: F32 = np.zeros_like(rail)
    for pocket in table.pockets:
        cut = np.maximum(cut, p.mask(_at(outlines.opening(table, pocket, 0.002), z)))
    rail = rail * (1 - cut)
    rows = int((table.length + 0.6) * _CELLS_PER_METRE)
    grain = textures.wood(p.rng, 160, rows, look.grain)
    long_side = p.texture(grain, points, (-0.3, -0.3), turned=True)
    short_side = p.texture(grain, points, (-0.3, -0.3), turned=False)
    # The short rails' fibres run along x; rails meet at mitred corners.
    beyond_y = np.maximum(-points[..., 1], points[..., 1] - table.length)
    beyond_x = np.maximum(-points[..., 0], points[..., 0] - table.width)
    pattern = np.where(beyond_y > beyond_x, short_side, long_side)
    # Rounded towards the outer edge: darker, with a lacquer gleam along its middle.
    out = np.maximum(beyond_x, beyond_y)
    across = np.clip((out - look.cushion_width) / (table.rail_width - look.cushion_width), 0, 1)
    shape = 1.0 - 0.45 * across**6 - 0.25 * np.exp(-across / 0.04)
    wood = bgr(look.wood).astype(np.float32) * (pattern * shape)[..., None]
    gleam = _gleam(p, points, z, 0.05 + 0.1 * np.abs(across - 0.5)) * look.gloss
    p.paint(rail, wood, light, points, z, gloss=gleam)
    corner = bgr(look.corner).astype(np.float32)
    for outline in outlines.corner_pieces(table, look):
        mask = np.minimum(p.mask(_at(outline, z)), rail)
        brushed = corner * (1 + 0.05 * (pattern - 1))[..., None] * np.clip(shape, 0.5, 1)[..., None]
        p.paint(mask, brushed, light, points, z, gloss=gleam * 0.6)
    liner = bgr(look.liner).astype(np.float32)
    for pocket in table.pockets:
        ring = p.mask(_at(outlines.opening(table, pocket, 0.016, 0.008), z))
        ring = np.minimum(ring, rail)
        p.paint(ring, liner * 1.6, light, points, z, gloss=gleam * 0.25)
    sight = bgr(look.sight)
    for at in table.diamonds:
        mask = p.mask(_at(outlines.disc(at, look.sight_radius), z))
        p.paint(mask, sight, light, points, z)
    np.maximum(pocket_mask, np.minimum(cut, outer) * (pocket_mask > 0), out=pocket_mask)
    pocket_mask *= 1 - rail


def _gleam(p: _Painter, points: F32, z: float, rough: F32) -> F32:
    """Mirrored lamps on a lacquered level surface, (H, W, 3)."""
    out: F32 = np.zeros((*points.shape[:2], 3), np.float32)
    view = p.rays * np.array([1, 1, -1], np.float32)
    for lamp in p.lamps:
        t = (lamp[2] - z) / np.maximum(view[..., 2], 1e-3)
        x = points[..., 0] + t * view[..., 0] - lamp[0]
        y = points[..., 1] + t * view[..., 1] - lamp[1]
        wide = 1.5 * rough * t
        spot = np.exp(-0.5 * ((x / (lamp[3] + wide)) ** 2 + (y / (lamp[4] + wide)) ** 2))
        out += (1.2 * lamp[5] * spot)[..., None] * np.array(lamp[6:9], np.float32)
    return out
