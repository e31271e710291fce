"""The process ``projector``: the newest scene, drawn and shown."""

from __future__ import annotations

import sys
import time

from billiards_trainer import messages as m
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.frames import RingWriter
from billiards_trainer.process import ChildProcess
from billiards_trainer.projector import geometry
from billiards_trainer.projector.display import DisplayError, Monitors
from billiards_trainer.projector.light import LightMapper
from billiards_trainer.projector.notice import notice
from billiards_trainer.projector.pacing import Pacer
from billiards_trainer.projector.rects import Rect
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.projector.stage import Stage

_STALE_S = 2.0
_IDLE_MS = 50
_LIGHT_PERIOD_NS = 30_000_000
_PATTERN_NS = 500_000_000
"""A pattern that is not asked for again after so long makes room for the scene."""
_DISPLAY_KEYS = ("display", "mode", "width", "height", "fps")


def main() -> int:
    """Run until SIGTERM."""
    with ChildProcess("projector") as process:
        projector = Projector(process)
        process.ready()
        while process.running():
            projector.step()
            process.advance()
        projector.close()
    return 0


class Projector:
    """Takes scenes, draws them as they come, and shows the newest at each flip."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self._config = process.config
        self._table = process.config.table.to_table()
        self._scenes = process.bus.subscribe("scene")
        self._patterns = process.bus.subscribe("projector.pattern")
        self._stored = process.bus.subscribe("calibration.stored")
        process.bus.announce("projector.flip", "projector.pattern_shown")
        process.on_config(self._take_config)
        self._store = CalibrationStore(process.state_dir / "calibrations")
        self._pattern: m.Pattern | None = None
        self._pattern_ns = 0
        self._lit_ns: int | None = None
        self._light = RingWriter(process.light_ring)
        self._light_sequence: int | None = None
        self._light_due_ns = 0
        self._unlit: list[Rect] = []
        self._flip_ns = time.monotonic_ns()
        self._waiting = notice(self._table, "One moment, please")
        self._drawn: m.Scene | None = None
        self._pending: m.Scene | None = None
        self._unshown: list[Rect] = []
        self._draw_ms = 0.0
        self._scene_at = time.monotonic()
        self._stage = self._opened(process.config)
        self._fit()
        self._renderer.draw(self._waiting)  # loads the font before the first scene is waited for
        self._redraw(self._waiting)

    def step(self) -> None:
        """Wait for a scene or for the flip of the one that is drawn, whichever comes first."""
        now = time.monotonic_ns()
        if self._stage.check(now / 1e9) or self._recalibrated():
            self._fit()
            self._redraw(self._drawn or self._waiting)
        self._follow_pattern(now)
        wait_ms = _IDLE_MS
        if self._pending is not None:
            flip_ns = self._pacer.next_after(self._drawn_ns)
            if not self._pacer.has_time(now, flip_ns):
                time.sleep(max(0, flip_ns - now) / 1e9)
                self._flip(self._pending)
                return
            wait_ms = min(wait_ms, (flip_ns - now) // 1_000_000)
        elif self._unlit:
            wait_ms = min(wait_ms, max(0, self._light_due_ns - now) // 1_000_000 + 1)
        scene = self._scenes.receive(int(wait_ms))
        if isinstance(scene, m.Scene):
            self._scene_at = time.monotonic()
            self._draw(scene)
        elif self._pending is None:
            self._throw_light()
            self._say()

    def _recalibrated(self) -> bool:
        """Whether the projector's own calibration has been stored anew."""
        stored = [n for n in self._stored.drain() if isinstance(n, m.CalibrationStored)]
        return any(note.kind == "projector" for note in stored)

    def _follow_pattern(self, now_ns: int) -> None:
        """Show the pattern that is asked for, and say since when; go back to the scene after it."""
        asked = self._patterns.receive()
        if isinstance(asked, m.Pattern):
            self._pattern_ns = now_ns
            if self._pattern is None or asked.number != self._pattern.number:
                self._show_pattern(asked)
        elif self._pattern is not None and now_ns - self._pattern_ns > _PATTERN_NS:
            self._pattern = None
            self._unshown += self._renderer.clear()
            self._redraw(self._drawn or self._waiting)
        if asked is not None and self._pattern is not None and self._lit_ns is not None:
            plan = self._stage.screen.plan
            self._process.bus.publish(
                "projector.pattern_shown",
                m.PatternShown(
                    number=self._pattern.number,
                    flip_ns=self._lit_ns,
                    width=plan.width,
                    height=plan.height,
                ),
            )

    def _show_pattern(self, pattern: m.Pattern) -> None:
        self._pattern, self._lit_ns = pattern, None
        self._unshown += self._renderer.draw_dots(pattern.dots, pattern.radius)
        if self._pending is None:
            self._pending = self._drawn or self._waiting
            self._drawn_ns = time.monotonic_ns()

    def _draw(self, scene: m.Scene) -> None:
        now = time.monotonic_ns()
        lead_ns = self._pacer.expected_flip(now) - scene.exposure_ns
        lead_s = lead_ns / 1e9 + self._config.projector.display_delay_s
        if self._pattern is None and not _same_picture(scene, self._drawn):
            self._unshown += self._renderer.draw(scene, lead_s)
            took_ns = time.monotonic_ns() - now
            self._pacer.drew(took_ns)
            self._draw_ms = took_ns / 1e6
        self._drawn = self._pending = scene
        self._drawn_ns = time.monotonic_ns()

    def _redraw(self, scene: m.Scene) -> None:
        """Draw whatever was drawn before."""
        self._drawn = None
        self._draw(scene)

    def _flip(self, scene: m.Scene) -> None:
        plan = self._stage.screen.plan
        try:
            if self._unshown:
                self._stage.screen.show(self._renderer.canvas, self._unshown)
        except DisplayError as error:
            self._process.log.warning("display lost", reason=str(error))
            self._stage.failed(str(error))
            self._fit()
            self._redraw(scene)
            return
        self._flip_ns = time.monotonic_ns()
        if self._unshown and self._pattern is not None and self._lit_ns is None:
            self._lit_ns = self._flip_ns
        self._unlit += self._unshown
        self._unshown = []
        self._pending = None
        self._throw_light()
        if scene is not self._waiting:
            self._process.bus.publish(
                "projector.flip",
                m.Flip(
                    frame=scene.frame,
                    exposure_ns=scene.exposure_ns,
                    flip_ns=self._flip_ns,
                    draw_ms=round(self._draw_ms, 3),
                    mode=plan.mode,
                    width=plan.width,
                    height=plan.height,
                    calibration=self._renderer.projection.name,
                    light_sequence=self._light_sequence,
                ),
            )
        self._say()

    def _throw_light(self) -> None:
        """Say what falls on the cloth since the last flip, if that has changed."""
        if not self._unlit or time.monotonic_ns() < self._light_due_ns:
            return
        light = self._mapper.update(self._renderer.canvas, self._unlit)
        frame = self._drawn.frame if self._drawn is not None else 0
        self._light_sequence = self._light.write(light, frame=frame, exposure_ns=self._flip_ns)
        self._light_due_ns = self._flip_ns + _LIGHT_PERIOD_NS
        self._unlit = []

    def _say(self) -> None:
        """Report, and put up the notice when there have been no scenes for long."""
        silent_s = time.monotonic() - self._scene_at
        plan = self._stage.screen.plan
        problem = self._stage.problem or self._uncalibrated
        if silent_s > _STALE_S:
            problem = f"nothing new to draw for {silent_s:.0f} s"
            if self._drawn is not self._waiting:
                self._draw(self._waiting)
        self._process.report(
            m.Level.DEGRADED if problem else m.Level.HEALTHY,
            problem or f"{plan.mode}, {plan.width} x {plan.height}",
            draw_ms=round(self._draw_ms, 2),
        )

    def _fit(self) -> None:
        """Make everything anew that depends on the display's size."""
        config, plan = self._config, self._stage.screen.plan
        found, self._uncalibrated = geometry.calibrated(
            self._store, self._table, plan.width, plan.height
        )
        projection = found or geometry.configured(config, self._table, plan.width, plan.height)
        self._renderer = SceneRenderer(
            self._table, projection, brightness=config.projector.brightness
        )
        self._mapper = LightMapper(
            self._table, geometry.true_geometry(config, self._table, projection)
        )
        if self._pattern is not None:
            self._show_pattern(self._pattern)
        self._pacer = Pacer(plan.refresh_hz, time.monotonic_ns())
        self._unshown = [(0, 0, plan.width, plan.height)]
        self._unlit = []
        self._process.log.info("display", mode=plan.mode, width=plan.width, height=plan.height)

    def _opened(self, config: Config) -> Stage:
        production = config.environment == "production"
        return Stage(config.projector, production=production, monitors=Monitors())

    def _take_config(self, config: Config) -> None:
        """Follow a new configuration while running: a technician sees corners move at once."""
        before, self._config = self._config, config
        if config.projector == before.projector:
            return
        display = self._stage.screen.plan
        try:
            geometry.configured(config, self._table, display.width, display.height)
        except InputError as error:
            self._process.log.error("new configuration not taken", reason=str(error))
            self._config = before
            return
        if any(getattr(config.projector, k) != getattr(before.projector, k) for k in _DISPLAY_KEYS):
            self._stage.close()
            self._stage = self._opened(config)
        self._fit()
        self._redraw(self._drawn or self._waiting)

    def close(self) -> None:
        """Let go of display and ring."""
        self._stage.close()
        self._light.close()


def _same_picture(scene: m.Scene, drawn: m.Scene | None) -> bool:
    """Whether the scene shows what is drawn already; what moves is never the same."""
    if drawn is None or scene.keep_clear != drawn.keep_clear or scene.elements != drawn.elements:
        return False
    return not any(isinstance(e, m.Ring) and any(e.velocity) for e in scene.elements)


if __name__ == "__main__":
    sys.exit(main())
