"""Finds the balls in one picture; the classical detector.

Cloth → unlike cloth → votes for discs of the known size → sub-pixel outline → which of them are
balls → what they are.  Every picture stands alone: nothing is remembered that a new picture could
contradict, except the colours that a colour profile has taught.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table
from billiards_trainer.vision.detection import (
    candidates,
    cloth,
    geometry,
    identity_network,
    judge,
    projected,
    refine,
)
from billiards_trainer.vision.detection.arrays import Array, Mask
from billiards_trainer.vision.detection.colours import ColourProfile, default_profile
from billiards_trainer.vision.detection.identity import Identifier, Identity
from billiards_trainer.vision.detection.view import View, make_view
from billiards_trainer.vision.detection.working import Working, prepare
from billiards_trainer.vision.tracking.measurement import Sight

LightView = NDArray[np.uint8]
"""The projector's light map at the exposure (see ``light_map``): BGR uint8, table coordinates."""

LEAST_VOTES = 0.2
LEAST_CONFIDENCE = 0.5
EDGE_SCATTER_PX = 0.45
"""Scatter of a ray's edge that stays however clear the outline: lens, limb and light."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One ball.

    Attributes:
        x_px: middle of the visible disc, column in pixels.
        y_px: row in pixels.
        radius_px: mean radius of the visible disc, pixels.
        x_m: centre of the ball in the table frame, metres.
        y_m: likewise.
        covariance: of (x_m, y_m): xx, xy, yy in m².
        confidence: probability that there is a ball.
        label_probabilities: label to probability; sums to 1.
        label: what to call it, ``unknown`` when that is not sure.
    """

    x_px: float
    y_px: float
    radius_px: float
    x_m: float
    y_m: float
    covariance: tuple[float, float, float]
    confidence: float
    label_probabilities: dict[str, float]
    label: str


class BallDetector:
    """Finds balls with a known camera over a known table.

    Not thread-safe: ``look`` answers about the picture last given to ``detect``, ``stages_ms``
    holds its stages' processor times, ``working`` what the cue finder can use again.
    """

    def __init__(
        self, table: Table, camera: CameraModel, profile: ColourProfile | None = None
    ) -> None:
        self.table = table
        self.camera = camera
        self.profile = profile or default_profile(table.balls)
        self.view: View = make_view(table, camera)
        self.identifier = Identifier(table.balls, self.profile, identity_network.in_force().network)
        self.working: Working | None = None
        self.stages_ms: dict[str, float] = {}

    def detect(
        self,
        picture: Mask,
        light: LightView | None = None,
        *,
        least_confidence: float = LEAST_CONFIDENCE,
    ) -> list[Detection]:
        """Find the balls.

        Args:
            picture: BGR uint8, of the camera's size.
            light: what the projector showed at the exposure, where that is known.
            least_confidence: doubtful balls are left out below it; less where a tracker knows
                what to expect.

        Returns:
            Balls, the surest first; empty when no cloth is seen.

        Raises:
            ValueError: the picture's size is not the camera's.
        """
        view = self.view
        if picture.shape[:2] != (self.camera.height, self.camera.width):
            raise ValueError(
                f"the picture has {picture.shape[1]}x{picture.shape[0]} pixels, "
                f"the camera {self.camera.width}x{self.camera.height}"
            )
        self.stages_ms = {}
        clock = time.thread_time_ns()
        try:
            self.working = working = prepare(picture, view, self.profile.cloth)
        except cloth.ClothError:
            self.working = None
            return []
        clock = self._lap("cloth", clock)
        places, value = candidates.peaks(candidates.votes(working.edges, view), view, LEAST_VOTES)
        clock = self._lap("votes", clock)
        if len(places) == 0:
            return []
        rays = refine.sample(picture, view, view.to_full(places))
        background = refine.background_at(working.cloth.background, places)
        strength = refine.edge_strength(rays, background)
        fit = refine.fit(rays, strength)
        clock = self._lap("outlines", clock)
        verdict = judge.judge(working, value, fit, strength)
        confidence = verdict.confidence.copy()
        # Only where a ball would be reported: the look costs time.
        likely = np.flatnonzero(confidence >= least_confidence)
        rings = projected.ring_share(rays.only(likely), background[likely]) > projected.RING
        confidence[likely[rings]] = 0.0
        keep = judge.select(view, fit, confidence, least_confidence)
        clock = self._lap("judge", clock)
        if len(keep) == 0:
            return []
        fits, at_most = self.identifier.look(
            picture, view, fit.middle[keep], fit.radius[keep], working.cloth
        )
        confidence[keep] = np.minimum(confidence[keep], at_most)
        still = confidence[keep] >= least_confidence
        keep = keep[still]
        if len(keep) == 0:
            return []
        identities = self.identifier.name(fits[still])
        self._lap("identity", clock)
        found = view.centre.at(fit.middle[keep])
        covariances = self._covariances(fit, keep)
        detections = [
            _detection(fit.middle[k], fit.radius[k], found[i], covariances[i], confidence[k], who)
            for i, (k, who) in enumerate(zip(keep, identities, strict=True))
        ]
        return sorted(detections, key=lambda d: -d.confidence)

    def look(self, x: float, y: float) -> Sight:
        """What the last picture shows where a ball's centre would be (table metres)."""
        if self.working is None:
            return Sight.UNKNOWN
        middle, radius = geometry.discs(self.camera, np.array([[x, y]]), self.table.balls.radius)
        spot = self.view.to_work(middle)[0]
        reach = float(radius[0]) / self.view.shrink
        span = np.linspace(-0.7, 0.7, 7) * reach
        columns = np.rint(spot[0] + span).astype(int)
        rows = np.rint(spot[1] + span).astype(int)
        if min(columns[0], rows[0]) < 0 or columns[-1] >= self.view.width:
            return Sight.UNKNOWN
        if rows[-1] >= self.view.height:
            return Sight.UNKNOWN
        covered = float((self.working.unlike[np.ix_(rows, columns)] > 90).mean())
        if covered < 0.15:
            return Sight.BARE
        return Sight.COVERED if covered > 0.5 else Sight.UNKNOWN

    def _lap(self, stage: str, began: int) -> int:
        """Note a stage's processor time; the time now."""
        now = time.thread_time_ns()
        self.stages_ms[stage] = (now - began) / 1e6
        return now

    def _covariances(self, fit: refine.Fit, keep: NDArray[np.intp]) -> Array:
        # In pixels, with the size's uncertainty marginalised out.
        scatter = np.hypot(fit.spread[keep], EDGE_SCATTER_PX)
        pixel = np.linalg.inv(fit.information[keep])[:, :2, :2] * (scatter**2)[:, None, None]
        jacobian = self.view.centre.slope(fit.middle[keep])
        out: Array = jacobian @ pixel @ jacobian.transpose(0, 2, 1)
        return out


def _detection(
    middle: Array, radius: float, place: Array, covariance: Array, confidence: float, who: Identity
) -> Detection:
    return Detection(
        x_px=float(middle[0]),
        y_px=float(middle[1]),
        radius_px=float(radius),
        x_m=float(place[0]),
        y_m=float(place[1]),
        covariance=(float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])),
        confidence=float(confidence),
        label_probabilities=who.probabilities,
        label=who.label,
    )
