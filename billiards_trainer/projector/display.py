"""Where the picture goes: full screen on a display, a window, or nowhere (offscreen).

A display that disappears while its server lives is noticed here and drawing goes on offscreen.
When the display *server* dies its client library ends the process; the orchestrator starts it
again, and it goes on offscreen until the server is back.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.config.schema import ProjectorConfig
from billiards_trainer.projector.rects import Rect

if TYPE_CHECKING:
    import pygame

Mode = Literal["fullscreen", "window", "offscreen"]
Canvas = NDArray[np.uint8]

_CONNECT_S = 0.2
_WINDOW_SHARE = 0.8


class DisplayError(Exception):
    """The display cannot be used; one sentence."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """A display that is plugged in."""

    index: int
    name: str
    width: int
    height: int
    refresh_hz: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to open, and in one sentence what is wrong with that, if anything."""

    mode: Mode
    width: int
    height: int
    refresh_hz: float
    monitor: Monitor | None = None
    problem: str = ""


class Screen(Protocol):
    """An open display."""

    plan: Plan

    def show(self, canvas: Canvas, changed: Sequence[Rect]) -> None:
        """Bring the changed rectangles of a picture of the plan's size to the eye.

        Raises:
            DisplayError: the display is gone.
        """
        ...

    def close(self) -> None:
        """Give it back."""
        ...


def plan(
    config: ProjectorConfig, monitors: Sequence[Monitor], *, production: bool, had_one: bool = False
) -> Plan:
    """What to open.

    Args:
        config: what is wished.
        monitors: what is plugged in.
        production: nobody sits at this machine: its display is the projector.
        had_one: a display has been in use since the start.
    """
    offscreen = Plan("offscreen", config.width, config.height, config.fps)
    if config.mode == "offscreen":
        return offscreen
    if not monitors:
        missed = config.display is not None or config.mode != "auto" or had_one
        problem = "no display can be found: drawing offscreen" if missed else ""
        return Plan("offscreen", config.width, config.height, config.fps, problem=problem)
    if config.display is None:
        monitor = monitors[0]
    else:
        wished = config.display.casefold()
        fitting = [m for m in monitors if wished in (m.name.casefold(), str(m.index))]
        if not fitting:
            known = ", ".join(m.name for m in monitors)
            problem = f"there is no display {config.display!r} but {known}: drawing offscreen"
            return Plan("offscreen", config.width, config.height, config.fps, problem=problem)
        monitor = fitting[0]
    full = production or config.display is not None
    if config.mode == "fullscreen" or (config.mode == "auto" and full):
        rate = monitor.refresh_hz or config.fps
        return Plan("fullscreen", monitor.width, monitor.height, rate, monitor)
    # Leave the person at this desktop something of it.
    share = min(
        1.0,
        _WINDOW_SHARE * monitor.width / config.width,
        _WINDOW_SHARE * monitor.height / config.height,
    )
    size = round(config.width * share), round(config.height * share)
    return Plan("window", *size, monitor.refresh_hz or config.fps, monitor)


class Offscreen:
    """Nobody sees it, and everything else goes on as if."""

    def __init__(self, wanted: Plan) -> None:
        self.plan = wanted

    def show(self, canvas: Canvas, changed: Sequence[Rect]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class PygameScreen:
    """A window or a full screen.

    Raises:
        DisplayError: it cannot be opened.
    """

    def __init__(self, wanted: Plan) -> None:
        import pygame

        self.plan = wanted
        self._pygame = pygame
        full = wanted.mode == "fullscreen"
        try:
            self._surface: pygame.Surface = pygame.display.set_mode(
                (wanted.width, wanted.height),
                pygame.FULLSCREEN if full else 0,
                display=wanted.monitor.index if wanted.monitor is not None else 0,
            )
            pygame.display.set_caption("Billiards Trainer: projector")
            pygame.display.set_allow_screensaver(False)
            pygame.mouse.set_visible(not full)
        except pygame.error as error:
            raise DisplayError(f"the display cannot be used ({error}): drawing offscreen") from None
        size = self._surface.get_size()
        if size != (wanted.width, wanted.height):
            self.plan = Plan(wanted.mode, *size, wanted.refresh_hz, wanted.monitor)
        if self._surface.get_masks()[:3] != (0xFF0000, 0xFF00, 0xFF):
            raise DisplayError("the display has not 24 bits of colour: drawing offscreen")

    def show(self, canvas: Canvas, changed: Sequence[Rect]) -> None:
        """Copy the changed rectangles, and show them.

        Raises:
            DisplayError: the display is gone.
        """
        pygame = self._pygame
        try:
            pixels = pygame.surfarray.pixels2d(self._surface).T.view(np.uint8)
            target = pixels.reshape(self.plan.height, self.plan.width, 4)
            for left, top, right, bottom in changed:
                target[top:bottom, left:right] = canvas[top:bottom, left:right]
            del target, pixels  # unlocks the surface
            pygame.display.update(
                [(left, top, right - left, bottom - top) for left, top, right, bottom in changed]
            )
        except (pygame.error, ValueError) as error:
            raise DisplayError(f"the display failed ({error}): drawing offscreen") from None

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()


class Monitors:
    """Looks at what is plugged in."""

    def __init__(self) -> None:
        self._started = False

    def look(self) -> tuple[Monitor, ...]:
        """The monitors that can be used now; empty when there is no display server."""
        if not self._started and not server_reachable(dict(os.environ)):
            return ()
        import pygame

        _prepare()
        try:
            if not pygame.display.get_init():
                pygame.display.init()
            self._started = True
            pygame.event.pump()  # the news of plugging arrive as events
            sizes = pygame.display.get_desktop_sizes()
            rates = pygame.display.get_desktop_refresh_rates()
        except pygame.error:
            return ()
        return tuple(
            Monitor(i, display_name(i) or f"display {i}", *size, float(rates[i]))
            for i, size in enumerate(sizes)
        )

    def closed_by_hand(self) -> bool:
        """Whether somebody has closed the window."""
        if not self._started:
            return False
        import pygame

        return any(event.type == pygame.QUIT for event in pygame.event.get())

    def release(self) -> None:
        """Let go of the display server, so that the next look starts afresh."""
        if self._started:
            import pygame

            pygame.display.quit()
            self._started = False


def _prepare() -> None:
    # The process decides what SIGTERM means.
    os.environ["SDL_NO_SIGNAL_HANDLERS"] = "1"
    # Otherwise each update, however small, is uploaded whole to a texture.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
    os.environ.setdefault("SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS", "0")


def server_reachable(environ: dict[str, str]) -> bool:
    """Whether a display server answers, without asking SDL, which may wait or end the process."""
    if driver := environ.get("SDL_VIDEODRIVER"):
        if driver in ("dummy", "offscreen"):
            return False
        if driver not in ("x11", "wayland"):
            return True
    if name := environ.get("WAYLAND_DISPLAY"):
        return _answers(socket.AF_UNIX, str(Path(environ.get("XDG_RUNTIME_DIR", "/")) / name))
    found = re.fullmatch(r"(?:unix/?)?([^:/]*):([0-9]+)(?:\.[0-9]+)?", environ.get("DISPLAY", ""))
    if found is None:
        return False
    host, number = found[1], int(found[2])
    if not host:
        return _answers(socket.AF_UNIX, f"/tmp/.X11-unix/X{number}")
    return number < 59000 and _answers(socket.AF_INET, (host, 6000 + number))


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_S)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def display_name(index: int) -> str | None:
    """The name that a display gives itself; SDL knows it, pygame does not pass it on."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            loaded = re.search(r"\S*/libSDL2-2\S*", maps.read())
        if loaded is None:
            return None
        get_name = ctypes.CDLL(loaded[0]).SDL_GetDisplayName
    except (OSError, AttributeError):
        return None
    get_name.restype = ctypes.c_char_p
    name: bytes | None = get_name(ctypes.c_int(index))
    return name.decode(errors="replace") if name else None
