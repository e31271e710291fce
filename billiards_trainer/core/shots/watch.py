"""One ball, watched for sudden changes of its motion.

A change is noticed when a measurement is not where free motion from the ones before puts it.  It is
decided three measurements later, by the split into *before* and *after* that explains all of them
best; a lone bad measurement is thrown away.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass, field

from billiards_trainer.core.shots.changes import Kink, Stop
from billiards_trainer.core.shots.fit import Path, Sample, fit, meeting_time, still
from billiards_trainer.core.shots.noise import Noise
from billiards_trainer.core.shots.settings import WatchSettings

_TRAIL = 30
_LAST = 10
"""Measurements within which the last turn is looked for."""


@dataclass(slots=True)
class BallWatch:
    """See the module's text.

    Attributes:
        track: whose ball.
        settings: see there.
        noise: of measurements, shared by all balls.
        label: what it is called at present.
        rest: where it lies, or ``None`` while it moves.
        samples: measurements since the last kink, newest last.
        trail: the last measurements, over all kinks.
        suspicious: index in ``samples`` of the first that did not fit.
        kinked: time of the last kink, seconds.
        seen: time of the last measurement.
    """

    track: int
    settings: WatchSettings
    noise: Noise
    label: str = "unknown"
    rest: tuple[float, float] | None = None
    samples: list[Sample] = field(default_factory=list)
    trail: deque[Sample] = field(default_factory=lambda: deque(maxlen=_TRAIL))
    suspicious: int | None = None
    kinked: float = -math.inf
    seen: float = -math.inf
    _fast: tuple[float, float] | None = None
    _slow: Stop | None = None
    _slow_pictures: int = 0
    _ease: float = 1.0

    @property
    def is_undecided(self) -> bool:
        """Whether a kink may come of what was just measured."""
        return self.suspicious is not None

    def path(self) -> Path | None:
        """The motion before anything suspicious."""
        if self.rest is not None:
            x, y = self.rest
            return still(x, y, self.noise.std / 2, self.seen)
        clear = self.samples[: self.suspicious]
        return self._fit(clear[-self.settings.window :]) if clear else None

    def measure(
        self,
        t: float,
        x: float,
        y: float,
        resting: tuple[float, float] | None,
        *,
        expected: bool = False,
    ) -> list[Kink | Stop]:
        """Take in a measurement.

        Args:
            t: seconds.
            x: measured place, metres.
            y: metres.
            resting: where the tracker says that the ball lies, if it says so.
            expected: whether something is near that the ball may meet.
        """
        std = self.noise.std
        self._ease = self.settings.expected if expected else 1.0
        if self.samples and self.rest is None:
            way = math.dist((x, y), (self.samples[-1].x, self.samples[-1].y))
            std = math.hypot(std, self.noise.blur * way)
        sample = Sample(t, x, y, std)
        self.seen = t
        if self.rest is not None:
            return self._from_rest(sample, resting)
        self.samples.append(sample)
        self.trail.append(sample)
        self._examine()
        found: list[Kink | Stop] = []
        if (
            self.suspicious is not None
            and len(self.samples) - self.suspicious >= self.settings.after
        ):
            found += self._decide()
        if self.suspicious is None and (stop := self._stopped()) is not None:
            found.append(stop)
        self._forget()
        return found

    def finish(self) -> list[Kink | Stop]:
        """Decide what is still open: no more measurements will come."""
        if self.suspicious is None or not self.samples:
            return []
        return list(self._decide_start() if self.rest is not None else self._decide())

    # --- at rest ----------------------------------------------------------------------------------

    def _from_rest(self, sample: Sample, resting: tuple[float, float] | None) -> list[Kink | Stop]:
        assert self.rest is not None
        away = math.dist((sample.x, sample.y), self.rest)
        threshold = max(0.001, 3 * self.noise.std)
        if self.suspicious is None:
            if away <= threshold:
                self.noise.learn(away)
                self.rest = resting or self.rest
                self.samples = [sample]
                return []
            self.samples.append(sample)
            self.suspicious = len(self.samples) - 1
            return []
        self.samples.append(sample)
        if away <= threshold:
            # It was a bad measurement, or the ball is back where it was.
            self.samples, self.suspicious = [sample], None
            return []
        if len(self.samples) - self.suspicious <= self.settings.after:
            return []
        return list(self._decide_start())

    def _decide_start(self) -> list[Kink]:
        assert self.rest is not None
        assert self.suspicious is not None
        moved = self.samples[self.suspicious :]
        last = moved[-1]
        away = math.dist((last.x, last.y), self.rest)
        span = last.t - moved[0].t
        speed = math.dist((last.x, last.y), (moved[0].x, moved[0].y)) / span if span > 0 else 0.0
        if away < self.settings.start_way or speed < self.settings.rest_speed:
            if len(moved) > 2 * self.settings.after or away < self.settings.start_way:
                # It lies elsewhere now: a nudge, or a change of light.
                self.rest = (last.x, last.y)
                self.samples, self.suspicious = [last], None
            return []
        before = still(*self.rest, self.noise.std / 2, moved[0].t)
        first = self.suspicious
        # The picture during which it was struck shows a smear: leave it out when the rest fits.
        limit = self.settings.notice
        if (
            len(moved) > 3
            and self._fit(moved[:3], sliding=True).chi2 > limit
            and self._fit(moved[1:4], sliding=True).chi2 < limit
        ):
            first += 1
        tail = self.samples[first:]
        after, _ = self._after(tail)
        start = self.samples[self.suspicious - 1].t if self.suspicious else moved[0].t - 0.05
        end = tail[0].t
        t, t_std = meeting_time(before, after, start, end)
        kink = Kink(self.track, t, t_std, *self.rest, before, after, True, start, end)
        self.rest = None
        self._renew(tail, t)
        return [kink]

    def _after(self, tail: list[Sample]) -> tuple[Path, float]:
        """Motion after a kink, of a few measurements, and its squared residuals.

        The next kink may be close behind: then fewer are taken, and what that hides is charged.
        """
        notice, charge = self.settings.notice, 0.0
        for count in (self.settings.after + 1, self.settings.after):
            path = self._fit(tail[:count], sliding=True)
            if path.chi2 < notice:
                return path, path.chi2 + charge
            charge += notice
        path = self._fit(tail[:2], sliding=True)
        return path, path.chi2 + charge

    def _renew(self, samples: list[Sample], kinked: float) -> None:
        """A new piece of motion begins; its measurements have not been examined yet."""
        self.samples, self.suspicious, self.kinked = [], None, kinked
        self._fast = self._slow = None
        for sample in samples:
            self.samples.append(sample)
            self._examine()

    # --- in motion --------------------------------------------------------------------------------

    def _fit(self, samples: list[Sample], *, sliding: bool | None = None) -> Path:
        s = self.settings
        if sliding is None:
            sliding = samples[-1].t - self.kinked < s.slide_s
        return fit(samples, s.deceleration, s.sliding_spread if sliding else s.rolling_spread)

    def _examine(self) -> None:
        """Look for the first of the newest measurements that the ones before do not foretell.

        One measurement may be far off, or two or three a little, all to one side: what each block
        adds to the sum of squared residuals is its squared innovation.
        """
        if self.suspicious is not None:
            return
        block = self.samples[-self.settings.window - 1 :]
        whole = None
        if len(block) > 3:
            known, newest = self._fit(block[:-1]), block[-1]
            way = math.dist((newest.x, newest.y), (block[-2].x, block[-2].y))
            away = math.dist((newest.x, newest.y), known.at(newest.t))
            self.noise.learn_blur(away, known.variance(newest.t) + self.noise.std**2, way)
        for lag in (1, 2, 3):
            clear = block[:-lag]
            if len(clear) < 2:
                break
            path = self._fit(clear)
            if whole is None:
                whole = self._fit(block).chi2
            if whole - path.chi2 > self._ease * (self.settings.notice + 4.0 * (lag - 1)):
                self.suspicious = len(self.samples) - lag
                return

    def _decide(self) -> list[Kink]:
        assert self.suspicious is not None
        window, first = self.settings.window, self.suspicious
        every = self.samples[max(0, first - window) :]
        offset = len(self.samples) - len(every)
        whole = self._fit(every).chi2
        best: tuple[float, int, Path, Path] | None = None
        for split in range(max(1, first - 2), min(first + 2, len(self.samples))):
            head, tail = self.samples[offset:split], self.samples[split:]
            if len(tail) < 2 or not head:
                continue
            before = self._fit(head)
            after, misfit = self._after(tail)
            total = before.chi2 + misfit
            # Prefer splits that leave enough on both sides to know the velocities.
            total += 4.0 * (len(head) < 2)
            if best is None or total < best[0]:
                best = (total, split, before, after)
        lone = self.samples[:first] + self.samples[first + 1 :]
        without = self._fit(lone[offset:]).chi2 if len(lone) - offset >= 3 else math.inf
        gain = whole - best[0] if best is not None else 0.0
        if best is None or gain < self._ease * self.settings.convince or without < best[0] + 4.0:
            if without < whole - self.settings.notice / 2:
                self.samples = lone
            self.suspicious = None
            return []
        _, split, before, after = best
        kink = self._kink(self.samples, split, before, after)
        self._renew(self.samples[split:], kink.t)
        return [kink]

    def _kink(self, samples: list[Sample], split: int, before: Path, after: Path) -> Kink:
        start, end = samples[split - 1].t, samples[split].t
        margin = 0.2 * (end - start)
        t, t_std = meeting_time(before, after, start - margin, end + margin)
        (bx, by), (ax, ay) = before.at(t), after.at(t)
        wb, wa = 1 / before.variance(t), 1 / after.variance(t)
        x, y = (bx * wb + ax * wa) / (wb + wa), (by * wb + ay * wa) / (wb + wa)
        return Kink(self.track, t, t_std, x, y, before, after, False, start, end)

    def passed(
        self, centre: tuple[float, float], radius: float
    ) -> tuple[float, tuple[float, float]] | None:
        """When (seconds) and where it came within a circle that it was last seen in, if it was."""
        for later, sooner in itertools.pairwise(reversed(self.trail)):
            inside = radius - math.dist((later.x, later.y), centre)
            outside = math.dist((sooner.x, sooner.y), centre) - radius
            if inside < 0.0:
                return None
            if outside > 0.0:
                share = outside / (outside + inside)
                x = sooner.x + share * (later.x - sooner.x)
                y = sooner.y + share * (later.y - sooner.y)
                return sooner.t + share * (later.t - sooner.t), (x, y)
        return None

    def last_turn(self) -> Kink | None:
        """Where the last piece of motion changed, if anywhere: for a ball that dropped.

        The edge of a pocket turns a slow ball's way only a little, so what would be too little
        evidence elsewhere is enough here.
        """
        recent = list(self.trail)[-_LAST:]
        if len(recent) < 4:
            return None
        whole = fit(recent, self.settings.deceleration, self.settings.rolling_spread).chi2
        best: tuple[float, int, Path, Path] | None = None
        for split in range(3, len(recent)):
            before = fit(recent[:split], self.settings.deceleration, self.settings.rolling_spread)
            after = fit(
                recent[split - 1 :], self.settings.deceleration, self.settings.sliding_spread
            )
            total = before.chi2 + after.chi2
            if best is None or total < best[0]:
                best = (total, split, before, after)
        if best is None or whole - best[0] < self.settings.notice / 2:
            return None
        return self._kink(recent, best[1], best[2], best[3])

    def _stopped(self) -> Stop | None:
        s = self.settings
        if len(self.samples) < s.rest_pictures:
            return None
        recent = self.samples[-s.rest_pictures :]
        n = len(recent)
        mean_t = sum(p.t for p in recent) / n
        spread = sum((p.t - mean_t) ** 2 for p in recent)
        vx = sum((p.t - mean_t) * p.x for p in recent) / spread
        vy = sum((p.t - mean_t) * p.y for p in recent) / spread
        speed = math.hypot(vx, vy)
        if speed >= s.rest_speed:
            self._fast, self._slow = (mean_t, speed), None
            self._slow_pictures = 0
            return None
        self._slow_pictures += 1
        if self._slow is None:
            t = mean_t
            if self._fast is not None:
                share = (self._fast[1] - s.rest_speed) / (self._fast[1] - speed)
                t = self._fast[0] + share * (mean_t - self._fast[0])
            x, y = sum(p.x for p in recent) / n, sum(p.y for p in recent) / n
            self._slow = Stop(self.track, t, x + vx * (t - mean_t), y + vy * (t - mean_t))
        # A ball that a cushion turns round is slow too, for a moment.
        if self._slow_pictures < s.rest_pictures:
            return None
        stop = self._slow
        last = recent[-1]
        self.rest = (last.x, last.y)
        self.samples, self.suspicious = [last], None
        self._fast = self._slow = None
        return stop

    def _forget(self) -> None:
        """Keep memory bounded: what lies further back than the windows is no longer asked."""
        keep = 3 * self.settings.window
        surplus = len(self.samples) - keep
        if surplus > 0 and self.suspicious is None:
            del self.samples[:surplus]
