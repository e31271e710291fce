"""Site file, secrets, certificate and database as the new version wants them."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

from deployment import files, passwords, program
from deployment.errors import Failed
from deployment.layout import USER
from deployment.plan import Context, Step
from deployment.shell import run


def do(context: Context) -> None:
    """Make what is missing, check it by the new version, migrate the database."""
    layout = context.layout
    given = context.option("source") or ""
    source, secrets = passwords.split(given)
    _make(context, layout.site_file, _site(context, source), 0o640)
    if source in layout.site_file.read_text(encoding="utf-8"):
        _secrets(context, secrets)
    cors = (layout.share(context.version) / "nginx/cors.map").read_text(encoding="utf-8")
    _make(context, layout.config / "cors.map", cors, 0o644)
    _certificate(context)
    config = program.configuration(layout, context.version)
    _same(layout.site_file, "environment", context.option("environment"), config["environment"])
    if given != config["source"]["url"]:  # as it stands in the site files of older versions
        _same(layout.site_file, "source", source, passwords.split(config["source"]["url"])[0])
    program.migrate(layout, context.version, layout.state)


def _same(file: Path, flag: str, asked: str | None, found: str) -> None:
    if asked and asked != found:
        raise Failed(
            f"{file}: {flag} is {found!r} and --{flag} says {asked!r}: change the file, or leave "
            "the flag out"
        )


def _make(context: Context, path: Path, text: str, mode: int) -> None:
    if path.exists() and str(path) not in context.journal.notes.get("made", []):
        return
    _remember(context, path)  # killed before it has its owner, it is made again
    files.write(path, text, mode)
    if context.layout.real:
        shutil.chown(path, "root", USER)


def _secrets(context: Context, wanted: dict[str, str]) -> None:
    """What the address of the camera held, for the appliance's own user only."""
    if not wanted:
        return
    path = context.layout.secrets_file
    if not path.exists():
        _remember(context, path)
    passwords.add(path, wanted)
    if context.layout.real:
        shutil.chown(path, USER, USER)


def _remember(context: Context, path: Path) -> None:
    made = context.journal.notes.get("made", [])
    if str(path) not in made:
        context.journal.note("made", [*made, str(path)])


def _site(context: Context, source: str) -> str:
    host = socket.gethostname().split(".")[0].lower()
    names = [name for name in (host, f"{host}.local") if name]
    lines = [
        "# What was decided when this machine was installed. All keys: docs/configuration.md;",
        "# after a change: billiards-trainer validate-config, then systemctl restart.",
        f"environment = {json.dumps(context.option('environment') or 'production')}",
        "",
        "[api]",
        f"port = {int(context.option('port') or 8000)}",
        "# Names under which browsers may ask for the page, beside its addresses.",
        f"allowed_hosts = {json.dumps(names)}",
    ]
    if source:
        lines += ["", "[source]", f"url = {json.dumps(source, ensure_ascii=False)}"]
    return "\n".join(lines) + "\n"


def _certificate(context: Context) -> None:
    """One that this machine signs for itself, until somebody brings a better one."""
    folder = context.layout.config / "tls"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if certificate.exists() and key.exists():
        return
    host = socket.gethostname()
    _remember(context, key)
    _remember(context, certificate)
    umask = os.umask(0o077)
    try:
        run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            + ["-nodes", "-sha256", "-days", "3650", "-subj", f"/CN={host}"[:64]]
            + ["-addext", f"subjectAltName=DNS:{host},DNS:{host}.local,DNS:localhost,IP:127.0.0.1"]
            + ["-keyout", str(key), "-out", str(certificate)]
        )
    finally:
        os.umask(umask)


def undo(context: Context) -> None:
    """Take away what was made here; what was changed comes back with what was put aside."""
    for name in context.journal.notes.get("made", []):
        files.remove(Path(name))


def verify(context: Context) -> bool:
    """Done by this installation: only the new version can tell whether it likes what it finds."""
    return context.journal.steps.get("configure") == "done"


STEP = Step("configure", "check the configuration, migrate the database", do, undo, verify)
