"""Which balls are on, what was foul and what comes back, by the rules of each game."""

from __future__ import annotations

import pytest

from billiards_trainer.simulation.games import (
    COLOURS,
    Call,
    balls_on,
    come_back,
    fouled,
    is_over,
    is_red_next,
)
from billiards_trainer.simulation.racks import Rack

EIGHT = ("cue", "1", "8", "9")
NINE = ("cue", "1", "3", "9")
SNOOKER = ("cue", "red", "red", *COLOURS)
RED, OTHER_RED = 1, 2
YELLOW, GREEN, BLACK = (SNOOKER.index(c) for c in ("yellow", "green", "black"))
ALL_COLOURS = tuple(range(YELLOW, BLACK + 1))


def call(
    labels: tuple[str, ...],
    on: tuple[int, ...],
    first: int | None,
    dropped: tuple[int, ...] = (),
    left: tuple[int, ...] | None = None,
) -> Call:
    """A shot; what is left are all that did not drop."""
    if left is None:
        left = tuple(i for i in range(1, len(labels)) if i not in dropped)
    return Call(labels, on, first, dropped, left)


@pytest.mark.parametrize(
    ("rack", "labels", "lying", "red_next", "on", "kept"),
    [
        ("8-ball", EIGHT, (1, 2, 3), True, (1, 3), (2,)),
        ("8-ball", EIGHT, (2,), True, (2,), ()),
        ("9-ball", NINE, (1, 2, 3), True, (1,), (3,)),
        ("9-ball", NINE, (2, 3), True, (2,), (3,)),
        ("9-ball", NINE, (3,), True, (3,), ()),
        ("snooker", SNOOKER, (RED, *ALL_COLOURS), True, (RED,), ALL_COLOURS),
        ("snooker", SNOOKER, (RED, *ALL_COLOURS), False, ALL_COLOURS, (RED,)),
        # The last red is down: one colour by choice, then all of them in their order.
        ("snooker", SNOOKER, ALL_COLOURS, False, ALL_COLOURS, ()),
        ("snooker", SNOOKER, ALL_COLOURS, True, (YELLOW,), ALL_COLOURS[1:]),
        ("snooker", SNOOKER, (BLACK,), True, (BLACK,), ()),
        ("carom", ("cue", "yellow", "red"), (1, 2), True, (1, 2), ()),
    ],
)
def test_which_balls_are_on(
    rack: Rack,
    labels: tuple[str, ...],
    lying: tuple[int, ...],
    red_next: bool,
    on: tuple[int, ...],
    kept: tuple[int, ...],
) -> None:
    assert balls_on(rack, labels, lying, red_next=red_next) == (on, kept)


def test_the_eight_comes_back_while_others_lie() -> None:
    early = call(EIGHT, (1, 3), 1, dropped=(2,))
    assert come_back("8-ball", early) == (2,)
    assert not is_over("8-ball", early)
    last = call(EIGHT, (2,), 2, dropped=(2,), left=())
    assert come_back("8-ball", last) == ()
    assert is_over("8-ball", last)
    # Other balls stay down, whatever happened.
    assert come_back("8-ball", call(EIGHT, (1, 3), 2, dropped=(0, 1))) == ()


def test_the_nine_ends_the_rack_unless_the_shot_was_foul() -> None:
    combination = call(NINE, (1,), 1, dropped=(3,))
    assert come_back("9-ball", combination) == ()
    assert is_over("9-ball", combination)
    for foul in (
        call(NINE, (1,), 2, dropped=(3,)),  # not the lowest ball first
        call(NINE, (1,), 1, dropped=(0, 3)),  # scratched
    ):
        assert fouled("9-ball", foul)
        assert come_back("9-ball", foul) == (3,)
        assert not is_over("9-ball", foul)


@pytest.mark.parametrize(
    ("on", "first", "dropped", "foul", "back", "red_next"),
    [
        # A red, two reds, nothing, the air.
        ((RED, OTHER_RED), RED, (RED,), False, (), False),
        ((RED, OTHER_RED), RED, (RED, OTHER_RED), False, (), False),
        ((RED, OTHER_RED), RED, (), False, (), True),
        ((RED, OTHER_RED), None, (), True, (), True),
        # A colour beside the last red, a colour first, the cue ball beside the red.
        ((RED,), RED, (RED, YELLOW), True, (YELLOW,), True),
        ((RED,), BLACK, (BLACK,), True, (BLACK,), True),
        ((RED,), RED, (0, RED), True, (), True),
        # A colour's turn: the one played at, another one, two, a red.
        (ALL_COLOURS, BLACK, (BLACK,), False, (BLACK,), True),
        (ALL_COLOURS, BLACK, (YELLOW,), True, (YELLOW,), True),
        (ALL_COLOURS, BLACK, (YELLOW, BLACK), True, (BLACK, YELLOW), True),
        (ALL_COLOURS, BLACK, (RED,), True, (), True),
    ],
)
def test_a_snooker_shot_with_reds_or_after_the_last(
    on: tuple[int, ...],
    first: int | None,
    dropped: tuple[int, ...],
    foul: bool,
    back: tuple[int, ...],
    red_next: bool,
) -> None:
    shot = call(SNOOKER, on, first, dropped)
    assert fouled("snooker", shot) == foul
    assert come_back("snooker", shot) == back
    assert is_red_next(shot) == red_next
    assert not is_over("snooker", shot)


def test_at_the_end_colours_stay_down_in_their_order() -> None:
    clean = call(SNOOKER, (YELLOW,), YELLOW, dropped=(YELLOW,), left=ALL_COLOURS[1:])
    assert come_back("snooker", clean) == ()
    for first, dropped in (
        (YELLOW, (GREEN,)),
        (YELLOW, (YELLOW, GREEN)),
        (YELLOW, (0, YELLOW)),
        (GREEN, (YELLOW,)),
    ):
        foul = call(SNOOKER, (YELLOW,), first, dropped)
        assert set(come_back("snooker", foul)) == {i for i in dropped if i}
    last = call(SNOOKER, (BLACK,), BLACK, dropped=(BLACK,), left=())
    assert is_over("snooker", last)
    scratched = call(SNOOKER, (BLACK,), BLACK, dropped=(0, BLACK), left=())
    assert come_back("snooker", scratched) == (BLACK,)
    assert not is_over("snooker", scratched)


def test_a_carom_rack_has_no_last_ball() -> None:
    shot = call(("cue", "yellow", "red"), (1, 2), 1)
    assert come_back("carom", shot) == ()
    assert not is_over("carom", shot)
