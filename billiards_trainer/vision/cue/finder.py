"""Finds the cue in one picture and says how it lies in space.

Seen from one camera a shaft is only a plane through the lens: where in that plane it lies takes
its height.  The tip of a cue that addresses a ball is about at the ball's centre, and the butt is
raised a few degrees to clear the rail; what is not known of both goes into the angle's uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.cue import ribbon, shaft
from billiards_trainer.vision.cue.shaft import Shaft
from billiards_trainer.vision.detection import cloth
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.cloth import GREY
from billiards_trainer.vision.detection.view import make_view
from billiards_trainer.vision.detection.working import Working, prepare

ELEVATION, ELEVATION_STD = math.radians(4.0), math.radians(2.0)
TIP_HEIGHT_STD = 0.008
TIP_NARROWEST, TIP_WIDEST = 0.0065, 0.024
BUTT_WIDEST = 0.042
LEAST_VISIBLE = 0.08
"""Metres of shaft with both edges seen."""
SURE = 0.9
"""From this confidence on weaker candidates are not looked at."""
LEAST_CONFIDENCE = 0.5
UNLIKE = 90
TIP_LEVEL = 0.4
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

    Args:
        picture: BGR uint8, of the camera's size.
        table: the table.
        camera: the camera.
        detections: the balls of this picture; their outlines are not shafts.
        previous: the cue of the last picture; of two candidates the one that continues it wins.
        working: the picture made ready, as ``BallDetector.working`` has it; made anew when absent.

    Returns:
        The cue, or ``None`` when there is none over the table.
    """
    if working is None:
        try:
            working = prepare(picture, make_view(table, camera))
        except cloth.ClothError:
            return None
    view = working.view
    sure = [d for d in detections if d.confidence > 0.5]
    middles = view.to_work(np.array([[d.x_px, d.y_px] for d in sure]).reshape(-1, 2))
    radii = np.array([d.radius_px for d in sure]) / view.shrink
    best: CueObservation | None = None
    best_score = strongest = 0.0
    for candidate in ribbon.find_ribbons(working, middles, radii):
        if best is not None and best.confidence > SURE and candidate.votes < strongest:
            break
        measured = shaft.measure(working, candidate)
        if measured is None:
            continue
        seen = _interpret(working, measured)
        if seen is None:
            continue
        score = seen.confidence * (1.0 + _continues(seen, previous))
        if score > best_score:
            best, best_score, strongest = seen, score, max(strongest, candidate.votes)
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None


def _continues(seen: CueObservation, previous: CueObservation | None) -> float:
    if previous is None:
        return 0.0
    turn = math.remainder(seen.angle_rad - previous.angle_rad, 2 * math.pi)
    moved = math.dist(seen.tip_m[:2], previous.tip_m[:2])
    return 0.5 * math.exp(-((turn / 0.15) ** 2) - (moved / 0.3) ** 2)


def _interpret(working: Working, measured: Shaft) -> CueObservation | None:
    """Which end is the tip, and is it a cue at all."""
    view = working.view
    camera, table = view.camera, view.table
    height = table.balls.radius
    ends = np.array([measured.axis(measured.start), measured.axis(measured.end)])
    places = camera.to_plane(shaft.real(camera, ends), height)
    if not np.isfinite(places).all():
        return None
    length = float(np.linalg.norm(places[1] - places[0]))
    if length < LEAST_VISIBLE:
        return None
    per_metre = abs(measured.end - measured.start) / max(length, 1e-6)
    widths = [measured.width(s) / per_metre for s in (measured.start, measured.end)]
    free = [_is_free_end(working, measured, s) for s in (measured.start, measured.end)]
    inside = [table.contains(float(x), float(y), 0.0) for x, y in places]
    # Positive: the end of the stations' run is the tip.
    lean = 0.0
    lean += 2.0 * (float(inside[1] and free[1]) - float(inside[0] and free[0]))
    lean += 1.0 * (float(inside[1]) - float(inside[0]))
    deep = [_depth(table, float(x), float(y)) for x, y in places]
    lean += float(np.clip((deep[1] - deep[0]) / 0.15, -1.5, 1.5))
    taper = (widths[0] - widths[1]) / length
    lean += float(np.clip(taper / 0.004, -1.5, 1.5))
    tip_is_end = lean > 0
    tip_width = widths[1] if tip_is_end else widths[0]
    butt_width = widths[0] if tip_is_end else widths[1]
    if not (inside[1] if tip_is_end else inside[0]):
        return None
    if not TIP_NARROWEST < tip_width < TIP_WIDEST or not 0.005 < butt_width < BUTT_WIDEST:
        return None
    body = _bodiness(working, measured)
    if body < 0.6:
        return None
    other_free = free[0] if tip_is_end else free[1]
    other_inside = inside[0] if tip_is_end else inside[1]
    # A line of light ends on the cloth at both ends; a cue leaves the table or is held.
    if other_free and other_inside and length < 0.9:
        return None
    tip = _locate_tip(working, measured, tip_is_end)
    sign = 1.0 if tip_is_end else -1.0
    fill = float(measured.seen.mean() * len(measured.stations))
    fill /= max(1.0, (measured.end - measured.start) / _step(measured))
    evidence = 3.0 * min(1.0, length / 0.35) + 3.0 * (min(1.0, fill) - 0.4) + 2.0 * (body - 0.8)
    evidence += 1.0 * float(free[1] if tip_is_end else free[0]) - 1.5
    # A line of light is narrow, does not widen, and leaves the cloth its colour.
    widening = (butt_width - tip_width) / length
    evidence += float(np.clip(widening / 0.006, -1.0, 1.0))
    evidence += float(np.clip((butt_width + tip_width - 0.022) / 0.006, -1.5, 1.0))
    if _is_lit_cloth(working, measured):
        evidence -= 2.0
    confidence = 1 / (1 + math.exp(-evidence))
    return _in_space(working, measured, tip, sign, length, tip_width, confidence)


def _depth(table: Table, x: float, y: float) -> float:
    """Distance from the nearest cushion, metres; negative outside."""
    return min(x, table.width - x, y, table.length - y)


def _in_space(
    working: Working,
    measured: Shaft,
    tip_s: float,
    sign: float,
    length: float,
    tip_width: float,
    confidence: float,
) -> CueObservation:
    camera, table = working.view.camera, working.view.table
    tip_ideal = measured.axis(tip_s)
    direction = sign * measured.axis_direction
    behind = tip_ideal - direction * max(50.0, abs(measured.end - measured.start))
    tip_px, behind_px, ahead_px = shaft.real(
        camera, np.stack([tip_ideal, behind, tip_ideal + direction])
    )
    height = table.balls.radius
    tip_m = camera.to_plane(tip_px, height)
    rays = camera.rays(np.stack([tip_px, behind_px]))
    normal = np.cross(rays[1], rays[0])
    flat = tip_m - camera.to_plane(behind_px, height)
    guess = math.atan2(float(flat[1]), float(flat[0]))
    angle = _angle(normal, ELEVATION, guess)
    step = math.radians(0.5)
    slope = (_angle(normal, ELEVATION + step, guess) - _angle(normal, ELEVATION - step, guess)) / (
        2 * step
    )
    shown = ahead_px - tip_px
    shown = shown / np.linalg.norm(shown)
    std = math.hypot(measured.angle_std, slope * ELEVATION_STD)
    return CueObservation(
        tip_px=(float(tip_px[0]), float(tip_px[1])),
        direction_px=(float(shown[0]), float(shown[1])),
        tip_m=(float(tip_m[0]), float(tip_m[1]), height),
        angle_rad=math.remainder(angle, 2 * math.pi),
        angle_std_rad=std,
        elevation_rad=ELEVATION,
        elevation_std_rad=ELEVATION_STD,
        angle_per_elevation=slope,
        length_m=length,
        tip_width_m=tip_width,
        confidence=confidence,
    )


def _angle(normal: Array, elevation: float, guess: float) -> float:
    """Table angle of a line in the viewing plane that dips by ``elevation`` towards its tip.

    The pointing direction (cos a·cos e, sin a·cos e, -sin e) is at right angles to the plane's
    normal n: n_x cos a + n_y sin a = n_z tan e.
    """
    nx, ny, nz = (float(v) for v in normal)
    size = math.hypot(nx, ny)
    if size < 1e-12:
        return guess
    turn = math.acos(max(-1.0, min(1.0, nz * math.tan(elevation) / size)))
    base = math.atan2(ny, nx)
    return min(
        (base + turn, base - turn),
        key=lambda a: abs(math.remainder(a - guess, 2 * math.pi)),
    )


def _step(measured: Shaft) -> float:
    return float(measured.stations[1] - measured.stations[0])


def _is_free_end(working: Working, measured: Shaft, s: float) -> bool:
    """Whether only cloth follows beyond an end, rather than a hand or the picture's border."""
    sign = 1.0 if s == measured.end else -1.0
    scale = working.view.mean_radius * working.view.shrink
    far = s + sign * np.linspace(0.5, 1.5, 6) * scale
    values = shaft.unlike_at(working, shaft.real(working.view.camera, measured.axes(far)))
    return bool(np.mean(values < UNLIKE) >= 0.6)


def _bodiness(working: Working, measured: Shaft) -> float:
    """Share of the seen axis over the bed that is unlike cloth: a shadow is not a cue."""
    view = working.view
    pixels = shaft.real(view.camera, measured.axes(measured.stations[measured.seen]))
    pixels = pixels[shaft.values_at(view, view.shaft, pixels, 0) > 0]
    if len(pixels) < 5:
        return 0.0
    return float((shaft.unlike_at(working, pixels) > UNLIKE).mean())


def _is_lit_cloth(working: Working, measured: Shaft) -> bool:
    """Whether the axis looks like cloth under more light: brighter alike in every channel."""
    pixels = shaft.real(working.view.camera, measured.axes(measured.stations[measured.seen]))
    ratio = np.array(
        [
            np.median(shaft.values_at(working.view, working.divided[:, :, c], pixels, GREY))
            for c in range(3)
        ]
    )
    return bool(ratio.min() > 0.97 * GREY and ratio.max() < 1.6 * ratio.min())


def _locate_tip(working: Working, measured: Shaft, tip_is_end: bool) -> float:
    """Where along the axis the shaft gives way to cloth, to a fraction of a pixel."""
    s = measured.end if tip_is_end else measured.start
    sign = 1.0 if tip_is_end else -1.0
    reach = 3 * abs(measured.width(s)) + 2 * _step(measured)
    along = np.arange(-reach, reach, 0.5)
    side = np.array([-0.25, 0.0, 0.25]) * measured.width(s)
    axis = measured.axes(s + sign * along)
    points = (axis[:, None, :] + side[None, :, None] * measured.across).reshape(-1, 2)
    at = shaft.real(working.view.camera, points).reshape(len(along), 3, 2).astype(np.float32)
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
    end = shaft.real(view.camera, measured.axis(s)[None])
    beyond = np.array([shaft.values_at(view, cloth_colour[:, :, c], end, 0)[0] for c in range(3)])
    contrast = wood - beyond
    size = float(contrast @ contrast)
    if size < 100.0:
        return s
    # Ferrule and leather have colours of their own: the shaft ends where cloth begins.
    level = np.sqrt(((profile - beyond) ** 2).sum(axis=1) / size)
    cloth_like = np.flatnonzero(level[quarter:] < TIP_LEVEL)
    if len(cloth_like) == 0:
        return s
    k = int(cloth_like[0]) + quarter - 1
    a, b = float(level[k]), float(level[k + 1])
    return float(s + sign * (along[k] + 0.5 * (a - TIP_LEVEL) / max(a - b, 1e-6)))
