"""What is installed, judged by the programs that will read it, as far as that needs no machine."""

from __future__ import annotations

import getpass
import grp
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer.api.guard import SECURITY_HEADERS
from tests.conftest import ROOT
from tests.unit.deployment_trial import Trial

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("deployment host")]

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def program(name: str) -> str:
    """Where a program is; without it there is nothing to ask."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


def ask(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An installation in a folder: its files name that folder, and are whole."""
    one = Trial(tmp_path_factory.mktemp("host"))
    assert one.deploy("1.0.0", "--environment", "production")["result"] == "installed"
    yield one
    one.close()


# --- systemd --------------------------------------------------------------------------------


def test_systemd_understands_every_unit(trial: Trial) -> None:
    analyze = program("systemd-analyze")
    units = sorted((trial.root / "etc/systemd/system").iterdir())
    assert {unit.name for unit in units} == {
        path.name
        for path in (ROOT / "systemd").iterdir()
        if path.suffix in (".service", ".timer", ".target")
    }
    done = ask(analyze, "verify", *units)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # It would have complained: of a value, and of a program that is not there.
    bad = trial.root / "bad.service"
    bad.write_text("[Service]\nType=x\nExecStart=/nowhere/x\n")
    complaints = ask(analyze, "verify", bad).stderr
    assert "service type" in complaints
    assert "/nowhere/x" in complaints


def test_the_service_is_closed_off_as_promised(trial: Trial) -> None:
    analyze = program("systemd-analyze")
    judge = [analyze, "security", "--no-pager", "--offline=yes", "--threshold=15"]
    unit = trial.root / "etc/systemd/system/billiards-trainer.service"
    done = ask(*judge, unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze here cannot judge a file")
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    worse = trial.root / "worse.service"
    worse.write_text(re.sub("^ProtectHome=.*\n", "", unit.read_text(), flags=re.MULTILINE))
    assert ask(*judge, worse).returncode != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users and give folders away")
def test_user_and_folders_are_made_with_the_intended_modes(tmp_path: Path) -> None:
    users, folders = program("systemd-sysusers"), program("systemd-tmpfiles")
    (tmp_path / "etc").mkdir()
    for _ in range(2):  # the second time nothing is left to do
        for tool, words, name in (
            (users, [], "sysusers"),
            (folders, ["--create"], "tmpfiles"),
        ):
            done = ask(tool, f"--root={tmp_path}", *words, ROOT / f"systemd/{name}.conf")
            assert done.returncode == 0, done.stderr
    (line,) = re.findall("^billiards-trainer:.*", (tmp_path / "etc/passwd").read_text(), re.M)
    number = int(line.split(":")[2])
    assert line.endswith(":/var/lib/billiards-trainer:/usr/sbin/nologin")
    groups = [row.split(":") for row in (tmp_path / "etc/group").read_text().splitlines()]
    members = {name: those for name, _, _, those in groups}
    assert (members["video"], members["render"]) == ("billiards-trainer",) * 2
    found = {}
    for name in (
        *("opt/billiards-trainer", "opt/billiards-trainer/backups", "etc/billiards-trainer"),
        *("etc/billiards-trainer/tls", "var/lib/billiards-trainer", "var/log/billiards-trainer"),
    ):
        seen = (tmp_path / name).stat()
        own = {0: "root", number: "own"}
        found[name] = f"{stat.S_IMODE(seen.st_mode):o} {own[seen.st_uid]}:{own[seen.st_gid]}"
    assert found == {
        "opt/billiards-trainer": "755 root:root",
        "opt/billiards-trainer/backups": "700 root:root",
        "etc/billiards-trainer": "750 root:own",
        "etc/billiards-trainer/tls": "700 root:root",
        "var/lib/billiards-trainer": "700 own:own",
        "var/log/billiards-trainer": "750 own:own",
    }
    logs = tmp_path / "opt/billiards-trainer/logs"
    assert str(logs.readlink()) == "/var/log/billiards-trainer"


# --- logrotate and nft ----------------------------------------------------------------------


def test_rotation_keeps_every_line_and_makes_no_file_of_its_own(trial: Trial) -> None:
    logrotate = program("logrotate")
    rules = trial.root / "rotation"
    text = (trial.root / "etc/logrotate.d/billiards-trainer").read_text()
    me, mine = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    text = text.replace("su billiards-trainer billiards-trainer", f"su {me} {mine}")
    rules.write_text(text.replace("create 0640 www-data adm", f"create 0640 {me} {mine}"))
    rules.chmod(0o644)
    logs, web = trial.root / "var/log/billiards-trainer", trial.root / "var/log/nginx"
    web.mkdir(exist_ok=True)
    (trial.prefix / "logs").symlink_to(logs)
    logs.chmod(0o750)
    state = trial.root / "rotation.state"
    rehearsal = ask(logrotate, "-d", "-s", state, rules)
    assert rehearsal.returncode == 0, rehearsal.stderr
    assert "error:" not in rehearsal.stderr
    assert "after 1 days (30 rotations)" in rehearsal.stderr
    assert "after 1 days (14 rotations)" in rehearsal.stderr

    for day in range(3):
        (logs / "billiards-trainer.log").write_text(f"day {day}\n")
        (web / "billiards-trainer.access.log").write_text(f"day {day}\n")
        done = ask(logrotate, "-f", "-s", state, rules)
        assert done.returncode == 0, done.stderr
        # The appliance makes its file itself; nginx is given one.
        assert not (logs / "billiards-trainer.log").exists()
        assert (web / "billiards-trainer.access.log").read_text() == ""
    kept = sorted(path.name for path in logs.iterdir())
    assert kept == [f"billiards-trainer.log.{n}" for n in ("1", "2.gz", "3.gz")]


def test_the_firewall_in_the_document_can_be_loaded(tmp_path: Path) -> None:
    nft = program("nft")
    text = (ROOT / "docs/technician.md").read_text()
    (rules,) = re.findall(r"^```text\n(table inet .*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "rules.nft"
    file.write_text(rules)
    done = ask(nft, "-c", "-f", file)
    if re.search("not permitted|not supported|cache initialization", done.stderr):
        pytest.skip(f"this kernel judges no rules: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


# --- nginx ----------------------------------------------------------------------------------


class Appliance(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, and a header that nginx shall replace."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, **dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Frame-Options", "ALLOWALL")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_words: Any) -> None:
        pass


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Site:
    """A real nginx with the installed site, at other ports, before next to nothing."""

    def __init__(self, trial: Trial, nginx: str, ports: list[int]) -> None:
        self.plain, self.tls, self.upstream = ports
        root = trial.root
        self.folder = root / "nginx.run"
        self.folder.mkdir()
        (root / "var/log/nginx").mkdir(parents=True, exist_ok=True)
        text = (root / "etc/nginx/sites-available/billiards-trainer.conf").read_text()
        site = self.folder / "site.conf"
        site.write_text(
            text.replace(f"listen {trial.tls_port} ssl", f"listen 127.0.0.1:{self.tls} ssl")
            .replace("listen 80 ", f"listen 127.0.0.1:{self.plain} ")
            .replace(f"server 127.0.0.1:{trial.port} ", f"server 127.0.0.1:{self.upstream} ")
            .replace("listen [::]", "# listen [::]")
        )
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.main = self.folder / "nginx.conf"
        self.main.write_text(
            f"{user} daemon off; worker_processes 1; pid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}\n include {site}; }}\n"
        )
        self.command = [nginx, "-e", str(self.folder / "error.log"), "-c", str(self.main)]

    @contextmanager
    def running(self) -> Iterator[None]:
        process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and process.poll() is None:
                with closing(socket.socket()) as probe:
                    if probe.connect_ex(("127.0.0.1", self.tls)) == 0:
                        break
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def ask(
        self, path: str, *, tls: bool = True, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask it as a browser would that trusts any certificate."""
        connection: http.client.HTTPConnection
        if tls:
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.tls, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.plain)
        with closing(connection):
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()


@pytest.fixture(scope="module")
def site(trial: Trial) -> Iterator[Site]:
    nginx = program("nginx")
    one = Site(trial, nginx, free_ports(3))
    done = ask(*one.command, "-t")
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\[(warn|emerg|alert)\]", done.stderr), done.stderr
    with one.running():
        yield one


@pytest.fixture
def upstream(site: Site) -> Iterator[None]:
    """The appliance answers, in this test."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", site.upstream), Appliance)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def test_nginx_explains_itself_while_the_appliance_is_away(site: Site) -> None:
    status, headers, body = site.ask("/")
    assert (status, b"The table is not ready" in body) == (503, True)
    assert headers["Refresh"] == "5; url=/"
    status, headers, body = site.ask("/api/v1/system/status")
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert "systemctl status billiards-trainer" in json.loads(body)["detail"]
    assert headers["Retry-After"] == "5"


@pytest.mark.usefixtures("upstream")
def test_nginx_hands_on_and_says_the_same_headers_everywhere(site: Site) -> None:
    for path in ("/", "/health", "/api/v1/x", "/openapi.json", "/assets/nothing", "/nothing"):
        status, headers, body = site.ask(path)
        assert status == (404 if path.startswith("/assets") else 200), path
        for name, value in SECURITY_HEADERS.items():
            expected = "nginx" if name == "Server" else value
            assert headers.get_all(name) == [expected], (path, name)
        assert headers.get_all("Access-Control-Allow-Origin") is None
        if status == 200:
            said = json.loads(body)
            assert (said["path"], said["X-Forwarded-Proto"]) == (path, "https")
            assert said["X-Forwarded-For"] == "127.0.0.1"
    status, _, body = site.ask("/ws", Upgrade="websocket", Connection="Upgrade")
    assert json.loads(body)["Upgrade"] == "websocket"
    assert json.loads(body)["Connection"] == "upgrade"


@pytest.mark.usefixtures("upstream")
def test_without_tls_there_is_health_and_nothing_else(site: Site) -> None:
    status, _, body = site.ask("/health", tls=False)
    assert (status, json.loads(body)["path"]) == (200, "/health")
    status, headers, _ = site.ask("/api/v1/x?y=1", tls=False)
    assert (status, headers["Location"]) == (301, "https://127.0.0.1/api/v1/x?y=1")


@pytest.mark.usefixtures("upstream")
def test_nginx_limits_rate_and_size(site: Site) -> None:
    status, headers, _ = site.ask("/api/v1/x", method="POST", **{"Content-Length": "300000"})
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    commands = [site.ask("/api/v1/commands", method="POST") for _ in range(30)]
    codes = [status for status, _, _ in commands]
    assert codes[:10] == [200] * 10
    assert 429 in codes
    _, headers, body = commands[codes.index(429)]
    assert (headers["Retry-After"], headers["Content-Type"]) == ("2", "application/problem+json")
    assert json.loads(body)["status"] == 429
    # Who only reads is not slowed down by that.
    assert [site.ask("/api/v1/x")[0] for _ in range(20)] == [200] * 20
    # A socket or a picture without end is a class of its own.
    assert 429 in [site.ask("/ws")[0] for _ in range(25)]


def test_nginx_speaks_modern_tls_only(site: Site) -> None:
    def handshake(version: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        raw = socket.create_connection(("127.0.0.1", site.tls), timeout=10)
        with raw, context.wrap_socket(raw) as secure:
            return secure.version()

    assert handshake(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert handshake(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(OSError), pytest.warns(DeprecationWarning, match="TLSv1_1"):
        handshake(ssl.TLSVersion.TLSv1_1)


def test_nginx_lets_only_named_origins_read(site: Site, trial: Trial) -> None:
    cors = trial.site.with_name("cors.map")
    _, headers, _ = site.ask("/api/v1/x", Origin="https://score.example.org")
    assert "Access-Control-Allow-Origin" not in headers
    cors.write_text(cors.read_text().replace('# "https', '"https'))
    os.kill(int((site.folder / "pid").read_text()), 1)  # SIGHUP: as systemctl reload does
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        _, headers, _ = site.ask("/health", Origin="https://score.example.org")
        if headers["Access-Control-Allow-Origin"] == "https://score.example.org":
            break
        time.sleep(0.02)
    assert headers["Access-Control-Allow-Origin"] == "https://score.example.org"
    _, headers, _ = site.ask("/health", Origin="https://elsewhere.example.org")
    assert "Access-Control-Allow-Origin" not in headers
