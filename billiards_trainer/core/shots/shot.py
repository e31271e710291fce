"""One shot, whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from billiards_trainer import messages as m


@dataclass(slots=True)
class Shot:
    """One shot, whole.

    Attributes:
        start: when the cue ball was struck, seconds.
        striker: track of the ball that was struck.
        before: balls when it was struck.
        after: balls when all lay still.
        events: in order of declaration.
        frame_times_ns: exposure time of every frame.
        start_frame: number of the frame nearest to the start.
        end_frame: number of the last frame.
        end: when the last ball came to rest, seconds.
        paths: measured places (t, x, y) of each track that moved.
    """

    start: float
    striker: int
    before: tuple[m.BallState, ...]
    after: tuple[m.BallState, ...] = ()
    events: list[m.ShotEvent] = field(default_factory=list)
    frame_times_ns: list[int] = field(default_factory=list)
    start_frame: int = 0
    end_frame: int = 0
    end: float = 0.0
    paths: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)
