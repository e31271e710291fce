"""What the cloth shows beside play: messages, the idle and the night screen, a QR code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from billiards_trainer import messages as m
from billiards_trainer.core.guidance import palette
from billiards_trainer.table import Table

_BANNER = 0.034
_CODE = 0.24
"""Side of a QR code, metres: read from above the table by any phone."""
_QUIET = 4
"""Modules of free cloth around a code (ISO/IEC 18004)."""


class Screen(StrEnum):
    """How much life there is at the table."""

    PLAY = "play"
    IDLE = "idle"
    """Nobody has played for some minutes: a dim sign that the table is ready."""
    NIGHT = "night"
    """Nobody has for long: dark."""


def screen_for(unused_s: float, idle_s: float, night_s: float) -> Screen:
    """The screen of a table that has not been used for some seconds."""
    if unused_s >= night_s:
        return Screen.NIGHT
    return Screen.IDLE if unused_s >= idle_s else Screen.PLAY


def notice(table: Table, text: str) -> list[m.Element]:
    """Something that the player must know, along the table."""
    height = min(0.06, 1.6 * table.length * 0.8 / max(1, len(text)))
    return [
        m.Text(
            text=text[:200],
            position=(table.width / 2, table.length / 2),
            height=height,
            angle=math.pi / 2,
            colour=palette.TEXT,
        )
    ]


def banner(table: Table, text: str) -> m.Element:
    """Along the foot rail, small: never to be mistaken for a real table."""
    return m.Text(
        text=text,
        position=(table.width / 2, table.length - 2 * _BANNER),
        height=_BANNER,
        angle=math.pi,
        colour=palette.WARNING,
        opacity=0.8,
    )


def idle(table: Table) -> list[m.Element]:
    """A dim frame of lines and a word at the head, to be seen and to disturb nobody."""
    inset = 0.1 * table.width
    w, length = table.width - inset, table.length - inset
    corners = ((inset, inset), (w, inset), (w, length), (inset, length), (inset, inset))
    return [
        m.Line(points=corners, width=0.002, colour=palette.QUIET, opacity=0.25),
        m.Text(
            text="ready to play",
            position=(table.width / 2, 2 * inset),
            height=0.04,
            angle=0.0,
            colour=palette.QUIET,
            opacity=0.35,
        ),
    ]


def code(table: Table, modules: Sequence[Sequence[bool]]) -> list[m.Element]:
    """A QR code of light: the cloth is its dark ground, so light and dark are exchanged.

    Readers take both; the free ground around it is lit too, as a frame of the same light.
    """
    count = len(modules)
    side = _CODE / (count + 2 * _QUIET)
    left = table.width / 2 - _CODE / 2
    top = 0.28 * table.length + _CODE / 2
    whole = count + 2 * _QUIET
    lit = [
        [_is_light(modules, row - _QUIET, column - _QUIET) for column in range(whole)]
        for row in range(whole)
    ]
    return [
        m.Area(
            points=tuple(
                (left + column * side, top - row * side)
                for column, row in ((c0, r0), (c1, r0), (c1, r1), (c0, r1))
            )
        )
        for c0, r0, c1, r1 in _rectangles(lit)
    ]


def _rectangles(lit: list[list[bool]]) -> list[tuple[int, int, int, int]]:
    """Disjoint rectangles (left, top, right, bottom) of what is lit, each as large as it goes."""
    free = [row.copy() for row in lit]
    found = []
    for top, row in enumerate(free):
        for left in range(len(row)):
            if not row[left]:
                continue
            right = left
            while right < len(row) and row[right]:
                right += 1
            bottom = top
            while bottom < len(free) and all(free[bottom][left:right]):
                free[bottom][left:right] = [False] * (right - left)
                bottom += 1
            found.append((left, top, right, bottom))
    return found


def _is_light(modules: Sequence[Sequence[bool]], row: int, column: int) -> bool:
    """Whether a module is light; around the code everything is."""
    inside = 0 <= row < len(modules) and 0 <= column < len(modules)
    return not (inside and modules[row][column])
