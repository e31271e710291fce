"""The appliance on a booted Debian, as staff and technicians meet it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.appliance import bad_archives
from tests.appliance.conftest import DEPLOY, Deployed, Reply
from tests.appliance.machine import Machine
from tests.appliance.variants import Change, variant
from tests.conftest import ROOT

# One machine serves all of them; booted and playing it takes a processor for minutes.
pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("machine")]

SERVICE = "billiards-trainer.service"
BACKUP = "/opt/billiards-trainer/current/deployment/backup.py"


def test_bare_debian_becomes_a_healthy_appliance(deployed: Deployed) -> None:
    print(f"\nbare Debian to HEALTHY through nginx: {deployed.seconds:.0f} s")
    for event in deployed.told:
        if event["event"] == "done":
            print(f"  {event['step']:10} {event['seconds']:6.1f} s")
    last = deployed.told[-1]
    assert last["result"] == "installed", last
    assert deployed.machine.run("systemctl", "is-active", SERVICE).stdout.strip() == "active"
    # A busy host makes it DEGRADED for a moment now and then.
    said = 'Status: "HEALTHY'
    deployed.wait(
        lambda: said in deployed.machine.sh(f"systemctl status --no-pager {SERVICE}"), said
    )
    page = deployed.fetch("/")
    assert page.status == 200
    assert b"Billiards Trainer" in page.body
    asset = re.search(rb'src="\./(assets/[^"]+)"', page.body)
    assert asset is not None
    script = deployed.fetch("/" + asset[1].decode())
    assert script.status == 200
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    health = json.loads(deployed.fetch("/health", tls=False).body)
    assert health["source"].startswith("virtual table")
    deployed.wait_healthy()
    again = deployed.deploy("--from", "/mnt/wheels")
    assert again[-1]["result"] == "unchanged"


def test_headers_and_redirects(deployed: Deployed) -> None:
    plain = deployed.fetch("/", tls=False)
    assert (plain.status, plain.headers["Location"][:8]) == (301, "https://")
    for path in ("/", "/health", "/api/v1/system/status", "/nothing", "/assets/nothing"):
        reply = deployed.fetch(path)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "/" not in reply.headers["Server"]  # no version


def test_only_modern_tls(deployed: Deployed) -> None:
    def handshake(version: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        raw = socket.create_connection((deployed.machine.address, 443), timeout=10)
        with raw, context.wrap_socket(raw) as secure:
            return secure.version()

    assert handshake(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert handshake(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(OSError), pytest.warns(DeprecationWarning, match="TLSv1_1"):
        handshake(ssl.TLSVersion.TLSv1_1)


def stream(deployed: Deployed, head: str, wanted: bytes) -> bytes:
    """Open a connection through nginx, say something, read until ``wanted`` has come."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection((deployed.machine.address, 443), timeout=10)
    with raw, context.wrap_socket(raw) as secure:
        secure.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        data = b""
        while wanted not in data:
            block = secure.recv(65536)
            assert block, data[:500]
            data += block
        return data


def test_live_picture_and_socket_pass_through(deployed: Deployed) -> None:
    host = f"Host: {deployed.machine.address}"
    picture = stream(deployed, f"GET /api/v1/camera/preview.mjpeg HTTP/1.1\n{host}", b"\xff\xd8")
    assert b"multipart/x-mixed-replace" in picture
    hello = stream(
        deployed,
        f"GET /ws HTTP/1.1\n{host}\nUpgrade: websocket\nConnection: Upgrade\n"
        f"Origin: https://{deployed.machine.address}\n"
        "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"\r\n\r\n",
    )
    assert b" 101 " in hello.splitlines()[0]


def test_too_many_requests_are_answered_so(deployed: Deployed) -> None:
    script = "for i in $(seq 80); do echo url=https://localhost/health; echo output=/dev/null; done"
    codes = deployed.machine.sh(
        f"({script}) | curl -sk --parallel --parallel-immediate --parallel-max 40 -K - "
        "-w '%{http_code}\\n'"
    ).split()
    assert {"200", "429"} <= set(codes)
    assert set(codes) <= {"200", "429"}
    refused = deployed.machine.sh(
        "for i in $(seq 60); do curl -sk -XPOST -d '{}' -H 'Content-Type: application/json' "
        "https://localhost/api/v1/nothing; done"
    )
    assert '"title":"Too Many Requests","status":429' in refused
    time.sleep(3)  # the next test is not meant


def test_nothing_else_listens_and_modes_are_as_intended(deployed: Deployed) -> None:
    for line in deployed.machine.run("ss", "-ltnpH").stdout.splitlines():
        address, owner = line.split()[3], line
        if not address.startswith(("127.", "[::1]")):
            assert '"nginx"' in owner, line
    modes = deployed.machine.sh(
        "cd /; stat -c '%a %U:%G %n' opt/billiards-trainer opt/billiards-trainer/releases "
        "opt/billiards-trainer/backups etc/billiards-trainer etc/billiards-trainer/site.toml "
        "etc/billiards-trainer/tls etc/billiards-trainer/tls/key.pem "
        "var/lib/billiards-trainer var/lib/billiards-trainer/billiards.db "
        "run/billiards-trainer var/log/billiards-trainer"
    )
    own = "billiards-trainer"
    assert modes.splitlines() == [
        "755 root:root opt/billiards-trainer",
        "755 root:root opt/billiards-trainer/releases",
        "700 root:root opt/billiards-trainer/backups",
        f"750 root:{own} etc/billiards-trainer",
        f"640 root:{own} etc/billiards-trainer/site.toml",
        "700 root:root etc/billiards-trainer/tls",
        "600 root:root etc/billiards-trainer/tls/key.pem",
        f"700 {own}:{own} var/lib/billiards-trainer",
        f"600 {own}:{own} var/lib/billiards-trainer/billiards.db",
        f"700 {own}:{own} run/billiards-trainer",
        f"750 {own}:{own} var/log/billiards-trainer",
    ]
    writable = "find /opt/billiards-trainer/releases -perm /022 ! -type l | head"
    assert deployed.machine.sh(writable) == ""


def test_units_site_and_rotation_are_sound(deployed: Deployed) -> None:
    run = deployed.machine.sh
    score = run(f"systemd-analyze security --no-pager {SERVICE} | tail -1")
    found = re.search(r"([0-9.]+) OK", score)
    assert found is not None, score
    assert float(found[1]) <= 1.5
    complaints = run("systemd-analyze verify /etc/systemd/system/billiards-trainer* 2>&1")
    assert complaints.strip() == ""
    run("nginx -t")
    rehearsal = run("logrotate -d /etc/logrotate.conf 2>&1")
    assert not re.search(r"^error:", rehearsal, re.MULTILINE)
    timers = run("systemctl list-timers --no-pager --all 'billiards-trainer-*'")
    for name in ("backup", "report", "trial"):
        assert f"billiards-trainer-{name}.timer" in timers


def test_scheduled_tasks_do_their_work(deployed: Deployed) -> None:
    for name in ("backup", "trial", "report"):
        deployed.machine.run("systemctl", "start", f"billiards-trainer-{name}.service")
    assert deployed.machine.sh("ls /opt/billiards-trainer/backups").strip()
    report = deployed.machine.sh("cat /opt/billiards-trainer/reports/*-monthly.txt")
    assert "HEALTHY" in report
    assert "last trial restore: 20" in report


def test_a_trial_restore_that_fails_is_reported(deployed: Deployed) -> None:
    run = deployed.machine.sh
    backups = "/opt/billiards-trainer/backups"
    deployed.machine.run("systemctl", "start", "billiards-trainer-backup.service")
    run(f"head -c 9000 $(ls {backups}/*.tar.gz | tail -1) > {backups}/zz.tar.gz")
    try:
        assert deployed.machine.run(
            *("systemctl", "start", "billiards-trainer-trial.service"), check=False
        ).returncode
        report = run("cat $(ls /opt/billiards-trainer/reports/*-monthly.txt | tail -1)")
        assert "THIS MONTH'S TRIAL RESTORE FAILED: exit-code" in report
        assert "FAILED: /opt/billiards-trainer/backups/zz.tar.gz: it is damaged" in report
    finally:
        run(f"rm {backups}/zz.tar.gz; systemctl reset-failed")


def test_rotation_loses_no_line(deployed: Deployed) -> None:
    run = deployed.machine.sh
    for _ in range(3):
        # Something to write down: a restarted module is several lines from several processes.
        modules = json.loads(deployed.fetch("/health", tls=False).body)["modules"]
        run(f"kill -KILL {modules['projector']['pid']}")
        run("logrotate -f /etc/logrotate.d/billiards-trainer")
        deployed.wait_healthy()
    written = run("cd /opt/billiards-trainer/logs; zcat -f billiards-trainer.log*").splitlines()
    told = run(f"journalctl -u {SERVICE} -o cat").splitlines()
    lines = {line for line in told if line.startswith("{")}
    assert len(lines) > 20
    missing = lines - set(written)
    assert not missing, sorted(missing)[:3]
    assert all(json.loads(line) for line in written)


def test_support_gets_the_log(deployed: Deployed) -> None:
    run = deployed.machine.sh
    run("billiards-trainer doctor --bundle /tmp/support.tar.gz", check=False)
    assert "/logs/billiards-trainer.log\n" in run("tar -tzf /tmp/support.tar.gz")
    # The one that was moved away last belongs to it: the present one may be very young.
    lines = run("tar -xzOf /tmp/support.tar.gz --wildcards '*/logs/*'").splitlines()
    assert len(lines) > 5
    assert all(json.loads(line) for line in lines)


def test_killed_and_starved_it_comes_back(deployed: Deployed) -> None:
    def main_pid() -> str:
        return deployed.machine.run("systemctl", "show", "-p", "MainPID", "--value", SERVICE).stdout

    first = main_pid()
    deployed.machine.sh(f"kill -KILL {first}")
    deployed.wait(lambda: main_pid() not in (first, "0\n"), "new process")
    deployed.wait_healthy()
    second = main_pid()
    deployed.machine.sh(f"kill -STOP {second}")
    deployed.wait(lambda: main_pid() not in (second, "0\n"), "process after the watchdog", 60)
    deployed.wait_healthy()
    assert "Watchdog timeout" in deployed.machine.sh(f"journalctl -u {SERVICE} -o cat")


def test_power_cut_in_the_middle_of_play_loses_no_shot(deployed: Deployed) -> None:
    before = deployed.wait(deployed.shots, "recorded shot", 120)
    deployed.machine.cut_power()
    deployed.machine.boot()
    deployed.wait_healthy()
    assert deployed.shots() >= before
    check = "import sqlite3; print(sqlite3.connect('/var/lib/billiards-trainer/billiards.db')"
    check += ".execute('pragma integrity_check').fetchone()[0])"
    assert deployed.machine.run("python3", "-c", check).stdout.strip() == "ok"


def upgrade(wheels: Path, upgrades: Path, version: str, broken: bool) -> str:
    """A wheelhouse with another version of the program; the machine's name for it."""
    folder = upgrades / version
    folder.mkdir()
    for wheel in wheels.glob("*.whl"):
        if not wheel.name.startswith("billiards_trainer-"):
            (folder / wheel.name).symlink_to(f"/mnt/wheels/{wheel.name}")
    shutil.copy(wheels / "requirements.txt", folder)
    (program,) = wheels.glob("billiards_trainer-*.whl")
    share = f"{program.name.rsplit('-', 3)[0]}.data/data/share/billiards-trainer"
    # What is installed beside the program is another, too, so that each step has something to do.
    changes: dict[str, Change] = {
        f"{share}/{name}": lambda text: f"{text}# of version {version}\n"
        for name in ("nginx/billiards-trainer.conf", "systemd/tmpfiles.conf")
    }
    if broken:
        changes["billiards_trainer/projector/main.py"] = lambda text: text.replace(
            "from __future__ import annotations\n",
            "from __future__ import annotations\nraise SystemExit(1)\n",
            1,
        )
    variant(program, version, folder, changes)
    return f"/mnt/upgrades/{version}"


def test_an_upgrade_that_is_not_healthy_is_rolled_back(
    deployed: Deployed, wheels: Path, upgrades: Path
) -> None:
    deployed.wait(deployed.shots, "recorded shot", 120)
    house = upgrade(wheels, upgrades, "9.0.0", broken=True)
    before = deployed.machine.sh("readlink /opt/billiards-trainer/current")
    shots = deployed.shots()
    told = deployed.deploy("--from", house, "--health-limit-s", "20")
    assert told[-1]["result"] == "undone", told[-1]
    assert "not well enough" in told[-1]["reason"]
    assert deployed.machine.sh("readlink /opt/billiards-trainer/current") == before
    deployed.wait_healthy()
    assert deployed.shots() >= shots
    assert "9.0.0" not in deployed.machine.sh("ls /opt/billiards-trainer/releases")


@pytest.mark.parametrize(
    "step",
    [
        *("backup", "install", "user", "caches", "stop", "aside"),
        *("configure", "units", "switch", "start", "healthy"),
    ],
)
def test_deploy_killed_after_a_step(
    deployed: Deployed, wheels: Path, upgrades: Path, step: str
) -> None:
    version = f"1.{sum(map(ord, step))}.0"
    house = upgrade(wheels, upgrades, version, broken=False)
    words = ["--from", house] if step == "backup" else ["--from", house, "--skip-backup"]
    command = ["python3", DEPLOY, *words, "--json"]
    with deployed.machine.started(*command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if told["event"] == "done" and told["step"] == step:
                deployed.machine.kill(process)
                break
        else:
            raise AssertionError(f"{step} was never done")
    told = deployed.deploy(*words)
    # After the last step it may have closed its journal already.
    ends = ("installed", "unchanged") if step == "healthy" else ("installed",)
    assert told[-1]["result"] in ends, told[-1]
    assert told[-1]["version"] == version
    deployed.wait_healthy()


def test_power_cut_in_the_middle_of_an_upgrade_boots_the_old_version(
    deployed: Deployed, wheels: Path, upgrades: Path
) -> None:
    before = deployed.machine.sh("readlink /opt/billiards-trainer/current")
    house = upgrade(wheels, upgrades, "2.0.0", broken=False)
    with deployed.machine.started("python3", DEPLOY, "--from", house, "--json") as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if told["event"] == "done" and told["step"] == "switch":
                break
        deployed.machine.cut_power()
    deployed.machine.boot()
    deployed.wait_healthy()
    assert deployed.machine.sh("readlink /opt/billiards-trainer/current") == before
    assert not deployed.machine.sh("ls /opt/billiards-trainer/deploy.journal", check=False)


def test_two_workers_answer_behind_nginx(deployed: Deployed) -> None:
    site = "/etc/billiards-trainer/site.toml"
    deployed.machine.sh(f"cp {site} /root/site; sed -i 's/^\\[api\\]/[api]\\nworkers = 2/' {site}")
    try:
        deployed.machine.run("systemctl", "restart", SERVICE)
        deployed.wait_healthy()
        assert "api-2" in json.loads(deployed.fetch("/health", tls=False).body)["modules"]
        for _ in range(6):
            test_live_picture_and_socket_pass_through(deployed)
    finally:
        deployed.machine.sh(f"cp /root/site {site}; systemctl restart {SERVICE}")
        deployed.wait_healthy()


def test_what_explains_itself_when_the_appliance_is_down(deployed: Deployed) -> None:
    deployed.machine.run("systemctl", "stop", SERVICE)
    try:
        page: Reply = deployed.fetch("/")
        assert (page.status, b"The table is not ready" in page.body) == (503, True)
        assert "Content-Security-Policy" in page.headers
        answer = deployed.fetch("/api/v1/system/status")
        assert answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "systemctl status" in json.loads(answer.body)["detail"]
    finally:
        deployed.machine.run("systemctl", "start", SERVICE)
    deployed.wait_healthy()


BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", ["operations.md", "technician.md"])
def test_every_command_in_the_documents_works(deployed: Deployed, document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    commands = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    assert len(commands) > 3
    for command in commands:
        follows = command.endswith(" -f")
        plain = command.replace("sudo ", "")
        script = f"timeout 2 {plain}" if follows else plain
        done = deployed.machine.run("sh", "-c", script, check=False, timeout=300)
        expected = (124,) if follows else (0, 1) if plain.startswith("grep") else (0,)
        assert done.returncode in expected, f"{command}\n{done.stdout}\n{done.stderr}"
    deployed.wait_healthy()


ROWS = """
import hashlib, json, sqlite3
db = sqlite3.connect('file:/var/lib/billiards-trainer/billiards.db?mode=ro', uri=True)
names = [n for (n,) in db.execute("select name from sqlite_master where type='table'")]
print(json.dumps({n: sorted(map(repr, db.execute(f'select * from "{n}"'))) for n in names}))
"""


UNTOUCHED = (
    "find /var/lib/billiards-trainer /etc/billiards-trainer /etc/nginx -type f "
    "-exec sha256sum {} + -exec stat -c '%n %i %a %U:%G' {} +"
)


def test_backup_while_playing_restored_on_a_second_machine(
    deployed: Deployed, wheels: Path, tmp_path: Path
) -> None:
    deployed.wait(deployed.shots, "recorded shot", 120)
    deployed.machine.sh(
        "cd /var/lib/billiards-trainer; mkdir -p calibrations; "
        "echo '{}' > calibrations/probe-1.json; chown -R billiards-trainer: calibrations; "
        "cd /etc/billiards-trainer; echo 'camera_password = \"hush\"' > secrets.toml; "
        "chown billiards-trainer: secrets.toml; chmod 600 secrets.toml"
    )
    certificate = ssl.get_server_certificate((deployed.machine.address, 443))
    made = json.loads(deployed.machine.run("python3", BACKUP, "backup", "--json").stdout)
    name = Path(made["file"]).name
    inside = deployed.machine.root / "opt/billiards-trainer/backups" / name
    carried = tmp_path / "stick"
    carried.mkdir()
    shutil.copy(inside, carried)
    kept = json.loads(
        deployed.machine.run("python3", BACKUP, "verify", made["file"], "--json").stdout
    )
    calibrations = deployed.machine.sh("cd /var/lib/billiards-trainer/calibrations; sha256sum *")
    # The second machine is the first one's disk, emptied of everything that is anybody's own.
    deployed.machine.shut_down()
    second = Deployed(Machine(tmp_path / "two", 1, {"/mnt/wheels": wheels, "/mnt/stick": carried}))
    try:
        second.machine.create(deployed.machine.root)
        for mine in ("var/lib/billiards-trainer", "opt/billiards-trainer/backups"):
            shutil.rmtree(second.machine.root / mine)
        second.machine.boot()
        second.wait_healthy()
        # It was set up by somebody else: another port, another certificate, no secrets.
        second.machine.sh(
            "cd /etc/billiards-trainer; rm secrets.toml; "
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
            "-subj /CN=other -keyout tls/key.pem -out tls/certificate.pem 2>&1; "
            "sed -i 's/^port = 8000/port = 8010/' site.toml; "
            "sed -i 's/127.0.0.1:8000 /127.0.0.1:8010 /' "
            "/etc/nginx/sites-available/billiards-trainer.conf; "
            f"systemctl restart {SERVICE}; systemctl reload nginx"
        )
        second.wait_healthy()
        assert ssl.get_server_certificate((second.machine.address, 443)) != certificate
        told = json.loads(
            second.machine.run(
                *("python3", BACKUP, "restore", "--backup-file", f"/mnt/stick/{name}", "--json"),
                timeout=400,
            ).stdout
        )
        assert told["result"] == "done", told
        assert ssl.get_server_certificate((second.machine.address, 443)) == certificate
        assert second.fetch("/health").status == 200  # through nginx, at the restored port
        assert second.machine.sh("stat -c '%a %U:%G' /etc/billiards-trainer/secrets.toml") == (
            "600 billiards-trainer:billiards-trainer\n"
        )
        second.machine.run("systemctl", "stop", SERVICE)
        assert second.machine.sh("cd /var/lib/billiards-trainer/calibrations; sha256sum *") == (
            calibrations
        )
        found = json.loads(second.machine.run("python3", "-c", ROWS).stdout)
        assert len(found["shots"]) >= kept["tables"]["shots"] >= 1
        archive = unpacked_rows(second, f"/mnt/stick/{name}")
        for table, rows in archive.items():
            assert set(rows) <= set(found[table]), table
        before = second.machine.sh(UNTOUCHED)
        for what in (*bad_archives.BAD, *bad_archives.SPOILT):
            bad_archives.make(what, carried / name, carried / "bad.tar.gz")
            words = ("restore", "--backup-file", "/mnt/stick/bad.tar.gz")
            refused = second.machine.run("python3", BACKUP, *words, check=False)
            assert refused.returncode == 2, (what, refused.stdout)
            assert second.machine.sh(UNTOUCHED) == before, what
    finally:
        second.machine.destroy()
        with contextlib.suppress(RuntimeError):
            deployed.machine.boot()
    deployed.wait_healthy()


def unpacked_rows(appliance: Deployed, archive: str) -> dict[str, list[str]]:
    """Every row of every table in an archive."""
    appliance.machine.sh(f"rm -rf /root/out; python3 {BACKUP} extract {archive} --to /root/out")
    script = ROWS.replace("/var/lib/billiards-trainer/", "/root/out/data/")
    rows: dict[str, list[str]] = json.loads(appliance.machine.run("python3", "-c", script).stdout)
    return rows
