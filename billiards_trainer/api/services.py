"""What handlers use: the newest messages, the bus, the picture, the shot log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from aiohttp import web

from billiards_trainer import messages as m
from billiards_trainer.api.live import Live
from billiards_trainer.api.preview import Preview
from billiards_trainer.api.problem import Problem, unavailable
from billiards_trainer.api.traffic import Traffic
from billiards_trainer.bus import CommandError, CommandTimeout
from billiards_trainer.bus_async import AsyncBus
from billiards_trainer.config.schema import Config
from billiards_trainer.topics import COMMANDS

if TYPE_CHECKING:
    from billiards_trainer.process import ChildProcess
    from billiards_trainer.storage.shot_log import ShotLog

T = TypeVar("T")


@dataclass(slots=True)
class Services:
    """Everything behind the handlers of one worker."""

    config: Config
    runtime_dir: Path
    state_dir: Path
    live: Live
    preview: Preview
    worked: Callable[[], None]
    """Counts a unit of work for the heartbeat."""
    traffic: Traffic = field(default_factory=Traffic)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    """WebSockets that are open."""
    bus: AsyncBus = field(init=False)
    _reader: ThreadPoolExecutor = field(init=False)
    _log: ShotLog | None = field(init=False, default=None)

    @classmethod
    def of(cls, process: ChildProcess) -> Self:
        """The services of a worker process."""
        return cls(
            config=process.config,
            runtime_dir=process.runtime_dir,
            state_dir=process.state_dir,
            live=Live(),
            preview=Preview(process.camera_ring, process.config.api.preview_fps),
            worked=process.advance,
        )

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Names under which the appliance may be asked, lower case."""
        return frozenset(
            name.lower() for name in (self.config.api.host, *self.config.api.allowed_hosts)
        )

    async def start(self) -> None:
        """Connect; call in the loop that serves."""
        self.bus = AsyncBus(self.runtime_dir)
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shot-log")
        self.live.follow(self.bus)
        self.preview.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self.live.stop()
        await self.preview.stop()
        self.bus.close()
        if self._log is not None:
            self._log.close()
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def ask(self, command: str, message: m.Message, *, refusal: int = 409) -> m.Message:
        """Have another process carry out a command.

        Args:
            command: as in the table of commands.
            message: its request.
            refusal: the HTTP status when the process says why not.

        Raises:
            Problem: 503 when the process does not run or does not answer, ``refusal`` when it
                refuses.
        """
        server = COMMANDS[command].server
        if (reason := self.absence(server)) is not None:
            raise unavailable(reason)
        try:
            reply = await self.bus.request(command, message)
        except CommandTimeout as error:
            raise unavailable(str(error)) from None
        except CommandError as error:
            raise Problem(refusal, str(error)) from None
        if isinstance(reply, m.Done) and not reply.ok:
            raise Problem(refusal, reply.detail or f"{server} refused {command}")
        return reply

    def absence(self, process: str) -> str | None:
        """One sentence when the orchestrator says that a process does not run, else ``None``."""
        status = self.live.status()
        if status is None or status.status is m.Level.UNKNOWN or process == "orchestrator":
            return None
        module = status.modules.get(process)
        if module is None:
            return f"{process} is not part of this appliance"
        if module.pid is None:
            return f"{process} does not run: {module.detail or module.state.lower()}"
        return None

    async def read_log(self, question: Callable[[ShotLog], T]) -> T:
        """Ask the shot log, off the loop's thread.

        Raises:
            Problem: 503 when it cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._reader, self._read_log, question
        )

    def _read_log(self, question: Callable[[ShotLog], T]) -> T:
        # Here rather than at the top: the page is up before SQLAlchemy has been imported.
        from billiards_trainer.storage.shot_log import ShotLog, ShotLogError

        if self._log is None:
            self._log = ShotLog(self.state_dir)
        try:
            return question(self._log)
        except ShotLogError as error:
            raise unavailable(str(error)) from None


SERVICES = web.AppKey("services", Services)
