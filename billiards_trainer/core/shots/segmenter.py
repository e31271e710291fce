"""Declares the events of shots from the stream of table states; nobody else does."""

from __future__ import annotations

import math
from collections import deque

from billiards_trainer import messages as m
from billiards_trainer.core.shots.changes import Kink, Stop
from billiards_trainer.core.shots.contacts import (
    Partner,
    hits_cushion,
    meeting,
    near_rubber,
    pocket_near,
)
from billiards_trainer.core.shots.drops import Turn, drop
from billiards_trainer.core.shots.history import Frame, History
from billiards_trainer.core.shots.noise import Noise
from billiards_trainer.core.shots.settings import WatchSettings
from billiards_trainer.core.shots.shot import Shot
from billiards_trainer.core.shots.watch import BallWatch
from billiards_trainer.table import Point, Table

_CUE_LABELS = {"pool": ("cue",), "snooker": ("cue",), "carom": ("cue", "yellow")}
_PATIENCE_S = 0.4
"""A change is judged at the latest so long after it happened, whatever else is undecided."""
_QUIET_S = 0.3
_LONGEST_S = 90.0
_PATH_LIMIT = 4000
_ADDRESSED_S = 1.0
"""A ball not known to be the cue ball was struck if a cue addressed it so shortly before."""
_LEFT = 0.01
"""So far, metres, it must have got by the time that it is judged: hands tremble less."""
_VAGUE = 2.5
"""A change that can be placed in time no better than to so many pictures is none."""
_SAME_S = 0.08
"""Two balls meet once within this time."""


class ShotSegmenter:
    """See the module's text; ``update`` with every state, ``finish`` when no more will come."""

    def __init__(self, table: Table, settings: WatchSettings | None = None) -> None:
        self.table = table
        self.settings = settings or WatchSettings()
        self._sequence = 0
        self._pocket_radii: tuple[float, ...] = ()
        self._noise = Noise(self.settings.measurement_std, self.settings.blur_share)
        self._clear(None)

    def _clear(self, epoch: int | None) -> None:
        self._epoch = epoch
        self._origin_ns: int | None = None
        self._watches: dict[int, BallWatch] = {}
        self._open: list[Kink | Stop] = []
        self._history = History()
        self._shot: Shot | None = None
        self._finished: Shot | None = None
        self._met: dict[tuple[int, int], float] = {}
        self._turns: dict[int, list[Turn]] = {}
        self._coasted: dict[int, Point] = {}
        self._addressed: deque[tuple[float, int]] = deque()
        self._last_change = -math.inf

    @property
    def in_shot(self) -> bool:
        """Whether a shot is being played."""
        return self._shot is not None

    @property
    def shot(self) -> Shot | None:
        """The shot being played."""
        return self._shot

    def take_shot(self) -> Shot | None:
        """The shot that has just ended, once."""
        shot, self._finished = self._finished, None
        return shot

    def update(self, state: m.TableState) -> list[m.ShotEvent]:
        """Take in one table state.

        Returns:
            The events that are certain now; each happened a few frames ago.
        """
        if state.epoch != self._epoch:
            self._clear(state.epoch)
        if self._origin_ns is None:
            self._origin_ns = state.exposure_ns
        t = (state.exposure_ns - self._origin_ns) / 1e9
        frames = self._history.frames
        if frames and t <= frames[-1].t:
            return []
        frames.append(Frame(state.frame, t, state.exposure_ns, state.balls))
        if state.pocket_radii and state.pocket_radii != self._pocket_radii:
            self._pocket_radii = state.pocket_radii
            self.table = self.table.with_pocket_radii(state.pocket_radii)
        if self._shot is not None and len(self._shot.frame_times_ns) < _PATH_LIMIT:
            self._shot.frame_times_ns.append(state.exposure_ns)
        if state.cue is not None and state.cue.addresses is not None:
            self._addressed.append((t, state.cue.addresses))
        while self._addressed and self._addressed[0][0] < t - _ADDRESSED_S - 2 * _PATIENCE_S:
            self._addressed.popleft()
        events: list[m.ShotEvent] = []
        present = set()
        for ball in state.balls:
            if ball.in_hand:
                continue
            present.add(ball.track)
            self._watch(ball, t)
        for track in [k for k in self._watches if k not in present]:
            events += self._vanished(track)
        events += self._resolve(t)
        events += self._maybe_end(t)
        return events

    def finish(self) -> list[m.ShotEvent]:
        """Declare what can still be declared: the stream has ended."""
        if not self._history.frames:
            return []
        for watch in self._watches.values():
            self._open += watch.finish()
        t = self._history.frames[-1].t
        return self._resolve(t + _PATIENCE_S) + self._maybe_end(t)

    # --- looking ----------------------------------------------------------------------------------

    def _watch(self, ball: m.BallState, t: float) -> None:
        watch = self._watches.get(ball.track)
        if watch is None:
            watch = BallWatch(ball.track, self.settings, self._noise)
            watch.rest = None if ball.moving else (ball.x_m, ball.y_m)
            self._watches[ball.track] = watch
        watch.label = ball.label
        self._coasted[ball.track] = (ball.x_m, ball.y_m)
        if ball.measured_m is None:
            return
        x, y = ball.measured_m
        resting = None if ball.moving else (ball.x_m, ball.y_m)
        self._open += watch.measure(t, x, y, resting, expected=self._is_near_something(ball))
        if self._shot is not None and watch.rest is None:
            path = self._shot.paths.setdefault(ball.track, [])
            if len(path) < _PATH_LIMIT:
                path.append((t, x, y))
        if pocket_near(self.table, (x, y)) is None and ball.track in self._turns:
            # It came out of the jaws again: what turned it there was rubber.
            for turn in self._turns.pop(ball.track):
                if turn.rubber:
                    self._open.append(turn.kink)
                    self._met[ball.track, ball.track] = turn.kink.t

    def _is_near_something(self, ball: m.BallState) -> bool:
        """Whether a ball, a cushion or a pocket is within reach of a few pictures' travel."""
        place = (ball.x_m, ball.y_m)
        reach = 0.01 + 3 * self._frame_s * math.hypot(ball.vx, ball.vy)
        balls = self.table.balls.diameter + reach
        return (
            near_rubber(self.table, place, reach)
            or pocket_near(self.table, place) is not None
            or any(
                math.dist(place, other) < balls
                for track, other in self._coasted.items()
                if track != ball.track
            )
        )

    def _vanished(self, track: int) -> list[m.ShotEvent]:
        """A ball is no longer on the table: potted, or taken away."""
        watch = self._watches[track]
        coasted = self._coasted.pop(track)
        moving = watch.rest is None or watch.is_undecided
        self._open += watch.finish()
        events: list[m.ShotEvent] = []
        own = [c for c in self._open if c.track == track]
        for change in sorted(own, key=lambda c: c.t):
            events += (
                self._judge_stop(change) if isinstance(change, Stop) else self._judge_kink(change)
            )
        self._open = [c for c in self._open if c.track != track]
        del self._watches[track]
        turns = self._turns.pop(track, [])
        if not moving or self._shot is None:
            return events
        dropped = drop(watch, coasted, turns, self.table, self._frame_s)
        if dropped is None:
            return events
        for kink in (turn.kink for turn in turns if turn.rubber and turn.kink.t < dropped.t):
            events += self._declare(
                m.EventKind.CUSHION_COLLISION, kink.t, [watch], (kink.x, kink.y)
            )
        return events + self._declare(
            m.EventKind.POCKETED, dropped.t, [watch], dropped.place, pocket=dropped.pocket.name
        )

    # --- judging ----------------------------------------------------------------------------------

    def _resolve(self, now: float) -> list[m.ShotEvent]:
        """Judge the open changes in order of time, as far as nothing earlier may still turn up."""
        events: list[m.ShotEvent] = []
        self._open.sort(key=lambda change: change.t)
        kept: list[Kink | Stop] = []
        undecided = min(
            (w.samples[w.suspicious].t for w in self._watches.values() if w.suspicious is not None),
            default=math.inf,
        )
        for change in self._open:
            old = now - change.t >= _PATIENCE_S
            ready = old or change.t < undecided - 2 * self._frame_s
            if not ready or kept:
                kept.append(change)
                continue
            if isinstance(change, Stop):
                events += self._judge_stop(change)
            else:
                events += self._judge_kink(change)
        self._open = kept
        return events

    def _judge_stop(self, stop: Stop) -> list[m.ShotEvent]:
        self._last_change = max(self._last_change, stop.t)
        watch = self._watches.get(stop.track)
        if self._shot is None or watch is None:
            return []
        self._shot.end = max(self._shot.end, stop.t)
        return self._declare(m.EventKind.AT_REST, stop.t, [watch], (stop.x, stop.y))

    def _judge_kink(self, kink: Kink) -> list[m.ShotEvent]:
        self._last_change = max(self._last_change, kink.end)
        watch = self._watches.get(kink.track)
        own = watch or self._stand_in(kink.track)
        place = (kink.x, kink.y)
        if self._met.pop((kink.track, kink.track), None) is not None:
            # Held back in a pocket's jaws, and known to be rubber since the ball came out.
            return self._declare(m.EventKind.CUSHION_COLLISION, kink.t, [own], place)
        met = meeting(kink, self._partners(kink), self.table, self._frame_s)
        if met is not None and kink.from_rest and self._shot is None and not met.partner.pushes:
            met = None  # it touches a ball that lies still, and is played away from it
        events: list[m.ShotEvent] = []
        if met is None and kink.from_rest:
            return self._judge_start(kink, own)
        if self._shot is None:
            return []
        if met is not None:
            pair = (min(kink.track, met.partner.track), max(kink.track, met.partner.track))
            if abs(self._met.get(pair, -math.inf) - met.t) < _SAME_S:
                return []
            self._met[pair] = met.t
            other = self._watches.get(met.partner.track) or self._stand_in(met.partner.track)
            balls, places = [own, other], [met.first, met.second]
            if kink.from_rest:
                # The ball that moved comes first.
                balls, places = balls[::-1], places[::-1]
            events += self._declare(
                m.EventKind.BALL_COLLISION, met.t, balls, places[0], places=tuple(places)
            )
        elif kink.t_std > _VAGUE * self._frame_s:
            return []
        elif pocket_near(self.table, place) is not None:
            rubber = hits_cushion(kink, self.table, self._frame_s)
            self._turns.setdefault(kink.track, []).append(Turn(kink, rubber))
        elif hits_cushion(kink, self.table, self._frame_s):
            events += self._declare(m.EventKind.CUSHION_COLLISION, kink.t, [own], place)
        return events

    def _judge_start(self, kink: Kink, watch: BallWatch) -> list[m.ShotEvent]:
        """A ball at rest has been set in motion, and not by another ball."""
        if self._shot is not None:
            return []
        is_cue_ball = watch.label in _CUE_LABELS[self.table.game]
        if not is_cue_ball and not (
            self._is_addressed(kink.track, kink.t) and _has_left(watch, kink)
        ):
            return []  # a hand tidies up, or sets the balls, or is taken for one
        frames = self._history.frames
        self._shot = Shot(
            start=kink.t,
            striker=kink.track,
            # The last picture in which it had not moved yet.
            before=self._history.last_until(kink.t).balls,
            start_frame=self._history.nearest(kink.t).number,
        )
        self._shot.end = kink.t
        self._shot.frame_times_ns = [f.exposure_ns for f in frames if f.t >= kink.t]
        for f in frames:
            for ball in f.balls:
                if f.t > kink.t and ball.track == kink.track and ball.measured_m:
                    self._shot.paths.setdefault(kink.track, []).append((f.t, *ball.measured_m))
        self._met.clear()
        return self._declare(m.EventKind.SHOT_START, kink.t, [watch], (kink.x, kink.y))

    def _is_addressed(self, track: int, t: float) -> bool:
        """Whether that ball was the last that a cue addressed before a time, and shortly before."""
        before = [(when, which) for when, which in self._addressed if when <= t]
        return bool(before) and before[-1][1] == track and t - before[-1][0] <= _ADDRESSED_S

    def _maybe_end(self, t: float) -> list[m.ShotEvent]:
        shot = self._shot
        if shot is None:
            return []
        still = all(w.rest is not None and not w.is_undecided for w in self._watches.values())
        quiet = still and not self._open and t - max(shot.end, self._last_change) >= _QUIET_S
        if not quiet and t - shot.start < _LONGEST_S:
            return []
        striker = self._watches.get(shot.striker)
        place = striker.rest if striker and striker.rest else (0.0, 0.0)
        last = [e for e in shot.events if e.t >= shot.end - 1e-9]
        if striker is None and last:
            place = (last[-1].x_m, last[-1].y_m)
        events = self._declare(m.EventKind.SHOT_END, shot.end, [], place)
        last_frame = self._history.frames[-1]
        shot.after, shot.end_frame = last_frame.balls, last_frame.number
        self._finished, self._shot = shot, None
        self._turns.clear()
        return events

    # --- small things -----------------------------------------------------------------------------

    def _stand_in(self, track: int) -> BallWatch:
        """For a ball that is no longer watched."""
        return BallWatch(track, self.settings, self._noise, self._history.label(track))

    @property
    def _frame_s(self) -> float:
        return self._history.interval_s

    def _partners(self, kink: Kink) -> list[Partner]:
        partners = []
        kinks = {
            c.track: c
            for c in self._open
            if isinstance(c, Kink) and c is not kink and abs(c.t - kink.t) < 2 * self._frame_s
        }
        for track, watch in self._watches.items():
            if track == kink.track:
                continue
            own = kinks.get(track)
            if own is not None:
                partners.append(Partner(track, own.before, own))
            elif (path := watch.path()) is not None:
                partners.append(Partner(track, path))
        return partners

    def _declare(
        self,
        kind: m.EventKind,
        t: float,
        balls: list[BallWatch],
        place: Point,
        *,
        pocket: str | None = None,
        places: tuple[Point, ...] | None = None,
    ) -> list[m.ShotEvent]:
        shot, origin = self._shot, self._origin_ns
        assert shot is not None
        assert origin is not None
        shot.end = max(shot.end, t)
        self._last_change = max(self._last_change, t)
        self._sequence += 1
        event = m.ShotEvent(
            frame=self._history.number_at(t),
            exposure_ns=origin + round(t * 1e9),
            epoch=self._epoch or 0,
            sequence=self._sequence,
            kind=kind,
            t=t,
            tracks=tuple(b.track for b in balls),
            labels=tuple(b.label for b in balls),
            x_m=place[0],
            y_m=place[1],
            places_m=places or ((place,) if balls else ()),
            pocket=pocket,
        )
        shot.events.append(event)
        return [event]


def _has_left(watch: BallWatch, kink: Kink) -> bool:
    """Whether a ball was last seen well away from where it lay."""
    last = watch.samples[-1] if watch.samples else None
    return last is None or math.dist((last.x, last.y), (kink.x, kink.y)) >= _LEFT
