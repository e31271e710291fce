"""Pictures of the virtual table: what moves is painted over the empty table, tile by tile.

The empty table is painted once per set-up (``background``).  For each picture only the tiles that
something touches are computed in linear light, developed to display levels and put back afterwards;
sensor noise then covers the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation import (
    ball_kernels,
    light_kernels,
    limb_kernels,
    optics,
    shade_kernels,
    textures,
)
from billiards_trainer.simulation.background import paint_background
from billiards_trainer.simulation.packing import (
    bgr,
    pack_camera,
    pack_lamps,
    pack_look,
    pack_projector,
)
from billiards_trainer.simulation.setup import BallLook, Setup
from billiards_trainer.table import Table

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_CURVE_ENTRIES, _CURVE_PER_UNIT = 12288, 4096.0
_NEAR = 0.14
"""Height below which a limb is near the cloth, metres."""
STILL = np.zeros(1)
"""Shifts of a cue that does not move during the exposure."""


@dataclass(frozen=True, slots=True)
class BallView:
    """A ball during one exposure.

    Attributes:
        label: which ball.
        centres: (K, 3) positions that sample the exposure, metres.
        turns: (K, 3, 3) rotations from the ball's own frame to the table's.
    """

    label: str
    centres: F64
    turns: F64


@dataclass(frozen=True, slots=True)
class Limb:
    """A tapered rod with round ends: part of a body, or the cue (see ``limb_kernels``)."""

    start: tuple[float, float, float]
    start_radius: float
    end: tuple[float, float, float]
    end_radius: float
    colour: tuple[float, float, float]
    material: int
    gloss: float = 0.0
    softness: float = 0.0

    def packed(self) -> F64:
        """The kernels' 14 numbers."""
        return np.array(
            [
                *self.start,
                self.start_radius,
                *self.end,
                self.end_radius,
                *self.colour[::-1],
                self.gloss,
                self.material,
                self.softness,
            ],
            dtype=np.float64,
        )


@dataclass(frozen=True, slots=True)
class View:
    """Everything that moves, at one exposure; ``limbs`` are painted in their order.

    ``slides`` are the shifts of the cue along its axis that sample the exposure, metres.
    """

    balls: Sequence[BallView] = ()
    limbs: Sequence[Limb] = ()
    slides: F64 = field(default_factory=lambda: STILL)


class Renderer:
    """Draws one table in one set-up.

    Args:
        table: its geometry.
        setup: room, camera, balls.
        caption: small words on the surroundings that say the picture is not a real table's;
            empty: none.
    """

    def __init__(self, table: Table, setup: Setup, *, caption: str = "VIRTUAL TABLE") -> None:
        self.table, self.setup = table, setup
        camera = setup.camera
        self._height, self._width = camera.height, camera.width
        background = paint_background(table, setup)
        self._rays, self._base = background.rays, background.picture
        self._albedo, self._surface = background.albedo, background.surface
        self._pockets = background.pockets
        self._camera, self._eye = pack_camera(camera), camera.position
        self._lamps = pack_lamps(setup)
        self._ambient = bgr(setup.ambient)
        self._picture = self._base.copy()
        tiles = (-(-self._height // optics.TILE), -(-self._width // optics.TILE))
        self._dirty: U8 = np.zeros(tiles, np.uint8)
        self._lit: U8 = np.zeros(tiles, np.uint8)
        self.set_balls(setup.balls)
        self._glyphs = self._draw_numerals()
        sensor = setup.sensor
        # Standard deviation of a pixel's box and the lens together, as width of a soft edge.
        self._softness = float(np.sqrt(sensor.blur**2 + 1 / 12) * np.sqrt(20))
        self._curve = textures.tone_curve(sensor.contrast, _CURVE_ENTRIES, _CURVE_PER_UNIT)
        self._gains = sensor.gain * bgr(sensor.white_balance)
        self._vignette = self._fall_off(sensor.vignette)
        rng = np.random.default_rng((setup.seed, 7))
        self._more, self._less = textures.noise_fields(
            rng, self._height, self._width, sensor.noise, sensor.grain
        )
        self._noisy = sensor.noise > 0
        self._decode = (
            np.where(
                np.arange(256) <= 10,
                np.arange(256) / 255 / 12.92,
                ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
            )
            * setup.projector.strength
        ).astype(np.float32)
        self._decode[0] = 0
        self._places: F32 = np.zeros((self._height, self._width, 2), np.float32)
        self.set_projector(pack_projector(setup.projector))
        self._no_light: U8 = np.zeros((2, 2, 3), np.uint8)
        self._occupied: U8 = np.zeros((2, 2), np.uint8)
        self._depths: F32 = np.full((self._height, self._width), np.inf, np.float32)
        planes = len(self._lamps) + 2
        self._near: F32 = np.zeros((planes, *self._cells(shade_kernels.FINE)), np.float32)
        self._far: F32 = np.zeros((planes, *self._cells(shade_kernels.COARSE)), np.float32)
        self._touched: U8 = np.zeros(tiles, np.uint8)
        self._shaded: U8 = np.zeros(tiles, np.uint8)
        self._body = False
        self._bands = self._cue_bands()
        self._texture = textures.smooth_periodic(np.random.default_rng((setup.seed, 9)))
        self._developed: U8 = np.zeros((self._height, self._width, 3), np.uint8)
        self._dirty[:] = 1
        self._develop(self._developed)
        self._dirty[:] = 0
        self._caption = _Caption(caption, table, setup) if caption else None

    def set_balls(self, look: BallLook) -> None:
        """Play on with another set of balls."""
        table = self.table
        self._looks = {label: pack_look(label, look, table) for label in table.balls.labels}

    def set_projector(self, packed: F64) -> None:
        """Change where the projector's light falls (see ``packing.pack_projector``)."""
        self._projector = packed
        optics.map_light(packed, self._surface, self._places)
        self._reaches = self._light_reaches()

    def render(self, view: View, *, light: U8 | None = None, seed: int = 0) -> U8:
        """Draw one picture.

        Args:
            view: balls, limbs and cue.
            light: light map of the projector (see ``light_map``), (rows, columns, 3) BGR; ``None``
                is a projector that is off.
            seed: decides the noise.

        Returns:
            BGR picture, (H, W, 3); the caller's own.
        """
        light_kernels.restore(self._picture, self._base, self._depths, self._dirty)
        lamps, ambient = self._lamps, float(self._ambient.mean())
        radius = self.table.balls.radius
        lit = light is not None and self._find_light(light)
        light_map = light if lit and light is not None else self._no_light
        limbs = [limb.packed() for limb in view.limbs]
        body = self._cast_body_shadow(limbs, lit)
        for ball in view.balls:
            middle = ball.centres[len(ball.centres) // 2]
            if middle[2] > 0.6 * radius:
                ball_kernels.shade_ball(
                    self._picture, self._dirty, self._surface, self._camera, middle, radius, lamps,
                    ambient,
                )  # fmt: skip
        if body:
            shade_kernels.apply_blocks(
                self._picture, self._dirty, self._shaded, self._near, self._far, self._surface,
                lamps, ambient,
            )  # fmt: skip
        if lit:
            centres = np.array([b.centres[len(b.centres) // 2] for b in view.balls]).reshape(-1, 3)
            light_kernels.add_light(
                self._picture, self._dirty, self._lit, self._surface, self._albedo, self._places,
                light_map, self._occupied, self._decode, self._projector, centres, radius,
                self._near[-1], self._far[-1], body,
            )  # fmt: skip
        self._draw_balls(view, light_map, lit)
        self._draw_limbs(view, limbs, light_map, lit)
        out = self._developed.copy()
        self._develop(out)
        if self._noisy:
            self._add_noise(out, seed)
        if self._caption is not None:
            self._caption.put(out)
        return out

    def limb_depth(self, pixels: F64) -> F64:
        """How far from the camera the nearest limb or cue of the last picture is, metres.

        Args:
            pixels: (N, 2).

        Returns:
            (N,), infinite where there is none.
        """
        column = np.clip(np.rint(pixels[:, 0]).astype(np.intp), 0, self._width - 1)
        row = np.clip(np.rint(pixels[:, 1]).astype(np.intp), 0, self._height - 1)
        return self._depths[row, column].astype(np.float64)

    def _draw_balls(self, view: View, light: U8, lit: bool) -> None:
        radius = self.table.balls.radius
        bounce_share = bgr(self.setup.cloth.colour)
        if not view.balls:
            return
        middles = np.array([b.centres[len(b.centres) // 2] for b in view.balls])
        reach = self._lamps_reaching(middles)
        # What the cloth around each ball throws back.
        drop2 = self._lamps[:, 2] ** 2
        aside = ((middles[:, None, :2] - self._lamps[None, :, :2]) ** 2).sum(axis=2)
        falling = reach * self._lamps[:, 5] * (drop2 / (aside + drop2)) ** 2
        bounce = bounce_share * (self._ambient + falling @ self._lamps[:, 6:9])
        # Balls in pockets first, then from far to near.
        distance = ((middles - self._eye) ** 2).sum(axis=1)
        for k in np.lexsort((-distance, middles[:, 2] > 0.6 * radius)):
            ball = view.balls[k]
            ball_kernels.draw_ball(
                self._picture, self._dirty, self._rays, self._eye, self._camera, self._softness,
                ball.centres, ball.turns, radius, self._looks[ball.label],
                self._glyphs[ball.label], self._lamps, reach[k], self._ambient, bounce[k],
                self._pockets, bool(middles[k, 2] < 0.9 * radius), light, self._decode,
                self._projector, 1.0 if lit else 0.0,
            )  # fmt: skip

    def _draw_limbs(self, view: View, packed: list[F64], light: U8, lit: bool) -> None:
        for limb, numbers in zip(view.limbs, packed, strict=True):
            is_cue = limb.material == limb_kernels.CUE
            limb_kernels.draw_limb(
                self._picture, self._depths, self._dirty, self._rays, self._eye, self._camera,
                self._softness, numbers, self._bands if is_cue else _NO_BANDS,
                view.slides if is_cue else STILL, self._lamps, self._ambient,
                self._texture, light, self._decode, self._projector, 1.0 if lit else 0.0,
            )  # fmt: skip

    def _cast_body_shadow(self, limbs: list[F64], lit: bool) -> bool:
        """Find what the body hides of each lamp, of the room's light and of the projector."""
        if self._body:
            self._near[:] = 0
            self._far[:] = 0
            self._touched[:] = 0
        self._body = bool(limbs)
        if not self._body:
            return False
        sources = [np.array([*lamp[:3], lamp[9]]) for lamp in self._lamps]
        # Light from everywhere comes from a wide cone straight above.
        sources.append(np.array([0.0, 0.0, 0.0, 0.9]))
        if lit:
            sources.append(np.array([*self._projector[:3], 0.02]))
        for limb in limbs:
            low = limb[2] < _NEAR and limb[6] < _NEAR
            planes, scale = (
                (self._near, shade_kernels.FINE) if low else (self._far, shade_kernels.COARSE)
            )
            for k, source in enumerate(sources):
                if k == len(self._lamps) and limb[12] == limb_kernels.CUE:
                    continue  # too thin to keep the room's light away
                shade_kernels.block_light(
                    planes[k], self._touched, self._surface, self._camera, limb, source, scale
                )
        shade_kernels.spread_touched(self._touched, self._shaded)
        return True

    def _lamps_reaching(self, centres: F64) -> F64:
        """Share of each lamp that the body leaves to each ball, (balls, lamps)."""
        lamps = len(self._lamps)
        if not self._body:
            return np.ones((len(centres), lamps))
        pixels = self.setup.camera.to_pixels(centres)
        hidden = np.zeros((len(centres), lamps))
        for planes, scale in ((self._near, shade_kernels.FINE), (self._far, shade_kernels.COARSE)):
            column, row = np.clip(pixels / scale, 0, None).astype(np.intp).T
            row = np.minimum(row, planes.shape[1] - 1)
            column = np.minimum(column, planes.shape[2] - 1)
            hidden = np.maximum(hidden, planes[:lamps, row, column].T)
        return 1.0 - hidden

    def _cue_bands(self) -> F64:
        look = self.setup.cue
        length = look.length
        return np.array(
            [
                [0.0, *look.tip[::-1]],
                [0.010, *look.ferrule[::-1]],
                [0.033, *look.shaft[::-1]],
                [0.505 * length, *look.ferrule[::-1]],
                [0.511 * length, *look.butt[::-1]],
                [0.71 * length, *look.wrap[::-1]],
                [0.90 * length, *look.butt[::-1]],
                [0.985 * length, 0.02, 0.02, 0.02],
            ],
            dtype=np.float64,
        )

    def _cells(self, scale: int) -> tuple[int, int]:
        return -(-self._height // scale) + 1, -(-self._width // scale) + 1

    def _draw_numerals(self) -> dict[str, F32]:
        camera, table = self.setup.camera, self.table
        scale = camera.pixels_per_metre(table.width / 2, table.length / 2, table.balls.radius)
        disc = 2 * self.setup.balls.disc_radius * table.balls.radius * scale
        size = int(np.clip(round(1.6 * disc), 8, 128))
        blank: F32 = np.zeros((2, 2), np.float32)
        return {
            label: textures.numeral(label, size) if label.isdigit() else blank
            for label in table.balls.labels
        }

    def _fall_off(self, loss: float) -> F32:
        y, x = np.mgrid[: self._height, : self._width].astype(np.float32)
        cx, cy = (self._width - 1) / 2, (self._height - 1) / 2
        r2 = ((x - cx) ** 2 + (y - cy) ** 2) / (cx**2 + cy**2)
        return np.asarray(1 - loss * r2, np.float32)

    def _light_reaches(self) -> NDArray[np.int32]:
        """Cells of the light map that each tile looks at."""
        rows, columns = LightMap.shape(self.table)
        out = np.zeros((*self._dirty.shape, 4), np.int32)
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                t = optics.TILE
                part = self._places[i * t : (i + 1) * t, j * t : (j + 1) * t].reshape(-1, 2)
                low, high = part.min(axis=0), part.max(axis=0)
                out[i, j] = (
                    np.clip(np.floor(low[0]), 0, columns),
                    np.clip(np.floor(low[1]), 0, rows),
                    np.clip(np.floor(high[0]) + 2, 0, columns),
                    np.clip(np.floor(high[1]) + 2, 0, rows),
                )
        return out

    def _find_light(self, light: U8) -> bool:
        if light.shape[:2] != LightMap.shape(self.table):
            raise ValueError(
                f"a light map of {light.shape[1]}x{light.shape[0]} cells is not this table's"
            )
        occupied = cv2.transform(light, np.ones((1, 3), np.float32))
        occupied = np.minimum(np.asarray(occupied, np.uint8).reshape(light.shape[:2]), 1)
        sums = np.asarray(cv2.integral(occupied), np.int32)
        # A place between cells is lit by the four around it.
        spread = cv2.dilate(occupied, np.ones((2, 2), np.uint8), anchor=(0, 0))
        self._occupied = np.asarray(spread, np.uint8).reshape(light.shape[:2])
        return light_kernels.find_lit_tiles(sums, self._reaches, self._lit) > 0

    def _develop(self, out: U8) -> None:
        light_kernels.develop(
            self._picture, self._dirty, self._vignette, self._gains,
            self.setup.sensor.saturation, self._curve, _CURVE_PER_UNIT, out,
        )  # fmt: skip

    def _add_noise(self, out: U8, seed: int) -> None:
        rng = np.random.default_rng((self.setup.seed, seed))
        spare_y = self._more.shape[0] - self._height
        spare_x = self._more.shape[1] - self._width
        for field_, operation in ((self._more, cv2.add), (self._less, cv2.subtract)):
            y, x = int(rng.integers(spare_y + 1)), int(rng.integers(spare_x + 1))
            operation(out, field_[y : y + self._height, x : x + self._width], dst=out)


_NO_BANDS = np.zeros((1, 4))


class _Caption:
    """Small words on the surroundings, where the table leaves most room."""

    def __init__(self, text: str, table: Table, setup: Setup) -> None:
        camera = setup.camera
        scale = max(0.32, camera.height / 720 * 0.40)
        (w, h), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        w, h = w + 6, h + base + 2
        r, z = table.rail_width, setup.rails.height
        best, at = -np.inf, (2, 2)
        edge = np.linspace(0, 1, 60)[:, None]
        corners = np.array(
            [
                (-r, -r, z),
                (table.width + r, -r, z),
                (table.width + r, table.length + r, z),
                (-r, table.length + r, z),
            ]
        )
        outline = np.concatenate(
            [a + edge * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
        )
        pixels = camera.to_pixels(outline)
        contour = np.asarray(pixels, np.float32).reshape(-1, 1, 2)
        for x in (3, (camera.width - w) // 2, camera.width - w - 3):
            for y in (2, camera.height - h - 2):
                box = [(x + a * w / 8, y + b * h) for a in range(9) for b in (0, 1)]
                room = min(-cv2.pointPolygonTest(contour, p, True) for p in box)
                if room > best:
                    best, at = room, (x, y)
        self._at = at
        ink: U8 = np.zeros((h, w), np.uint8)
        cv2.putText(ink, text, (3, h - base), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
        self._ink = (ink.astype(np.float32) / 255 * 0.85)[..., None]

    def put(self, picture: U8) -> None:
        x, y = self._at
        h, w = self._ink.shape[:2]
        part = picture[y : y + h, x : x + w]
        h, w = part.shape[:2]
        ink = self._ink[:h, :w]
        part[:] = (part * (1 - ink) + np.array([90, 190, 255], np.float32) * ink).astype(np.uint8)
