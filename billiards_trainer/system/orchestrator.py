"""The parent of all processes: starts them, watches them, starts them again, stops them.

Decisions are made elsewhere (``supervision``, ``health``, ``alerts``, ``recovery``); this file is
the loop that observes, asks them, and carries out what they say.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import structlog

from billiards_trainer import __version__, logs, places, redaction, source_address
from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.config.layers import Layers
from billiards_trainer.config.schema import Config
from billiards_trainer.config.store import Change, ConfigStore
from billiards_trainer.errors import InputError
from billiards_trainer.system import boots, desk, health, premises
from billiards_trainer.system.alerts import AlertBook
from billiards_trainer.system.concerns import concerns_of
from billiards_trainer.system.gauges import Gauges
from billiards_trainer.system.history import History
from billiards_trainer.system.modules import Module, Modules
from billiards_trainer.system.monitoring import Sampler
from billiards_trainer.system.notifying import Notifier
from billiards_trainer.system.problems import problems
from billiards_trainer.system.process_table import rows_for
from billiards_trainer.system.recovery import Attempt, Recovery
from billiards_trainer.system.remedies.hands import Refused
from billiards_trainer.system.remedies.table import INTERRUPTS, REMEDIES
from billiards_trainer.system.storage_watch import StorageWatch
from billiards_trainer.system.supervision import Life, State
from billiards_trainer.system.webhooks import Webhooks
from billiards_trainer.system.wish import Wish

_log = structlog.get_logger(__name__)

_TICK_MS = 20
_STATUS_S = 0.5
_RECOVERY_S = 1.0


class Orchestrator:
    """The running appliance.

    Args:
        config: already checked.
        layers: where it came from, for reloading and for changes from the page.
        wish: the signals that have come.
        runtime_dir: folder of sockets, ours alone.
    """

    def __init__(self, config: Config, layers: Layers, wish: Wish, runtime_dir: Path) -> None:
        self.store = ConfigStore(layers, config, runtime_dir)
        self.alerts = AlertBook(epoch=time.monotonic_ns())
        self.recovery = Recovery()
        self.history = History()
        self.restart_reason = ""
        self._restart_was_asked_for = False
        self._wish = wish
        self._source = source_address.parse(self.store.revealed((config.source.url,))[0]).info
        self._state_dir = places.state_dir(config)
        self._boot = boots.begin(self._state_dir, config.system.failed_boots)
        self._bus = Bus(runtime_dir, "orchestrator")
        rows = rows_for(config, safe=self._boot.safe)
        self._modules = Modules(rows, self._on_change)
        named = {row.name for row in rows_for(config)} | set(config.system.modules_off)
        self._off = frozenset(named - set(self._modules.names))
        self._heartbeats = self._bus.subscribe("heartbeat", self._modules.names)
        self._commands = self._bus.serve()
        self._bus.announce(
            "system.status", "system.metrics", "system.alert", "system.care", "config.snapshot"
        )
        self._gauges = Gauges(self._bus)
        self._sampler = Sampler(self._state_dir, config.system.health_interval)
        watched = replace(layers)
        self._storage = StorageWatch(self._state_dir, lambda: _try_to_load(watched))
        self._webhooks = Webhooks(lambda: self.store.revealed(self.config.alerts.webhooks))
        self._notifier = Notifier()
        self._started_at = time.monotonic()
        self._proven = False
        self._announced = False
        self._status_at = self._recovery_at = 0.0

    # --- the loop ---------------------------------------------------------------------------

    def run(self) -> None:
        """Until SIGTERM or SIGINT, or until it is to start anew; then everything is stopped."""
        if self._boot.safe:
            _log.critical(self._boot.reason)
        self._storage.start()
        self._webhooks.start()
        self._sampler.start()
        self._modules.prepare(self.store.path)
        try:
            while self._wish.stop is None and not self.restart_reason:
                self._bus.wait([self._heartbeats, self._commands], _TICK_MS)
                self._modules.observe(self._heartbeats.drain(), self.store.number)
                self._modules.supervise(self.store.path, recovery=self.config.recovery.enabled)
                for request in self._commands.pending():
                    desk.answer(self, request)
                self._tell()
                self._recover()
                self._housekeeping()
        finally:
            self._shut_down()

    def _on_change(self, module: Module, before: Life) -> None:
        self._status_at = 0.0  # news is told at once
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
        api = self.config.api
        host = f"[{api.host}]" if ":" in api.host else api.host
        with contextlib.suppress(BrokenPipeError):
            print(f"Billiards Trainer: http://{host}:{api.port}", file=sys.stderr, flush=True)

    # --- telling ----------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.store.config

    def status(self) -> m.SystemStatus:
        """The whole, now."""
        now = time.monotonic()
        modules = self._modules.statuses(self.config, self.store.number)
        why = "not started: safe mode" if self._boot.safe else ""
        modules.update({name: health.left_out(name, why) for name in sorted(self._off)})
        checks = self._checks(now)
        level, detail = health.overall(modules, self._off, checks)
        parts = self._gauges.score_parts(
            modules, self.config, self._modules.restarts_within_the_hour(now)
        )
        # Whoever takes the pictures knows best: a change of source may wait for a restart.
        source = self._gauges.source or self._source
        return m.SystemStatus(
            status=level,
            version=__version__,
            source=source.name,
            source_kind=source.kind,
            uptime_s=now - self._started_at,
            environment=self.config.environment,
            config_number=self.store.number,
            modules=modules,
            detail=self._boot.reason or detail,
            alerts=self.alerts.active,
            checks=checks,
            score=self._gauges.score(parts),
            score_parts=parts,
            safe_mode=self._boot.reason,
        )

    def _checks(self, now: float) -> tuple[m.Check, ...]:
        found = self._storage.findings(now)
        problem = self._sampler.problem_at(now)
        if not problem:
            return found
        return (*found, m.Check(name="host", level=m.Level.DEGRADED, detail=problem))

    def _tell(self) -> None:
        now = time.monotonic()
        if now < self._status_at:
            return
        self._status_at = now + _STATUS_S
        self._take_sample()
        self._gauges.look()
        status = self.status()
        self._bus.publish("system.status", status)
        self._alert(status)
        if self._modules.is_behind(self.store.number):
            # A process that missed the announcement is known by the number in its heartbeat.
            self._announce(())
        if self._notifier.tell(status, settled=self._modules.settled):
            _log.info("the appliance runs", after_s=round(status.uptime_s, 1))

    def _take_sample(self) -> None:
        self._sampler.interval_s = self.config.system.health_interval
        self._sampler.enabled = self.config.monitoring.enabled
        self._sampler.pids = {**self._modules.pids, "orchestrator": os.getpid()}
        sample = self._sampler.take()
        if sample is not None:
            self._gauges.machine = sample
            self._bus.publish("system.metrics", sample)

    def _alert(self, status: m.SystemStatus) -> None:
        measures = self._gauges.measures(status.modules)
        now_ns = time.monotonic_ns()
        self.history.add(now_ns, {**measures, **self._gauges.by_module()})
        found = concerns_of(status, measures, self.alerts.standing, self.config.alerts)
        for alert in self.alerts.update(found, now_ns):
            self._say(alert)

    def _say(self, alert: m.Alert) -> None:
        self._bus.publish("system.alert", alert)
        self._webhooks.send(alert)
        level = {"WARNING": _log.warning, "ERROR": _log.error}.get(alert.severity, _log.critical)
        if not alert.active:
            _log.info("alert is over", name=alert.name, text=alert.text)
        elif not alert.acknowledged_by:
            level("alert", name=alert.name, text=alert.text, advice=alert.advice)

    def acknowledge(self, name: str, by: str) -> None:
        """Somebody has taken note of an alert.

        Raises:
            InputError: there is no such alert.
        """
        alert = self.alerts.acknowledge(name, by)
        if alert is None:
            raise InputError(f"there is no alert {name!r}")
        _log.info("alert acknowledged", name=name, by=by)
        self._bus.publish("system.alert", alert)

    # --- recovery: the hands of the remedies --------------------------------------------------

    def _recover(self) -> None:
        now = time.monotonic()
        if now < self._recovery_at or not self.config.recovery.enabled or self._boot.safe:
            return
        self._recovery_at = now + _RECOVERY_S
        modules = self._modules.statuses(self.config, self.store.number)
        found = problems(modules, self._modules.needs, self._gauges.machine, self.config)
        playing = bool(found) and self._gauges.playing()
        for attempt in self.recovery.step(found, self.config.recovery, INTERRUPTS, playing, now):
            self._try(attempt)

    def _try(self, attempt: Attempt) -> None:
        remedy = REMEDIES[attempt.policy.remedy]
        refused = False
        try:
            said = remedy.apply(self, attempt.problem)
        except (Refused, InputError) as error:
            said, refused = str(error), True
        repair = self.recovery.tried(attempt, said, time.monotonic(), refused=refused)
        _log.warning(
            "remedy refused" if refused else "remedy",
            problem=repair.problem,
            remedy=repair.remedy,
            attempt=repair.attempt,
            detail=repair.detail,
        )

    def restart_module(self, name: str) -> None:
        """Stop a process and start it again, also one that was given up.

        Raises:
            InputError: there is no such module.
        """
        self._modules.restart(name)

    def restart_system(self, reason: str, *, asked_for: bool = False) -> None:
        """Stop everything and start it again; a start that somebody ends so has not failed."""
        self.restart_reason = reason
        self._restart_was_asked_for = asked_for

    def care(self, module: str, what: Literal["reset_state", "clear_cache"]) -> None:
        """Ask a process, or all (``*``), to do something for itself."""
        self._bus.publish("system.care", m.Care(module=module, what=what))

    def override(self, changes: dict[str, Any]) -> None:
        """Put other configuration in force until the files are read anew.

        Raises:
            InputError: it is wrong.
        """
        self._adopted(self.store.override(changes))

    # --- configuration ----------------------------------------------------------------------

    def put_configuration(self, changes: dict[str, Any]) -> Change:
        """Change keys for good.

        Raises:
            InputError: a key or value is wrong; nothing changed.
        """
        return self._adopted(self.store.put(changes))

    def reload_configuration(self) -> Change:
        """Read the files anew.

        Raises:
            InputError: they are wrong; what was in force stays in force.
        """
        change = self._adopted(self.store.reload())
        self._keep_as_good()
        return change

    def _adopted(self, change: Change) -> Change:
        if change.changed:
            _log.info("configuration changed", number=self.store.number, keys=change.changed)
            logs.configure(self.config.logging, "orchestrator")
            redaction.hide(self.store.secrets.values())
            self._announce(change.changed)
        return change

    def _announce(self, changed: tuple[str, ...]) -> None:
        self._bus.publish(
            "config.snapshot",
            m.ConfigSnapshot(number=self.store.number, path=str(self.store.path), changed=changed),
        )

    def _keep_as_good(self) -> None:
        try:
            self.store.keep_as_good(self._state_dir)
        except OSError as error:
            _log.warning("the configuration could not be kept as good", reason=str(error))

    # --- now and then -----------------------------------------------------------------------

    def _housekeeping(self) -> None:
        self._modules.keep_nursery(self.store.path)
        if self._wish.reload:
            self._wish.reload = False
            try:
                self.reload_configuration()
            except InputError as error:
                _log.error("configuration not reloaded", reason=str(error))
        lasted = time.monotonic() - self._started_at
        if self._boot.safe:
            if lasted > boots.RETRY_S:
                self.restart_system("safe mode: everything is tried once more")
        elif not self._proven and lasted > self.config.system.boot_s:
            self._proven = True
            boots.good(self._state_dir, self._boot)
            self._keep_as_good()

    def _shut_down(self) -> None:
        """Stop in reverse order of starting."""
        _log.info(
            "stopping",
            signal=self._wish.stop.name if self._wish.stop else None,
            reason=self.restart_reason or None,
        )
        self._notifier.stopping()
        if self._wish.stop is not None or self._restart_was_asked_for:
            boots.good(self._state_dir, self._boot)
        for thread in (self._sampler, self._storage, self._webhooks):
            thread.end()
        self._modules.stop_all(self.config.system.shutdown_timeout)
        self._bus.close()
        _log.info("stopped")


def _try_to_load(layers: Layers) -> None:
    layers.load()


def run(config: Config, layers: Layers, wish: Wish) -> bool:
    """Run the appliance until it is told to stop.

    Returns:
        Whether it is to be started anew.

    Raises:
        InputError: something that it needs is not there; nothing was started.
    """
    port = config.api.port
    if "api" not in config.system.modules_off:
        port = premises.free_port(config.api.host, config.api.port)
        # Whatever is read anew later: the port that was taken is the one in use.
        layers.command_line.setdefault("api", {})["port"] = port
    config = config.model_copy(update={"api": config.api.model_copy(update={"port": port})})
    with premises.occupied(config) as runtime_dir:
        from billiards_trainer.storage.upgrade import migrate

        migrate(places.state_dir(config))
        appliance = Orchestrator(config, layers, wish, runtime_dir)
        appliance.run()
        return bool(appliance.restart_reason)
