"""Shots that another engine has played, and how far ours agrees with it.

Shared by the test and by ``scripts/compare_pooltool.py``, which makes the reference.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.geometry import Circle, Geometry, Segment, build
from billiards_trainer.physics.parameters import Models, PhysicsParameters
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics.trajectory import Event, EventKind, Trajectory

CONTACTS = (EventKind.BALL_BALL, EventKind.CUSHION, EventKind.JAW, EventKind.POCKET)
TIME_S = 1e-5
PLACE_M = 1e-5
# Both engines' transitions may fall between events that the other has at the same instant.
_NUDGE = 1e-6

Pair = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot in our terms: a strike at the first ball, or balls that move already."""

    name: str
    places: tuple[Pair, ...]
    speed: float = 0.0
    direction: float = 0.0
    elevation: float = 0.0
    side: float = 0.0
    height: float = 0.0
    velocities: tuple[Pair, ...] = ()
    spins: tuple[Triple, ...] = ()
    ball_ball: str = "alciatore"
    cushion: str = "stronge"
    most_events: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of the other engine: places of the balls concerned after it, in their order."""

    time: float
    kind: EventKind
    balls: tuple[int, ...]
    index: int
    places: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Table and numbers of the other engine in our terms; the cue's too."""

    segments: tuple[tuple[float, float, float, float, float, bool], ...]
    jaws: tuple[tuple[float, float, float, float], ...]
    pockets: tuple[Triple, ...]
    parameters: dict[str, float]
    cue_mass: float
    end_mass: float

    def physics(self) -> PhysicsParameters:
        """The numbers."""
        return PhysicsParameters(**self.parameters)

    def geometry(self) -> Geometry:
        """The table."""
        return build(
            [Segment((a, b), (c, d), h, both) for a, b, c, d, h, both in self.segments],
            [Circle((x, y), r, h) for x, y, r, h in self.jaws],
            [Circle((x, y), r) for x, y, r in self.pockets],
            self.parameters["radius"],
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far two engines agree on one shot, up to where they part.

    Attributes:
        events: how many the reference has.
        agree: how many of them are the same ones in ours.
        dt: largest difference in time, s.
        dx: largest difference in place, m.
        excess: the largest difference in place over what is allowed: ``PLACE_M`` times the
            sensitivity up to there.
        sensitivity: by how much the places of events grow apart when the balls begin a micrometre
            from where they did, over that micrometre; at least 1.
        reason: what differed; empty when nothing did.
    """

    events: int
    agree: int
    dt: float
    dx: float
    excess: float
    sensitivity: float
    reason: str

    @property
    def fine(self) -> bool:
        """Same events, times within ``TIME_S``, places within what is allowed."""
        return not self.reason and self.dt <= TIME_S and self.excess <= 1.0


def play(shot: Shot, world: World, shape: Geometry, nudge: float = 0.0) -> Trajectory:
    """The shot in our engine; ``nudge`` displaces every ball by so many metres."""
    parameters = world.physics()
    places = np.array(shot.places)
    if nudge:
        angle = np.arange(len(places)) * 2.4
        places = places + nudge * np.column_stack([np.cos(angle), np.sin(angle)])
    if shot.velocities:
        state = BallsState.moving(places, shot.velocities, shot.spins, parameters.radius)
        strike = None
    else:
        state = BallsState.at_rest(places, parameters.radius)
        strike = Strike(
            0,
            shot.speed,
            shot.direction,
            shot.elevation,
            side=shot.side,
            height=shot.height,
            cue_mass=world.cue_mass,
            end_mass=world.end_mass,
        )
    return simulate(
        shape,
        state,
        strike,
        parameters=parameters,
        models=Models.named(shot.ball_ball, shot.cushion),
        max_events=shot.most_events or 20_000,
    )


def compare(shot: Shot, seen: list[Seen], world: World, shape: Geometry) -> Verdict:
    """Play a shot and hold it against what the other engine made of it."""
    ours = _told(play(shot, world, shape).events)
    near = _told(play(shot, world, shape, nudge=_NUDGE).events)
    theirs = _without_instants(seen)
    if shot.most_events:
        # Cut short, and not by the same count: one engine counts transitions that the other omits.
        theirs = theirs[: min(len(theirs), len(ours))]
    agree, dt, dx, excess, sensitivity, reason = 0, 0.0, 0.0, 0.0, 1.0, ""
    for k, event in enumerate(theirs):
        mine = ours[k] if k < len(ours) else None
        if mine is None or (event.kind, event.balls, event.index) != (
            mine.kind,
            mine.balls,
            mine.index,
        ):
            reason = f"{_words(event)} / {_words(mine)}"
            break
        if k < len(near) and (near[k].kind, near[k].balls) == (mine.kind, mine.balls):
            apart = _apart(near[k], mine)
            sensitivity = max(sensitivity, apart / _NUDGE)
        dt = max(dt, abs(event.time - mine.time))
        if event.kind is not EventKind.POCKET:
            off = _apart(event, mine)
            dx = max(dx, off)
            excess = max(excess, off / (PLACE_M * sensitivity))
        agree += 1
    if not reason and len(ours) > len(theirs) and not shot.most_events:
        reason = f"no more / {_words(ours[len(theirs)])}"
    return Verdict(len(theirs), agree, dt, dx, excess, sensitivity, reason)


def _told(events: list[Event]) -> list[Seen]:
    """Our own events as the other engine's are told."""
    found = []
    for event in events:
        if event.kind is EventKind.STRIKE:
            continue
        order = np.argsort(event.balls)
        found.append(
            Seen(
                event.time,
                event.kind,
                tuple(event.balls[k] for k in order),
                event.index if event.kind in CONTACTS else -1,
                tuple(tuple(event.after.position[k, :2]) for k in order),
            )
        )
    return _without_instants(found)


def _without_instants(events: list[Seen]) -> list[Seen]:
    """Without transitions of a ball that another event of it follows at once.

    One engine passes through a motion that lasts no time, the other omits it.
    """
    found = []
    for k, event in enumerate(events):
        if event.kind not in CONTACTS:
            if event.time < 1e-7:
                continue
            ball = event.balls[0]
            later = (e for e in events[k + 1 :] if ball in e.balls)
            after = next(later, None)
            if after is not None and after.time - event.time < 1e-7:
                continue
        found.append(event)
    # At the same instant they may stand in any order.
    return sorted(found, key=lambda e: (round(e.time, 7), e.kind, e.balls))


def _apart(a: Seen, b: Seen) -> float:
    return float(np.hypot(*(np.array(a.places) - np.array(b.places)).T).max())


def _words(event: Seen | None) -> str:
    if event is None:
        return "no more"
    return f"{event.kind.name} {event.balls} {event.index} at {event.time:.6f}"


def to_json(world: World, shots: list[tuple[Shot, list[Seen]]], made_by: str) -> dict[str, Any]:
    """A reference as it is stored; fields that have their default are left out."""
    plain = asdict(Shot("", ()))
    return {
        "made_by": made_by,
        "world": asdict(world),
        "shots": [
            {
                **{k: v for k, v in asdict(shot).items() if v != plain[k]},
                "events": [
                    [
                        round(e.time, 10),
                        e.kind.name,
                        e.balls,
                        e.index,
                        [round(c, 9) for place in e.places for c in place],
                    ]
                    for e in seen
                ],
            }
            for shot, seen in shots
        ],
    }


def from_json(data: dict[str, Any]) -> tuple[World, list[tuple[Shot, list[Seen]]]]:
    """A stored reference."""
    shots = []
    for row in data["shots"]:
        events = [
            Seen(
                t, EventKind[kind], tuple(balls), index, tuple(zip(xy[::2], xy[1::2], strict=True))
            )
            for t, kind, balls, index, xy in row.pop("events")
        ]
        for name in ("places", "velocities", "spins"):
            row[name] = tuple(tuple(values) for values in row.get(name, ()))
        shots.append((Shot(**row), events))
    return World(**data["world"]), shots
