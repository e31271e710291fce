"""The process ``core``: what is on the table → what happened, what will happen, what to draw.

table.state → shot.event, game.state, scene; finished shots go to the shot log, whose thread writes
them off this loop; shot.recorded follows when they are on the disk.
"""

from __future__ import annotations

import sys
import time

from billiards_trainer import messages as m
from billiards_trainer import physics_calibration
from billiards_trainer.bus import Request
from billiards_trainer.config.schema import Config
from billiards_trainer.core.game import Game, GameSettings
from billiards_trainer.core.guidance.prediction import Predictor
from billiards_trainer.core.players import Players
from billiards_trainer.core.standing import Standing, StandingFile
from billiards_trainer.errors import InputError
from billiards_trainer.physics.parameters import for_table
from billiards_trainer.physics_calibration import TablePhysics
from billiards_trainer.process import ChildProcess
from billiards_trainer.storage.clock import BootClock
from billiards_trainer.storage.recorder import ShotRecorder
from billiards_trainer.storage.records import SessionRecord
from billiards_trainer.table import TableError

_NOTICE_S = 0.5
_PHYSICS_S = 10.0
"""Seconds between two looks for a new physics calibration."""


def main() -> int:
    """Run until SIGTERM."""
    with ChildProcess("core") as process:
        core = Core(process)
        process.ready()
        while process.running():
            core.step()
        core.close()
    return 0


def preload(config: Config) -> None:
    """Load the compiled engine, for all that are forked from this process."""
    Predictor(config.table.to_table()).warm()


class Core:
    """Takes table states as they come and publishes what follows from them."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self._config = process.config
        bus = process.bus
        self._states = bus.subscribe("table.state")
        self._camera = bus.subscribe("camera.status")
        self._alerts = bus.subscribe("system.alert")
        self._status = bus.subscribe("system.status")
        self._shown_alerts: dict[str, str] = {}
        self._commands = bus.serve()
        bus.announce("game.state", "shot.event", "shot.recorded", "scene")
        self._standing = StandingFile(process.runtime_dir)
        self._players = Players(process.state_dir)
        self._physics_at = time.monotonic()
        self._physics = _physics(process, process.config)
        self._game = _new_game(process.config, self._standing, self._players, self._physics)
        self._game.warm()
        self._recorder = ShotRecorder(process.state_dir)
        self._seen_at = time.monotonic()
        self._said_at = 0.0
        self._camera_detail = ""
        process.on_config(self._take_config)
        process.on_reset(self._game.reset)

    def step(self) -> None:
        """Wait for a state or a command and deal with it."""
        self._process.bus.wait([self._states, self._commands], timeout_ms=50)
        for request in self._commands.pending():
            self._answer(request)
        for message in self._camera.drain():
            if isinstance(message, m.SourceStatus):
                self._camera_detail = "" if message.state == "running" else message.detail
        self._take_alerts()
        states = [s for s in self._states.drain() if isinstance(s, m.TableState)]
        for i, state in enumerate(states):
            self._take(state, newest=i == len(states) - 1)
        if not states and time.monotonic() - self._seen_at > self._config.core.stale_s:
            self._wait_for_pictures()
        for shot in self._recorder.finished():
            summary = self._game.recorded(shot)
            if summary is not None:
                self._process.bus.publish("shot.recorded", summary)

    def close(self) -> None:
        """Write what is still to be written."""
        self._players.close()
        lost = self._recorder.close()
        if lost:
            self._process.log.error("shots lost at the end", count=lost)

    def _take_alerts(self) -> None:
        """Alerts that have something to say to the player stand on the cloth while they last.

        Their beginning and end are told at once; the status tells twice a second which there are,
        also those from before this process began and those whose end was lost on the way.
        """
        for alert in self._alerts.drain():
            if isinstance(alert, m.Alert) and alert.active and alert.player:
                self._shown_alerts[alert.name] = alert.player
            elif isinstance(alert, m.Alert):
                self._shown_alerts.pop(alert.name, None)
        for status in self._status.drain():
            if isinstance(status, m.SystemStatus):
                self._shown_alerts = {a.name: a.player for a in status.alerts if a.player}
        self._game.alert = next(iter(self._shown_alerts.values()), "")

    def _take(self, state: m.TableState, *, newest: bool) -> None:
        began = time.perf_counter()
        self._seen_at = time.monotonic()
        step = self._game.update(state)
        if (standing := self._game.standing()) is not None:
            # Before the shot is handed over: its number is not given again, whatever happens now.
            self._standing.keep(standing)
        bus = self._process.bus
        for event in step.events:
            bus.publish("shot.event", event)
        if step.record is not None and not self._recorder.record(step.record):
            self._process.log.error("the shot log is full", shot=step.record.number)
        if newest:
            bus.publish("scene", step.scene)
            bus.publish("game.state", step.game)
        self._process.advance()
        self._maybe_learn_physics(step.game.phase)
        self._report(state, step.game.prediction, 1e3 * (time.perf_counter() - began))

    def _report(self, state: m.TableState, prediction: m.Prediction | None, step_ms: float) -> None:
        health = self._recorder.health()
        level, detail = m.Level.HEALTHY, ""
        if health.problem is not None:
            level, detail = m.Level.DEGRADED, health.problem
        age_ms = (time.monotonic_ns() - state.exposure_ns) / 1e6
        self._process.report(
            level,
            detail,
            **({} if prediction is None else {"predict_ms": prediction.compute_ms}),
            step_ms=step_ms,
            age_ms=age_ms,
            shots_waiting=float(health.waiting),
        )

    def _wait_for_pictures(self) -> None:
        """Nothing comes any more: say so on the cloth, and to whoever watches."""
        now = time.monotonic()
        silent_s = now - self._seen_at
        detail = self._camera_detail or f"no picture for {silent_s:.0f} s"
        self._process.report(m.Level.DEGRADED, f"waiting for the camera: {detail}")
        self._process.advance()
        if now - self._said_at < _NOTICE_S:
            return
        self._said_at = now
        self._process.bus.publish(
            "scene", self._game.notice("camera lost: please wait", time.monotonic_ns())
        )

    def _answer(self, request: Request) -> None:
        game, message = self._game, request.message
        if request.command == "game.reset":
            game.reset()
            request.reply(m.Done(ok=True))
        elif request.command == "game.snapshot":
            request.reply(game.snapshot())
        elif request.command == "game.analyze" and isinstance(message, m.AnalyzeRequest):
            request.reply(game.analyze(message))
        elif request.command == "game.assistance" and isinstance(message, m.AssistanceRequest):
            request.reply(m.Done(ok=True, detail=game.assist(message)))
        elif request.command == "game.code" and isinstance(message, m.CodeRequest):
            request.reply(_code_shown(game, message))
        else:
            request.fail(f"core does not know the command {request.command}")

    def _maybe_learn_physics(self, phase: m.Phase) -> None:
        """Take in a physics calibration that was stored meanwhile, while nobody plays."""
        now = time.monotonic()
        if phase not in (m.Phase.IDLE, m.Phase.WAITING) or now - self._physics_at < _PHYSICS_S:
            return
        self._physics_at = now
        found = _physics(self._process, self._config)
        if found != self._physics:
            self._physics = found
            self._game.apply(_settings(self._config, found))

    def _take_config(self, config: Config) -> None:
        self._config = config
        self._physics = _physics(self._process, config)
        self._game.apply(_settings(config, self._physics))


def _code_shown(game: Game, request: m.CodeRequest) -> m.Done:
    try:
        game.show_code(request.text, request.seconds)
    except ValueError as error:
        return m.Done(ok=False, detail=str(error))
    return m.Done(ok=True)


def _physics(process: ChildProcess, config: Config) -> TablePhysics | None:
    """The configured models, with what was learned of this table's physics if it can be used."""
    models = config.physics.to_models()
    try:
        table = process.config.table.to_table()
    except TableError as error:
        process.log.error("physics calibration not used", reason=str(error))
        return None
    try:
        return physics_calibration.in_force(process.state_dir / "calibrations", table, models)
    except InputError as error:
        process.log.error("physics calibration not used", reason=str(error))
        return TablePhysics(for_table(table), models=models)


def _new_game(
    config: Config, standing: StandingFile, players: Players, physics: TablePhysics | None
) -> Game:
    try:
        table = config.table.to_table()
    except TableError as error:
        raise InputError(f"table: {error}") from None

    def begin(source: m.SourceInfo) -> Standing:
        return standing.left(source, table.name) or Standing(
            SessionRecord(
                table=table.name,
                game=table.game,
                width=table.width,
                length=table.length,
                ball_radius=table.balls.radius,
                source=source,
                started_ns=time.monotonic_ns(),
                clock=BootClock.now(),
            )
        )

    return Game(table, begin, _settings(config, physics), players)


def _settings(config: Config, physics: TablePhysics | None) -> GameSettings:
    core = config.core
    return GameSettings(
        assistance=core.assistance,
        cue_speed=core.cue_speed,
        aim_noise=core.aim_noise,
        comparison_s=core.comparison_s,
        idle_s=core.idle_s,
        night_s=core.night_s,
        physics=physics,
    )


if __name__ == "__main__":
    sys.exit(main())
