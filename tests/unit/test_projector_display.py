"""Which display is used, and what happens when it comes and goes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.config.schema import ProjectorConfig
from billiards_trainer.projector import stage as stages
from billiards_trainer.projector.display import (
    DisplayError,
    Monitor,
    Monitors,
    Plan,
    PygameScreen,
    plan,
    server_reachable,
)
from billiards_trainer.projector.stage import Stage
from tests.unit.projector_stage import ProjectorStage

DESK = Monitor(0, "DELL", 1920, 1080, 60.0)
BEAMER = Monitor(1, "EPSON PJ", 1280, 800, 50.0)


def config(**keys: object) -> ProjectorConfig:
    return ProjectorConfig.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "monitors", "production", "mode", "size"),
    [
        ({}, [], False, "offscreen", (1920, 1080)),
        ({}, [DESK, BEAMER], False, "window", (1536, 864)),
        ({"width": 640, "height": 360}, [DESK], False, "window", (640, 360)),
        ({}, [DESK], True, "fullscreen", (1920, 1080)),
        ({"display": "epson pj"}, [DESK, BEAMER], False, "fullscreen", (1280, 800)),
        ({"display": "1"}, [DESK, BEAMER], False, "fullscreen", (1280, 800)),
        ({"display": "1", "mode": "window"}, [DESK, BEAMER], True, "window", (1024, 576)),
        ({"mode": "fullscreen"}, [DESK], False, "fullscreen", (1920, 1080)),
        ({"mode": "offscreen", "display": "1"}, [DESK, BEAMER], True, "offscreen", (1920, 1080)),
    ],
)
def test_the_display_that_is_wished_is_used(
    keys: dict[str, object],
    monitors: list[Monitor],
    production: bool,
    mode: str,
    size: tuple[int, int],
) -> None:
    found = plan(config(**keys), monitors, production=production)
    assert (found.mode, (found.width, found.height), found.problem) == (mode, size, "")


def test_the_displays_own_rate_is_kept_where_it_tells_one() -> None:
    assert plan(config(display="1"), [DESK, BEAMER], production=True).refresh_hz == 50
    silent = Monitor(0, "screen", 800, 600, 0.0)
    assert plan(config(fps=30), [silent], production=True).refresh_hz == 30


@pytest.mark.parametrize(
    ("keys", "monitors", "had_one", "words"),
    [
        ({"display": "BenQ"}, [DESK, BEAMER], False, "'BenQ' but DELL, EPSON PJ"),
        ({"display": "BenQ"}, [], False, "no display"),
        ({"mode": "window"}, [], False, "no display"),
        ({}, [], True, "no display"),
    ],
)
def test_a_display_that_is_missed_is_a_problem(
    keys: dict[str, object], monitors: list[Monitor], had_one: bool, words: str
) -> None:
    found = plan(config(**keys), monitors, production=False, had_one=had_one)
    assert found.mode == "offscreen"
    assert words in found.problem


def test_a_display_server_is_looked_for_without_asking_it_for_anything(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as wayland, socket.socket() as x11:
        wayland.bind(str(tmp_path / "wayland-7"))
        wayland.listen()
        folder = {"XDG_RUNTIME_DIR": str(tmp_path)}
        assert server_reachable({"WAYLAND_DISPLAY": "wayland-7", **folder})
        assert not server_reachable({"WAYLAND_DISPLAY": "wayland-8", **folder})
        x11.bind(("127.0.0.1", 0))
        x11.listen()
        port = x11.getsockname()[1]
        if port > 6000:
            assert server_reachable({"DISPLAY": f"127.0.0.1:{port - 6000}.0"})
    assert not server_reachable({"DISPLAY": ":987"})
    assert not server_reachable({"DISPLAY": "nonsense"})
    assert not server_reachable({})
    assert not server_reachable({"SDL_VIDEODRIVER": "dummy", "DISPLAY": ":0"})
    assert server_reachable({"SDL_VIDEODRIVER": "kmsdrm"})


class FakeMonitors(Monitors):
    """What is plugged in, by hand."""

    def __init__(self, *plugged: Monitor) -> None:
        super().__init__()
        self.plugged = plugged
        self.closed = False

    def look(self) -> tuple[Monitor, ...]:
        return self.plugged

    def closed_by_hand(self) -> bool:
        closed, self.closed = self.closed, False
        return closed


class FakeScreen:
    """A screen that can be told to fail."""

    broken = False

    def __init__(self, wanted: Plan) -> None:
        if self.broken:
            raise DisplayError("the display cannot be used")
        self.plan = wanted

    def show(self, canvas: np.ndarray, changed: list[object]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def fake_screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeScreen]]:
    monkeypatch.setattr(stages, "PygameScreen", FakeScreen)
    yield FakeScreen
    FakeScreen.broken = False


def test_an_unplugged_display_is_left_and_taken_up_again(fake_screen: type[FakeScreen]) -> None:
    monitors = FakeMonitors(DESK, BEAMER)
    stage = Stage(config(display="1"), production=True, monitors=monitors)
    assert (stage.screen.plan.mode, stage.problem) == ("fullscreen", "")
    monitors.plugged = (DESK,)
    assert not stage.check(1.0), "not every moment"
    assert stage.check(10.0)
    assert stage.screen.plan.mode == "offscreen"
    assert "no display '1'" in stage.problem
    assert not stage.check(20.0)
    bigger = Monitor(1, "EPSON PJ", 1920, 1200, 60.0)
    monitors.plugged = (DESK, bigger)
    assert stage.check(30.0)
    assert (stage.screen.plan.width, stage.screen.plan.height) == (1920, 1200)
    assert stage.problem == ""
    stage.close()


def test_a_display_that_cannot_be_opened_is_tried_again(fake_screen: type[FakeScreen]) -> None:
    fake_screen.broken = True
    stage = Stage(config(), production=True, monitors=FakeMonitors(DESK))
    assert stage.screen.plan.mode == "offscreen"
    assert stage.problem == "the display cannot be used"
    fake_screen.broken = False
    assert stage.check(10.0)
    assert (stage.screen.plan.mode, stage.problem) == ("fullscreen", "")
    stage.failed("the display failed")
    assert stage.screen.plan.mode == "offscreen"
    assert stage.check(20.0)
    assert stage.screen.plan.mode == "fullscreen"


def test_a_window_closed_by_hand_stays_closed(fake_screen: type[FakeScreen]) -> None:
    monitors = FakeMonitors(DESK)
    stage = Stage(config(), production=False, monitors=monitors)
    assert stage.screen.plan.mode == "window"
    monitors.closed = True
    assert stage.check(0.1)
    assert stage.screen.plan.mode == "offscreen"
    assert "closed" in stage.problem
    assert not stage.check(10.0)


def test_offscreen_never_looks_for_displays(fake_screen: type[FakeScreen]) -> None:
    stage = Stage(config(mode="offscreen"), production=True, monitors=FakeMonitors(DESK))
    stage.screen.show(np.zeros((2, 2, 4), np.uint8), [])
    assert not stage.check(10.0)
    assert stage.screen.plan.mode == "offscreen"


def test_pixels_reach_the_surface(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SDL's dummy display, which the tests' environment names."""
    import pygame

    pygame.display.init()
    screen = PygameScreen(Plan("window", 64, 48, 60.0))
    canvas = np.zeros((48, 64, 4), np.uint8)
    canvas[10:20, 5:30] = (10, 20, 30, 0)
    screen.show(canvas, [(0, 5, 20, 40)])
    surface = pygame.display.get_surface()
    assert surface is not None
    assert surface.get_at((10, 15))[:3] == (30, 20, 10)
    assert surface.get_at((25, 15))[:3] == (0, 0, 0), "outside of what had changed"
    screen.close()
    with pytest.raises(DisplayError):
        screen.show(canvas, [(0, 5, 20, 40)])


class Xvfb:
    """A real X server without a monitor."""

    def __init__(self) -> None:
        if shutil.which("Xvfb") is None:
            pytest.skip("Xvfb is not installed")
        self.display = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, size: str) -> None:
        """On a free display number at first, later on the same again."""
        reading, writing = os.pipe()
        number = [self.display] if self.display else []
        command = ["Xvfb", *number, "-displayfd", str(writing), "-screen", "0", f"{size}x24"]
        self._process = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-noreset"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        watchdog = threading.Timer(20, self._process.kill)
        watchdog.start()
        with os.fdopen(reading) as pipe:
            self.display = ":" + pipe.readline().strip()
        watchdog.cancel()
        assert self.display != ":"

    def kill(self) -> None:
        """End it the hard way."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def xvfb() -> Iterator[Xvfb]:
    server = Xvfb()
    yield server
    server.kill()


@pytest.mark.fault
def test_the_projector_survives_its_display_server(xvfb: Xvfb, runtime_dir: Path) -> None:
    xvfb.start("800x600")
    stage = ProjectorStage(
        runtime_dir,
        projector={"mode": "fullscreen"},
        environment={"DISPLAY": xvfb.display, "SDL_VIDEODRIVER": "x11"},
    )
    try:
        ring = m.Ring(centre=(0.6, 1.2), radius=0.1)
        flip = stage.show(ring)
        assert (flip.mode, flip.width, flip.height) == ("fullscreen", 800, 600)
        # Its client library ends the process with the server; then the orchestrator starts it anew.
        xvfb.kill()
        stage.restart()
        assert stage.show(ring).mode == "offscreen"
        stage.beat(
            lambda b: b.level is m.Level.DEGRADED and "no display" in b.detail, "word about it"
        )
        xvfb.start("1024x768")

        def back() -> m.Flip | None:
            flip = stage.show(ring)
            return flip if flip.mode == "fullscreen" else None

        flip = stage.until(back, "the display's return")
        assert (flip.width, flip.height) == (1024, 768)
        stage.beat(lambda b: b.level is m.Level.HEALTHY, "word of health")
        assert stage.stop() == 0
    finally:
        stage.close()
