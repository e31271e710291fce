"""nginx before the appliance: its site file, and whether it hands answers on."""

from __future__ import annotations

import re
import time
from pathlib import Path

from deployment import files, health
from deployment.errors import Failed
from deployment.layout import Layout
from deployment.shell import run, systemctl

FILE = "etc/nginx/sites-available/billiards-trainer.conf"
PATIENCE_S = 15.0
"""nginx takes a new file up while its old workers still end what they began."""

_UPSTREAM = re.compile(r"(?<=server 127\.0\.0\.1:)\d+(?= )")
_TLS = re.compile(r"listen (\d+) ssl")


def with_port(text: str, port: int) -> str:
    """The site for an appliance whose interface has that port on loopback."""
    return _UPSTREAM.sub(str(port), text)


def take_up(layout: Layout, port: int, *, starting: bool = False, wake: bool = False) -> None:
    """Let nginx see the present port and certificate.

    Args:
        layout: of the appliance.
        port: of its interface.
        starting: systemd is starting the appliance, and perhaps nginx: nobody may wait for it.
        wake: start nginx when it does not run.

    Raises:
        Failed: nginx refuses what it finds; it goes on with what it had.
    """
    path = layout.root / FILE
    if not path.is_file():
        raise Failed(f"{path} is not there: run deploy.py")
    text = path.read_text(encoding="utf-8")
    if with_port(text, port) != text:
        files.write(path, with_port(text, port))
    run(["nginx", "-t"])
    words = ["reload-or-restart" if wake else "try-reload-or-restart", "nginx.service"]
    systemctl(*(["--no-block"] if starting else []), *words)


def hands_on(layout: Layout, version: str, limit_s: float = PATIENCE_S) -> bool:
    """Whether a version answers through nginx, over TLS."""
    found = _TLS.search(_text(layout.root / FILE))
    port = int(found[1]) if found else 443
    deadline = time.monotonic() + limit_s
    while True:
        answer = health.ask(port, tls=True)
        if answer is not None and answer.version == version:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
