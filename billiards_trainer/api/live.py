"""The newest message of every topic, with its age, and who wants to hear of the next.

Events are numbered.  Where a number shows that some were lost on the way, or that they began before
this process did, their publisher is asked for a snapshot, and what that tells of news is passed on
like what came by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import structlog

from billiards_trainer import messages as m
from billiards_trainer.api.pipeline import PipelineMeter
from billiards_trainer.api.shot_events import ShotEvents
from billiards_trainer.bus import CommandError
from billiards_trainer.bus_async import AsyncBus, AsyncSubscription
from billiards_trainer.topics import TOPICS

STALE_MS = 1500.0
"""Pictures and what is derived from them: older is no longer what is on the table."""
STATUS_STALE_MS = 3000.0
"""The orchestrator speaks twice a second."""

FOLLOWED = (
    "table.state",
    "game.state",
    "shot.event",
    "scene",
    "projector.flip",
    "camera.frame",
    "camera.status",
    "system.status",
    "system.metrics",
    "system.alert",
)
SNAPSHOTS = {"shot.event": "game.snapshot", "system.alert": "system.alerts"}
"""By topic of events, the command that tells what a reader who has missed some must know."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sample:
    """A message and when it was received, on the monotonic clock."""

    topic: str
    message: m.Message
    received_ns: int

    def age_ms(self, now_ns: int) -> float:
        """Since the middle of the exposure where there is one, else since it was received."""
        since = self.received_ns
        if isinstance(self.message, m.FrameMessage):
            since = self.message.exposure_ns
        return max(0.0, (now_ns - since) / 1e6)

    @cached_property
    def json(self) -> str:
        """The message as JSON, made once for all clients."""
        return self.message.model_dump_json()


class Live:
    """What is known of the appliance right now; lives in one asyncio loop."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.clock = clock
        self.pipeline = PipelineMeter(clock)
        self.received: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        """By topic, messages that the numbers of later ones show to have been lost on the way."""
        self._newest: dict[str, Sample] = {}
        self._alerts: dict[str, Sample] = {}
        self._alert_numbers: dict[str, tuple[int, int]] = {}
        """By name, epoch and number of the last word on it."""
        self._shot = ShotEvents()
        self._behind = {topic: asyncio.Event() for topic in SNAPSHOTS}
        """By topic, whether events are missing."""
        self._listeners: set[Callable[[Sample], None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, bus: AsyncBus) -> None:
        """Start receiving."""
        self._tasks = [
            asyncio.create_task(self._receive(bus.subscribe(topic))) for topic in FOLLOWED
        ]
        self._tasks += [asyncio.create_task(self._catch_up(bus, topic)) for topic in SNAPSHOTS]

    async def stop(self) -> None:
        """Stop receiving."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raise what ended a receiver: without it everything would look stale for ever."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def _receive(self, subscription: AsyncSubscription) -> None:
        while True:
            self.put(subscription.topic.name, await subscription.receive())

    async def _catch_up(self, bus: AsyncBus, topic: str) -> None:
        """Ask for a snapshot whenever events are missing."""
        behind = self._behind[topic]
        while await behind.wait():
            behind.clear()
            try:
                self.restore(await bus.request(SNAPSHOTS[topic], m.Empty()))
            except CommandError as error:
                # Whoever takes the publisher's place begins to count anew, which shows again.
                _log.warning("events are missing", topic=topic, reason=str(error))

    def restore(self, snapshot: m.Message) -> None:
        """Take in what a publisher of events knows, asked because some were missing."""
        if isinstance(snapshot, m.GameState):
            for event in self._shot.fill(snapshot.shot_events):
                self._tell(Sample("shot.event", event, self.clock()))
            known = self._newest.get("game.state")
            if known is None or _exposure(known.message) <= snapshot.exposure_ns:
                self.put("game.state", snapshot.model_copy(update={"shot_events": ()}))
        elif isinstance(snapshot, m.AlertLog):
            for alert in sorted(snapshot.alerts, key=lambda alert: alert.sequence):
                # What came and went without being heard of is in the log, and no news.
                if alert.active or alert.name in self._alerts:
                    self._take_alert(Sample("system.alert", alert, self.clock()), alert)

    def put(self, topic: str, message: m.Message) -> None:
        """Take in a message and tell the listeners."""
        sample = Sample(topic, message, self.clock())
        self.received[topic] += 1
        before = self._newest.get(topic)
        if before is not None and not TOPICS[topic].latest:
            self.missed[topic] += _lost_between(before.message, message)
        self._newest[topic] = sample
        self.pipeline.take(message)
        match message:
            case m.ShotEvent():
                follows = self._shot.follows(message)
                if self._shot.take(message):
                    self._tell(sample)
                    if not follows:
                        self._behind[topic].set()
            case m.Alert():
                last = None if before is None else before.message
                if not _follows(last, message):
                    self._behind[topic].set()
                self._take_alert(sample, message)
            case _:
                if isinstance(message, m.SystemStatus) and any(map(self._is_new, message.alerts)):
                    self._behind["system.alert"].set()
                self._tell(sample)

    def _tell(self, sample: Sample) -> None:
        for listener in tuple(self._listeners):
            listener(sample)

    def _is_new(self, alert: m.Alert) -> bool:
        return (alert.epoch, alert.sequence) > self._alert_numbers.get(alert.name, (0, 0))

    def _take_alert(self, sample: Sample, alert: m.Alert) -> None:
        """Keep an alert while it is active, and pass it on unless a snapshot told it before."""
        if not self._is_new(alert):
            return
        self._alert_numbers[alert.name] = (alert.epoch, alert.sequence)
        if any(_epoch(known) != alert.epoch for known in self._alerts.values()):
            self._alerts.clear()  # of an orchestrator that is gone
        if alert.active:
            self._alerts[alert.name] = sample
        else:
            self._alerts.pop(alert.name, None)
        self._tell(sample)

    def newest(self, topic: str) -> Sample | None:
        """The newest message of a topic, however old."""
        return self._newest.get(topic)

    def alerts(self) -> tuple[Sample, ...]:
        """The alerts that are active now."""
        return tuple(self._alerts.values())

    def shot_events(self) -> tuple[Sample, ...]:
        """What has happened in the shot being played, or else in the last one."""
        now = self.clock()
        return tuple(Sample("shot.event", event, now) for event in self._shot.events)

    def listen(self, listener: Callable[[Sample], None]) -> Callable[[], None]:
        """Call back with each message from now on; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def status(self) -> m.SystemStatus | None:
        """The orchestrator's last word on the whole, ages brought up to now.

        UNKNOWN when it has fallen silent; ``None`` before its first word.
        """
        sample = self._newest.get("system.status")
        if sample is None or not isinstance(sample.message, m.SystemStatus):
            return None
        status = sample.message
        age_ms = sample.age_ms(self.clock())
        modules = {
            name: module.model_copy(
                update={"heartbeat_age_s": _later(module.heartbeat_age_s, age_ms)}
            )
            for name, module in status.modules.items()
        }
        changes: dict[str, object] = {
            "modules": modules,
            "uptime_s": status.uptime_s + age_ms / 1e3,
        }
        if age_ms > STATUS_STALE_MS:
            changes["status"] = m.Level.UNKNOWN
            changes["detail"] = f"the orchestrator has been silent for {age_ms / 1e3:.0f} s"
        return status.model_copy(update=changes)


def _lost_between(before: m.Message, after: m.Message) -> int:
    """How many numbered messages are missing between two; 0 across a restart."""
    if not isinstance(before, m.Alert | m.ShotEvent) or not isinstance(after, type(before)):
        return 0
    if before.epoch != after.epoch:
        return 0
    return max(0, after.sequence - before.sequence - 1)


def _follows(last: m.Message | None, alert: m.Alert) -> bool:
    """Whether no alert is missing between the last one that came, if any, and this one."""
    if isinstance(last, m.Alert) and last.epoch == alert.epoch:
        return alert.sequence <= last.sequence + 1
    return alert.sequence == 1


def _exposure(message: m.Message) -> int:
    return message.exposure_ns if isinstance(message, m.FrameMessage) else 0


def _epoch(sample: Sample) -> int | None:
    return sample.message.epoch if isinstance(sample.message, m.Alert) else None


def _later(age_s: float | None, by_ms: float) -> float | None:
    return None if age_s is None else age_s + by_ms / 1e3
