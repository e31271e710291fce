"""All supervised processes: what is known of each, and the supervision's decisions carried out."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from billiards_trainer import messages as m
from billiards_trainer.config.schema import Config
from billiards_trainer.errors import InputError
from billiards_trainer.system import health, supervision
from billiards_trainer.system.checks import Seen
from billiards_trainer.system.children import Child, Nursery
from billiards_trainer.system.process_table import ProcessRow
from billiards_trainer.system.supervision import Action, Life, Observation, State

_log = structlog.get_logger(__name__)

_WORKING_S = 0.03
"""More processor time than a stopped or waiting process uses while it is silent."""
_STOPPED_LOOK_S = 0.4
_HOUR_S = 3600.0
_NURSERY_LIMIT_S = 60.0
"""Importing everything once is the shortest way on a starved machine, too."""


@dataclass(slots=True)
class Module:
    """One supervised process with all that is known of it; times in monotonic seconds."""

    row: ProcessRow
    child: Child
    life: Life
    heartbeat: m.Heartbeat | None = None
    heartbeat_at: float | None = None
    progress_at: float = 0.0
    """When its progress last moved."""
    behind_since: float | None = None
    """Since when it has not taken the configuration in force."""
    silent_cpu_s: float | None = None
    """Processor time that it had used when its silence was first noticed."""

    def take(self, beat: m.Heartbeat, number: int, now: float) -> None:
        """A heartbeat has come."""
        before = self.heartbeat
        if before is None or beat.progress != before.progress or not beat.ready:
            self.progress_at = now
        if beat.config_number >= number:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = now
        self.heartbeat, self.heartbeat_at = beat, now

    def forget(self, now: float) -> None:
        """A new process starts: nothing is known of it."""
        self.heartbeat = self.heartbeat_at = self.behind_since = None
        self.progress_at = now

    def seen(self, config: Config, number: int, now: float) -> Seen | None:
        """What the checks look at; ``None`` before the first heartbeat."""
        if self.heartbeat is None:
            return None
        return Seen(
            self.heartbeat,
            config,
            number,
            stuck_s=now - self.progress_at,
            behind_s=0.0 if self.behind_since is None else now - self.behind_since,
        )


class Modules:
    """The processes of the table.

    Args:
        rows: in the order of starting.
        on_change: told of each change of state: the module and its life before.
    """

    def __init__(
        self, rows: Iterable[ProcessRow], on_change: Callable[[Module, Life], None]
    ) -> None:
        rows = tuple(rows)
        self._nursery = Nursery(rows)
        self._modules = {row.name: Module(row, Child(row, self._nursery), Life()) for row in rows}
        self._on_change = on_change
        self._random = random.Random()
        self._wait_until = 0.0
        """Until then the nursery is waited for."""
        self._restarts: deque[float] = deque(maxlen=1000)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of starting."""
        return tuple(self._modules)

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """By name, the modules that each lives on."""
        return {name: module.row.needs for name, module in self._modules.items()}

    @property
    def pids(self) -> dict[str, int]:
        """Of those that live."""
        return {n: c.child.pid for n, c in self._modules.items() if c.child.pid is not None}

    @property
    def settled(self) -> bool:
        """Whether every module is up, or known not to come up."""
        return all(module.life.state in (*supervision.UP, State.FATAL) for module in self)

    def prepare(self, snapshot: Path) -> None:
        """Have everything imported once; most processes are started when that is done."""
        self._nursery.open(snapshot)
        self._wait_until = time.monotonic() + _NURSERY_LIMIT_S

    def observe(self, beats: Iterable[m.Message], number: int) -> None:
        """Take in heartbeats; ``number`` is that of the configuration in force."""
        now = time.monotonic()
        for beat in beats:
            if not isinstance(beat, m.Heartbeat):
                continue
            module = self._modules.get(beat.process)
            # A late heartbeat of a process that was replaced says nothing about its successor.
            if module is not None and beat.pid == module.child.pid:
                module.take(beat, number, now)

    def supervise(self, snapshot: Path, *, recovery: bool) -> None:
        """Look at each process and do what the supervision decides."""
        now = time.monotonic()
        if self._wait_until and not (self._nursery.is_coming() and now < self._wait_until):
            self._wait_until = 0.0
        for module in self:
            if self._wait_until and not module.row.first:
                continue
            before = module.life
            jitter = self._random.uniform(-1, 1)
            seen = self._look_at(module, now)
            module.life, action = supervision.step(
                module.row, before, seen, now, jitter, recovery=recovery
            )
            if module.life.state is not before.state:
                self._on_change(module, before)
            self._carry_out(module, action, snapshot)

    def keep_nursery(self, snapshot: Path) -> None:
        """Have the nursery ready for the next start, once nothing is starting."""
        if self.settled:
            self._nursery.keep(snapshot)

    def restart(self, name: str) -> None:
        """Start a process anew, whatever its state.

        Raises:
            InputError: there is no such module.
        """
        module = self._modules.get(name)
        if module is None:
            raise InputError(f"there is no running module {name!r}")
        now = time.monotonic()
        if module.life.state in supervision.UP:
            module.life, action = supervision.restart(module.life, now)
            self._carry_out(module, action, None)
        else:
            module.life = supervision.revive(module.life, now)

    def restarts_within_the_hour(self, now: float) -> int:
        """How often a module was started again, as far as it was not at somebody's word."""
        while self._restarts and now - self._restarts[0] > _HOUR_S:
            self._restarts.popleft()
        return len(self._restarts)

    def statuses(self, config: Config, number: int) -> dict[str, m.ModuleStatus]:
        """What is said of each."""
        now = time.monotonic()
        out = {}
        for name, module in self._modules.items():
            age = None if module.heartbeat_at is None else now - module.heartbeat_at
            seen = module.seen(config, number, now)
            out[name] = health.module_status(name, module.life, module.child.pid, seen, age)
        return out

    def is_behind(self, number: int) -> bool:
        """Whether a process works by an older configuration."""
        return any(
            module.heartbeat is not None and module.heartbeat.config_number < number
            for module in self
        )

    def stop_all(self, timeout_s: float) -> None:
        """Stop in reverse order of starting; who does not end in time is killed."""
        self._nursery.close()
        deadline = time.monotonic() + timeout_s
        while any(module.life.state is not State.STOPPED for module in self):
            now = time.monotonic()
            for module in reversed(self._modules.values()):
                self._stop_one(module, now, late=now > deadline)
            time.sleep(0.01)

    def _stop_one(self, module: Module, now: float, *, late: bool) -> None:
        # Silence is no crime any more: only the limits of stopping count.
        ended = Observation(wanted=False, exit_code=module.child.exit_code(), heartbeat_at=now)
        module.life, action = supervision.step(module.row, module.life, ended, now)
        self._carry_out(module, action, None)
        users = (other for other in self if module.row.name in other.row.needs)
        if all(other.life.state is State.STOPPED for other in users):
            module.life, action = supervision.stop(module.life, now)
            self._carry_out(module, action, None)
        if late and module.child.pid is not None:
            module.child.kill()

    def _look_at(self, module: Module, now: float) -> Observation:
        beat = module.heartbeat
        silent_s = now - max(module.heartbeat_at or 0.0, module.life.since)
        return Observation(
            wanted=all(
                self._modules[name].life.state is not State.STOPPED for name in module.row.needs
            ),
            exit_code=module.child.exit_code(),
            heartbeat_at=module.heartbeat_at,
            working=self._is_working(module, silent_s),
            stopped=silent_s > _STOPPED_LOOK_S and module.child.is_stopped(),
            ready=beat is not None and beat.ready,
            level=beat.level if beat is not None else m.Level.HEALTHY,
        )

    @staticmethod
    def _is_working(module: Module, silent_s: float) -> bool:
        """Whether a process that has fallen silent still uses the processor."""
        if silent_s < module.row.heartbeat_limit_s / 2:
            module.silent_cpu_s = None
            return False
        used = module.child.cpu_s()
        if module.silent_cpu_s is None:
            module.silent_cpu_s = used
        return used - module.silent_cpu_s >= _WORKING_S

    def _carry_out(self, module: Module, action: Action, snapshot: Path | None) -> None:
        if action is Action.START:
            assert snapshot is not None
            now = time.monotonic()
            module.forget(now)
            if module.life.failures:
                self._restarts.append(now)
            try:
                module.child.start(snapshot)
            except OSError as error:
                _log.error("cannot start a process", module=module.row.name, error=str(error))
                module.life = supervision.not_started(module.row, module.life, str(error), now)
        elif action is Action.TERMINATE:
            module.child.terminate()
        elif action is Action.KILL:
            _log.error("killing", module=module.row.name, reason=module.life.reason)
            module.child.kill()
