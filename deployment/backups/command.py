"""The arguments of ``backup.py`` and what it says."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployment import files
from deployment.backups import crypt, reader, restore, store, writer
from deployment.errors import Failed
from deployment.journal import alone
from deployment.layout import STANDARD_PREFIX, Layout

DONE, FAILED, REFUSED = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Carry out one command.

    Returns:
        0 done; 1 it failed and everything is as it was; 2 refused, with one sentence.
    """
    asked = _parser().parse_args(arguments)
    root = Path(asked.root).absolute()
    layout = Layout(root / str(Path(asked.system_dir).absolute()).lstrip("/"), root)
    commands = {
        "backup": _backup,
        "list": _list,
        "verify": _verify,
        "restore": _restore,
        "extract": _extract,
        "trial": _trial,
        "cleanup": _cleanup,
        "recover": _recover,
    }
    try:
        answer = commands[asked.command](asked, layout)
    except Failed as error:
        _say(asked, {"result": "failed", "reason": str(error)}, f"backup.py: {error}")
        return FAILED if str(error).startswith("not restored") else REFUSED
    except PermissionError as error:
        _say(asked, {"result": "failed", "reason": str(error)}, f"{error}; please use sudo")
        return REFUSED
    _say(asked, {"result": "done", **answer[0]}, answer[1])
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup.py")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--system-dir", default=str(STANDARD_PREFIX), metavar="D")
    common.add_argument("--root", default="/", help="a folder that stands for / (for trials)")
    common.add_argument("--json", action="store_true", help="for machines")
    opening = argparse.ArgumentParser(add_help=False)
    opening.add_argument("--passphrase-file", metavar="F", help="first line: the passphrase")
    opening.add_argument("--identity-file", metavar="F", help="an age key: AGE-SECRET-KEY-…")
    verbs = parser.add_subparsers(dest="command", required=True)

    make = verbs.add_parser("backup", parents=[common, opening])
    make.add_argument("--name", metavar="N")
    make.add_argument("--data-only", action="store_true", help="data and configuration")
    make.add_argument("--incremental", action="store_true", help="what has changed since the last")
    make.add_argument(
        "--recipient", metavar="age1…", help="only the holder of that key can read it"
    )
    verbs.add_parser("list", parents=[common])
    check = verbs.add_parser("verify", parents=[common, opening])
    check.add_argument("file", metavar="FILE")
    back = verbs.add_parser("restore", parents=[common, opening])
    back.add_argument("--backup-file", required=True, metavar="F")
    back.add_argument("--data-only", action="store_true", help="leave this machine's configuration")
    back.add_argument("--health-limit-s", type=float, default=120.0, metavar="S")
    out = verbs.add_parser("extract", parents=[common, opening])
    out.add_argument("file", metavar="FILE")
    out.add_argument("--to", required=True, metavar="FOLDER")
    attempt = verbs.add_parser("trial", parents=[common, opening])
    attempt.add_argument("file", nargs="?", metavar="FILE", help="the newest when not named")
    verbs.add_parser("recover", parents=[common])
    tidy = verbs.add_parser("cleanup", parents=[common])
    tidy.add_argument("--keep-count", type=int, required=True, metavar="N")
    return parser


def _key(asked: argparse.Namespace) -> crypt.Key:
    return crypt.Key(
        passphrase=_secret(asked.passphrase_file, ""),
        recipient=getattr(asked, "recipient", None),
        identity=_secret(asked.identity_file, "AGE-SECRET-KEY-"),
    )


def _secret(name: str | None, beginning: str) -> str | None:
    """The first line of a file that begins so; comments are passed over."""
    if name is None:
        return None
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read {name}: {error}") from None
    found = [line for line in lines if line.startswith(beginning) and not line.startswith("#")]
    if not found or not found[0]:
        raise Failed(f"{name} holds no {beginning or 'passphrase'}")
    return found[0]


Answer = tuple[dict[str, Any], str]


def _backup(asked: argparse.Namespace, layout: Layout) -> Answer:
    began = time.monotonic()
    key = _key(asked)
    path = writer.write(
        layout,
        scope="data" if asked.data_only else "full",
        name=asked.name,
        incremental=asked.incremental,
        key=key,
        opener=key,
    )
    size = path.stat().st_size
    seconds = time.monotonic() - began
    return (
        {"file": str(path), "bytes": size, "seconds": round(seconds, 2)},
        f"{path} ({size / 1e6:.1f} MB) after {seconds:.1f} s",
    )


def _list(_asked: argparse.Namespace, layout: Layout) -> Answer:
    rows: list[dict[str, Any]] = []
    for archive in store.archives(layout):
        row: dict[str, Any] = {
            "file": str(archive.path),
            "bytes": archive.path.stat().st_size,
            "incremental": archive.incremental,
            "encrypted": archive.encrypted,
        }
        if not archive.encrypted:
            try:
                table = reader.read_manifest(layout, archive.path)
                row |= {
                    "created": table.created,
                    "scope": table.scope,
                    "host": table.host,
                    "program": table.program,
                    "tables": table.tables,
                }
            except Failed as error:
                row["problem"] = str(error)
        rows.append(row)
    return {"backups": rows}, "\n".join(_row(row) for row in rows) or "there are no backups"


def _row(row: dict[str, Any]) -> str:
    kind = "encrypted" if row["encrypted"] else row.get("scope", "DAMAGED")
    shots = row.get("tables", {}).get("shots")
    parts = [
        Path(row["file"]).name,
        f"{row['bytes'] / 1e6:.1f} MB",
        kind + (", incremental" if row["incremental"] else ""),
        row.get("created", ""),
        f"version {row['program']}" if "program" in row else "",
        f"{shots} shots" if shots is not None else "",
    ]
    return "  ".join(part for part in parts if part)


def _verify(asked: argparse.Namespace, layout: Layout) -> Answer:
    table = reader.verify(layout, Path(asked.file).absolute(), _key(asked))
    total = sum(entry.size for entry in table.entries)
    return (
        {"file": asked.file, "files": len(table.entries), "bytes": total, "tables": table.tables},
        f"{asked.file} is whole: {len(table.entries)} files, {total / 1e6:.1f} MB, "
        f"{table.scope}, {table.created}, version {table.program}, from {table.host}",
    )


def _recover(asked: argparse.Namespace, layout: Layout) -> Answer:
    """For systemd, before it starts the appliance."""
    with alone(layout.prefix) as mine:
        # While somebody restores, they start the appliance themselves.
        undone = mine and restore.recover(layout, _quiet if asked.json else print, starting=True)
    return {"undone": undone}, "an unfinished restore was undone" if undone else "nothing to undo"


def _restore(asked: argparse.Namespace, layout: Layout) -> Answer:
    with alone(layout.prefix) as mine:
        if not mine:
            raise Failed(f"an installation or a restore is at work in {layout.prefix}")
        if layout.journal.exists():
            raise Failed("an installation was interrupted: run deploy.py recover first")
        return _restore_alone(asked, layout)


def _restore_alone(asked: argparse.Namespace, layout: Layout) -> Answer:
    done = restore.restore(
        layout,
        Path(asked.backup_file).absolute(),
        data_only=asked.data_only,
        key=_key(asked),
        health_limit_s=asked.health_limit_s,
        say=_quiet if asked.json else print,
    )
    before = [str(path) for path in done.before]
    lines = [f"restored {done.manifest.archive} of {done.manifest.created}"]
    if done.status:
        lines.append(f"the appliance is {done.status}")
    lines += done.notes
    lines.append(f"what was there before: {', '.join(before)} (until the next restore)")
    return {"health": done.status, "before": before, "notes": list(done.notes)}, "\n".join(lines)


def _extract(asked: argparse.Namespace, layout: Layout) -> Answer:
    into = Path(asked.to).absolute()
    if into.exists() and any(into.iterdir()):
        raise Failed(f"{into} is not empty")
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    table = reader.extract(layout, Path(asked.file).absolute(), into, _key(asked))
    return {"folder": str(into)}, f"{len(table.entries)} files are in {into}"


def _trial(asked: argparse.Namespace, layout: Layout) -> Answer:
    path: Path | None = None
    try:
        path = Path(asked.file).absolute() if asked.file else _newest(asked, layout)
        table = restore.trial(layout, path, _key(asked))
    except (Failed, OSError) as error:
        _tried(layout, path, problem=str(error))
        raise
    outcome = _tried(layout, path, tables=table.tables)
    return outcome, f"{path.name} can be restored: {sum(table.tables.values())} rows"


def _newest(asked: argparse.Namespace, layout: Layout) -> Path:
    """The newest archive that can be opened."""
    readable = [a for a in store.archives(layout) if not a.encrypted or _key(asked).locks]
    if not readable:
        raise Failed("there is no backup that could be tried")
    return readable[-1].path


def _tried(layout: Layout, path: Path | None, **facts: Any) -> dict[str, Any]:
    """Write down how a trial went, for the report."""
    outcome = {
        "file": None if path is None else str(path),
        "tried": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **facts,
    }
    layout.reports.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write_json(layout.reports / "trial-restore.json", outcome, mode=0o600)
    return outcome


def _cleanup(asked: argparse.Namespace, layout: Layout) -> Answer:
    if asked.keep_count < 1:
        raise Failed("--keep-count: keep at least one")
    gone = store.to_forget(store.archives(layout), asked.keep_count)
    for archive in gone:
        archive.path.unlink()
    names = [archive.path.name for archive in gone]
    return {"deleted": names}, f"deleted {len(names)} archives" + "".join(f"\n  {n}" for n in names)


def _quiet(_text: str) -> None:
    """For machines, who wait for the last word."""


def _say(asked: argparse.Namespace, data: dict[str, Any], text: str) -> None:
    print(json.dumps(data) if asked.json else text, flush=True)
