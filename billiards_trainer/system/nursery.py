"""A process that has imported what all others need, and forks them on request.

Importing is most of what a start costs; a module that was killed is back in a fraction of the time
when its successor begins with everything loaded.  Memory that is only read is shared, too.

Protocol, over a socket pair of packets: the orchestrator sends one packet of JSON, ``{"name",
"module", "arguments"}``; the nursery forks twice, so that the new process is handed to the
orchestrator (which has declared itself subreaper) and outlives the nursery; the packet that comes
back is its process id, or the sentence why there is none.  Nothing else happens here: whoever asks
may lose patience, kill the nursery, and start the process the long way.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from billiards_trainer.config.schema import Config
from billiards_trainer.config.snapshot import read_snapshot
from billiards_trainer.process import die_with_parent

READY = b"ready"
_PACKET = 65536
_PR_SET_NAME = 15
_ADOPTION_S = 5.0
_IDLE_S = 3.0
"""Starting goes before loading more."""


def main() -> int:
    """Import, then fork until the orchestrator is gone."""
    parser = argparse.ArgumentParser(prog="nursery")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("modules", nargs="*")
    arguments = parser.parse_args()
    die_with_parent(arguments.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, config = read_snapshot(arguments.snapshot)
    later = [preload for name in arguments.modules if (preload := _imported(name)) is not None]
    gc.collect()
    gc.freeze()  # pages of objects that nobody touches stay shared
    with socket.socket(fileno=arguments.socket) as orchestrator:
        orchestrator.send(READY)
        while True:
            if later and not select.select([orchestrator], [], [], _IDLE_S)[0]:
                _quietly(partial(later.pop(0), config))
                continue
            request = orchestrator.recv(_PACKET)
            if not request:
                return 0
            orchestrator.send(_bear(json.loads(request), arguments.parent, orchestrator))


def _imported(name: str) -> Callable[[Config], object] | None:
    """Import a module; its ``preload``, if it has one, loads what it would load while it starts."""
    found: list[ModuleType] = []
    _quietly(lambda: found.append(importlib.import_module(name)))
    return getattr(found[0], "preload", None) if found else None


def _quietly(load: Callable[[], object]) -> None:
    """What fails here fails again, and is told, in the process that needs it."""
    try:
        load()
    except Exception:
        traceback.print_exc()


def _bear(request: dict[str, Any], parent: int, orchestrator: socket.socket) -> bytes:
    """Fork twice; the id of the grandchild, or a sentence."""
    if threading.active_count() > 1:
        return b"the nursery has threads and cannot fork"
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        child = os.fork()
        if child == 0:
            _live(request, parent, orchestrator, (reading, writing))
        os.write(writing, str(child).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        pid = pipe.read()
    os.waitpid(middle, 0)  # from here on the orchestrator is the parent
    return pid


def _live(
    request: dict[str, Any], parent: int, orchestrator: socket.socket, pipe: tuple[int, int]
) -> None:
    """Be the process that was asked for; never returns."""
    code = 1
    try:
        orchestrator.close()
        for end in pipe:
            os.close(end)
        deadline = time.monotonic() + _ADOPTION_S
        while os.getppid() != parent and time.monotonic() < deadline:
            time.sleep(0.001)
        gc.unfreeze()
        ctypes.CDLL(None).prctl(_PR_SET_NAME, request["name"].encode()[:15])
        sys.argv = [request["module"], *request["arguments"]]
        code = int(importlib.import_module(request["module"]).main())
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
