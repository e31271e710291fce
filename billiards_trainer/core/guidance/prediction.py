"""What a shot will do if it is played as it is aimed: the physics engine, put into messages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from billiards_trainer import messages as m
from billiards_trainer.core.guidance import corridor, ways
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.physics import layout
from billiards_trainer.physics.batch import simulate_batch
from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.parameters import Models, PhysicsParameters, for_table
from billiards_trainer.physics.state import BallsState, StateError
from billiards_trainer.physics.strike import FASTEST_CUE, Strike, StrikeError
from billiards_trainer.physics.trajectory import Trajectory
from billiards_trainer.table import Table

_TOLERANCE = 0.006
"""Balls seen to overlap by so much touch; metres."""
_FAN_HEIGHTS = (-0.4, 0.4)
"""Tip offsets of a usual draw and a usual follow, in ball radii."""
_FAN_EVENTS = 24
_KINDS = {
    layout.BALL_BALL: m.EventKind.BALL_COLLISION,
    layout.CUSHION: m.EventKind.CUSHION_COLLISION,
    layout.JAW: m.EventKind.CUSHION_COLLISION,
    layout.POCKET: m.EventKind.POCKETED,
    layout.TO_RESTING: m.EventKind.AT_REST,
}
# Midpoints of 13 equally likely slices of the normal distribution.
_NODES = np.array(
    [-1.769, -1.198, -0.869, -0.615, -0.396, -0.194, 0.0, 0.194, 0.396, 0.615, 0.869, 1.198, 1.769]
)


@dataclass(frozen=True, slots=True)
class PredictorSettings:
    """Attributes:

    aim_noise: standard deviation of how a player misses the aim, rad.
    speed_noise: the same of the speed, share of it.
    most_time: seconds of the shot that are looked at.
    most_events: contacts that are looked at.
    """

    aim_noise: float = math.radians(0.35)
    speed_noise: float = 0.08
    most_time: float = 12.0
    most_events: int = 160


class PredictionError(Exception):
    """There is no prediction; one sentence why."""


class Predictor:
    """Predicts shots on one table.  The first call compiles; see ``warm``.

    Args:
        table: where they are played.
        settings: see there.
        parameters: of the engine; the game's standard when ``None``.
        physics: name of the calibration that they come from.
        models: of the engine; its own when ``None``.
        clock: seconds.

    Attributes:
        spread: the errors of whoever plays.
    """

    def __init__(
        self,
        table: Table,
        settings: PredictorSettings | None = None,
        parameters: PhysicsParameters | None = None,
        physics: str | None = None,
        models: Models | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.table = table
        self.settings = settings or PredictorSettings()
        self.parameters = parameters or for_table(table)
        self.physics = physics
        self.models = models or Models()
        self.spread = corridor.Spread()
        self._clock = clock

    def warm(self) -> None:
        """Load the compiled engine, so that the first live prediction is as quick as any."""
        w, length = self.table.width, self.table.length
        balls = (
            m.BallState(track=1, label="cue", x_m=w / 2, y_m=length / 4),
            m.BallState(track=2, label="unknown", x_m=w / 2, y_m=length / 2),
        )
        self.predict(balls, Aim(1, math.pi / 2, 0.0, 0.0, 0.0, 0.0, 1.0, False), 0, 0)

    def predict(
        self,
        balls: Sequence[m.BallState],
        aim: Aim,
        frame: int,
        exposure_ns: int,
        *,
        odds: bool = True,
    ) -> m.Prediction:
        """Play the shot in the engine.

        Args:
            balls: what lies on the table.
            aim: how the cue strikes.
            frame: of the state that this is derived from.
            exposure_ns: likewise.
            odds: also work out probabilities (a third of the time it takes).

        Raises:
            PredictionError: the struck ball is not there, or the balls cannot lie like that.
        """
        began = self._clock()
        lying = [b for b in balls if not b.in_hand and self._is_on_bed(b)]
        striker = next((i for i, b in enumerate(lying) if b.track == aim.track), None)
        if striker is None:
            raise PredictionError("the ball that is aimed at is not on the table")
        places = [(b.x_m, b.y_m) for b in lying]
        state = BallsState.at_rest(places, self.parameters.radius)
        try:
            strike = Strike(
                striker, aim.speed, aim.angle, aim.elevation, side=aim.side, height=aim.height
            )
            shot = simulate(
                self.table,
                state,
                strike,
                parameters=self.parameters,
                models=self.models,
                max_events=self.settings.most_events,
                max_time=self.settings.most_time,
                tolerance=_TOLERANCE,
            )
        except (StateError, StrikeError) as error:
            raise PredictionError(str(error)) from None
        first = ways.first_contact(shot, striker)
        target = None if first is None else first[1]
        paths = self._paths(shot, lying)
        pot, scratch = self._odds(shot.initial, strike, aim, target) if odds else (None, 0.0)
        return m.Prediction(
            frame=frame,
            exposure_ns=exposure_ns,
            speed=aim.speed,
            angle_rad=aim.angle,
            elevation_rad=aim.elevation,
            ghost_ball=None if first is None else ways.place(shot, first[0], 0),
            target=None if target is None else lying[target].label,
            target_track=None if target is None else lying[target].track,
            cut_angle_rad=None if first is None else ways.cut_angle(shot, first[0]),
            paths=tuple(paths),
            events=tuple(self._events(shot, lying)),
            pot_probability=pot,
            scratch_probability=scratch,
            physics=self.physics,
            fan=self._fan(shot.initial, strike, aim, lying[striker]) if odds and target else (),
            corridor=None
            if first is None
            else self._corridor(shot, first, lying[striker], lying[first[1]], aim, paths),
            compute_ms=1e3 * (self._clock() - began),
        )

    def _fan(
        self, state: BallsState, strike: Strike, aim: Aim, cue_ball: m.BallState
    ) -> tuple[m.PathPiece, ...]:
        """The struck ball's way after its first contact, drawn back and followed through."""
        if aim.height_seen:
            return ()
        found = []
        for height in _FAN_HEIGHTS:
            shot = simulate(
                self.table,
                state,
                replace(strike, height=height),
                parameters=self.parameters,
                models=self.models,
                max_events=_FAN_EVENTS,
                max_time=self.settings.most_time,
                tolerance=_TOLERANCE,
            )
            first = ways.first_contact(shot, strike.ball)
            if first is None:
                continue
            rows = [r for r in ways.by_ball(shot)[strike.ball] if r[0] >= shot.times[first[0]]]
            points = ways.polyline(rows)
            if len(points) > 1:
                found.append(
                    m.PathPiece(
                        label=cue_ball.label, track=cue_ball.track, points=points, end="cut_off"
                    )
                )
        return tuple(found)

    def _corridor(
        self,
        shot: Trajectory,
        first: tuple[int, int],
        cue_ball: m.BallState,
        target: m.BallState,
        aim: Aim,
        paths: Sequence[m.PathPiece],
    ) -> m.Corridor | None:
        way = next((p.points for p in paths if p.track == target.track), None)
        if way is None:
            return None
        contact = corridor.Contact(
            start=(cue_ball.x_m, cue_ball.y_m),
            ghost=ways.place(shot, first[0], 0),
            target=way[0],
            leaves=math.atan2(way[1][1] - way[0][1], way[1][0] - way[0][0]),
            radius=self.parameters.radius,
            aim_std=math.hypot(self.settings.aim_noise, aim.angle_std),
            start_std=_place_std(cue_ball),
            target_std=_place_std(target),
        )
        found = corridor.corridor(contact, way, self.spread.factor)
        if found is None:
            return None
        return m.Corridor(
            track=target.track,
            share=corridor.SHARE,
            reach=found.reach,
            left=found.left,
            right=found.right,
        )

    def _is_on_bed(self, ball: m.BallState) -> bool:
        """Not in a pocket, where a ball may still be seen."""
        return self.table.contains(ball.x_m, ball.y_m, self.table.balls.radius / 2) and not any(
            math.dist((ball.x_m, ball.y_m), p.centre) < p.radius for p in self.table.pockets
        )

    def _odds(
        self, state: BallsState, strike: Strike, aim: Aim, target: int | None
    ) -> tuple[float | None, float]:
        """Share of strikes, spread as a player's are, that pot the target, and the cue ball."""
        s = self.settings
        rows = np.empty((len(_NODES), 8))
        rows[:] = (
            strike.ball,
            strike.speed,
            strike.direction,
            strike.elevation,
            strike.side,
            strike.height,
            strike.cue_mass,
            strike.end_mass,
        )
        rows[:, 2] += _NODES * math.hypot(s.aim_noise, aim.angle_std) * self.spread.factor
        # Speeds in an order that goes with no direction.
        rows[:, 1] *= 1 + s.speed_noise * _NODES[np.argsort(np.sin(7.0 * np.arange(len(_NODES))))]
        rows[:, 1] = np.minimum(rows[:, 1], FASTEST_CUE)
        out = simulate_batch(
            self.table,
            state,
            rows,
            parameters=self.parameters,
            models=self.models,
            max_events=s.most_events,
            max_time=s.most_time,
            threads=1,
        )
        scratch = float((out.pocket_of[:, strike.ball] >= 0).mean())
        if target is None:
            return None, scratch
        return float((out.pocket_of[:, target] >= 0).mean()), scratch

    def _paths(self, shot: Trajectory, balls: Sequence[m.BallState]) -> list[m.PathPiece]:
        """One polyline for each ball that moves; the struck ball's first."""
        found = []
        for i, rows in sorted(ways.by_ball(shot).items()):
            points = ways.polyline(rows)
            if len(points) < 2:
                continue
            pocket = int(shot.pocket_of[i])
            if pocket >= 0:
                end = "pocketed"
            else:
                end = "rest" if rows[-1][1] == layout.TO_RESTING else "cut_off"
            piece = m.PathPiece(
                label=balls[i].label,
                track=balls[i].track,
                points=tuple(points),
                end=end,
                pocket=self.table.pockets[pocket].name if pocket >= 0 else None,
            )
            found.append((i != int(shot.kinds[0, 1]), piece))
        return [piece for _, piece in sorted(found, key=lambda entry: entry[0])]

    def _events(self, shot: Trajectory, balls: Sequence[m.BallState]) -> list[m.PredictedEvent]:
        found = []
        for k, (kind, ball, other) in enumerate(shot.kinds.tolist()):
            if kind not in _KINDS:
                continue
            pair = kind == layout.BALL_BALL
            x, y = ways.place(shot, k, 0)
            found.append(
                m.PredictedEvent(
                    t=float(shot.times[k]),
                    kind=_KINDS[kind],
                    labels=tuple(balls[i].label for i in ((ball, other) if pair else (ball,))),
                    x_m=x,
                    y_m=y,
                    pocket=self.table.pockets[other].name if kind == layout.POCKET else None,
                )
            )
        return found


def _place_std(ball: m.BallState) -> float:
    """How far off a ball was seen along any one direction, metres."""
    xx, _, yy = ball.covariance
    return math.sqrt((xx + yy) / 2)
