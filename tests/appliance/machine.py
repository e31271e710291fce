"""A throw-away Debian with a real systemd as its first process, on a host that need not have one.

A tree made by debootstrap is kept in a cache, copied for each machine, and booted by
systemd-nspawn with a network of its own: one address for it, one for the host, no way out.  This is
no security boundary; it is for trying one's own product.

What such a machine cannot show: devices (there is no camera and no display in it), kernel modules,
and time that differs from the host's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "libnss-systemd"),
    *("python3", "python3-venv", "nginx-light", "logrotate", "openssl", "ca-certificates"),
    *("iproute2", "procps", "curl", "nftables"),
)
_TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "setpriv", "ip")
_CONTROLLERS = ("unified", "systemd", "memory", "pids", "cpu", "cpuacct", "blkio", "devices")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_not() -> str | None:
    """Why no machine can be booted here; ``None`` when one can."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"booting a machine needs {', '.join(missing)}"
    if _mirror() is None:
        return "no Debian mirror is named in this host's apt sources"
    alone = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(alone, check=False, capture_output=True).returncode != 0:
        return "this host does not allow namespaces"
    return None


def _mirror() -> str | None:
    """The host's own mirror: its sources in either of the two notations."""
    folder = Path("/etc/apt")
    texts = [p.read_text() for p in sorted(folder.glob("sources.list.d/*.sources"))]
    one_line = folder / "sources.list"
    found = re.search(r"^URIs:\s*(\S+)", "\n".join(texts), re.MULTILINE)
    if found is None and one_line.exists():
        found = re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", one_line.read_text(), re.MULTILINE)
    return found[1] if found else None


def base_tree(cache: Path) -> Path:
    """The tree that machines are copied from; made once."""
    key = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    tree = cache / f"debian-{SUITE}-{key}"
    if tree.is_dir():
        return tree
    mirror = _mirror()
    assert mirror is not None
    cache.mkdir(parents=True, exist_ok=True)
    fresh = cache / f".{tree.name}.{os.getpid()}"
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    done = subprocess.run(
        [*command, SUITE, str(fresh), mirror], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise RuntimeError(f"debootstrap: {done.stdout[-800:]}")
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc"):
        shutil.rmtree(fresh / waste, ignore_errors=True)
    fresh.chmod(0o755)
    fresh.rename(tree)
    return tree


class Machine:
    """One machine.

    Args:
        folder: everything of it lies below.
        number: tells machines apart that run at once: 0…60.
        shared: host folders that it sees read-only, by their path inside.
    """

    def __init__(self, folder: Path, number: int, shared: dict[str, Path]) -> None:
        self.folder = folder
        self.root = folder / "rootfs"
        # The name of the host's end of the cable may have 15 letters: "ve-" and this.
        self.name = f"bt{os.getpid() % 100000}-{number}"
        block = (os.getpid() * 64 + number) % (1 << 15)
        net = f"198.{18 + (block >> 14)}.{(block >> 6) & 255}"
        self._host_address = f"{net}.{(block & 63) * 4 + 1}"
        self.address = f"{net}.{(block & 63) * 4 + 2}"
        self._shared = shared
        self._process: subprocess.Popen[bytes] | None = None

    def create(self, tree: Path) -> None:
        """Make it from a tree: bare, or another machine's that has been shut down."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["cp", "-a", "--reflink=auto", str(tree), str(self.root)]
        subprocess.run(command, check=True)
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {self.name}\n::1 localhost\n")
        (self.root / "etc/machine-id").write_text("")  # a fresh one at the first boot
        (self.root / "var/log/journal").mkdir(exist_ok=True)
        (self.root / "etc/systemd/network/10-host0.network").write_text(
            f"[Match]\nName=host0\n[Network]\nAddress={self.address}/30\nDHCP=no\n"
            "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
        )
        offline = ["systemctl", f"--root={self.root}", "--quiet"]
        subprocess.run(
            [*offline, "enable", "systemd-networkd.service"], check=False, capture_output=True
        )
        # Nothing that waits for a terminal, the network at large, or a clock.
        masked = "console-getty.service getty@.service apt-daily.timer apt-daily-upgrade.timer "
        masked += "e2scrub_all.timer systemd-networkd-wait-online.service dev-hugepages.mount"
        subprocess.run([*offline, "mask", *masked.split()], check=False, capture_output=True)

    def boot(self) -> None:
        """Start it; it is up when this returns."""
        command = ["systemd-nspawn", "--quiet", f"--machine={self.name}", "-D", str(self.root)]
        command += ["--boot", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no"]
        command += ["--resolv-conf=off", "--timezone=off", "--console=read-only"]
        command += ["--network-veth", "--capability=CAP_BPF"]
        command += [f"--bind-ro={host}:{inside}" for inside, host in self._shared.items()]
        # Without nspawn's own filter, what units deny themselves (devices, addresses) is enforced.
        environment = {
            **os.environ,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_LOCK": "0",
            "SYSTEMD_SECCOMP": "0",
        }
        Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
        groups = self._groups()
        with (self.folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                # It ends with us.  A group of its own, entered before nspawn starts, because two
                # machines must not collide.
                [
                    "setpriv",
                    "--pdeathsig",
                    "TERM",
                    "sh",
                    "-c",
                    _ENTER,
                    "sh",
                    *map(str, groups),
                    "--",
                    *command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,
            )
        self._wait(lambda: self._leader() is not None and self._answers(), "it to boot")
        cable = f"ve-{self.name}"
        subprocess.run(
            ["ip", "addr", "replace", f"{self._host_address}/30", "dev", cable], check=True
        )
        subprocess.run(["ip", "link", "set", cable, "up"], check=True)
        self.run("systemctl", "is-system-running", "--wait", check=False, timeout=60)

    def run(
        self, *command: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root; the output of one that fails is told."""
        done = subprocess.run(
            [*self.inside(), *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            words = " ".join(command)
            raise AssertionError(
                f"{words}: status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    def sh(self, script: str, *, check: bool = True, timeout: float = 120) -> str:
        """Run a shell script inside; what it wrote to standard output."""
        return self.run("sh", "-c", script, check=check, timeout=timeout).stdout

    def inside(self) -> list[str]:
        """The beginning of a command line that runs inside."""
        leader = self._leader()
        assert leader is not None, f"{self.name} does not run"
        # Entering keeps all of the host's rights, the clock's among them: drop what it has not.
        status = Path(f"/proc/{leader}/status").read_text()
        bounding = int(re.search(r"CapBnd:\s*(\w+)", status)[1], 16)  # type: ignore[index]
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
        drop = ",".join(f"-cap_{n}" for n in range(last + 1) if not bounding >> n & 1)
        command = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        command += ["--", "setpriv", "--bounding-set", drop, "--inh-caps", drop, "--"]
        settings = ["HOME=/root", "LANG=C.UTF-8", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"]
        return [*command, "env", "-i", f"PATH={_PATH}", *settings]

    def shut_down(self) -> None:
        """As somebody does who presses the button; afterwards nothing of it is left running."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)  # nspawn hands a request to halt on
        try:
            self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.cut_power()
        self._clean_up()

    def cut_power(self) -> None:
        """All its processes end at once, in the middle of whatever they were doing."""
        leader = self._leader()
        assert self._process is not None
        if leader is not None:
            os.kill(leader, signal.SIGKILL)
        self._process.wait(timeout=20)
        self._clean_up()

    def destroy(self) -> None:
        """Shut it down and delete it."""
        self.shut_down()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A command running inside while the block goes on."""
        process = subprocess.Popen(
            [*self.inside(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def kill(self, started: subprocess.Popen[str]) -> None:
        """End what ``started`` runs inside, at once; it may have ended by itself."""
        # From the host: entering the machine to do it takes longer than some steps.
        with contextlib.suppress(OSError, IndexError):
            children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text()
            os.kill(int(children.split()[0]), signal.SIGKILL)

    def _leader(self) -> int | None:
        """The host's number of its first process: the only child of nspawn."""
        if self._process is None or self._process.poll() is not None:
            return None
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            found = int(children[0])
            return found if Path(f"/proc/{found}/comm").read_text() == "systemd\n" else None
        except (OSError, IndexError):
            return None

    def _answers(self) -> bool:
        return Path(f"/proc/{self._leader()}/root/run/systemd/private").exists()

    def _wait(self, probe: Callable[[], object], what: str, seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if probe():
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.05)
        log = (self.folder / "console.log").read_text(errors="replace")
        raise RuntimeError(f"waited for {what} in vain:\n{log[-2000:]}")

    def _groups(self) -> list[Path]:
        top = Path("/sys/fs/cgroup")
        if (top / "cgroup.controllers").exists():
            parents = [top]
        else:
            parents = [top / name for name in _CONTROLLERS if (top / name).is_dir()]
        found = [parent / self.name for parent in parents]
        for group in found:
            group.mkdir(exist_ok=True)
        return found

    def _clean_up(self) -> None:
        self._process = None
        for group in self._groups():
            for base, _, _ in os.walk(group, topdown=False):
                # Where the kernel has not let go of it yet: a later machine does not care.
                with contextlib.suppress(OSError):
                    os.rmdir(base)
        subprocess.run(["ip", "link", "del", f"ve-{self.name}"], check=False, capture_output=True)


_ENTER = """
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec "$@"
"""
