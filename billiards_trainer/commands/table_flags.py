"""The flags by which commands that look at pictures are told of the table, and what they mean."""

from __future__ import annotations

import argparse

from billiards_trainer.errors import InputError
from billiards_trainer.table import BALL_SETS, Table, TableError, build, parse_size, preset

_USUAL = {"pool": "pool-9ft", "snooker": "snooker-12ft", "carom": "carom-10ft"}

Corners = tuple[tuple[float, float], ...]


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Size and balls."""
    parser.add_argument(
        "--table-size",
        metavar="LxW",
        help="nose to nose in metres, e.g. 2.54x1.27; judged by the balls when not given",
    )
    parser.add_argument("--ball-diameter", metavar="D", type=float, help="metres")
    parser.add_argument(
        "--balls", choices=sorted(BALL_SETS), help="which balls; pool when not given"
    )


def add_corners_argument(parser: argparse.ArgumentParser) -> None:
    """Where the table is."""
    parser.add_argument(
        "--corners",
        metavar="x,y,x,y,x,y,x,y",
        help="pixels of the four corners of the cushion noses; found when not given",
    )


def chosen_table(size: str | None, ball_diameter: float | None, game: str | None) -> Table:
    """The table that the flags describe; the game's usual one, of pool, as far as they do not.

    Raises:
        InputError: sizes that are no table's.
    """
    try:
        usual = preset(_USUAL[game or "pool"])
        if size is None and ball_diameter is None:
            return usual
        length, width = parse_size(size) if size is not None else (usual.length, usual.width)
        return build("measured", usual.game, length, width, ball_diameter=ball_diameter)
    except TableError as error:
        raise InputError(str(error)) from None


def described_table(arguments: argparse.Namespace) -> Table | None:
    """The table that the flags describe, ``None`` when they say nothing.

    Raises:
        InputError: sizes that are no table's.
    """
    said = (arguments.table_size, arguments.ball_diameter, arguments.balls)
    return None if said == (None, None, None) else chosen_table(*said)


def parse_corners(text: str | None) -> Corners | None:
    """Four corners from ``x,y,x,y,x,y,x,y``.

    Raises:
        InputError: anything else.
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 8:
        raise InputError(f"--corners: eight numbers x,y,x,y,x,y,x,y are needed, not {text!r}")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
