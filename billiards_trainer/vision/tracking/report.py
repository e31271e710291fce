"""A track as others see it."""

from __future__ import annotations

from billiards_trainer.messages import BallState
from billiards_trainer.table import Table
from billiards_trainer.vision.tracking.hypotheses import carried
from billiards_trainer.vision.tracking.settings import TrackerSettings
from billiards_trainer.vision.tracking.track import Track


def ball_state(
    track: Track, exposure_ns: int, table: Table, settings: TrackerSettings, *, blind: bool
) -> BallState:
    """The ball at a time not before its last picture; covariances hold what is not known of it.

    Args:
        track: the ball.
        exposure_ns: the time.
        table: cushions and pockets.
        settings: see there.
        blind: whether the picture of that time shows nothing.
    """
    if track.rest is not None:
        x, y, vx, vy = track.rest.x, track.rest.y, 0.0, 0.0
        unseen_s = max(0.0, (exposure_ns - track.seen_ns) / 1e9)
        # What lies under an arm may have been touched: 2 mm more with each second.
        var_x = var_y = track.rest.mean_variance + (0.002 * unseen_s) ** 2
    else:
        motion = carried(track, exposure_ns, table, settings)
        x, y, vx, vy = motion.x, motion.y, motion.vx, motion.vy
        var_x, var_y = motion.along_x.pp, motion.along_y.pp
    measured = track.measured
    if track.offset is not None:
        x, y = x + track.offset[0], y + track.offset[1]
        measured = measured and (measured[0] + track.offset[0], measured[1] + track.offset[1])
    # Light and shadow on the outline, and the calibration: all pictures err alike.
    floor_x, floor_y = (settings.systematic**2 + settings.outline * v for v in track.outline)
    pixels = track.pixels or (None, None, None)
    return BallState(
        track=track.number,
        label=track.belief.shown,
        label_confidence=min(1.0, max(0.0, track.belief.shown_probability)),
        x_m=x,
        y_m=y,
        vx=vx,
        vy=vy,
        covariance=(var_x + floor_x, 0.0, var_y + floor_y),
        confidence=1.0 if track.misses == 0 else max(0.05, 0.9**track.misses),
        visible=track.misses == 0 and track.life == "real" and not blind,
        moving=track.moving,
        in_hand=track.in_hand,
        x_px=pixels[0],
        y_px=pixels[1],
        radius_px=pixels[2],
        measured_m=measured,
        evidence=track.evidence,
    )
