"""Table geometry: cushions, jaws, pockets, diamonds, spots and strings, in metres.

The table frame is the rectangle of the cushion noses.  Stand at the head rail and look towards the
foot: the origin is the near left corner, ``x`` runs to the right along the short side (0…width),
``y`` towards the foot along the long side (0…length), ``z`` up from the cloth.

Pockets follow the way the WPA equipment specification measures them: the *mouth* is the distance
between the two jaw points (where the nose line, prolonged, meets the facing), the *cut angle* is
the angle of the rubber between nose and facing, the *shelf* is the distance from the mouth line to
the edge where the slate is cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

Point = tuple[float, float]
Game = Literal["pool", "snooker", "carom"]

INCH = 0.0254


class TableError(ValueError):
    """A description that is not a table; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class BallSet:
    """The balls of one game: diameter in metres, mass in kilograms, the labels that exist."""

    name: Game
    diameter: float
    mass: float
    labels: tuple[str, ...]

    @property
    def radius(self) -> float:
        """Ball radius in metres."""
        return self.diameter / 2

    @property
    def is_numbered(self) -> bool:
        """Whether balls carry numbers and stripes (pool) rather than plain colours."""
        return self.name == "pool"


@dataclass(frozen=True, slots=True)
class PocketShape:
    """How a pocket is cut: lengths in metres, ``cut_angle`` in radians.

    Attributes:
        mouth: from jaw point to jaw point.
        cut_angle: of the rubber between nose and facing.
        shelf: from the mouth line to the edge of the hole.
        hole_radius: a ball drops whose centre is nearer to the hole's.
        jaw_radius: of the rounding of the jaw points.

    Raises:
        TableError: no pocket is cut like that.
    """

    mouth: float
    cut_angle: float
    shelf: float
    hole_radius: float
    jaw_radius: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _POCKET_RANGES[field.name]
            if not low <= value <= high:
                raise TableError(
                    f"a pocket's {field.name} is {value:g}; it lies between {low:g} and {high:g}"
                )


# A right angle would be no mouth, a straight one no jaw.
_POCKET_RANGES = {
    "mouth": (0.03, 0.25),
    "cut_angle": (math.radians(91), math.radians(165)),
    "shelf": (0.0, 0.1),
    "hole_radius": (0.02, 0.12),
    "jaw_radius": (0.0, 0.12),
}


@dataclass(frozen=True, slots=True)
class Pocket:
    """One pocket.

    A ball whose centre comes within ``radius`` of ``centre`` has lost the slate's support and
    drops.  ``jaws`` are the two jaw points of the mouth, in the order in which one passes them
    walking round the table from the origin along the near rail.
    """

    name: str
    kind: Literal["corner", "side"]
    centre: Point
    radius: float
    jaws: tuple[Point, Point]

    @property
    def mouth_centre(self) -> Point:
        """Middle of the line between the jaw points, in metres."""
        (x0, y0), (x1, y1) = self.jaws
        return ((x0 + x1) / 2, (y0 + y1) / 2)


@dataclass(frozen=True, slots=True)
class CushionSegment:
    """A straight piece of cushion: the nose along a rail, or the facing inside a pocket."""

    start: Point
    end: Point
    kind: Literal["nose", "facing"]


@dataclass(frozen=True, slots=True)
class Jaw:
    """The rounded point where nose and facing meet: a vertical cylinder of rubber."""

    centre: Point
    radius: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table with everything that is fixed on it.

    ``width`` and ``length`` measure the nose rectangle; ``cushion_height`` is the height of the
    nose above the cloth; ``rail_width`` is the distance from the nose to the table's outer edge.
    """

    name: str
    game: Game
    width: float
    length: float
    balls: BallSet
    cushion_height: float
    rail_width: float
    segments: tuple[CushionSegment, ...]
    jaws: tuple[Jaw, ...]
    pockets: tuple[Pocket, ...]
    diamonds: tuple[Point, ...]
    spots: dict[str, Point]
    strings: dict[str, tuple[Point, Point]]
    d_radius: float | None = None

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Nose-rectangle corners (0,0), (w,0), (w,l), (0,l)."""
        w, length = self.width, self.length
        return ((0.0, 0.0), (w, 0.0), (w, length), (0.0, length))

    def contains(self, x: float, y: float, margin: float = 0.0) -> bool:
        """Whether a point lies within the nose rectangle shrunk by ``margin`` metres."""
        return margin <= x <= self.width - margin and margin <= y <= self.length - margin

    def with_pocket_radii(self, radii: Sequence[float]) -> Table:
        """The same table with pockets that drop balls within other radii (metres), in order."""
        pockets = zip(self.pockets, radii, strict=True)
        return replace(self, pockets=tuple(replace(p, radius=r) for p, r in pockets))

    def nearest_pocket(self, x: float, y: float) -> tuple[Pocket, float] | None:
        """The pocket whose centre is nearest to the point, and that distance in metres."""
        if not self.pockets:
            return None
        distances = [math.dist((x, y), p.centre) for p in self.pockets]
        i = min(range(len(distances)), key=distances.__getitem__)
        return self.pockets[i], distances[i]


POOL_BALLS = BallSet("pool", 2.25 * INCH, 0.170, ("cue", *(str(n) for n in range(1, 16))))
SNOOKER_BALLS = BallSet(
    "snooker", 0.0525, 0.142, ("cue", "red", "yellow", "green", "brown", "blue", "pink", "black")
)
CAROM_BALLS = BallSet("carom", 0.0615, 0.210, ("cue", "yellow", "red"))
BALL_SETS: dict[str, BallSet] = {b.name: b for b in (POOL_BALLS, SNOOKER_BALLS, CAROM_BALLS)}

# WPA tournament table specification: corner mouth 4.5-4.625 in at 142°, side mouth 5-5.125 in at
# 104°, corner shelf 1-2.25 in, side shelf 0-3/8 in, nose at 62.5-64.5 % of the ball's diameter.
_POOL_CORNER = PocketShape(4.5625 * INCH, math.radians(142), 0.035, 0.0595, 0.012)
_POOL_SIDE = PocketShape(5.0625 * INCH, math.radians(104), 0.005, 0.0635, 0.010)
# WPBSA publishes templates, not numbers; these are the usual mouth at the fall and rounded jaws.
_SNOOKER_CORNER = PocketShape(0.089, math.radians(135), 0.028, 0.045, 0.055)
_SNOOKER_SIDE = PocketShape(0.106, math.radians(110), 0.006, 0.047, 0.045)
# Tight and loose: for pool the mouths of tables cut for professionals and of bar tables, with the
# ends of what the WPA allows a shelf to be; for snooker 5 mm less or more, which is our guess.
PocketCut = Literal["standard", "tight", "loose"]
_POCKETS: dict[tuple[Game, PocketCut], tuple[PocketShape, PocketShape]] = {
    ("pool", "standard"): (_POOL_CORNER, _POOL_SIDE),
    ("pool", "tight"): (
        replace(_POOL_CORNER, mouth=4.25 * INCH, shelf=2.25 * INCH),
        replace(_POOL_SIDE, mouth=4.75 * INCH, shelf=0.375 * INCH),
    ),
    ("pool", "loose"): (
        replace(_POOL_CORNER, mouth=5.0 * INCH, shelf=1.0 * INCH),
        replace(_POOL_SIDE, mouth=5.5 * INCH, shelf=0.0),
    ),
    ("snooker", "standard"): (_SNOOKER_CORNER, _SNOOKER_SIDE),
    ("snooker", "tight"): (
        replace(_SNOOKER_CORNER, mouth=0.084, shelf=0.033),
        replace(_SNOOKER_SIDE, mouth=0.101, shelf=0.0085),
    ),
    ("snooker", "loose"): (
        replace(_SNOOKER_CORNER, mouth=0.094, shelf=0.023),
        replace(_SNOOKER_SIDE, mouth=0.111, shelf=0.0035),
    ),
}
POCKET_CUTS: tuple[PocketCut, ...] = ("standard", "tight", "loose")


def pocket_shapes(game: Game, cut: PocketCut = "standard") -> tuple[PocketShape, PocketShape]:
    """The corner and the side pocket of a game's tables.

    Raises:
        TableError: the game's tables have no pockets, or not cut like that.
    """
    try:
        return _POCKETS[game, cut]
    except KeyError:
        raise TableError(f"a {game} table has no pockets that are cut {cut!r}") from None


@dataclass(frozen=True, slots=True)
class _Preset:
    game: Game
    length: float
    width: float
    cushion_height: float
    rail_width: float


_PRESETS: dict[str, _Preset] = {
    "pool-7ft": _Preset("pool", 78 * INCH, 39 * INCH, 0.0363, 0.120),
    "pool-8ft": _Preset("pool", 88 * INCH, 44 * INCH, 0.0363, 0.125),
    "pool-9ft": _Preset("pool", 100 * INCH, 50 * INCH, 0.0363, 0.130),
    "snooker-12ft": _Preset("snooker", 3.569, 1.778, 0.0325, 0.130),
    "carom-10ft": _Preset("carom", 2.840, 1.420, 0.0370, 0.125),
}
TABLE_NAMES: tuple[str, ...] = tuple(_PRESETS)


def preset(
    name: str, *, corner: PocketShape | None = None, side: PocketShape | None = None
) -> Table:
    """The table of that name (see ``TABLE_NAMES``), with its own pockets or with others.

    Raises:
        TableError: the name is not known, or the pockets do not go with it.
    """
    try:
        p = _PRESETS[name]
    except KeyError:
        raise TableError(f"unknown table {name!r}; known are {', '.join(TABLE_NAMES)}") from None
    return build(
        name,
        p.game,
        p.length,
        p.width,
        cushion_height=p.cushion_height,
        rail_width=p.rail_width,
        corner=corner,
        side=side,
    )


def build(
    name: str,
    game: Game,
    length: float,
    width: float,
    *,
    ball_diameter: float | None = None,
    cushion_height: float | None = None,
    rail_width: float = 0.125,
    corner: PocketShape | None = None,
    side: PocketShape | None = None,
) -> Table:
    """A table measured by hand: everything but the game and the nose rectangle has a default.

    Args:
        name: what people call it.
        game: decides the balls, the pockets and the spots.
        length: nose to nose along the long side, metres.
        width: nose to nose along the short side, metres.
        ball_diameter: metres; the game's own when ``None``.
        cushion_height: nose above cloth, metres; 63.5 % of the ball's diameter when ``None``.
        rail_width: nose to outer edge, metres.
        corner: corner pocket cut; the game's own when ``None``.
        side: side pocket cut; the game's own when ``None``.

    Raises:
        TableError: sizes that are not a table's.
    """
    if game not in BALL_SETS:
        raise TableError(f"unknown game {game!r}; known are {', '.join(BALL_SETS)}")
    if not (math.isfinite(length) and math.isfinite(width) and 0.5 <= width and length <= 6.0):
        raise TableError(
            f"a table of {length:g} x {width:g} m is not a table; sides lie between 0.5 and 6 m"
        )
    if not 1.2 <= length / width <= 2.8:
        raise TableError(
            f"a table of {length:g} x {width:g} m is not a table; the long side comes first and is "
            "about twice the short one"
        )
    balls = BALL_SETS[game]
    if ball_diameter is not None:
        if not 0.03 <= ball_diameter <= 0.08:
            raise TableError(f"a ball of {ball_diameter:g} m is not a billiard ball (0.03 to 0.08)")
        # A ball of the same material: mass goes with the cube of the diameter.
        mass = balls.mass * (ball_diameter / balls.diameter) ** 3
        balls = replace(balls, diameter=ball_diameter, mass=mass)
    height = 0.635 * balls.diameter if cushion_height is None else cushion_height
    if not 0.0 < height < balls.diameter:
        raise TableError(
            f"a cushion {height:g} m above the cloth does not meet a ball of {balls.diameter:g} m"
        )
    if game == "carom":
        if corner or side:
            raise TableError("a carom table has no pockets")
        segments, jaws, pockets = _without_pockets(width, length)
    else:
        default_corner, default_side = pocket_shapes(game)
        segments, jaws, pockets = _with_pockets(
            width, length, corner or default_corner, side or default_side, balls.diameter
        )
    spots, strings, d_radius = _markings(game, width, length)
    return Table(
        name=name,
        game=game,
        width=width,
        length=length,
        balls=balls,
        cushion_height=height,
        rail_width=rail_width,
        segments=segments,
        jaws=jaws,
        pockets=pockets,
        diamonds=_diamonds(game, width, length, rail_width),
        spots=spots,
        strings=strings,
        d_radius=d_radius,
    )


def parse_size(text: str) -> tuple[float, float]:
    """``LxW`` in metres, e.g. ``2.54x1.27``, as (length, width), the longer side first.

    Raises:
        TableError: anything else.
    """
    parts = text.lower().split("x")
    try:
        a, b = (float(p) for p in parts)
    except ValueError:
        raise TableError(
            f"a table size is written LxW in metres, e.g. 2.54x1.27, not {text!r}"
        ) from None
    return max(a, b), min(a, b)


def _without_pockets(
    w: float, length: float
) -> tuple[tuple[CushionSegment, ...], tuple[Jaw, ...], tuple[Pocket, ...]]:
    corners = ((0.0, 0.0), (w, 0.0), (w, length), (0.0, length))
    noses = tuple(CushionSegment(corners[i], corners[(i + 1) % 4], "nose") for i in range(4))
    return noses, (), ()


def _with_pockets(
    w: float, length: float, corner: PocketShape, side: PocketShape, ball: float
) -> tuple[tuple[CushionSegment, ...], tuple[Jaw, ...], tuple[Pocket, ...]]:
    """Six pockets, walking round from the origin: along +x, +y, -x, -y."""
    for shape, name in ((corner, "corner"), (side, "side")):
        if shape.mouth <= ball:
            raise TableError(
                f"a {name} pocket with a mouth of {shape.mouth:g} m lets no ball of {ball:g} m in"
            )
    a = corner.mouth / math.sqrt(2)
    half = side.mouth / 2
    mid = length / 2
    # Jaw points in walking order; each rail piece runs between two of them.  `leave` is the shape
    # of the pocket behind, `meet` of the pocket ahead.
    rails: list[tuple[Point, Point, PocketShape, PocketShape]] = [
        ((a, 0.0), (w - a, 0.0), corner, corner),
        ((w, a), (w, mid - half), corner, side),
        ((w, mid + half), (w, length - a), side, corner),
        ((w - a, length), (a, length), corner, corner),
        ((0.0, length - a), (0.0, mid + half), corner, side),
        ((0.0, mid - half), (0.0, a), side, corner),
    ]
    names = ("near-right", "right", "far-right", "far-left", "left", "near-left")
    pockets: list[Pocket] = []
    for i, name in enumerate(names):
        before, after = rails[i], rails[(i + 1) % 6]
        jaw0, jaw1 = before[1], after[0]
        shape = before[3]
        mx, my = (jaw0[0] + jaw1[0]) / 2, (jaw0[1] + jaw1[1]) / 2
        # Outward normal of the mouth line: walking with the cloth on the left, it points right.
        tx, ty = _unit(jaw0, jaw1)
        ox, oy = ty, -tx
        reach = shape.shelf + shape.hole_radius
        kind: Literal["corner", "side"] = "side" if name in ("right", "left") else "corner"
        x, y = mx + ox * reach, my + oy * reach
        if 0.0 <= x <= w and 0.0 <= y <= length:
            raise TableError(f"a {kind} pocket's hole lies on the bed: its shelf is too short")
        pockets.append(
            Pocket(
                name=name,
                kind=kind,
                centre=(x, y),
                radius=shape.hole_radius,
                jaws=(jaw0, jaw1),
            )
        )
    # `pockets[i]` stands at the end of rail i, so rail i begins at pocket i-1.
    segments: list[CushionSegment] = []
    jaws: list[Jaw] = []
    for i, (start, end, leave, meet) in enumerate(rails):
        direction = _unit(start, end)
        jaw_a, tangent_a, facing_a = _jaw(start, direction, leave, pockets[i - 1])
        back = (-direction[0], -direction[1])
        jaw_b, tangent_b, facing_b = _jaw(end, back, meet, pockets[i])
        segments += [facing_a, CushionSegment(tangent_a, tangent_b, "nose"), facing_b]
        jaws += [jaw_a, jaw_b]
        for facing, shape, pocket in (
            (facing_a, leave, pockets[i - 1]),
            (facing_b, meet, pockets[i]),
        ):
            tx, ty = _unit(facing.start, facing.end)
            px, py = pocket.centre[0] - facing.start[0], pocket.centre[1] - facing.start[1]
            if abs(tx * py - ty * px) >= shape.hole_radius + ball / 2:
                raise TableError(
                    f"a {pocket.kind} pocket's hole with a radius of {shape.hole_radius:g} m lets "
                    "balls pass beside it"
                )
    return tuple(segments), tuple(jaws), tuple(pockets)


def _jaw(
    vertex: Point, along: Point, shape: PocketShape, pocket: Pocket
) -> tuple[Jaw, Point, CushionSegment]:
    """Round the corner between nose and facing.

    ``along`` is the unit vector from the jaw point along the nose, away from the pocket.  Returns
    the jaw, the point where the nose becomes straight, and the facing down into the hole.
    """
    cx, cy = pocket.centre
    # The facing turns from the nose by the cut angle, to the side on which the hole lies.
    sign = 1.0 if along[0] * (cy - vertex[1]) - along[1] * (cx - vertex[0]) > 0 else -1.0
    into = _rotate(along, sign * shape.cut_angle)
    half = shape.cut_angle / 2
    bisector = _rotate(along, sign * half)
    reach = shape.jaw_radius / math.sin(half)
    tangent = shape.jaw_radius / math.tan(half)
    centre = (vertex[0] + bisector[0] * reach, vertex[1] + bisector[1] * reach)
    nose_start = (vertex[0] + along[0] * tangent, vertex[1] + along[1] * tangent)
    facing_start = (vertex[0] + into[0] * tangent, vertex[1] + into[1] * tangent)
    # The facing ends at the far side of the hole: long enough that no ball passes behind it.
    depth = math.dist(vertex, pocket.centre) + pocket.radius
    facing_end = (vertex[0] + into[0] * depth, vertex[1] + into[1] * depth)
    return (
        Jaw(centre, shape.jaw_radius),
        nose_start,
        CushionSegment(facing_start, facing_end, "facing"),
    )


def _markings(
    game: Game, w: float, length: float
) -> tuple[dict[str, Point], dict[str, tuple[Point, Point]], float | None]:
    x = w / 2
    if game == "snooker":
        # World Rules: baulk line 29 in from the baulk cushion, D radius 11.5 in, black 12.75 in
        # from the top cushion; scaled with the table, as smaller tables are marked.
        scale = length / 3.569
        baulk, d, black = 0.737 * scale, 0.292 * scale, 0.324 * scale
        spots = {
            "green": (x - d, baulk),
            "brown": (x, baulk),
            "yellow": (x + d, baulk),
            "blue": (x, length / 2),
            "pink": (x, length * 3 / 4),
            "black": (x, length - black),
        }
        return spots, {"baulk": ((0.0, baulk), (w, baulk))}, d
    spots = {"head": (x, length / 4), "centre": (x, length / 2), "foot": (x, length * 3 / 4)}
    strings = {
        "head": ((0.0, length / 4), (w, length / 4)),
        "foot": ((0.0, length * 3 / 4), (w, length * 3 / 4)),
    }
    if game == "carom":
        # Cue balls are spotted 18.25 cm to either side of the head spot (UMB rules, match table).
        offset = 0.1825 * length / 2.84
        spots["left"] = (x - offset, length / 4)
        spots["right"] = (x + offset, length / 4)
    return spots, strings, None


def _diamonds(game: Game, w: float, length: float, rail_width: float) -> tuple[Point, ...]:
    """Sights on the rails; those that would fall on a side pocket do not exist."""
    if game == "snooker":
        return ()
    out = 0.72 * rail_width  # WPA: 3 11/16 in from the nose on a 5 in rail
    on_long = [k for k in range(1, 8) if game == "carom" or k != 4]
    points = [(w * k / 4, y) for y in (-out, length + out) for k in (1, 2, 3)]
    points += [(x, length * k / 8) for x in (-out, w + out) for k in on_long]
    return tuple(points)


def _unit(a: Point, b: Point) -> Point:
    d = math.dist(a, b)
    return ((b[0] - a[0]) / d, (b[1] - a[1]) / d)


def _rotate(v: Point, angle: float) -> Point:
    c, s = math.cos(angle), math.sin(angle)
    return (c * v[0] - s * v[1], s * v[0] + c * v[1])
