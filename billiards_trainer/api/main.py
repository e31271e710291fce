"""The process `api`: serves the page and the interface until told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from aiohttp import web

from billiards_trainer.api.app import make_app
from billiards_trainer.api.services import Services
from billiards_trainer.errors import InputError
from billiards_trainer.messages import Level
from billiards_trainer.process import ChildProcess

TICK_S = 0.1
"""The heartbeat is sent by a task of the loop that serves: a loop that hangs falls silent."""


def main() -> int:
    """Entry point."""
    with ChildProcess("api") as process:
        asyncio.run(serve(process))
    return 0


async def serve(process: ChildProcess) -> None:
    """Listen, answer, and end within about a second of being told to.

    Raises:
        InputError: the address or the port cannot be had.
    """
    # Whoever sends what is no HTTP gets a 400; a stack trace each would fill the log.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    services = Services.of(process)
    runner = web.AppRunner(make_app(services), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(runner, process)
        process.ready()
        while process.running():
            services.live.check()
            process.advance()
            process.report(
                Level.HEALTHY,
                "",
                viewers=services.preview.viewers,
                sockets=len(services.sockets),
                **services.traffic.measures(time.monotonic()),
            )
            await asyncio.sleep(TICK_S)
    finally:
        await runner.cleanup()


async def listen(runner: web.AppRunner, process: ChildProcess) -> None:
    """Open the port; several workers share one, the kernel deals connections out to them."""
    api = process.config.api
    site = web.TCPSite(runner, api.host, api.port, reuse_port=api.workers > 1)
    try:
        await site.start()
    except OSError as error:
        raise InputError(
            f"api.port: cannot listen on {api.host} port {api.port}: {error.strerror}"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
