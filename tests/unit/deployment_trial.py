"""An installation in a folder: the real deploy.py and backup.py, the rest pretended.

The program is a wheel with the names that deployment asks for and next to nothing behind them; the
pretended ``systemctl`` keeps its state in a file, and interface and nginx are servers of the test's
own.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import re
import sqlite3
import ssl
import subprocess
import sys
import threading
import tomllib
import urllib.request
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

_PROGRAM = """
import json, os, sys, tomllib
from pathlib import Path
from billiards_trainer import __version__

def main():
    assert sys.argv[1] == "validate-config", sys.argv
    data = tomllib.loads(Path(sys.argv[2]).read_text())
    if "nonsense" in data:
        sys.exit("site.toml: unknown key nonsense")
    source = data.get("source", {}).get("url", "simulated")
    print(json.dumps({"environment": data["environment"], "source": {"url": source},
                      "api": {"port": data["api"]["port"]}}))
"""
_UPGRADE = """
import sqlite3
from contextlib import closing
from pathlib import Path
from billiards_trainer.errors import InputError
KNOWN = REVISIONS

def known_revisions():
    return set(KNOWN)

def migrate(folder):
    path = Path(folder) / "billiards.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        db.execute("CREATE TABLE IF NOT EXISTS shots (row INTEGER PRIMARY KEY, what TEXT)")
        found = db.execute("SELECT version_num FROM alembic_version").fetchone()
        if found and found[0] not in KNOWN:
            raise InputError(f"{path} was written by a newer version")
        if "0002" in KNOWN and (not found or found[0] < "0002"):
            db.execute("ALTER TABLE shots ADD COLUMN speed REAL DEFAULT 1.5")
        db.execute("DELETE FROM alembic_version")
        db.execute("INSERT INTO alembic_version VALUES (?)", (max(KNOWN),))
    return path
"""
_SYSTEMCTL = """#!/bin/sh
state="$TRIAL_ROOT/systemctl.state"
echo "$*" >> "$TRIAL_ROOT/systemctl.log"
case "$*" in
"is-active "*) [ -e "$state" ] && echo active || { echo inactive; exit 3; } ;;
"start billiards-trainer.service")
    if [ -e "$TRIAL_ROOT/refuse-start" ]; then echo "Job failed." >&2; exit 1; fi
    touch "$state" ;;
"stop billiards-trainer.service") rm -f "$state" ;;
*"reload-or-restart nginx.service")
    # From now on it serves what it finds now.
    [ -e "$TRIAL_ROOT/deaf-nginx" ] || cp "$TRIAL_ROOT"/etc/billiards-trainer/tls/*.pem \
        "$TRIAL_ROOT/etc/nginx/sites-available/billiards-trainer.conf" "$TRIAL_ROOT/nginx.loaded" ;;
esac
"""
_NGINX = """#!/bin/sh
if [ -e "$TRIAL_ROOT/refuse-site" ]; then echo "bad site" >&2; exit 1; fi
grep -q BEGIN "$TRIAL_ROOT/etc/billiards-trainer/tls/certificate.pem" ||
    { echo "cannot load certificate" >&2; exit 1; }
"""
_COMMANDS = {
    "systemctl": _SYSTEMCTL,
    "systemd-sysusers": "#!/bin/sh\nexit 0\n",
    "systemd-tmpfiles": "#!/bin/sh\nexit 0\n",
    "journalctl": "#!/bin/sh\necho last words\n",
    "nginx": _NGINX,
    "sync": "#!/bin/sh\nexit 0\n",
    "id": "#!/bin/sh\necho 0\n",
    "setpriv": "#!/bin/sh\nenv\n",
}


# Stands in for the interpreter and for pip: a real environment takes seconds each time, and the
# booted machine has one.
_PYTHON = """#!REAL -S
import os, re, sys, zipfile
from pathlib import Path
words = sys.argv[1:]
here = Path(os.path.abspath(__file__)).parent.parent
packages = here / "lib/python3.11/site-packages"
if words[:2] == ["-m", "venv"]:
    (Path(words[2]) / "bin").mkdir(parents=True)
    (Path(words[2]) / "lib/python3.11/site-packages").mkdir(parents=True)
    copy = Path(words[2]) / "bin/python"
    copy.write_text(Path(__file__).read_text())
    copy.chmod(0o755)
elif words[:3] == ["-m", "pip", "install"]:
    with (here / "listed").open("a") as listed:
        if words[-1].endswith(".whl"):
            with zipfile.ZipFile(words[-1]) as archive:
                for name in archive.namelist():
                    inside = name.partition(".data/data/")[2]
                    target = here / inside if inside else packages / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
        else:  # a lock: the libraries in it are believed to be there
            lines = Path(words[-1]).read_text().splitlines()
            listed.writelines(line.split("==")[0] + "\\n" for line in lines if "==" in line)
    program = here / "bin/billiards-trainer"
    head = f"#!REAL -S\\nimport sys\\nsys.path.insert(0, {str(packages)!r})\\n"
    program.write_text(head + "from billiards_trainer.cli import main\\nmain()\\n")
    program.chmod(0o755)
elif words[:3] == ["-m", "pip", "check"]:
    there = set((here / "listed").read_text().split())
    for said in packages.glob("*.dist-info/METADATA"):
        for needed in re.findall("^Requires-Dist: ([A-Za-z0-9_-]+)", said.read_text(), re.M):
            if needed not in there:
                sys.exit(f"{said.parent.name} requires {needed}, which is not installed.")
elif words[:2] not in (["-m", "pip"], ["-m", "compileall"]):
    os.environ["PYTHONPATH"] = str(packages)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execv("REAL", ["REAL", "-S", *words])
"""


def make_wheel(
    folder: Path, version: str, revisions: tuple[str, ...] = ("0001",), tls_port: int = 443
) -> Path:
    """A wheel of the small program, whose site serves TLS at some port."""
    name = f"billiards_trainer-{version}"
    share = f"{name}.data/data/share/billiards-trainer"
    members = {
        "billiards_trainer/__init__.py": f'__version__ = "{version}"\n',
        "billiards_trainer/errors.py": "class InputError(Exception): ...\n",
        "billiards_trainer/cli.py": _PROGRAM,
        "billiards_trainer/storage/__init__.py": "",
        "billiards_trainer/storage/upgrade.py": _UPGRADE.replace("REVISIONS", repr(revisions)),
        "billiards_trainer/api/static/index.html": "<p>page</p>",
        f"{share}/requirements/cpu.txt": "",
        f"{share}/requirements/jetson.txt": (ROOT / "requirements/jetson.txt").read_text(),
        f"{name}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: billiards-trainer\nVersion: {version}\n"
        ),
        f"{name}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        f"{name}.dist-info/entry_points.txt": (
            "[console_scripts]\nbilliards-trainer = billiards_trainer.cli:main\n"
        ),
    }
    for package in ("physics", "simulation"):
        members[f"billiards_trainer/{package}/__init__.py"] = ""
        members[f"billiards_trainer/{package}/warmup.py"] = ""
    for part in ("deployment", "nginx", "systemd"):
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                members[f"{share}/{path.relative_to(ROOT)}"] = path.read_text(encoding="utf-8")
    site = members[f"{share}/nginx/billiards-trainer.conf"].replace("443 ssl", f"{tls_port} ssl")
    members[f"{share}/nginx/billiards-trainer.conf"] = f"{site}# version {version}\n"
    members[f"{share}/systemd/tmpfiles.conf"] += f"# version {version}\n"
    for document in ("operations.md", "technician.md"):
        members[f"{share}/docs/{document}"] = "read me\n"
    rows = []
    target = folder / f"{name}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
            rows.append(f"{path},sha256={digest.rstrip('=')},{len(text.encode())}")
        rows.append(f"{name}.dist-info/RECORD,,")
        archive.writestr(f"{name}.dist-info/RECORD", "\n".join(rows) + "\n")
    (folder / "requirements.txt").write_text("")
    return target


class Trial:
    """One pretended machine below a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.prefix = self.root / "opt/billiards-trainer"
        self.state = self.root / "var/lib/billiards-trainer"
        self.site = self.root / "etc/billiards-trainer/site.toml"
        self.database = self.state / "billiards.db"
        self.wheels = folder / "wheels"
        tools = folder / "tools"
        self.loaded = self.root / "nginx.loaded"
        for place in (tools, self.root / "etc/nginx/sites-enabled", self.loaded):
            place.mkdir(parents=True)
        for name, text in _COMMANDS.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self.python = tools / "python3"
        self.python.write_text(_PYTHON.replace("REAL", os.path.realpath(sys.executable)))
        self.python.chmod(0o755)
        quiet = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        self.environment = {  # coverage counts the program, which is not here, and is slow to start
            **quiet,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "TRIAL_ROOT": str(self.root),
        }
        self.health = {"status": "HEALTHY", "detail": ""}
        self.health_of: dict[str, dict[str, str]] = {}
        """Of versions that are otherwise."""
        self._servers: list[http.server.HTTPServer] = []
        self.port = self.listen()
        self.tls_port = self._serve(_Outside(("127.0.0.1", 0), self._outside(), self.loaded))

    def listen(self) -> int:
        """Let the interface answer at one more port, whenever the configuration names that one."""
        return self._serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler()))

    def _serve(self, server: http.server.HTTPServer) -> int:
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server.server_port

    @property
    def running(self) -> bool:
        """Whether the pretended systemd runs the service."""
        return (self.root / "systemctl.state").exists()

    @property
    def version(self) -> str | None:
        """Which release is in force."""
        link = self.prefix / "current"
        return link.readlink().name if link.is_symlink() else None

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        trial = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                port = tomllib.loads(trial.site.read_text())["api"]["port"]
                if not trial.running or self.server.server_address[1] != port:
                    self.send_error(502)
                    return
                version = trial.version
                health = trial.health_of.get(str(version), trial.health)
                answer = {"version": version, "source": "simulated", **health}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                pass

        return Handler

    def _outside(self) -> type[http.server.BaseHTTPRequestHandler]:
        trial = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = f"http://127.0.0.1:{trial.upstream}/health"
                try:
                    with urllib.request.urlopen(address) as answer:
                        body = answer.read()
                except OSError:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                pass

        return Handler

    @property
    def upstream(self) -> int:
        """Where the pretended nginx hands requests on to."""
        text = (self.loaded / "billiards-trainer.conf").read_text()
        found = re.search(r"server 127.0.0.1:(\d+) ", text)
        assert found is not None
        return int(found[1])

    def certificate(self) -> str:
        """What browsers get to see."""
        return ssl.get_server_certificate(("127.0.0.1", self.tls_port))

    def wheel(self, version: str, *revisions: str) -> Path:
        """A wheelhouse of its own for a version."""
        folder = self.wheels / version
        make_wheel(folder, version, revisions or ("0001",), self.tls_port)
        return folder

    def command(self, script: str, *words: str) -> list[str]:
        """The command line of deploy.py or backup.py for this machine."""
        place = ["--root", str(self.root), "--json"]
        if script == "backup":
            return [sys.executable, "-S", str(ROOT / "deployment/backup.py"), *words, *place]
        verbs = ("rollback", "list", "recover")
        verb = [words[0]] if words and words[0] in verbs else []
        rest = words[len(verb) :]
        return [sys.executable, "-S", str(ROOT / "deployment/deploy.py"), *verb, *rest, *place]

    def call(self, script: str, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Run it to its end; exit status and what it told."""
        done = subprocess.run(
            self.command(script, *words),
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert not done.stderr, done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def deploy(self, version: str, *words: str, revisions: tuple[str, ...] = ()) -> dict[str, Any]:
        """Install a version; the last thing that was told, with the exit status."""
        house = self.wheels / version
        assert not (revisions and house.is_dir()), "the wheel was made before, without those"
        if not house.is_dir():
            self.wheel(version, *revisions)
        status, told = self.call("deploy", *self.flags(version), *words)
        return {
            **told[-1],
            "exit": status,
            "steps": [t["step"] for t in told if t["event"] == "done"],
        }

    def flags(self, version: str) -> list[str]:
        """What deploy.py is told to install a version."""
        flags = ["--from", str(self.wheels / version), "--python", str(self.python)]
        flags += ["--health-limit-s", "3"]
        if not self.site.exists():
            flags += ["--source", "simulated", "--port", str(self.port)]
        return flags

    def kill_at(self, version: str, event: str, step: str, *words: str) -> None:
        """Install a version, and kill that with SIGKILL as soon as it tells of an event."""
        command = self.command("deploy", *self.flags(version), *words)
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            for line in run.stdout:
                told = json.loads(line)
                if (told["event"], told.get("step")) == (event, step):
                    run.kill()
                    return
        raise AssertionError(f"{step} was not {event}")

    def boot(self) -> None:
        """After a power cut: what was interrupted is undone, then everything is started."""
        (self.root / "systemctl.state").unlink(missing_ok=True)
        self.call("deploy", "recover")
        self.start()

    def start(self) -> None:
        """Appliance and nginx, as the machine does."""
        for words in ("start billiards-trainer.service", "reload-or-restart nginx.service"):
            subprocess.run(["systemctl", *words.split()], env=self.environment, check=True)

    def shown_by_command(self, *words: str) -> dict[str, str]:
        """The variables with which the installed command would start the program."""
        command = [str(self.root / "usr/local/bin/billiards-trainer"), *words]
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        )
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def backup(self, *words: str) -> dict[str, Any]:
        """Run backup.py; what it said, with the exit status."""
        status, told = self.call("backup", *words)
        return {**told[-1], "exit": status}

    def play(self, *shots: str) -> None:
        """Record shots."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.executemany("INSERT INTO shots (what) VALUES (?)", [(s,) for s in shots])

    def shots(self) -> list[str]:
        """What is recorded."""
        with closing(sqlite3.connect(self.database)) as database:
            return [row[0] for row in database.execute("SELECT what FROM shots ORDER BY row")]

    def rows(self) -> list[str]:
        """All that the database holds, its structure included."""
        with closing(sqlite3.connect(self.database)) as database:
            return list(database.iterdump())

    def close(self) -> None:
        """End the servers."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Outside(http.server.ThreadingHTTPServer):
    """The pretended nginx, with the certificate that it had found when it was last reloaded."""

    def __init__(self, address: tuple[str, int], handler: Any, loaded: Path) -> None:
        super().__init__(address, handler)
        self._loaded = loaded

    def get_request(self) -> tuple[Any, Any]:
        """A connection after the handshake; nobody is answered before the first reload."""
        raw, address = super().get_request()
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._loaded / "certificate.pem", self._loaded / "key.pem")
            return context.wrap_socket(raw, server_side=True), address
        except OSError:
            raw.close()
            raise
