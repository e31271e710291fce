"""The scripted player's judgement: which ball into which pocket, and how hard.

It looks at the table as players do, by ghost balls and clear paths, then tries its idea in the true
physics, which it knows; a little noise in aim and speed makes it human.  The same random generator
gives the same shot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.parameters import Models, PhysicsParameters
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import EventKind, Trajectory
from billiards_trainer.simulation.stroke import Stroke, Tempo
from billiards_trainer.table import Pocket, Table

Array = NDArray[np.float64]

_SPEEDS = (1.3, 2.0, 1.0, 2.8, 3.8)
_MAX_TRIALS = 70
_BREAKS = 14

_FLATTEST, _STEEPEST = math.radians(2.2), math.radians(8.0)
"""Ordinary shots: hand and butt let no cue be flatter, and nobody likes it steeper."""
_JACKED_UP = math.radians(28.5)
"""The steepest of all: over a ball that touches the cue ball from behind."""
_EASY = math.radians(4.6)
"""A cue that may lie so flat is held a little steeper than it has to be."""
_HIGHEST = 0.45
"""Where the tip still holds, above the ball's middle in radii."""
_CUE_LENGTH = 1.3
"""So much of it can lie over the table, metres."""
_CUE_HALF, _AIR = 0.009, 0.005
"""Half the cue's thickness over a cushion's nose, and what is left free above a ball, metres."""


@dataclass(frozen=True, slots=True)
class Skill:
    """How human the player is: deviations of aim (rad), speed (share) and tip (radii)."""

    aim: float = math.radians(0.08)
    speed: float = 0.03
    tip: float = 0.02


@dataclass(frozen=True, slots=True)
class Situation:
    """The balls as the player finds them.

    ``targets`` are the balls that may be struck first, ``forbidden`` those that must not drop.
    """

    table: Table
    state: BallsState
    cue: int
    targets: tuple[int, ...]
    forbidden: tuple[int, ...] = ()
    parameters: PhysicsParameters | None = None
    models: Models | None = None

    @property
    def radius(self) -> float:
        """Ball radius, metres."""
        return self.table.balls.radius

    def others(self, *without: int) -> list[int]:
        """Balls on the table except those named."""
        return [
            i
            for i in range(len(self.state))
            if self.state.motion[i] != Motion.POCKETED and i not in without
        ]

    def at(self, ball: int) -> Array:
        """Centre of a ball, (x, y)."""
        xy: Array = self.state.position[ball, :2]
        return xy

    def play(self, strike: Strike) -> Trajectory:
        """What a strike would do."""
        return simulate(
            self.table, self.state, strike, parameters=self.parameters, models=self.models
        )


@dataclass(frozen=True, slots=True)
class _Idea:
    target: int
    direction: float
    margin: float
    """Aiming error that the pot forgives, rad."""
    distance: float


def choose_stroke(
    situation: Situation, tempo: Tempo, skill: Skill, rng: np.random.Generator
) -> Stroke:
    """Decide on a shot and plan how it is played."""
    strike = (
        _carom(situation, rng) if not situation.table.pockets else _pot(situation, rng)
    ) or _anything(situation, rng)
    return _human(situation, strike, tempo, skill, rng)


def break_stroke(
    situation: Situation, apex: int, speed: float, tempo: Tempo, rng: np.random.Generator
) -> Stroke:
    """Open the rack: hit the ball ``apex`` hard, where experience says that most balls part."""
    aim = situation.at(apex) - situation.at(situation.cue)
    straight = math.atan2(aim[1], aim[0])
    reach = 0.7 * 2 * situation.radius / max(float(np.linalg.norm(aim)), 0.1)
    best: tuple[float, Strike] | None = None
    for _ in range(_BREAKS):
        strike = Strike(
            situation.cue,
            speed * float(rng.uniform(0.93, 1.05)),
            straight + reach * float(rng.uniform(-1, 1)),
            height=float(rng.uniform(-0.1, 0.2)),
        )
        shot = situation.play(strike)
        spread = np.linalg.norm(shot.final.position - shot.initial.position, axis=1)
        score = float(np.minimum(spread, 0.6).mean()) - 2.0 * (shot.pocket_of[situation.cue] >= 0)
        if best is None or score > best[0]:
            best = (score, strike)
    assert best is not None
    return _human(situation, best[1], tempo, Skill(0.0, 0.0, 0.0), rng)


def clear_path(situation: Situation, start: Array, end: Array, *without: int) -> bool:
    """Whether a ball can move straight from start to end without touching another one."""
    way = end - start
    length = float(np.linalg.norm(way))
    if length < 1e-9:
        return True
    unit = way / length
    reach = 2 * situation.radius
    for i in situation.others(*without):
        to = situation.at(i) - start
        along = float(np.clip(to @ unit, 0.0, length))
        if np.linalg.norm(to - along * unit) < reach:
            return False
    return True


def pot_ideas(situation: Situation, cue_at: Array | None = None) -> list[_Idea]:
    """Direct pots, the most forgiving first; ``cue_at`` imagines the cue ball elsewhere."""
    table, r = situation.table, situation.radius
    start = situation.at(situation.cue) if cue_at is None else cue_at
    ideas = []
    for target in situation.targets:
        ball = situation.at(target)
        for pocket in table.pockets:
            found = _idea(situation, start, target, ball, pocket, r)
            if found is not None:
                ideas.append(found)
    return sorted(ideas, key=lambda i: -i.margin)


def _idea(
    situation: Situation, start: Array, target: int, ball: Array, pocket: Pocket, r: float
) -> _Idea | None:
    mouth = np.array(pocket.mouth_centre)
    way = mouth - ball
    distance = float(np.linalg.norm(way))
    if distance < 1e-6:
        return None
    unit = way / distance
    ghost = ball - 2 * r * unit
    if not situation.table.contains(float(ghost[0]), float(ghost[1]), r):
        return None
    aim = ghost - start
    reach = float(np.linalg.norm(aim))
    if reach < 1e-3:
        return None
    cut = float(aim @ unit) / reach
    outward = np.array(pocket.centre) - mouth
    square = float(unit @ outward) / float(np.linalg.norm(outward))
    if cut < 0.42 or square < (0.72 if pocket.kind == "side" else 0.6):
        return None
    cue = situation.cue
    if not clear_path(situation, start, ghost, cue, target):
        return None
    if not clear_path(situation, ball, mouth, cue, target):
        return None
    opening = math.dist(*pocket.jaws) * square / 2 - r
    margin = max(opening, 0.002) / max(distance, r) * cut * 2 * r / reach
    return _Idea(target, math.atan2(aim[1], aim[0]), margin, reach + distance / max(cut, 0.3))


def _pot(situation: Situation, rng: np.random.Generator) -> Strike | None:
    trials = 0
    for idea in pot_ideas(situation)[:6]:
        wanted = 0.9 + 0.55 * idea.distance
        speeds = sorted(_SPEEDS, key=lambda v: abs(v - wanted))[:3]
        height = float(rng.choice([0.0, 0.0, 0.25, -0.25]))
        for speed in speeds:
            # Throw turns the object ball a little: look to both sides of the geometric line.
            for offset in (0.0, 0.3, -0.3, 0.7, -0.7, 1.2, -1.2):
                strike = _settled(
                    situation,
                    Strike(
                        situation.cue, speed, idea.direction + math.radians(offset), height=height
                    ),
                )
                if _bridges_a_ball(situation, strike):
                    continue
                trials += 1
                if _pots(situation, strike, idea.target):
                    return strike
                if trials >= _MAX_TRIALS:
                    return None
    return None


def _pots(situation: Situation, strike: Strike, target: int) -> bool:
    """Whether the target drops and nothing goes wrong."""
    shot = situation.play(strike)
    pocketed = set(np.flatnonzero(shot.pocket_of >= 0))
    wrong = {situation.cue, *situation.forbidden} - {target}
    return target in pocketed and not (pocketed & wrong) and shot.complete


def _carom(situation: Situation, rng: np.random.Generator) -> Strike | None:
    """A shot after which the cue ball has touched both others."""
    best: tuple[float, Strike] | None = None
    for _ in range(_MAX_TRIALS):
        target = int(rng.choice(situation.targets))
        strike = _towards(situation, target, rng, 1.6, 5.0)
        if _bridges_a_ball(situation, strike):
            continue
        shot = situation.play(strike)
        touched: list[int] = []
        cushions = 0
        for event in shot.events:
            if situation.cue not in event.balls:
                continue
            if event.kind == EventKind.BALL_BALL:
                other = event.balls[0] if event.balls[1] == situation.cue else event.balls[1]
                if other not in touched:
                    touched.append(other)
            elif event.kind == EventKind.CUSHION and len(touched) < 2:
                cushions += 1
        score = 10.0 * len(touched) + min(cushions, 3)
        if best is None or score > best[0]:
            best = (score, strike)
        if len(touched) == 2 and cushions >= 1:
            break
    return None if best is None else best[1]


def _anything(situation: Situation, rng: np.random.Generator) -> Strike:
    """The best of some random shots: reach a legal ball, pot what may drop, do not scratch.

    Over a ball it is played only where there is no other way to any.
    """
    best: tuple[float, Strike] | None = None
    bridged = []
    for _ in range(40):
        target = int(rng.choice(situation.targets))
        strike = _towards(situation, target, rng, 1.2, 4.0)
        if _bridges_a_ball(situation, strike):
            bridged.append(strike)
            continue
        shot = situation.play(strike)
        pocketed = set(np.flatnonzero(shot.pocket_of >= 0))
        score = 2.0 * (first_met(shot, situation.cue) in situation.targets)
        score -= 6.0 * bool(pocketed & {situation.cue, *situation.forbidden})
        score += 3.0 * bool(pocketed & set(situation.targets)) + float(rng.random())
        if best is None or score > best[0]:
            best = (score, strike)
    return min(bridged, key=lambda strike: strike.elevation) if best is None else best[1]


def first_met(shot: Trajectory, cue: int) -> int | None:
    """The ball that the cue ball met first, if any."""
    for event in shot.events:
        if event.kind == EventKind.BALL_BALL and cue in event.balls:
            return event.balls[1] if event.balls[0] == cue else event.balls[0]
    return None


def _towards(
    situation: Situation, target: int, rng: np.random.Generator, slow: float, fast: float
) -> Strike:
    """A random shot that hits the target somewhere, straight or off a cushion."""
    start, ball = situation.at(situation.cue), situation.at(target)
    if rng.random() < 0.3:
        # By way of a cushion: aim at the target's mirror image.
        w, length, r = situation.table.width, situation.table.length, situation.radius
        ball = (
            np.array([2 * r - ball[0], ball[1]]),
            np.array([2 * (w - r) - ball[0], ball[1]]),
            np.array([ball[0], 2 * r - ball[1]]),
            np.array([ball[0], 2 * (length - r) - ball[1]]),
        )[int(rng.integers(4))]
    way = ball - start
    distance = float(np.linalg.norm(way))
    off = math.asin(min(0.92, 2 * situation.radius / max(distance, 1e-6))) * rng.uniform(-0.9, 0.9)
    return _settled(
        situation,
        Strike(
            situation.cue,
            float(rng.uniform(slow, fast)),
            math.atan2(way[1], way[0]) + off,
            side=float(rng.choice([0.0, 0.0, 0.3, -0.3])),
            height=float(rng.uniform(-0.2, 0.3)),
        ),
    )


def _settled(situation: Situation, strike: Strike) -> Strike:
    """The strike with the cue raised and the tip placed so that rail and balls are not in its way.

    An ordinary shot is 2° to 8° steep.  Where that does not clear rail and balls with the tip where
    it was meant, the tip goes higher; only where that does not help either is the cue jacked up, as
    far as it has to be and no further.
    """
    steep, height = 0.0, strike.height
    for height in sorted({strike.height, 0.3, _HIGHEST}):
        if height < strike.height:
            continue
        steep = max(least_elevation(situation, replace(strike, height=height)), _FLATTEST)
        if steep <= _STEEPEST:
            break
    return replace(strike, elevation=min(steep, _JACKED_UP), height=height)


def least_elevation(situation: Situation, strike: Strike) -> float:
    """How far the cue has to be raised to clear what lies behind the cue ball, rad.

    Args:
        situation: the balls.
        strike: direction, and height of the tip.
    """
    table = situation.table
    start, back, contact = _line_of(situation, strike)
    to_rail = _to_rail(table, start, back)
    # Over the nose, then over the rail's top, with the cue's own thickness and a finger's more.
    over_rail = max(
        math.atan2(table.cushion_height + _CUE_HALF - contact, to_rail),
        math.atan2(0.048 + 0.010 - contact, to_rail + 0.05),
    )
    return max(over_rail, _over_balls(situation, strike))


def _over_balls(situation: Situation, strike: Strike) -> float:
    """How far the cue has to be raised to clear the balls under it, rad; 0 where there are none."""
    r = situation.radius
    start, back, contact = _line_of(situation, strike)
    reach = r + _CUE_HALF + _AIR
    steep = 0.0
    for i in situation.others(strike.ball):
        to = situation.at(i) - start
        along = float(to @ back)
        aside = abs(float(to[0] * back[1] - to[1] * back[0]))
        if 0 < along < _CUE_LENGTH and aside < reach:
            # It passes a ball that lies aside lower than one that lies right under it.
            over = r + math.sqrt(reach**2 - aside**2)
            steep = max(steep, math.atan2(over - contact, along))
    return steep


def _bridges_a_ball(situation: Situation, strike: Strike) -> bool:
    """Whether the cue has to be jacked up over a ball: nobody does that who has a choice."""
    return _over_balls(situation, strike) > _STEEPEST


def _line_of(situation: Situation, strike: Strike) -> tuple[Array, Array, float]:
    """Where the cue crosses the ball's middle and the way back along it (both (2,)); its height."""
    c, s = math.cos(strike.direction), math.sin(strike.direction)
    middle = situation.at(strike.ball) + situation.radius * strike.side * np.array([s, -c])
    return middle, -np.array([c, s]), situation.radius * (1 + strike.height)


def _to_rail(table: Table, start: Array, way: Array) -> float:
    """Distance from a point to the nose rectangle along a direction."""
    reaches = []
    for axis, size in ((0, table.width), (1, table.length)):
        if way[axis] > 1e-9:
            reaches.append((size - start[axis]) / way[axis])
        elif way[axis] < -1e-9:
            reaches.append(-start[axis] / way[axis])
    return max(float(min(reaches)), 1e-3)


def _human(
    situation: Situation, strike: Strike, tempo: Tempo, skill: Skill, rng: np.random.Generator
) -> Stroke:
    """Add what distinguishes a person from the plan, and decide where the hand goes."""
    settled = _settled(situation, strike)
    extra = float(rng.uniform(0.0, math.radians(2.5))) if settled.elevation < _EASY else 0.0
    side = settled.side + float(rng.normal(0, skill.tip)) if skill.tip else settled.side
    height = settled.height + float(rng.normal(0, skill.tip)) if skill.tip else settled.height
    final = replace(
        settled,
        speed=max(settled.speed * (1 + float(rng.normal(0, 1)) * skill.speed), 0.2),
        direction=settled.direction + float(rng.normal(0, 1)) * skill.aim,
        side=side,
        height=height,
    )
    # The cue lies as this tip and this line ask; a hair more does not make it a jacked-up shot.
    steep = max(least_elevation(situation, final), _FLATTEST) + extra
    most = _STEEPEST if settled.elevation <= _STEEPEST else _JACKED_UP
    final = replace(final, elevation=min(steep, most))
    start = situation.at(strike.ball)
    back = -np.array([math.cos(final.direction), math.sin(final.direction)])
    left = np.array([back[1], -back[0]])
    best, free = 0.22, -1.0
    for reach in (0.22, 0.25, 0.19, 0.28, 0.31, 0.16):
        hand = start + reach * back + 0.045 * left
        gaps = [
            float(np.linalg.norm(situation.at(i) - hand)) for i in situation.others(strike.ball)
        ]
        gap = min(gaps, default=1.0)
        if gap > 0.12:
            best, free = reach, gap
            break
        if gap > free:
            best, free = reach, gap
    spot = start + best * back
    on_rail = not situation.table.contains(float(spot[0]), float(spot[1]))
    raised = 0.044 if on_rail else (0.045 if free < 0.09 else 0.0)
    return Stroke(
        strike=final,
        cue_ball=(float(start[0]), float(start[1]), situation.radius),
        radius=situation.radius,
        tempo=tempo,
        bridge_m=best,
        gap_m=float(rng.uniform(0.012, 0.028)),
        backswing_m=float(np.clip(0.07 + 0.035 * final.speed, 0.09, 0.30)),
        sway=float(rng.choice([-1, 1]) * rng.uniform(0.015, 0.05)),
        hand_height=raised,
    )
