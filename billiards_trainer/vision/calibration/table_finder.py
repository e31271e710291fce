"""From a picture to the table in it and the camera that took it.

The picture alone does not say which of a rectangle's sides are the long ones once the view is
oblique: both ways are tried, and pose, edges and the side pockets decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.errors import InputError
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.calibration import picture_check, rails
from billiards_trainer.vision.calibration.cloth import cloth_regions
from billiards_trainer.vision.calibration.evidence import Evidence
from billiards_trainer.vision.calibration.first_pose import (
    ASPECT_SPREAD,
    ASPECT_SPREAD_ASSUMED,
    rectangle_misfit,
    start_camera,
)
from billiards_trainer.vision.calibration.noses import corners_px
from billiards_trainer.vision.calibration.pockets import PocketEvidence, quads_by_pockets
from billiards_trainer.vision.calibration.pose import PoseFit, RailPoints, fit_pose
from billiards_trainer.vision.calibration.quadrilateral import Quad, fit_quads
from billiards_trainer.vision.calibration.rail_search import (
    Hypothesis,
    Known,
    search,
    search_from_noses,
)

Array = NDArray[np.float64]

ASSUMED_TABLE = "pool-9ft"
# Below this what was found is more likely wrong than right.
_LEAST_CONFIDENCE = 0.3
# Of the picture's long side: people do not click farther off than this.
_CLICKED = 0.009
# Below this a person is asked to look.
_UNSURE = 0.6
# Pixels hardly ever are less square than this many times their usual spread: the size is wrong.
_STRETCHED = 2.0


class TableNotFound(InputError):
    """No table in the picture; the message says in one sentence why, or what to do."""


@dataclass(frozen=True, slots=True)
class TableFit:
    """The table as found.

    Attributes:
        corners_px: (4, 2) pixels of the cushion-nose corners (0,0), (w,0), (w,l), (0,l).
        cloth_corners_px: (4, 2) the same for the outer edge of the cloth, where the rails' tops
            begin (a cushion's width outside the noses).
        camera: pose, focal length and lens; maps at any height above the cloth.
        table: the table whose size was used.
        table_assumed: no size was given, and 9-ft pool proportions were taken.
        head_guessed: nothing in the picture told the head end; see the table frame's convention.
        residual_px: root mean square distance of nose edge points from the fitted noses.
        residual_mm: the same in millimetres on the plane of the noses.
        cushion_width: visible cloth from nose to rail's top, metres.
        confidence: 0…1.
        source: ``detected``, or ``given`` where corners came from outside.
        note: one sentence where the result wants a person's eye, else ``None``.
    """

    corners_px: Array
    cloth_corners_px: Array
    camera: CameraModel
    table: Table
    table_assumed: bool
    head_guessed: bool
    residual_px: float
    residual_mm: float
    cushion_width: float
    confidence: float
    source: Literal["detected", "given"]
    note: str | None = None


def find_table(
    picture: NDArray[np.uint8],
    table: Table | None = None,
    *,
    size_known: bool = True,
    corners: ArrayLike | None = None,
    refine: bool = True,
    camera_height: float | None = None,
    focal_px: float | None = None,
) -> TableFit:
    """Find the table and the camera's pose.

    Args:
        picture: BGR uint8 (H, W, 3).
        table: the table's size; 9-ft pool proportions when ``None``.
        size_known: whether that is the table's own size, and not only its game's usual one.
        corners: (4, 2) pixels of the cushion-nose corners, in the table frame's order where they
            run anticlockwise on the screen; in any other order they are only places.
        refine: with ``corners``, whether they are moved onto the noses seen in the picture.
        camera_height: lens above the cloth in metres, where it is known: from straight above a
            picture cannot tell height from focal length.
        focal_px: focal length in pixels, where it is known.

    Raises:
        TableNotFound: no table is seen.
        InputError: not a picture, or corners that are not a quadrilateral.
    """
    picture_check.require_picture(picture)
    used = table if table is not None else preset(ASSUMED_TABLE)
    assumed = table is None or not size_known
    known = Known(
        used,
        camera_height,
        focal_px,
        (picture.shape[1], picture.shape[0]),
        ASPECT_SPREAD_ASSUMED if assumed else ASPECT_SPREAD,
    )
    if corners is not None:
        given = _ordered(np.asarray(corners, dtype=np.float64))
        if not refine:
            return _from_corners(given, known, assumed)
        fault = picture_check.describe_fault(picture)
        best = None if fault else _refined(picture, known, given)
        if best is None:
            return _from_corners(given, known, assumed)
        return _finished(best, known, assumed, given.is_oriented, "given")
    fault = picture_check.describe_fault(picture)
    if fault:
        raise TableNotFound(fault)
    hypotheses: list[Hypothesis] = []
    for quad in _coarse_quads(picture):
        hypotheses += _both_ways(picture, known, quad.corners, quad.score)
        if any(h.is_plain for h in hypotheses):
            break
    if not any(h.is_plain and h.evidence.holes.share > 0.6 for h in hypotheses):
        inner = [_inside_of(h, used) for h in hypotheses]
        for noses in inner + quads_by_pockets(picture, used, focal_px):
            one = search_from_noses(picture, known, noses, 0.8)
            if one is not None:
                hypotheses.append(one)
    if not hypotheses:
        raise TableNotFound("no table was found in the picture: all four rails must be in view")
    best = max(hypotheses, key=lambda h: h.rank)
    fit = _finished(best, known, assumed, False, "detected", _doubt(best, hypotheses, used))
    if fit.confidence < _LEAST_CONFIDENCE:
        raise TableNotFound("no table was found for sure: too much of its rails is hidden or dark")
    return fit


def _inside_of(found: Hypothesis, table: Table) -> Array:
    """Where the noses would be if the table's outer edge was taken for the cloth's end, (4, 2)."""
    cushion, rail = found.fit.cushion_width, table.rail_width
    size = np.array([table.width, table.length])
    shrunk = (size + 2 * cushion) / (size + 2 * rail)
    places = (np.array(table.corners) + rail) * shrunk - cushion
    return found.fit.camera.to_pixels(np.column_stack([places, np.full(4, table.cushion_height)]))


def _doubt(best: Hypothesis, all_of_them: list[Hypothesis], table: Table) -> float:
    """How much another way to see the table takes from the best one's confidence: a factor."""
    corners = corners_px(best.fit.camera, table)
    least = 0.006 * max(best.fit.camera.width, best.fit.camera.height)
    margin = math.inf
    for other in all_of_them:
        away = corners_px(other.fit.camera, table)
        if min(np.abs(np.roll(away, k, axis=0) - corners).max() for k in range(4)) > least:
            margin = min(margin, best.rank - other.rank)
    return float(np.clip(0.4 + 0.4 * margin, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Given:
    corners: Array
    is_oriented: bool


def _ordered(corners: Array) -> _Given:
    """Corners anticlockwise on the screen, and whether they came so."""
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise InputError("corners are four points: x,y,x,y,x,y,x,y")
    hull = cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2)
    if len(hull) != 4 or cv2.contourArea(hull) < 400:
        raise InputError("corners must be the four corners of a quadrilateral")
    x, y = corners.T
    area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    if abs(area) < 0.9 * cv2.contourArea(hull):
        centre = corners.mean(axis=0)
        angle = np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0])
        return _Given(corners[np.argsort(-angle)], False)
    # y runs downwards: a positive shoelace sum is clockwise on the screen.
    return _Given(corners[::-1].copy(), False) if area > 0 else _Given(corners, True)


def _coarse_quads(picture: NDArray[np.uint8], keep: int = 3) -> list[Quad]:
    found: list[Quad] = []
    for region in cloth_regions(picture):
        for quad in fit_quads(region.mask, 2):
            corners = (quad.corners + 0.5) / region.scale - 0.5
            found.append(Quad(corners, quad.score, quad.support))
    found.sort(key=lambda q: -q.score)
    kept: list[Quad] = []
    tolerance = 0.01 * max(picture.shape)
    for quad in found:
        if quad.score > 0.35 and all(
            min(
                float(np.abs(np.roll(quad.corners, k, axis=0) - other.corners).max())
                for k in range(4)
            )
            > tolerance
            for other in kept
        ):
            kept.append(quad)
        if len(kept) == keep:
            break
    return kept


def _both_ways(
    picture: NDArray[np.uint8], known: Known, corners: Array, score: float
) -> list[Hypothesis]:
    """Hypotheses with either pair of sides for the long rails; only one where that is plain."""
    turned = [np.roll(corners, -turn, axis=0) for turn in (0, 1)]
    misfit = [rectangle_misfit(c, known.size, known.picture, known.focal_px, 0.03) for c in turned]
    found: list[Hypothesis] = []
    for k in np.argsort(misfit):
        if found and misfit[k] > min(misfit) + 40.0:
            break
        one = search(picture, known, turned[k], score)
        if one is not None:
            found.append(one)
    return found


def _refined(picture: NDArray[np.uint8], known: Known, given: _Given) -> Hypothesis | None:
    """Corners that were given, moved onto the edges in the picture."""
    found: list[Hypothesis] = []
    for turn in (0,) if given.is_oriented else (0, 1):
        homography = rails.plane_homography(np.roll(given.corners, -turn, axis=0), *known.size)
        m, (w, length) = rails.CUSHION_WIDTH, known.size
        outer = np.array([[-m, -m], [w + m, -m], [w + m, length + m], [-m, length + m]])
        quad = np.column_stack([outer, np.ones(4)]) @ homography.T
        one = search(picture, known, quad[:, :2] / quad[:, 2:], 1.0, spread=0.02)
        if one is not None:
            found.append(one)
    if not found:
        return None
    best = max(found, key=lambda h: h.rank)
    moved = float(np.abs(corners_px(best.fit.camera, known.table) - given.corners).max())
    if given.is_oriented and moved > _CLICKED * max(known.picture):
        return None
    return best


def _from_corners(given: _Given, known: Known, assumed: bool) -> TableFit:
    """Pose from the four corners alone."""
    best: tuple[float, PoseFit] | None = None
    for turn in (0,) if given.is_oriented else (0, 1):
        corners = np.roll(given.corners, -turn, axis=0)
        first = start_camera(
            corners, known.size, 0.0, known.table.cushion_height, known.picture, known.focal_px
        )
        if first is None:
            continue
        t = np.linspace(0.0, 1.0, 9)[:, None]
        groups = [
            RailPoints(s, corners[s] * (1 - t) + corners[(s + 1) % 4] * t, False, 1.0, 0.0)
            for s in range(4)
        ]
        fit = fit_pose(
            groups,
            known.table,
            first,
            lens=False,
            camera_height=known.camera_height,
            focal_px=known.focal_px,
            aspect_spread=known.aspect_spread,
        )
        if best is None or fit.cost < best[0]:
            best = (fit.cost, fit)
    if best is None:
        raise TableNotFound("no camera above a table sees its corners where they were given")
    hypothesis = Hypothesis(
        best[1], Evidence((1.0,) * 4, (1.0,) * 4, 0.0, PocketEvidence(0, 0, 0)), 1.0
    )
    return _finished(hypothesis, known, assumed, given.is_oriented, "given")


def _finished(
    best: Hypothesis,
    known: Known,
    assumed: bool,
    oriented: bool,
    source: Literal["detected", "given"],
    doubt: float = 1.0,
) -> TableFit:
    camera, table = best.fit.camera, known.table
    corners = corners_px(camera, table)
    if not oriented and _head_is_at_far_end(corners):
        camera = turned_round(camera, table)
        corners = corners_px(camera, table)
    fitness = math.exp(-((best.fit.residual_mm / 12.0) ** 2))
    # Holes only where none should be: a frame round the table was taken for its noses.
    confidence = best.evidence.seen * fitness * min(1.0, 1.0 + best.evidence.holes.share) * doubt
    return TableFit(
        corners_px=corners,
        cloth_corners_px=corners_px(camera, table, best.fit.cushion_width, best.fit.rail_rise),
        camera=camera,
        table=table,
        table_assumed=assumed,
        head_guessed=not oriented,
        residual_px=best.fit.residual_px,
        residual_mm=best.fit.residual_mm,
        cushion_width=best.fit.cushion_width,
        confidence=float(np.clip(confidence, 0.0, 1.0)),
        source=source,
        note=_note(best, float(confidence), known, assumed),
    )


def _note(best: Hypothesis, confidence: float, known: Known, assumed: bool) -> str | None:
    """What a person should look at, if anything."""
    (fx, fy), table = best.fit.camera.focal, known.table
    if abs(math.log(fy / fx)) > _STRETCHED * known.aspect_spread:
        given = "assumed" if assumed else "given"
        return (
            f"the table looks longer or shorter than the {given} {table.length:.3f} x "
            f"{table.width:.3f} m: measure it from nose to nose, and give its size"
        )
    if confidence < _UNSURE:
        return (
            "the table is not sure: the rails may look like the cloth, or be hidden; give the "
            "corners of the noses, or light the table more evenly"
        )
    return None


def _head_is_at_far_end(corners: Array) -> bool:
    """Whether the end taken for the head is not the one the convention names.

    The head is the end nearer the left edge where the table lies along the picture, else the end
    nearer the lower edge.
    """
    head, foot = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
    dx, dy = foot - head
    return bool(dx < 0) if abs(dx) >= abs(dy) else bool(dy > 0)


def turned_round(camera: CameraModel, table: Table) -> CameraModel:
    """The same camera when the table's other end is called the head."""
    half_turn = np.diag([-1.0, -1.0, 1.0])
    rotation = camera.rotation_matrix @ half_turn
    shift = np.array(camera.translation) + camera.rotation_matrix @ np.array(
        [table.width, table.length, 0.0]
    )
    return CameraModel(
        camera.width,
        camera.height,
        camera.focal,
        camera.centre,
        tuple(float(v) for v in rotation.ravel()),
        (float(shift[0]), float(shift[1]), float(shift[2])),
        camera.distortion,
    )
