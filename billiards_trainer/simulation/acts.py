"""What can be going on at the virtual table: a rack is set, a ball is placed, a shot is played.

An act knows where every ball is, and what is over the table, at any time between its start and its
end; the world strings acts together.  Times are those of the virtual world, seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.physics.state import BallsState, Motion
from billiards_trainer.physics.trajectory import Event, EventKind, Trajectory
from billiards_trainer.simulation.body import cue_limb, player_limbs, reaching_limbs
from billiards_trainer.simulation.limb_kernels import HAIR
from billiards_trainer.simulation.observation import CuePose, Phase, TrueEvent
from billiards_trainer.simulation.paths import BallPath
from billiards_trainer.simulation.renderer import STILL, Limb
from billiards_trainer.simulation.setup import Sensor, Setup
from billiards_trainer.simulation.shutter import exposure_times, row_delay
from billiards_trainer.simulation.stroke import Stroke, smooth
from billiards_trainer.table import Point, Table

Array = NDArray[np.float64]

GRAVITY = 9.81
_SETTLE_S = 0.6
"""Quiet time after the last ball has come to rest."""
_FALL_S = 0.22
"""Time until a ball that drops is out of sight."""
_MOST_SLIDES = 8
_MOTIONS: tuple[m.TrueMotion, ...] = ("resting", "spinning", "sliding", "rolling", "pocketed")
"""By the values of ``physics.state.Motion``."""


@dataclass(frozen=True, slots=True)
class Motions:
    """One ball at several times.

    Attributes:
        position: (T, 3) metres.
        velocity: (T, 3) m/s.
        spin: (T, 3) rad/s.
        on_table: (T,) bool: neither pocketed nor in a hand.
        shown: (T,) bool: above the cloth or still falling.
    """

    position: Array
    velocity: Array
    spin: Array
    on_table: NDArray[np.bool_]
    shown: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Above:
    """What one picture shows above the balls.

    The rows of a picture are exposed one after the other: everything here is where it was when its
    own rows were.

    Attributes:
        limbs: the player and the cue, in the order in which they are painted.
        cue: where the cue is, if anybody holds it over the table.
        slides: (K,) shifts of the cue backwards along itself that sample the exposure, metres.
    """

    limbs: tuple[Limb, ...] = ()
    cue: CuePose | None = None
    slides: Array = field(default_factory=lambda: STILL)


class Act(Protocol):
    """What the world asks of an act."""

    @property
    def starts(self) -> float: ...

    @property
    def ends(self) -> float: ...

    def ball(self, index: int, times: Array) -> Motions:
        """Where a ball is."""

    def motion(self, index: int, time: float) -> m.TrueMotion:
        """What a ball that is shown does."""

    def above(self, time: float, setup: Setup, scale: float) -> Above:
        """What a picture taken at that time shows above the balls.

        Args:
            time: of the middle of the exposure.
            setup: room, camera, player.
            scale: the picture's pixels in a metre.
        """

    def phase(self, time: float) -> Phase:
        """What the player is doing."""

    def events(self) -> tuple[TrueEvent, ...]:
        """Everything that happens, in order."""


def still(position: Array, times: Array, *, on_table: bool, shown: bool) -> Motions:
    """A ball that does not move."""
    n = len(times)
    zero = np.zeros((n, 3))
    return Motions(
        np.repeat(position[None], n, axis=0),
        zero,
        zero,
        np.full(n, on_table),
        np.full(n, shown),
    )


@dataclass(frozen=True, slots=True)
class Carry:
    """One ball on its way to its place: ``wait_s`` after the act's start, for ``take_s``."""

    ball: int
    start: Point
    end: Point
    wait_s: float
    take_s: float
    lift: float = 0.10


@dataclass(frozen=True)
class Place:
    """Hands put balls where they belong; all others lie still.

    A carried ball moves through the air in a hand that reaches in over the nearest rail.
    """

    starts: float
    state: BallsState
    carries: tuple[Carry, ...]
    table: Table

    @property
    def ends(self) -> float:
        last = max((c.wait_s + c.take_s for c in self.carries), default=0.0)
        return self.starts + last + 0.75

    def _carry(self, index: int) -> Carry | None:
        return next((c for c in self.carries if c.ball == index), None)

    def ball(self, index: int, times: Array) -> Motions:
        carry = self._carry(index)
        position = self.state.position[index]
        if carry is None:
            lies = self.state.motion[index] != Motion.POCKETED
            return still(position, times, on_table=bool(lies), shown=bool(lies))
        at = np.array([self._carried(carry, float(t)) for t in times])
        ahead = np.array([self._carried(carry, float(t) + 1e-3) for t in times])
        local = times - self.starts - carry.wait_s
        n = len(times)
        return Motions(
            at,
            (ahead - at) / 1e-3,
            np.zeros((n, 3)),
            np.asarray(local >= carry.take_s),
            np.asarray(local >= 0.0),
        )

    def _carried(self, carry: Carry, time: float) -> Array:
        s = smooth((time - self.starts - carry.wait_s) / carry.take_s)
        radius = self.table.balls.radius
        height = radius + carry.lift * (1 - s) ** 0.7
        return np.array(
            [
                carry.start[0] + s * (carry.end[0] - carry.start[0]),
                carry.start[1] + s * (carry.end[1] - carry.start[1]),
                height,
            ]
        )

    def motion(self, index: int, time: float) -> m.TrueMotion:
        carry = self._carry(index)
        in_hand = carry is not None and time - self.starts - carry.wait_s < carry.take_s
        return "held" if in_hand else "resting"

    def above(self, time: float, setup: Setup, scale: float) -> Above:
        out: list[Limb] = []
        for carry in self.carries:
            local = time - self.starts - carry.wait_s
            if not -0.1 <= local <= carry.take_s + 0.6:
                continue
            late = row_delay(setup, self._carried(carry, time))
            local += late
            at = self._carried(carry, time + late)
            shoulder = carry.start
            # After letting go the hand goes back the way it came.
            back = smooth((local - carry.take_s - 0.1) / 0.5)
            hand = (
                float(at[0] + back * (shoulder[0] - at[0])),
                float(at[1] + back * (shoulder[1] - at[1])),
            )
            away = math.dist(carry.end, shoulder) or 1.0
            outside = (
                shoulder[0] + 0.45 * (shoulder[0] - carry.end[0]) / away,
                shoulder[1] + 0.45 * (shoulder[1] - carry.end[1]) / away,
            )
            out += reaching_limbs(hand, outside, setup.player, float(at[2]) + 0.018 + 0.08 * back)
        return Above(tuple(out))

    def phase(self, time: float) -> Phase:
        return "setup"

    def events(self) -> tuple[TrueEvent, ...]:
        return ()


@dataclass(frozen=True)
class RackUp:
    """The triangle is pushed from the foot rail to its spot, and lifted.

    ``state`` is the finished rack, without the balls in ``later``, which are placed afterwards.
    """

    starts: float
    state: BallsState
    group: tuple[int, ...]
    later: tuple[int, ...]
    table: Table
    duration_s: float = 2.6

    @property
    def ends(self) -> float:
        return self.starts + self.duration_s

    def _shift(self, times: Array) -> Array:
        """How far the rack is from its place along y, metres."""
        u = self._pushed(times)
        return np.asarray(self._room * (1 - u * u * (3 - 2 * u)))

    @property
    def _room(self) -> float:
        """How far the rack is pushed, metres."""
        back = float(self.state.position[list(self.group), 1].max())
        return max(self.table.length - self.table.balls.radius * 1.05 - back, 0.0)

    @property
    def _push_s(self) -> float:
        return 0.45 * self.duration_s

    def _pushed(self, times: Array) -> Array:
        """Share of the push that is over."""
        return np.clip((times - self.starts - 0.35) / self._push_s, 0.0, 1.0)

    def ball(self, index: int, times: Array) -> Motions:
        position = self.state.position[index]
        if index in self.later:
            return still(position, times, on_table=False, shown=False)
        if index not in self.group:
            lies = bool(self.state.motion[index] != Motion.POCKETED)
            return still(position, times, on_table=lies, shown=lies)
        shift, u = self._shift(times), self._pushed(times)
        speed = -self._room * 6 * u * (1 - u) / self._push_s
        n = len(times)
        at = np.repeat(position[None], n, axis=0)
        at[:, 1] += shift
        velocity, spin = np.zeros((n, 3)), np.zeros((n, 3))
        velocity[:, 1] = speed
        spin[:, 0] = -speed / self.table.balls.radius
        return Motions(at, velocity, spin, np.full(n, True), np.full(n, True))

    def motion(self, index: int, time: float) -> m.TrueMotion:
        pushed = index in self.group and 0.0 < self._pushed(np.array([time]))[0] < 1.0
        return "rolling" if pushed else "resting"

    def above(self, time: float, setup: Setup, scale: float) -> Above:
        places = self.state.position[list(self.group), :2] + (0.0, self._shift(np.array([time]))[0])
        r = self.table.balls.radius
        late = row_delay(setup, (*places.mean(axis=0), r))
        local = (time + late - self.starts) / self.duration_s
        shift = float(self._shift(np.array([time + late]))[0])
        places = self.state.position[list(self.group), :2] + (0.0, shift)
        lifted = 0.35 * smooth((local - 0.66) / 0.3)
        gone = 1.1 * smooth((local - 0.72) / 0.28)
        x0, x1 = places[:, 0].min() - r, places[:, 0].max() + r
        y0, y1 = places[:, 1].min() - r, places[:, 1].max() + r
        middle = (x0 + x1) / 2
        grown = 0.022
        corners = [
            (middle, y0 - 2.1 * grown + gone, 0.022 + lifted),
            (x1 + 1.4 * grown, y1 + grown + gone, 0.022 + lifted),
            (x0 - 1.4 * grown, y1 + grown + gone, 0.022 + lifted),
        ]
        wood = (0.09, 0.045, 0.02)
        out = [
            Limb(corners[k], 0.012, corners[(k + 1) % 3], 0.012, wood, HAIR, 0.2) for k in range(3)
        ]
        if local < 0.99:
            end = (middle, self.table.length + 0.55)
            for side in (-1, 1):
                hand = (middle + side * 0.07, float(y1 + 0.02 + gone))
                out += reaching_limbs(
                    hand, (end[0] + side * 0.24, end[1] + gone), setup.player, 0.055 + lifted
                )
        return Above(tuple(out))

    def phase(self, time: float) -> Phase:
        return "setup"

    def events(self) -> tuple[TrueEvent, ...]:
        return ()


@dataclass(frozen=True)
class Shot:
    """From walking up until the balls lie still again."""

    starts: float
    stroke: Stroke
    trajectory: Trajectory
    labels: tuple[str, ...]
    table: Table
    _drops: dict[int, tuple[float, Array, Array, Array]] = field(default_factory=dict)
    _paths: dict[int, BallPath] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for event in self.trajectory.events:
            if event.kind == EventKind.POCKET:
                before = event.before
                self._drops[event.balls[0]] = (
                    event.time,
                    before.position[0].copy(),
                    before.velocity[0].copy(),
                    before.spin[0].copy(),
                )

    @property
    def contact(self) -> float:
        """World time at which the tip touches the ball."""
        return self.starts + self.stroke.contact_s

    @property
    def ends(self) -> float:
        quiet = self.contact + self.trajectory.duration + _SETTLE_S
        return max(quiet, self.starts + self.stroke.gone_s)

    def ball(self, index: int, times: Array) -> Motions:
        local = np.maximum(np.asarray(times, dtype=np.float64) - self.contact, 0.0)
        initial = self.trajectory.initial
        if initial.motion[index] == Motion.POCKETED:
            return still(initial.position[index], times, on_table=False, shown=False)
        path = self._path(index)
        if local.max() <= path.begins or (local.min() >= path.ends and index not in self._drops):
            state = initial if local.max() <= path.begins else self.trajectory.final
            return still(state.position[index], times, on_table=True, shown=True)
        position, velocity, spin = path.at(local)
        resting = (times < self.contact) | (local >= path.ends)
        velocity[resting] = 0.0
        spin[resting] = 0.0
        on_table, shown = np.full(len(times), True), np.full(len(times), True)
        if index in self._drops:
            when, at, moving, turning = self._drops[index]
            falling = local >= when
            on_table[falling] = False
            u = local[falling] - when
            shown[falling] = u < _FALL_S
            position[falling] = self._fall(index, at, moving, u)
            velocity[falling] = moving * (1, 1, 0) - np.array([0, 0, GRAVITY]) * u[:, None]
            spin[falling] = turning
        return Motions(position, velocity, spin, on_table, shown)

    def _path(self, index: int) -> BallPath:
        path = self._paths.get(index)
        if path is None:
            path = self._paths[index] = BallPath(self.trajectory, index)
        return path

    def motion(self, index: int, time: float) -> m.TrueMotion:
        local = time - self.contact
        if index in self._drops and local >= self._drops[index][0]:
            return "pocketed"
        path = self._path(index)
        return _MOTIONS[path.motion(local)] if path.begins <= local < path.ends else "resting"

    def _fall(self, index: int, at: Array, moving: Array, u: Array) -> Array:
        """A dropping ball flies on, stopped by the pocket's wall, and falls freely."""
        pocket = self.table.pockets[int(self.trajectory.pocket_of[index])]
        path = at + moving * u[:, None]
        path[:, 2] = at[2] - 0.5 * GRAVITY * u * u
        centre = np.array(pocket.centre)
        off = path[:, :2] - centre
        reach = np.linalg.norm(off, axis=1)
        # The lip it fell over is as far from the centre as the wall behind.
        room = max(pocket.radius - 0.75 * self.table.balls.radius, 0.01)
        start = float(np.linalg.norm(at[:2] - centre))
        limit = np.maximum(room, start - (start - room) * np.minimum(u / 0.06, 1.0))
        scale = np.minimum(1.0, limit / np.maximum(reach, 1e-9))
        path[:, :2] = centre + off * scale[:, None]
        return np.asarray(path)

    def above(self, time: float, setup: Setup, scale: float) -> Above:
        t, stroke, sensor = time - self.starts, self.stroke, setup.sensor
        if not stroke.is_present(t):
            return Above()
        # The cue is straight and moves along itself: the time of its tip's rows fits all of it.
        tip_s = t + row_delay(setup, stroke.cue(t).tip)
        pose = stroke.cue(tip_s)
        slides = self._slides(tip_s, sensor, scale)
        if not setup.player.visible:
            return Above((cue_limb(pose, setup.cue),), pose, slides)
        hand_s = t + row_delay(setup, stroke.hand(t))
        stance = stroke.stance(hand_s, scale, sensor.exposure_s)
        return Above(player_limbs(pose, stance, setup.player, setup.cue), pose, slides)

    def _slides(self, middle: float, sensor: Sensor, scale: float) -> Array:
        """Shifts of the cue during an exposure; the more, the further the picture sees it move."""
        at = self.stroke.withdrawn(middle)
        ends = [
            self.stroke.withdrawn(middle + side * sensor.exposure_s / 2) - at for side in (-1, 1)
        ]
        far = max(abs(end) for end in ends)
        count = min(1 + math.ceil(far * 2 * scale), _MOST_SLIDES)
        if count == 1:
            return STILL
        times = exposure_times(sensor, middle, count).tolist()
        return np.array([self.stroke.withdrawn(u) - at for u in times])

    def phase(self, time: float) -> Phase:
        return self.stroke.phase(time - self.starts)

    def events(self) -> tuple[TrueEvent, ...]:
        shot = self.trajectory
        ball = self.stroke.strike.ball
        x, y = shot.initial.position[ball, :2]
        start = m.EventKind.SHOT_START
        who = (self.labels[ball],)
        out = [TrueEvent(start, self.contact, who, float(x), float(y), balls=(ball,))]
        for event in shot.events:
            kind = _KINDS.get(event.kind)
            if kind is not None:
                out.append(self._event(kind, event))
        end = self.contact + shot.duration
        out.append(TrueEvent(m.EventKind.SHOT_END, end, (), float(x), float(y)))
        return tuple(out)

    def _event(self, kind: m.EventKind, event: Event) -> TrueEvent:
        pocket = None
        if kind == m.EventKind.POCKETED:
            pocket = self.table.pockets[event.index].name
        return TrueEvent(
            kind,
            self.contact + event.time,
            tuple(self.labels[b] for b in event.balls),
            event.position[0],
            event.position[1],
            pocket,
            event.balls,
        )


_KINDS = {
    EventKind.BALL_BALL: m.EventKind.BALL_COLLISION,
    EventKind.CUSHION: m.EventKind.CUSHION_COLLISION,
    EventKind.JAW: m.EventKind.CUSHION_COLLISION,
    EventKind.POCKET: m.EventKind.POCKETED,
    EventKind.RESTING: m.EventKind.AT_REST,
}
