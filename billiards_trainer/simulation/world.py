"""The virtual world: balls under true physics, and a player who clears rack after rack.

A pure state machine: the same table, seed and times give the same world.  Time only moves on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.physics.parameters import Models, PhysicsParameters
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.trajectory import EventKind, Trajectory
from billiards_trainer.simulation.acts import Act, Carry, Place, RackUp, Shot
from billiards_trainer.simulation.games import (
    COLOURS,
    Call,
    balls_on,
    come_back,
    is_over,
    is_red_next,
)
from billiards_trainer.simulation.observation import TrueEvent
from billiards_trainer.simulation.orientation import orthonormal, random_turn, rotation
from billiards_trainer.simulation.racks import Rack, default_rack, free_spot, racked
from billiards_trainer.simulation.shooter import (
    Situation,
    Skill,
    break_stroke,
    choose_stroke,
    first_met,
    pot_ideas,
)
from billiards_trainer.simulation.stroke import Tempo
from billiards_trainer.table import Point, Table

Array = NDArray[np.float64]

MOST_SHOTS = 120
"""A rack that drags on is given up."""
CAROM_POINTS = 8
"""A carom rack ends when the cue ball has met both others so often."""
_TURN_STEPS = 8
_TURN_AT_ONCE = 0.15
"""Steps in which a rolling ball's orientation is integrated from one picture to the next."""


@dataclass(frozen=True, slots=True)
class Play:
    """How the world is played in.

    Attributes:
        rack: which rack; the table's usual one when ``None``.
        tempo: how quickly the player moves.
        skill: how human the player is.
        parameters: true physics; the standard of the table's game when ``None``.
        models: true models; the standard ones when ``None``.
        break_speed: of the cue at the break, m/s; the game's usual when ``None``.
    """

    rack: Rack | None = None
    tempo: Tempo = field(default_factory=Tempo)
    skill: Skill = field(default_factory=Skill)
    parameters: PhysicsParameters | None = None
    models: Models | None = None
    break_speed: float | None = None


class World:
    """Balls, player and time.

    Attributes:
        table: geometry.
        labels: which ball each index is.
        time: seconds since the world began.
        turns: (N, 3, 3) orientation of each ball at ``time``.
        rack: number of the present rack, from 1.
        shot: number of the present shot in the rack; 0 before the break.
        act: what is going on.
    """

    def __init__(self, table: Table, *, seed: int = 1, play: Play | None = None) -> None:
        self.table, self.play = table, play or Play()
        self._rng = np.random.default_rng((seed, 3))
        self._kind: Rack = self.play.rack or default_rack(table)
        self.time = 0.0
        self.rack = self.shot = 0
        self._events: list[TrueEvent] = []
        self._red_next = True
        self._on: tuple[int, ...] = ()
        self._points = 0
        placed = racked(table, self._kind, self._rng)
        self.labels = tuple(label for label, _ in placed)
        self.turns: Array = np.array([random_turn(self._rng) for _ in placed])
        self.state = BallsState.at_rest([at for _, at in placed], table.balls.radius)
        self._queue: list[str] = ["rack"]
        self.act: Act = Place(-1.0, self.state, (), table)
        self._finish()

    def advance(self, to: float) -> tuple[TrueEvent, ...]:
        """Move on to a time; returns what has happened since the last call."""
        if to < self.time:
            raise ValueError("time only moves on")
        while self.act.ends <= to:
            self._turn_balls(self.act.ends)
            self._finish()
        self._turn_balls(to)
        happened = tuple(e for e in self._events if e.time_s <= to)
        self._events = [e for e in self._events if e.time_s > to]
        return happened

    # --- orientation -----------------------------------------------------------------------------

    def _turn_balls(self, to: float) -> None:
        """Roll every ball from the present time to ``to``, within the present act."""
        span = to - self.time
        if span <= 0:
            return
        middles = self.time + (np.arange(_TURN_STEPS) + 0.5) * span / _TURN_STEPS
        for i in range(len(self.labels)):
            spin = self.act.ball(i, middles).spin
            if not spin.any():
                continue
            turn = self.turns[i]
            # A slow ball's axis hardly changes from one picture to the next: turn it in one go.
            if float(np.abs(spin).max()) * span < _TURN_AT_ONCE:
                turn = rotation(spin.mean(axis=0) * span) @ turn
            else:
                for vector in spin:
                    turn = rotation(vector * span / _TURN_STEPS) @ turn
            self.turns[i] = turn
        self.time = to

    # --- the game --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Close the present act and begin the next."""
        now = self.act.ends
        self.turns = np.array([orthonormal(turn) for turn in self.turns])
        if isinstance(self.act, Shot):
            self._after_shot(self.act)
        if self._queue:
            self._begin(self._queue.pop(0), now)
        else:
            self._begin("shot", now)

    def _begin(self, what: str, now: float) -> None:
        if what == "rack":
            placed = racked(self.table, self._kind, self._rng)
            self.act = self._rack_up(now, placed)
        elif what == "cue ball":
            self.act = self._place_cue_ball(now)
        elif what.startswith("spot "):
            self.act = self._respot([int(i) for i in what[5:].split(",")], now)
        else:
            self.act = self._shoot(now)

    def _rack_up(self, now: float, placed: list[tuple[str, Point]]) -> Act:
        self.rack += 1
        self.shot = 0
        self._points = 0
        self._red_next = True
        self.state = BallsState.at_rest([at for _, at in placed], self.table.balls.radius)
        if not self.table.pockets:
            carries = tuple(
                Carry(i, self._nearest_rail(at), at, 0.35 * i, 0.9)
                for i, (_, at) in enumerate(placed)
            )
            return Place(now, self.state, carries, self.table)
        group = tuple(i for i, (label, _) in enumerate(placed) if label not in (*COLOURS, "cue"))
        later = tuple(i for i in range(len(placed)) if i not in group)
        self._queue = [*_spots(later[1:]), "cue ball"]
        motion = self.state.motion.copy()
        motion[list(later)] = Motion.POCKETED
        self.state = replace(self.state, motion=motion)
        # Nobody watches how the balls are turned when they are gathered.
        for i in (*group, *later):
            self.turns[i] = random_turn(self._rng)
        return RackUp(now, self.state, group, later, self.table)

    def _nearest_rail(self, at: Point) -> Point:
        """Where a hand comes from that reaches for a place: beyond the nearest rail."""
        w, length = self.table.width, self.table.length
        sides = {
            at[0]: (-0.30, at[1]),
            w - at[0]: (w + 0.30, at[1]),
            at[1]: (at[0], -0.30),
            length - at[1]: (at[0], length + 0.30),
        }
        return sides[min(sides)]

    def _lying(self) -> list[int]:
        return [i for i in range(len(self.labels)) if self.state.motion[i] != Motion.POCKETED]

    def _put(self, index: int, at: Point) -> None:
        position, motion = self.state.position.copy(), self.state.motion.copy()
        position[index] = (*at, self.table.balls.radius)
        motion[index] = Motion.RESTING
        zero = np.zeros_like(position)
        self.state = BallsState(position, zero, zero.copy(), motion)

    def _place_cue_ball(self, now: float) -> Act:
        cue = self.labels.index("cue")
        taken = [
            (float(p[0]), float(p[1]))
            for i in self._lying()
            if i != cue
            for p in [self.state.position[i]]
        ]
        at = self._cue_ball_place(cue, taken)
        start = self._nearest_rail(at)
        self.turns[cue] = random_turn(self._rng)
        self._put(cue, at)
        return Place(now, self.state, (Carry(cue, start, at, 0.15, 0.9),), self.table)

    def _cue_ball_place(self, cue: int, taken: list[Point]) -> Point:
        table, rng = self.table, self._rng
        if self.shot == 0:
            wanted = racked(table, self._kind, rng)[0][1]
            return free_spot(table, [wanted], taken)
        if table.game == "snooker":
            brown, d = table.spots["brown"], table.d_radius or 0.29
            places = [
                (
                    float(brown[0] + d * rng.uniform(-0.8, 0.8)),
                    float(brown[1] - d * rng.uniform(0.05, 0.5)),
                )
                for _ in range(12)
            ]
            return free_spot(table, places, taken)
        # Ball in hand: from where the next pot is easiest.
        situation = self._situation()
        places = [
            (
                float(rng.uniform(0.12, 0.88)) * table.width,
                float(rng.uniform(0.1, 0.9)) * table.length,
            )
            for _ in range(25)
        ]
        gap = table.balls.diameter + 0.01
        free = [p for p in places if all(math.dist(p, q) > gap for q in taken)]
        ease = {
            p: max((i.margin for i in pot_ideas(situation, np.array(p))), default=0.0) for p in free
        }
        if not ease:
            return free_spot(table, [table.spots["head"]], taken)
        return max(ease, key=ease.__getitem__)

    def _respot(self, indices: list[int], now: float) -> Act:
        spots = self.table.spots
        carries = []
        for k, index in enumerate(indices):
            label = self.labels[index]
            taken = [
                (float(self.state.position[i, 0]), float(self.state.position[i, 1]))
                for i in self._lying()
            ]
            # Its own spot, else the highest that is free, else as near to its own as it fits.
            if label in spots:
                wanted = [spots[label], *(spots[c] for c in reversed(COLOURS))]
            else:
                wanted = [spots["foot"]]
            at = free_spot(self.table, wanted, taken)
            self.turns[index] = random_turn(self._rng)
            self._put(index, at)
            carries.append(Carry(index, self._nearest_rail(at), at, 0.1 + 0.5 * k, 0.7))
        return Place(now, self.state, tuple(carries), self.table)

    def _situation(self) -> Situation:
        cue = self.labels.index("cue")
        lying = tuple(i for i in self._lying() if i != cue)
        targets, forbidden = balls_on(self._kind, self.labels, lying, red_next=self._red_next)
        return Situation(
            self.table,
            self.state,
            cue,
            targets,
            forbidden,
            self.play.parameters,
            self.play.models,
        )

    def _shoot(self, now: float) -> Act:
        self.shot += 1
        situation = self._situation()
        self._on = situation.targets
        play = self.play
        if self.shot == 1 and self.table.pockets:
            apex = min(
                (i for i in situation.targets),
                key=lambda i: float(self.state.position[i, 1]),
            )
            usual = 4.2 if self._kind == "snooker" else 7.6
            stroke = break_stroke(situation, apex, play.break_speed or usual, play.tempo, self._rng)
        else:
            stroke = choose_stroke(situation, play.tempo, play.skill, self._rng)
        shot = Shot(now, stroke, situation.play(stroke.strike), self.labels, self.table)
        self._events += shot.events()
        return shot

    def _after_shot(self, shot: Shot) -> None:
        trajectory = shot.trajectory
        final = trajectory.final
        zero = np.zeros_like(final.position)
        # What lies still lies still: a shot cut short by its bounds ends here too.
        motion = np.where(final.motion == Motion.POCKETED, Motion.POCKETED, Motion.RESTING)
        position = final.position.copy()
        position[motion == Motion.RESTING, 2] = self.table.balls.radius
        self.state = BallsState(position, zero, zero.copy(), motion.astype(np.int8))
        cue = self.labels.index("cue")
        call = Call(
            self.labels,
            self._on,
            first_met(trajectory, cue),
            tuple(
                int(i)
                for i in np.flatnonzero(trajectory.pocket_of >= 0)
                if trajectory.initial.motion[i] != Motion.POCKETED
            ),
            tuple(i for i in self._lying() if i != cue),
        )
        self._red_next = is_red_next(call)
        self._points += _met_both(trajectory, cue)
        carom_over = self._kind == "carom" and self._points >= CAROM_POINTS
        if carom_over or is_over(self._kind, call) or self.shot >= MOST_SHOTS:
            self._queue = ["rack"]
            return
        self._queue = _spots(come_back(self._kind, call))
        if call.scratched:
            self._queue.append("cue ball")


def _met_both(shot: Trajectory, cue: int) -> bool:
    """Carom's point: whether the cue ball met both other balls."""
    pairs = [e.balls for e in shot.events if e.kind == EventKind.BALL_BALL and cue in e.balls]
    return len({ball for pair in pairs for ball in pair} - {cue}) == 2


def _spots(indices: Sequence[int]) -> list[str]:
    return [f"spot {','.join(str(i) for i in indices)}"] if indices else []
