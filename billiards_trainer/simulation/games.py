"""The rules as far as one who plays alone needs them: what is on, what comes back, what was foul.

Pure functions of what was seen; balls are indices into the labels, the cue ball is never among the
object balls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billiards_trainer.simulation.racks import Rack

COLOURS = ("yellow", "green", "brown", "blue", "pink", "black")
"""Snooker's colours by their value."""

Indices = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """What a referee needs to know of a shot.

    Attributes:
        labels: which ball each index is.
        on: balls that were to be struck first.
        first: the ball that the cue ball met first; ``None`` when it met none.
        dropped: balls that fell, the cue ball too.
        left: object balls that still lie after it.
    """

    labels: Sequence[str]
    on: Indices
    first: int | None
    dropped: Indices
    left: Indices

    @property
    def scratched(self) -> bool:
        """Whether the cue ball fell."""
        return any(self.labels[i] == "cue" for i in self.dropped)


def balls_on(
    rack: Rack, labels: Sequence[str], lying: Indices, *, red_next: bool
) -> tuple[Indices, Indices]:
    """Which balls may be struck first, and which must not drop.

    Args:
        rack: the game.
        labels: which ball each index is.
        lying: object balls on the table, at least one.
        red_next: snooker: whether it is a red's turn, or a colour's in the end game.
    """
    if rack == "8-ball":
        eight = tuple(i for i in lying if labels[i] == "8")
        others = tuple(i for i in lying if i not in eight)
        return (others, eight) if others else (eight, ())
    if rack == "9-ball":
        lowest = min(lying, key=lambda i: int(labels[i]))
        nine = tuple(i for i in lying if labels[i] == "9")
        return (lowest,), () if nine == (lowest,) else nine
    if rack == "snooker":
        reds = tuple(i for i in lying if labels[i] == "red")
        colours = tuple(i for i in lying if labels[i] != "red")
        if not red_next:
            return colours, reds
        if reds:
            return reds, colours
        lowest = min(colours, key=lambda i: COLOURS.index(labels[i]))
        return (lowest,), tuple(i for i in colours if i != lowest)
    return lying, ()


def fouled(rack: Rack, call: Call) -> bool:
    """Whether the shot broke a rule."""
    if call.scratched or call.first not in call.on:
        return True
    if rack != "snooker":
        return False
    # Several reds may fall together; of the colours only the one that was played at.
    red = call.labels[call.first] == "red"
    return any(call.labels[i] != "red" if red else i != call.first for i in call.dropped)


def come_back(rack: Rack, call: Call) -> Indices:
    """Pocketed balls that are spotted again, the most valuable first."""
    objects = [i for i in call.dropped if call.labels[i] != "cue"]
    if rack == "8-ball":
        return tuple(i for i in objects if call.labels[i] == "8" and call.left)
    if rack == "9-ball":
        return tuple(i for i in objects if call.labels[i] == "9" and fouled(rack, call))
    if rack == "snooker":
        # In the end game one colour alone is on, and stays down.
        down = call.on if len(call.on) == 1 and not fouled(rack, call) else ()
        back = [i for i in objects if call.labels[i] != "red" and i not in down]
        return tuple(sorted(back, key=lambda i: -COLOURS.index(call.labels[i])))
    return ()


def is_red_next(call: Call) -> bool:
    """Snooker: whether the next shot is at a red (in the end game: at the lowest colour)."""
    red_potted = any(call.labels[i] == "red" for i in call.dropped)
    at_red = any(call.labels[i] == "red" for i in call.on)
    return not (at_red and red_potted and not fouled("snooker", call))


def is_over(rack: Rack, call: Call) -> bool:
    """Whether the rack has been played; carom's has no end of its own."""
    if rack == "carom":
        return False
    back = come_back(rack, call)
    if rack == "9-ball" and any(call.labels[i] == "9" for i in call.dropped):
        return not back
    return not (call.left or back)
