"""The events of the shot being played, put together from what comes and from core's snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from billiards_trainer import messages as m


class ShotEvents:
    """What is known of the shot being played, or of the last one; see ``take`` and ``fill``.

    Attributes:
        events: in the order of their numbers; some may be missing.
    """

    def __init__(self) -> None:
        self.events: tuple[m.ShotEvent, ...] = ()

    def follows(self, event: m.ShotEvent) -> bool:
        """Whether nothing is missing between what is known and this event."""
        if not self.events:
            return event.kind is m.EventKind.SHOT_START
        last = self.events[-1]
        return (event.epoch, event.sequence) == (last.epoch, last.sequence + 1)

    def take(self, event: m.ShotEvent) -> bool:
        """Take in an event that has come; whether it is news of this shot."""
        known = self.events
        is_over = bool(known) and known[0].kind is m.EventKind.SHOT_START
        if event in known or (is_over and event.exposure_ns < known[0].exposure_ns):
            return False
        self.events = _newest_shot((*self.events, event))
        return True

    def fill(self, snapshot: Sequence[m.ShotEvent]) -> tuple[m.ShotEvent, ...]:
        """Take in all events of a shot as core knows them; those that are news.

        What came meanwhile and is not among them yet is kept.
        """
        if not snapshot:
            return ()
        epoch, number = snapshot[-1].epoch, snapshot[-1].sequence
        later = (e for e in self.events if e.epoch == epoch and e.sequence > number)
        news = tuple(event for event in snapshot if event not in self.events)
        self.events = _newest_shot((*snapshot, *later))
        return news


def _newest_shot(events: Sequence[m.ShotEvent]) -> tuple[m.ShotEvent, ...]:
    starts = [i for i, event in enumerate(events) if event.kind is m.EventKind.SHOT_START]
    return tuple(events[starts[-1] :] if starts else events)
