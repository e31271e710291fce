"""Other programs, run as the machine has them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployment.errors import Failed
from deployment.layout import USER, Layout

LONGEST_S = 1800.0


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float = LONGEST_S,
) -> str:
    """Run a program to its end.

    Returns:
        What it wrote to standard output.

    Raises:
        Failed: it is not there, took too long, or ended with another status than 0.
    """
    done = attempt(command, env=env, timeout_s=timeout_s)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        last = "; ".join(line.strip() for line in lines[-3:]) or "without a word"
        raise Failed(f"{_name(command)} ended with status {done.returncode}: {last}")
    return done.stdout


def attempt(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float = LONGEST_S,
) -> subprocess.CompletedProcess[str]:
    """Run a program whose failure is an answer, too.

    Raises:
        Failed: it is not there or took too long.
    """
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            check=False,
            cwd="/",  # Python would import from whatever folder we were called in
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except OSError as error:
        raise Failed(f"cannot run {_name(command)}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{_name(command)} did not end within {timeout_s:g} s") from None


def as_user(layout: Layout, command: Sequence[str | Path]) -> list[str | Path]:
    """The command line that runs a program as the appliance's own user."""
    if not layout.real:
        return list(command)
    return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", *command]


def systemctl(*words: str, timeout_s: float = 300.0) -> str:
    """Ask systemd for something.

    Raises:
        Failed: it refused.
    """
    return run(["systemctl", *words], timeout_s=timeout_s)


def is_active(unit: str) -> bool:
    """Whether a unit runs or is being started."""
    state = attempt(["systemctl", "is-active", unit]).stdout.strip()
    return state in ("active", "activating", "reloading")


def _name(command: Sequence[str | Path]) -> str:
    return " ".join(Path(str(word)).name if n == 0 else str(word) for n, word in enumerate(command))
