"""The parent of all processes: starts them, watches them, starts them again, stops them.

Decisions are made by ``supervision.step`` and ``health``; this file observes and carries out.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import sdnotify
import structlog

from billiards_trainer import __version__, places
from billiards_trainer import messages as m
from billiards_trainer.bus import Bus, Request
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import Config
from billiards_trainer.config.store import Change, ConfigStore
from billiards_trainer.errors import InputError
from billiards_trainer.system import health, premises, supervision
from billiards_trainer.system.alerts import AlertBook
from billiards_trainer.system.children import Child
from billiards_trainer.system.monitoring import Monitor
from billiards_trainer.system.process_table import ProcessRow, rows_for
from billiards_trainer.system.supervision import Action, Life, Observation, State

_log = structlog.get_logger(__name__)

_TICK_MS = 20
_STATUS_S = 0.5
_WORKING_S = 0.03
"""More processor time than a stopped or waiting process uses while it is silent."""


@dataclass(slots=True)
class _Module:
    """One supervised process with all that is known of it."""

    row: ProcessRow
    child: Child
    life: Life
    heartbeat: m.Heartbeat | None = None
    heartbeat_at: float | None = None
    silent_cpu_s: float | None = None
    """Processor time that it had used when its silence was first noticed."""


class Orchestrator:
    """The running appliance.

    Args:
        config: already checked.
        layers: where it came from, for reloading and for changes from the page.
        source: what the pictures are, for people.
        runtime_dir: folder of sockets, ours alone.
    """

    def __init__(
        self, config: Config, layers: Layers, source: m.SourceInfo, runtime_dir: Path
    ) -> None:
        self._store = ConfigStore(layers, config, runtime_dir)
        self._source = source
        self._bus = Bus(runtime_dir, "orchestrator")
        self._modules = {row.name: _Module(row, Child(row), Life()) for row in rows_for(config)}
        self._off = frozenset(config.system.modules_off)
        self._heartbeats = self._bus.subscribe("heartbeat", list(self._modules))
        self._commands = self._bus.serve()
        self._bus.announce("system.status", "system.metrics", "system.alert", "config.snapshot")
        self._monitor = Monitor(places.state_dir(config)) if config.monitoring.enabled else None
        self._alerts = AlertBook(epoch=time.monotonic_ns())
        self._started_at = time.monotonic()
        self._random = random.Random()
        self._stop_signal: signal.Signals | None = None
        self._status_at = 0.0
        self._sample_at = 0.0
        self._was_healthy = False
        self._announced = False
        self._notifier = sdnotify.SystemdNotifier()

    def run(self) -> None:
        """Until SIGTERM or SIGINT; then everything is stopped."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            while self._stop_signal is None:
                self._bus.wait([self._heartbeats, self._commands], _TICK_MS)
                self._observe()
                self._supervise()
                self._answer()
                self._tell()
        finally:
            self._shut_down()

    def _on_signal(self, number: int, _frame: object) -> None:
        self._stop_signal = signal.Signals(number)

    # --- watching ---------------------------------------------------------------------------

    def _observe(self) -> None:
        for beat in self._heartbeats.drain():
            if not isinstance(beat, m.Heartbeat):
                continue
            module = self._modules.get(beat.process)
            # A late heartbeat of a process that was replaced says nothing about its successor.
            if module is not None and beat.pid == module.child.pid:
                module.heartbeat = beat
                module.heartbeat_at = time.monotonic()

    def _supervise(self) -> None:
        now = time.monotonic()
        for module in self._modules.values():
            before = module.life
            seen = self._look_at(module)
            life, action = supervision.step(
                module.row,
                before,
                seen,
                now,
                self._random.uniform(-1, 1),
                recovery=self._store.config.recovery.enabled,
            )
            module.life = life
            if life.state is not before.state:
                self._log_transition(module, before)
                self._status_at = 0.0  # news is told at once
            self._carry_out(module, action)

    def _look_at(self, module: _Module) -> Observation:
        beat = module.heartbeat
        exit_code = module.child.exit_code()
        return Observation(
            wanted=all(
                self._modules[name].life.state is not State.STOPPED for name in module.row.needs
            ),
            exit_code=exit_code,
            heartbeat_at=module.heartbeat_at,
            working=self._is_working(module),
            ready=beat is not None and beat.ready,
            level=beat.level if beat is not None else m.Level.HEALTHY,
        )

    @staticmethod
    def _is_working(module: _Module) -> bool:
        """Whether a process that has fallen silent still uses the processor."""
        heard = max(module.heartbeat_at or 0.0, module.life.since)
        if time.monotonic() - heard < module.row.heartbeat_limit_s / 2:
            module.silent_cpu_s = None
            return False
        used = module.child.cpu_s()
        if module.silent_cpu_s is None:
            module.silent_cpu_s = used
        return used - module.silent_cpu_s >= _WORKING_S

    def _carry_out(self, module: _Module, action: Action) -> None:
        if action is Action.START:
            module.heartbeat = module.heartbeat_at = None
            try:
                module.child.start(self._store.path)
            except OSError as error:
                _log.error("cannot start a process", module=module.row.name, error=str(error))
        elif action is Action.TERMINATE:
            module.child.terminate()
        elif action is Action.KILL:
            _log.error("killing", module=module.row.name, reason=module.life.reason)
            module.child.kill()

    def _log_transition(self, module: _Module, before: Life) -> None:
        life, name = module.life, module.row.name
        if life.state is State.BACKOFF:
            wait = max(0.0, life.retry_at - time.monotonic())
            _log.error("module failed", module=name, reason=life.reason, retry_in_s=round(wait, 2))
        elif life.state is State.FATAL:
            _log.critical("module given up", module=name, reason=life.reason)
        elif life.state is State.DEGRADED and module.heartbeat is not None:
            _log.warning("module degraded", module=name, detail=module.heartbeat.detail)
        elif life.state is State.RUNNING:
            _log.info("module running", module=name, pid=module.child.pid, was=before.state.value)
            if name == "api" and not self._announced:
                self._announced = True
                self._tell_address()

    def _tell_address(self) -> None:
        """For the person at the terminal: now the page answers."""
        api = self._store.config.api
        host = f"[{api.host}]" if ":" in api.host else api.host
        with contextlib.suppress(BrokenPipeError):
            print(f"Billiards Trainer: http://{host}:{api.port}", file=sys.stderr, flush=True)

    # --- talking ----------------------------------------------------------------------------

    def status(self) -> m.SystemStatus:
        """The whole, now."""
        now = time.monotonic()
        modules = {}
        for name, module in self._modules.items():
            age = None if module.heartbeat_at is None else now - module.heartbeat_at
            modules[name] = health.module_status(
                module.life, module.child.pid, module.heartbeat, age
            )
        modules.update({name: health.left_out(name) for name in sorted(self._off)})
        level, detail = health.overall(modules, self._off)
        config = self._store.config
        return m.SystemStatus(
            status=level,
            version=__version__,
            source=self._source.name,
            source_kind=self._source.kind,
            uptime_s=now - self._started_at,
            environment=config.environment,
            config_number=self._store.number,
            modules=modules,
            detail=detail,
            alerts=self._alerts.active,
        )

    def _tell(self) -> None:
        now = time.monotonic()
        if now >= self._status_at:
            self._status_at = now + _STATUS_S
            status = self.status()
            self._bus.publish("system.status", status)
            for alert in self._alerts.update(status.modules, time.monotonic_ns()):
                self._bus.publish("system.alert", alert)
            self._repeat_configuration()
            self._notify(status)
        if self._monitor is not None and now >= self._sample_at:
            self._sample_at = now + self._store.config.system.health_interval
            pids = {n: c.child.pid for n, c in self._modules.items() if c.child.pid is not None}
            pids["orchestrator"] = os.getpid()
            self._bus.publish("system.metrics", self._monitor.sample(pids))

    def _notify(self, status: m.SystemStatus) -> None:
        if status.status in (m.Level.HEALTHY, m.Level.DEGRADED) and not self._was_healthy:
            self._was_healthy = True
            self._notifier.notify("READY=1")
            _log.info("the appliance runs", after_s=round(status.uptime_s, 1))
        self._notifier.notify(f"STATUS={status.status.value} {status.detail}".strip())
        self._notifier.notify("WATCHDOG=1")

    def _repeat_configuration(self) -> None:
        """A process that missed the announcement is known by the number in its heartbeat."""
        number = self._store.number
        behind = any(
            c.heartbeat is not None and c.heartbeat.config_number < number
            for c in self._modules.values()
        )
        if behind:
            self._bus.publish(
                "config.snapshot", m.ConfigSnapshot(number=number, path=str(self._store.path))
            )

    def _answer(self) -> None:
        for request in self._commands.pending():
            try:
                self._answer_one(request)
            except InputError as error:
                request.fail(str(error))

    def _answer_one(self, request: Request) -> None:
        match request.message:
            case m.ConfigChange(changes=changes):
                change = self._store.put(changes)
                self._announce(change)
                request.reply(m.Done(ok=True, detail=change.sentence))
            case m.ModuleRequest(module=name):
                self._restart(name)
                request.reply(m.Done(ok=True, detail=f"{name} is being restarted"))
            case _ if request.command == "config.reload":
                change = self._store.reload()
                self._announce(change)
                request.reply(m.Done(ok=True, detail=change.sentence))
            case _ if request.command == "config.get":
                store = self._store
                request.reply(
                    m.ConfigReply(number=store.number, config=store.config.model_dump(mode="json"))
                )
            case _:
                request.reply(self.status())

    def _restart(self, name: str) -> None:
        module = self._modules.get(name)
        if module is None:
            raise InputError(f"there is no running module {name!r}")
        if module.life.state in supervision.ALIVE:
            module.child.terminate()
        module.life = supervision.revive(module.life, time.monotonic())

    def _announce(self, change: Change) -> None:
        if change.changed:
            _log.info("configuration changed", number=self._store.number, keys=change.changed)
            self._bus.publish(
                "config.snapshot",
                m.ConfigSnapshot(
                    number=self._store.number, path=str(self._store.path), changed=change.changed
                ),
            )

    # --- the end ----------------------------------------------------------------------------

    def _shut_down(self) -> None:
        """Stop in reverse order of starting; who does not end in time is killed."""
        _log.info("stopping", signal=self._stop_signal.name if self._stop_signal else None)
        self._notifier.notify("STOPPING=1")
        deadline = time.monotonic() + self._store.config.system.shutdown_timeout
        while any(c.life.state is not State.STOPPED for c in self._modules.values()):
            now = time.monotonic()
            for module in reversed(self._modules.values()):
                self._stop_one(module, now, late=now > deadline)
            time.sleep(0.01)
        self._bus.close()
        _log.info("stopped")

    def _stop_one(self, module: _Module, now: float, *, late: bool) -> None:
        # Silence is no crime any more: only the limits of stopping count.
        ended = Observation(wanted=False, exit_code=module.child.exit_code(), heartbeat_at=now)
        module.life, action = supervision.step(module.row, module.life, ended, now)
        self._carry_out(module, action)
        users = (c for c in self._modules.values() if module.row.name in c.row.needs)
        if all(c.life.state is State.STOPPED for c in users):
            module.life, action = supervision.stop(module.life, now)
            self._carry_out(module, action)
        if late and module.child.pid is not None:
            module.child.kill()


def run(config: Config, layers: Layers, source: m.SourceInfo) -> None:
    """Run the appliance until it is told to stop.

    Raises:
        InputError: something that it needs is not there; nothing was started.
    """
    port = config.api.port
    if "api" not in config.system.modules_off:
        port = premises.free_port(config.api.host, config.api.port)
    config = config.model_copy(update={"api": config.api.model_copy(update={"port": port})})
    with premises.occupied(config) as runtime_dir:
        from billiards_trainer.storage.upgrade import migrate

        migrate(places.state_dir(config))
        Orchestrator(config, layers, source, runtime_dir).run()
