"""Finds the cue in one picture and says how it lies in space.

Seen from one camera a shaft is only a plane through the lens: where in that plane it lies takes
its height.  The tip of a cue that addresses a ball is about at the ball's centre, and the butt is
raised a few degrees to clear the rail; what is not known of both goes into the angle's uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.cue import fan, ribbon, shaft, space, verdict
from billiards_trainer.vision.cue.line import Line, ideal, pixels_per_metre, real, values_at
from billiards_trainer.vision.cue.shaft import Shaft
from billiards_trainer.vision.cue.verdict import USUAL_BUTT_M, USUAL_TIP_M, Looks
from billiards_trainer.vision.detection import cloth
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.view import make_view
from billiards_trainer.vision.detection.working import Working, prepare

NARROWEST_TIP, WIDEST_TIP = 0.0065, 0.024
WIDEST_BUTT = 0.042
LEAST_VISIBLE = 0.10
"""Metres of shaft with both edges seen."""
SURE = 0.9
"""From this confidence on no other way to find it is tried."""
FOLLOWED = 2.0
"""Evidence that lies in having seen it just before, log odds."""
STROKE_M = 0.15
"""From one picture to the next a tip seldom moves farther; a faster one is found anew."""
TURNED_PX = 7.0
"""A cue that is followed lies at most so far beside where it was."""
FEW, MOST_STRUCK = 3, 3
ADDRESS_M = 0.45
"""A tip so far behind a ball may address it."""
POINTS_AT = 1.3
"""Its axis passes the ball's centre within so many radii."""
OVER_RAIL_M = 0.40
"""A tip that addresses a ball may be so far outside the cushion noses."""
LEAST_CONFIDENCE = 0.5
SHADE = 25.0
"""Cloth may differ so much from its surroundings, in shadow for instance; levels."""
TIP_LEVEL = 0.2
"""Share of the contrast between shaft and cloth at which the shaft ends."""


class Disc(Protocol):
    """A detected ball's disc."""

    @property
    def x_px(self) -> float: ...
    @property
    def y_px(self) -> float: ...
    @property
    def radius_px(self) -> float: ...
    @property
    def confidence(self) -> float: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CueObservation:
    """The cue in one picture.

    Attributes:
        tip_px: the tip, pixels.
        direction_px: unit vector in the picture along which the cue points, at the tip.
        tip_m: the tip in the table frame, metres; its height is assumed.
        angle_rad: atan2(dy, dx) of the pointing direction in the table frame.
        angle_std_rad: standard deviation, the unknown elevation included.
        elevation_rad: of the butt above the tip.
        elevation_std_rad: standard deviation.
        angle_per_elevation: how the angle would change with the elevation (rad/rad).
        length_m: visible length on the plane of the tip.
        tip_width_m: apparent width at the tip.
        confidence: that this is a cue.
    """

    tip_px: tuple[float, float]
    direction_px: tuple[float, float]
    tip_m: tuple[float, float, float]
    angle_rad: float
    angle_std_rad: float
    elevation_rad: float
    elevation_std_rad: float
    angle_per_elevation: float
    length_m: float
    tip_width_m: float
    confidence: float


def find_cue(
    picture: Mask,
    table: Table,
    camera: CameraModel,
    detections: Sequence[Disc],
    previous: CueObservation | None = None,
    *,
    working: Working | None = None,
) -> CueObservation | None:
    """Find the cue.

    Where it was in the last picture first; else behind the cue ball; else anywhere over the cloth.

    Args:
        picture: BGR uint8, of the camera's size.
        table: the table.
        camera: the camera.
        detections: the balls of this picture; their outlines are not shafts.
        previous: the cue of the last picture, when there was one.
        working: the picture made ready, as ``BallDetector.working`` has it; made anew when absent.

    Returns:
        The cue, or ``None`` when there is none over the table.
    """
    if working is None:
        try:
            working = prepare(picture, make_view(table, camera))
        except cloth.ClothError:
            return None
    balls = _Balls.of(working, [d for d in detections if d.confidence > 0.5])
    best: CueObservation | None = None
    for line in _searches(working, balls, previous):
        measured = shaft.measure(working, line)
        seen = None if measured is None else _interpret(working, measured, balls, line.prior)
        if seen is None:
            continue
        if seen.confidence >= SURE:
            return seen
        if best is None or seen.confidence > best.confidence:
            best = seen
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None


def candidates(working: Working, detections: Sequence[Disc]) -> Iterator[tuple[Shaft, Reading]]:
    """Everything that a search from nothing measures as a shaft: for fitting the verdict."""
    balls = _Balls.of(working, [d for d in detections if d.confidence > 0.5])
    for line in _searches(working, balls, None):
        measured = shaft.measure(working, line)
        read = None if measured is None else _read(working, measured, balls)
        if measured is not None and read is not None:
            yield measured, read


def _searches(working: Working, balls: _Balls, previous: CueObservation | None) -> Iterator[Line]:
    """Lines worth measuring, the likeliest first, by ever more laborious ways."""
    if previous is not None:
        yield _expected(working, balls, previous)
    for ball in balls.struck:
        yield from fan.lines_at(
            working, balls.middles[ball], float(balls.radii[ball]), balls.middles, balls.radii
        )
    shrink = working.view.shrink
    yield from ribbon.find_ribbons(
        working, working.view.to_work(balls.middles), balls.radii / shrink
    )


def _expected(working: Working, balls: _Balls, previous: CueObservation) -> Line:
    """Where the cue of the last picture is now: it moves along itself and turns little."""
    camera, scale = working.view.camera, pixels_per_metre(working.view)
    tip_px = np.array(previous.tip_px)
    ends = ideal(camera, np.stack([tip_px - 20 * np.array(previous.direction_px), tip_px]))
    direction = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    ahead = STROKE_M * scale
    to = balls.ideal - ends[1]
    along = to @ direction
    beside = np.abs(to[:, 1] * direction[0] - to[:, 0] * direction[1])
    in_the_way = along[(beside < balls.radii) & (along > -balls.radii) & (along < ahead)]
    ahead = min(ahead, float(in_the_way.min(initial=np.inf)))
    return Line(ends[1], direction, ahead, FOLLOWED, TURNED_PX)


@dataclass(frozen=True, slots=True)
class _Balls:
    """The balls of a picture: middles of their discs, full-resolution and ideal pixels, radii.

    ``struck`` are those at which a cue may point: the cue ball, or all where none is known.
    """

    middles: Array
    ideal: Array
    radii: Array
    struck: tuple[int, ...]

    @classmethod
    def of(cls, working: Working, discs: Sequence[Disc]) -> _Balls:
        middles = np.array([[d.x_px, d.y_px] for d in discs]).reshape(-1, 2)
        radii = np.array([d.radius_px for d in discs])
        named = [k for k, d in enumerate(discs) if d.label == "cue"]
        struck = named or (list(range(len(discs))) if len(discs) <= FEW else [])
        free = ideal(working.view.camera, middles) if len(discs) else middles
        return cls(middles, free, radii, tuple(struck[:MOST_STRUCK]))


def _interpret(
    working: Working, measured: Shaft, balls: _Balls, prior: float
) -> CueObservation | None:
    """Which end is the tip, and is it a cue at all."""
    read = _read(working, measured, balls)
    if read is None:
        return None
    return _observation(working, measured, read, verdict.confidence(read.looks, prior))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a shaft is like as a cue.

    Attributes:
        looks: for the verdict.
        tip_is_end: whether the tip is at the end of the stations' run, not at their start.
        length: visible, metres at a ball's height.
        tip_width: apparent, metres.
        ball_px: middle of the ball that it addresses, (2,), pixels.
    """

    looks: Looks
    tip_is_end: bool
    length: float
    tip_width: float
    ball_px: Array | None


def _read(working: Working, measured: Shaft, balls: _Balls) -> Reading | None:
    """What it is like; ``None`` for what cannot be a cue."""
    view = working.view
    camera, table = view.camera, view.table
    ends = np.array([measured.axis(measured.start), measured.axis(measured.end)])
    places = camera.to_plane(real(camera, ends), table.balls.radius)
    if not np.isfinite(places).all():
        return None
    length = float(np.linalg.norm(places[1] - places[0]))
    if length < LEAST_VISIBLE:
        return None
    scale = abs(measured.end - measured.start) / length
    widths = [measured.width(s) / scale for s in (measured.start, measured.end)]
    free = [verdict.is_free_end(working, measured, s) for s in (measured.start, measured.end)]
    inside = [table.contains(float(x), float(y), 0.0) for x, y in places]
    taper = (widths[0] - widths[1]) / length
    tip_is_end = measured.aimed or _leans_to_end(table, places, inside, free, taper)
    tip, other = (1, 0) if tip_is_end else (0, 1)
    struck = _struck(measured, tip_is_end, balls, ADDRESS_M * scale)
    outside = -_depth(table, float(places[tip, 0]), float(places[tip, 1]))
    if outside > (OVER_RAIL_M if struck is not None else 0.0):
        return None
    if not NARROWEST_TIP < widths[tip] < WIDEST_TIP or widths[other] > WIDEST_BUTT:
        return None
    over_cloth, body, lit = verdict.over_the_cloth(working, measured)
    run = (measured.stations >= measured.start) & (measured.stations <= measured.end)
    fill = float(measured.seen[run].mean())
    thick = [math.log(widths[k] / w) for k, w in ((tip, USUAL_TIP_M), (other, USUAL_BUTT_M))]
    widening = (widths[other] - widths[tip]) / length / (2 * shaft.TAPER)
    looks = Looks(
        aimed=float(struck is not None),
        gap=0.0 if struck is None else struck[0],
        beside=0.0 if struck is None else struck[1],
        length=min(1.0, length / 0.5),
        seen=min(1.2, math.sqrt(length * fill / 0.5)),
        fill=fill,
        held=float(measured.held[run].mean()),
        contrast=measured.contrast,
        scatter=min(1.5, measured.scatter),
        thin_tip=max(0.0, -thick[0]),
        thick_tip=max(0.0, thick[0]),
        thin_butt=max(0.0, -thick[1]),
        thick_butt=max(0.0, thick[1]),
        widening=float(np.clip(widening, -1.0, 2.0)),
        body=body,
        lit=lit,
        over_cloth=over_cloth,
        tip_free=float(free[tip]),
        loose=float(free[other] and inside[other]),
        along_rail=_along_rail(table, places),
    )
    ball = None if struck is None else balls.middles[struck[2]]
    return Reading(looks, tip_is_end, length, float(widths[tip]), ball)


def _along_rail(table: Table, places: Array) -> float:
    """1 for what lies at or outside the noses and runs along a rail."""
    (dx, dy) = np.abs(places[1] - places[0])
    turn = math.atan2(min(dx, dy), max(dx, dy))
    deepest = max(_depth(table, float(x), float(y)) for x, y in places)
    return float(np.clip(1.5 - turn / 0.06, 0, 1) * np.clip((0.03 - deepest) / 0.02, 0, 1))


def _leans_to_end(
    table: Table, places: Array, inside: list[bool], free: list[bool], taper: float
) -> bool:
    """Whether the tip is at the end of the stations' run rather than at their start."""
    lean = 2.0 * (float(inside[1] and free[1]) - float(inside[0] and free[0]))
    lean += 1.0 * (float(inside[1]) - float(inside[0]))
    deep = [_depth(table, float(x), float(y)) for x, y in places]
    lean += float(np.clip((deep[1] - deep[0]) / 0.15, -1.5, 1.5))
    lean += float(np.clip(taper / 0.004, -1.5, 1.5))
    return lean > 0


def _struck(
    measured: Shaft, tip_is_end: bool, balls: _Balls, reach: float
) -> tuple[float, float, int] | None:
    """The nearest ball ahead of the tip: distance in shares of ``reach``, how far beside, which."""
    d = measured.axis_direction if tip_is_end else -measured.axis_direction
    to = balls.ideal - measured.axis(measured.end if tip_is_end else measured.start)
    along, beside = to @ d, np.abs(to[:, 1] * d[0] - to[:, 0] * d[1]) / balls.radii
    ahead = np.flatnonzero((along > 0) & (along < reach) & (beside < POINTS_AT))
    if len(ahead) == 0:
        return None
    nearest = int(ahead[along[ahead].argmin()])
    return float(along[nearest] / reach), float(beside[nearest]), nearest


def _depth(table: Table, x: float, y: float) -> float:
    """Distance from the nearest cushion, metres; negative outside."""
    return min(x, table.width - x, y, table.length - y)


def _observation(
    working: Working, measured: Shaft, read: Reading, confidence: float
) -> CueObservation:
    """The cue in space, and as the picture shows it."""
    camera = working.view.camera
    tip = measured.axis(_locate_tip(working, measured, read.tip_is_end))
    direction = measured.axis_direction if read.tip_is_end else -measured.axis_direction
    behind = tip - direction * max(50.0, abs(measured.end - measured.start))
    tip_px, behind_px, ahead_px = real(camera, np.stack([tip, behind, tip + direction]))
    shown = ahead_px - tip_px
    shown = shown / np.linalg.norm(shown)
    pose = space.lay(camera, working.view.table, tip_px, behind_px, read.ball_px)
    return CueObservation(
        tip_px=(float(tip_px[0]), float(tip_px[1])),
        direction_px=(float(shown[0]), float(shown[1])),
        tip_m=pose.tip_m,
        angle_rad=pose.angle,
        angle_std_rad=math.hypot(measured.angle_std, pose.angle_per_elevation * pose.elevation_std),
        elevation_rad=pose.elevation,
        elevation_std_rad=pose.elevation_std,
        angle_per_elevation=pose.angle_per_elevation,
        length_m=read.length,
        tip_width_m=read.tip_width,
        confidence=confidence,
    )


def _step(measured: Shaft) -> float:
    return float(measured.stations[1] - measured.stations[0])


def _locate_tip(working: Working, measured: Shaft, tip_is_end: bool) -> float:
    """Where along the axis the shaft gives way to cloth, to a fraction of a pixel."""
    s = measured.end if tip_is_end else measured.start
    sign = 1.0 if tip_is_end else -1.0
    reach = 3 * abs(measured.width(s)) + 2 * _step(measured)
    along = np.arange(-reach, reach, 0.5)
    side = np.array([-0.25, 0.0, 0.25]) * measured.width(s)
    axis = measured.axes(s + sign * along)
    points = (axis[:, None, :] + side[None, :, None] * measured.across).reshape(-1, 2)
    at = real(working.view.camera, points).reshape(len(along), 3, 2).astype(np.float32)
    colours = cv2.remap(
        working.picture,
        np.ascontiguousarray(at[:, :, 0]),
        np.ascontiguousarray(at[:, :, 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float64)
    profile = colours.reshape(len(along), 3, 3).mean(axis=1)
    quarter = max(2, len(along) // 5)
    wood = profile[:quarter].mean(axis=0)
    view, cloth_colour = working.view, working.cloth.background
    end = real(view.camera, measured.axis(s)[None])
    beyond = np.array([values_at(view, cloth_colour[:, :, c], end, 0)[0] for c in range(3)])
    contrast = wood - beyond
    size = float(contrast @ contrast)
    if size < 100.0:
        return s
    # Ferrule and leather have colours of their own: the shaft ends where cloth begins.
    level = np.sqrt(((profile - beyond) ** 2).sum(axis=1) / size)
    least = min(0.45, max(TIP_LEVEL, SHADE / math.sqrt(size)))
    cloth_like = np.flatnonzero(level[quarter:] < least) + quarter
    if len(cloth_like) == 0 or level[cloth_like[0] - 1] < least:
        return s
    k = int(cloth_like[0]) - 1
    a, b = float(level[k]), float(level[k + 1])
    return float(s + sign * (along[k] + 0.5 * (a - least) / (a - b)))
