"""The real appliance as a child of the tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent


class Appliance:
    """``billiards-trainer run`` in folders of its own, on a free port.

    Args:
        folder: short path; sockets, records and the log go below it.
        flags: further flags of the command line.
    """

    def __init__(self, folder: Path, *flags: str) -> None:
        self.runtime_dir = folder / "run"
        self.state_dir = folder / "state"
        self.log_file = folder / "log.txt"
        self._flags = flags
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it and, unless told otherwise, wait for its address."""
        self.log_file.touch()
        begin = self.log_file.stat().st_size
        command = [sys.executable, str(ROOT / "system_launcher.py"), "--environment", "testing"]
        command += ["--runtime-dir", str(self.runtime_dir), "--state-dir", str(self.state_dir)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self._flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

        def address() -> str | None:
            text = self.log_file.read_bytes()[begin:].decode()
            found = re.search(r"Billiards Trainer: (http://\S+)", text)
            return found[1] if found else None

        if wait and "--no-api" not in self._flags:
            self.url = self.wait(address, "its address")

    def wait(self, probe: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Wait until ``probe`` gives something; fail with the log otherwise."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = probe()
            if found:
                return found
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"ended while waiting for {what}:\n{self.log()}")
            time.sleep(0.05)
        raise AssertionError(f"no {what} after {seconds:g} s:\n{self.log()}")

    def get(self, path: str) -> Any:
        """The JSON at a path; ``None`` when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return None

    def send(
        self, method: str, path: str, body: object = None, *, timeout_s: float = 15
    ) -> tuple[int, Any]:
        """A request with a JSON body: status and JSON answer."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body if body is not None else {}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_for_status(self, *wanted: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until ``/health`` says one of the words."""

        def probe() -> dict[str, Any] | None:
            health = self.get("/health")
            return health if health and health["status"] in wanted else None

        health: dict[str, Any] = self.wait(probe, " or ".join(wanted), seconds)
        return health

    def modules(self) -> dict[str, dict[str, Any]]:
        """What ``/health`` says of each module."""
        health = self.get("/health")
        return health["modules"] if health else {}

    def pid(self, module: str) -> int:
        """Process id of a module."""
        return int(self.wait(lambda: self.modules().get(module, {}).get("pid"), f"pid of {module}"))

    def kill(self, module: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a module; its process id."""
        pid = self.pid(module)
        os.kill(pid, number)
        return pid

    def children(self) -> list[psutil.Process]:
        """Its processes."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it, within the five seconds that are promised; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=5)

    def end(self) -> None:
        """Whatever its state, leave nothing behind."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """The end of what it has written."""
        return self.log_file.read_text(errors="replace")[-6000:]
