"""Units, site, rules and the command, with what stood there before kept for the way back."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deployment import files, program, site
from deployment.errors import Failed
from deployment.plan import Context, Step
from deployment.shell import attempt, run, systemctl

_UNITS = "etc/systemd/system"
_ENABLED = "etc/nginx/sites-enabled/billiards-trainer.conf"
_COMMAND = "usr/local/bin/billiards-trainer"
_STOCK = "etc/nginx/sites-enabled/default"


@dataclass(frozen=True, slots=True)
class Place:
    """One file: where it comes from, where it goes."""

    source: Path
    target: Path
    mode: int = 0o644


def places(context: Context) -> list[Place]:
    """All files of the version, by their place on the machine."""
    share, root = context.layout.share(context.version), context.layout.root
    found = [
        Place(unit, root / _UNITS / unit.name)
        for unit in sorted((share / "systemd").iterdir())
        if unit.suffix in (".service", ".timer", ".target")
    ]
    found += [
        Place(share / "systemd/udev.rules", root / "etc/udev/rules.d/70-billiards-trainer.rules"),
        Place(
            share / "systemd/modules-load.conf", root / "etc/modules-load.d/billiards-trainer.conf"
        ),
        Place(share / "systemd/logrotate.conf", root / "etc/logrotate.d/billiards-trainer"),
        Place(share / "systemd/billiards-trainer.sh", root / _COMMAND, 0o755),
        Place(share / "nginx/billiards-trainer.conf", root / site.FILE),
    ]
    found += [
        Place(share / "nginx" / name, root / "etc/nginx/billiards-trainer" / name)
        for name in (
            "errors.conf",
            "headers.conf",
            "proxy.conf",
            "unavailable.css",
            "unavailable.html",
        )
    ]
    return found


def do(context: Context) -> None:
    """Replace each file whole; then let systemd and nginx look at them."""
    port = program.port(context.layout, context.version)
    kept = context.aside / "system"
    if not (kept / "index.json").exists():
        _keep(context, kept)
    for place in places(context):
        place.target.parent.mkdir(parents=True, exist_ok=True)
        files.write(place.target, _content(context, place, port), place.mode)
    root = context.layout.root
    (root / _ENABLED).parent.mkdir(parents=True, exist_ok=True)
    files.point(root / _ENABLED, Path("../sites-available/billiards-trainer.conf"))
    (root / _STOCK).unlink(missing_ok=True)
    systemctl("daemon-reload")
    if shutil.which("udevadm"):  # a machine without devices has none
        attempt(["udevadm", "control", "--reload"])
    attempt(["systemctl", "restart", "systemd-modules-load.service"])
    run(["nginx", "-t"])


def _content(context: Context, place: Place, port: int) -> str:
    text = place.source.read_text(encoding="utf-8")
    if place.target == context.layout.root / site.FILE:
        text = site.with_port(text, port)
    return context.layout.adapt(text)


def _keep(context: Context, kept: Path) -> None:
    """What stands there now: content or absence of each file, and both links of nginx."""
    root = context.layout.root
    index: dict[str, str | None] = {}
    for place in places(context):
        exists = place.target.is_file()
        index[str(place.target)] = place.target.read_text(encoding="utf-8") if exists else None
    links = {
        str(root / name): os.readlink(root / name) if (root / name).is_symlink() else None
        for name in (_ENABLED, _STOCK)
    }
    kept.mkdir(parents=True, exist_ok=True)
    files.write_json(kept / "index.json", {"files": index, "links": links}, mode=0o600)


def undo(context: Context) -> None:
    """Put the old files back."""
    index = context.aside / "system/index.json"
    if not index.exists():
        return
    kept = json.loads(index.read_text(encoding="utf-8"))
    modes = {str(place.target): place.mode for place in places(context)}
    for name, text in kept["files"].items():
        if text is None:
            files.remove(Path(name))
        else:
            files.write(Path(name), text, modes.get(name, 0o644))
    for name, target in kept["links"].items():
        if target is None:
            Path(name).unlink(missing_ok=True)
        else:
            files.point(Path(name), Path(target))
    systemctl("daemon-reload")
    if context.starting:  # nginx may have come up with the new site already; nobody waits for it
        attempt(["systemctl", "--no-block", "try-reload-or-restart", "nginx.service"])
    else:
        attempt(["systemctl", "reload-or-restart", "nginx.service"])


def verify(context: Context) -> bool:
    """Every file is what it shall be, and the site is switched on."""
    root = context.layout.root
    if not (root / _ENABLED).is_symlink() or (root / _STOCK).is_symlink():
        return False
    try:
        port = program.port(context.layout, context.version)
        return all(
            place.target.read_text(encoding="utf-8") == _content(context, place, port)
            for place in places(context)
        )
    except (Failed, OSError):  # not there yet: then there is something to do
        return False


STEP = Step("units", "install units, site and rules", do, undo, verify)
