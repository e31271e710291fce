"""What must be right about a machine before anything on it is changed.

A check returns ``None`` when all is well, or a sentence with the remedy.  Those in ``REFUSE`` end
the installation; those in ``WARN`` are said and go on.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployment.errors import Failed
from deployment.layout import Layout
from deployment.shell import attempt, run

DISK_BYTES = 3_000_000_000
PROGRAMS = {
    "nginx": "nginx-light",
    "logrotate": "logrotate",
    "openssl": "openssl",
    "setpriv": "util-linux",
    "systemctl": "systemd",
}
_NEW_ENOUGH = (
    "import sys, ensurepip, venv\n"
    "if sys.version_info < (3, 11): sys.exit('Python 3.11 or newer is needed')"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed.

    Attributes:
        layout: where.
        python: interpreter for the new environment.
        environment: production or testing.
        source: camera, where one was named.
        first: whether nothing is installed yet.
        port: of the interface.
    """

    layout: Layout
    python: str
    environment: str | None
    source: str | None
    first: bool
    port: int


Check = Callable[[Wanted], str | None]


def check_user(wanted: Wanted) -> str | None:
    """Only root can install."""
    if wanted.layout.real and os.geteuid() != 0:
        return "only root can install: please use sudo"
    return None


def check_system(wanted: Wanted) -> str | None:
    """A Linux with systemd as its first process."""
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"this processor ({platform.machine()}) is not one of x86_64 and aarch64"
    if wanted.layout.real and not Path("/run/systemd/system").is_dir():
        return "this machine was not started by systemd, which has to start the appliance"
    return None


def check_programs(wanted: Wanted) -> str | None:
    """The few programs that it leans on."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)]
    if missing and wanted.layout.real:
        return f"missing: apt-get install {' '.join(missing)}"
    return None


def check_python(wanted: Wanted) -> str | None:
    """An interpreter that is new enough and can make environments."""
    try:
        run([wanted.python, "-c", _NEW_ENOUGH])
    except Failed as error:
        return f"{error}: apt-get install python3-venv, or name another one with --python"
    return None


def check_disk(wanted: Wanted) -> str | None:
    """Room for one more version and a copy of the data."""
    folder = next(p for p in (wanted.layout.prefix, *wanted.layout.prefix.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_BYTES:
        return f"{folder} has {free / 1e9:.1f} GB free and {DISK_BYTES / 1e9:.0f} GB are needed"
    return None


def check_ports(wanted: Wanted) -> str | None:
    """Nobody else listens where nginx and the appliance will."""
    if not wanted.first or not wanted.layout.real:
        return None
    for port in (80, 443, wanted.port):
        owner = listener(port)
        if owner is not None and not (owner == "nginx" and port in (80, 443)):
            return f"port {port} is taken by {owner}: stop it, or move it"
    return None


def listener(port: int, proc: Path = Path("/proc")) -> str | None:
    """The name of the program that listens on a TCP port of this machine, if there is one."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        rows = [line.split() for line in lines]
        inodes |= {r[9] for r in rows if r[3] == "0A" and int(r[1].rpartition(":")[2], 16) == port}
    if not inodes:
        return None
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for descriptor in proc.glob("[0-9]*/fd/*"):
        try:
            if os.readlink(descriptor) in sockets:
                return (descriptor.parent.parent / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            continue
    return "another program"


def check_source(wanted: Wanted) -> str | None:
    """Production names its camera."""
    if wanted.layout.site_file.exists() or wanted.source:
        return None
    if (wanted.environment or "production") == "production":
        return (
            "production names its camera: --source v4l2:0, rtsp://… or http://…; "
            "a trial without one says --source simulated"
        )
    return None


def check_camera(wanted: Wanted) -> str | None:
    """The camera that was named is plugged in."""
    source = wanted.source or ""
    if source.startswith("v4l2:"):
        device = wanted.layout.root / f"dev/video{source.removeprefix('v4l2:')}"
        if not device.exists():
            return f"{device} is not there: plug the camera in"
    return None


def check_display(wanted: Wanted) -> str | None:
    """A projector is connected."""
    states = (wanted.layout.root / "sys/class/drm").glob("card*-*/status")
    if any(state.read_text(encoding="ascii").strip() == "connected" for state in states):
        return None
    return "no display is connected: the projector will be drawn, but nobody will see it"


def check_name(_wanted: Wanted) -> str | None:
    """The machine has a name of its own."""
    if socket.gethostname() in ("", "localhost", "debian"):
        return "this machine has no name of its own: hostnamectl hostname NAME"
    return None


def check_clock(wanted: Wanted) -> str | None:
    """The time of day is kept, for certificates and for people who read the log."""
    if not wanted.layout.real:
        return None
    said = attempt(["timedatectl", "show", "-p", "NTP", "--value"], timeout_s=20).stdout.strip()
    if said == "no":
        return "the clock is not kept by the network: timedatectl set-ntp true"
    return None


REFUSE: dict[str, Check] = {
    "user": check_user,
    "system": check_system,
    "programs": check_programs,
    "python": check_python,
    "disk": check_disk,
    "ports": check_ports,
    "source": check_source,
}
WARN: dict[str, Check] = {
    "camera": check_camera,
    "display": check_display,
    "name": check_name,
    "clock": check_clock,
}


def find_python() -> str:
    """The system's own interpreter where it will do, else a newer one beside it."""
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and attempt([found, "-c", _NEW_ENOUGH]).returncode == 0:
            return found
    return sys.executable
