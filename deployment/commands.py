"""What ``deploy.py`` does: its arguments, its order of things, its last sentence."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployment import checks, files, health, plan, program, releases
from deployment.backups import restore
from deployment.errors import Failed
from deployment.journal import Journal, alone
from deployment.layout import STANDARD_PREFIX, Layout
from deployment.plan import Context
from deployment.steps import STANDING, TABLES
from deployment.telling import Teller

KEEP_RELEASES = 3
DONE, UNDONE, REFUSED, STUCK, INTERRUPTED = 0, 1, 2, 3, 130
VERBS = ("install", "rollback", "list", "recover")


def main(arguments: Sequence[str]) -> int:
    """Carry out one command.

    Returns:
        0 done or nothing to do; 1 it failed and everything is as it was; 2 refused, nothing was
        changed; 3 it failed and something could not be put back; 130 interrupted by Ctrl-C.
    """
    words = list(arguments)
    verb = words.pop(0) if words and words[0] in VERBS else "install"
    asked = _parser(verb).parse_args(words)
    root = Path(asked.root).absolute()
    layout = Layout(root / str(Path(asked.prefix).absolute()).lstrip("/"), root)
    say = Teller(machine=asked.json)
    run = {"install": _install, "rollback": _rollback, "list": _list, "recover": _recover}[verb]
    try:
        if verb == "list":
            return run(asked, layout, say)
        with alone(layout.prefix) as mine:
            if mine:
                if verb != "recover":  # what a killed restore left must not come back later
                    restore.recover(layout, lambda text: say("undoing", detail=text))
                return run(asked, layout, say)
            if verb == "recover":  # an installation is at work, and starts the appliance itself
                return DONE
            raise Failed(f"another installation is at work in {layout.prefix}")
    except Failed as error:
        say("finished", result="refused", detail=f"refused: {error}")
        return REFUSED
    except PermissionError as error:
        say("finished", result="refused", detail=f"refused: {error}; please use sudo")
        return REFUSED
    except KeyboardInterrupt:
        say("finished", result="interrupted", detail="interrupted: the same command goes on")
        return INTERRUPTED


def _parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"deploy.py {verb}")
    parser.add_argument("prefix", nargs="?", default=str(STANDARD_PREFIX))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--root", default="/", help="a folder that stands for / (for trials)")
    if verb in ("install", "rollback"):
        parser.add_argument("--skip-backup", action="store_true", help="write no archive first")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--health-limit-s", type=float, default=120.0, metavar="S")
    if verb == "install":
        parser.add_argument("--environment", choices=["production", "testing"])
        parser.add_argument("--source", help="v4l2:N, rtsp://…, http://…, or simulated for a trial")
        parser.add_argument("--from", dest="wheelhouse", metavar="WHEELHOUSE", help="offline")
        parser.add_argument("--port", type=int, help="of the interface on loopback (8000)")
        parser.add_argument("--python", help="interpreter for the new environment")
        parser.add_argument(
            "--runtime", default="cpu", choices=["cpu", "gpu", "openvino", "jetson"]
        )
        parser.add_argument(
            "--onnxruntime-wheel", metavar="FILE", help="the vendor's own, for --runtime jetson"
        )
    if verb == "rollback":
        parser.add_argument("--to", metavar="VERSION", help="the one before, when not named")
        parser.add_argument(
            "--with-data", action="store_true", help="bring back the data of that time, too"
        )
    return parser


def _install(asked: argparse.Namespace, layout: Layout, say: Teller) -> int:
    house = Path(asked.wheelhouse).absolute() if asked.wheelhouse else None
    wheel = releases.find_wheel(house or Path(__file__).resolve().parent.parent / "dist")
    there = releases.read(layout, wheel.version)
    if there is not None and there.wheel_sha256 != wheel.sha256:
        raise Failed(
            f"{there.folder} was installed from another build of version {wheel.version}: "
            "give the new build a version of its own"
        )
    vendor = _vendor_wheel(asked, wheel, house, there)
    options = {
        "environment": asked.environment,
        "source": asked.source,
        "skip_backup": asked.skip_backup,
        "port": asked.port,
        "python": asked.python or checks.find_python(),
        "runtime": asked.runtime,
        "onnxruntime_wheel": vendor,
        "health_limit_s": asked.health_limit_s,
        "wheelhouse": str(house) if house else None,
    }
    _check(options, layout, say)
    journal = _journal(layout, say, "install", options, wheel.version, wheel.sha256, asked.dry_run)
    return _carry_out(Context(layout, journal, wheel, house, say), dry_run=asked.dry_run)


def _vendor_wheel(
    asked: argparse.Namespace,
    wheel: releases.Wheel,
    house: Path | None,
    there: releases.Release | None,
) -> str | None:
    """ONNX Runtime as NVIDIA builds it for a Jetson: that one, and no other beside it."""
    if asked.onnxruntime_wheel is None:
        if asked.runtime == "jetson" and there is None:
            raise Failed("--runtime jetson needs NVIDIA's build: --onnxruntime-wheel FILE")
        return None
    path = Path(asked.onnxruntime_wheel).absolute()
    if not path.is_file():
        raise Failed(f"--onnxruntime-wheel: {path} is not there")
    if asked.runtime != "jetson":
        raise Failed("--onnxruntime-wheel: it goes with --runtime jetson")
    lock, _ = releases.lock_for(wheel, house, asked.runtime)
    if re.search(r"^onnxruntime", lock, re.MULTILINE):
        raise Failed(
            f"{house} was made for another runtime: deployment/wheelhouse.py {house} "
            "--runtime jetson"
        )
    return str(path)


def _rollback(asked: argparse.Namespace, layout: Layout, say: Teller) -> int:
    present = releases.current(layout)
    others = [r.version for r in releases.installed(layout) if r.version != present]
    wanted = asked.to or (others[-1] if others else None)
    if present is None or wanted is None or releases.read(layout, wanted) is None:
        known = ", ".join(others) or "none"
        raise Failed(f"there is no version {wanted or 'before'} to go back to (there is: {known})")
    options = {
        "skip_backup": asked.skip_backup,
        "with_data": asked.with_data,
        "health_limit_s": asked.health_limit_s,
    }
    journal = _journal(layout, say, "rollback", options, wanted, "", asked.dry_run)
    return _carry_out(Context(layout, journal, None, None, say), dry_run=asked.dry_run)


def _list(asked: argparse.Namespace, layout: Layout, say: Teller) -> int:
    present = releases.current(layout)
    for release in releases.installed(layout):
        mark = "in force" if release.version == present else ""
        size = files.size_of(release.folder)
        say(
            "release",
            version=release.version,
            installed=release.installed,
            current=release.version == present,
            bytes=size,
            detail=f"{release.version:12} {release.installed} {size / 1e6:6.0f} MB {mark}".rstrip(),
        )
    return DONE


def _recover(asked: argparse.Namespace, layout: Layout, say: Teller) -> int:
    journal = Journal.load(layout.journal)
    if journal is None:
        return DONE
    return UNDONE if _take_back(layout, journal, say, starting=True) else DONE


def _check(options: dict[str, Any], layout: Layout, say: Teller) -> None:
    wanted = checks.Wanted(
        layout=layout,
        python=options["python"],
        environment=options["environment"],
        source=options["source"],
        first=releases.current(layout) is None,
        port=options["port"] or 8000,
    )
    wrong = []
    for table, word in ((checks.REFUSE, "MEND"), (checks.WARN, "note")):
        for name, check in table.items():
            problem = check(wanted)
            say("check", check=name, verdict="ok" if problem is None else word, detail=problem)
            if problem is not None and word == "MEND":
                wrong.append(problem)
    if wrong:
        raise Failed("; ".join(wrong))


def _journal(
    layout: Layout,
    say: Teller,
    kind: str,
    options: dict[str, Any],
    version: str,
    wheel_sha256: str,
    dry_run: bool,
) -> Journal:
    """A new journal, or the interrupted one where it was about the same."""
    found = Journal.load(layout.journal)
    if found is not None and not dry_run:
        same = (found.kind, found.version, found.wheel_sha256) == (kind, version, wheel_sha256)
        if same and not found.undoing:
            say("resumed", detail=f"going on with the interrupted {kind} of {version}")
            found.options = options
            return found
        say("undoing", detail=f"first undoing the interrupted {found.kind} of {found.version}")
        problems = _take_back(layout, found, say)
        if problems:
            raise Failed("; ".join(problems))
    return Journal(layout.journal, kind, options, version, releases.current(layout), wheel_sha256)


def _carry_out(context: Context, *, dry_run: bool) -> int:
    journal, say, layout = context.journal, context.say, context.layout
    table = TABLES[journal.kind]
    if not journal.steps and not plan.pending(STANDING, context):
        found = health.ask(program.port(layout, context.version))
        if found is not None and found.version == context.version and found.rank > 1:
            say(
                "finished",
                result="unchanged",
                version=context.version,
                health=found.status,
                detail=f"{context.version} is in force and {found.status}: nothing was changed",
            )
            return DONE
    if dry_run:
        for step in plan.pending(table, context):
            say("would", step=step.name, title=step.title)
        say("finished", result="dry-run", detail="nothing was changed")
        return DONE
    if "health_before" not in journal.notes:
        journal.notes["health_before"] = _health_before(context)
    journal.save()
    try:
        plan.forward(table, context)
    except Failed as error:
        say("failed", detail=f"FAILED: {error}")
        problems = _take_back(layout, journal, say)
        before = journal.previous
        state = f"{before} is in force again" if before else "nothing is installed"
        say(
            "finished",
            result="stuck" if problems else "undone",
            version=journal.previous,
            reason=str(error),
            problems=problems,
            detail="; ".join(problems) if problems else f"undone: {state}; {error}",
        )
        return STUCK if problems else UNDONE
    _forget_old(layout, context.journal)
    journal.close()
    _sum_up(context)
    return DONE


def _health_before(context: Context) -> str | None:
    """How the version to be replaced is; ``None`` when there is none or it does not run."""
    previous = context.journal.previous
    if previous is None:
        return None
    found = health.ask(program.port(context.layout, previous))
    return found.status if found is not None else None


def _take_back(
    layout: Layout, journal: Journal, say: plan.Say, *, starting: bool = False
) -> list[str]:
    house = journal.options.get("wheelhouse")
    context = Context(layout, journal, None, Path(house) if house else None, say, starting)
    problems = plan.backward(TABLES[journal.kind], context)
    if not problems:
        journal.close()
    return problems


def _forget_old(layout: Layout, journal: Journal) -> None:
    """Delete what no way leads back to any more."""
    known = [r.version for r in releases.installed(layout)]
    keep = {*known[-KEEP_RELEASES:], journal.version, journal.previous}
    for parent in (layout.releases, layout.cache("any").parent, layout.aside):
        for folder in [p for p in parent.iterdir() if p.name not in keep]:
            files.remove(folder)


def _sum_up(context: Context) -> None:
    journal = context.journal
    found = journal.notes.get("health", {})
    text = f"{context.version} is in force and {found.get('status')}"
    if found.get("detail"):
        text += f" ({found['detail']})"
    if found.get("status") == "DEGRADED" and journal.previous is None:
        text += "; next: sudo billiards-trainer calibrate camera"
    if journal.notes.get("backup"):
        text += f"; what was there before is in {journal.notes['backup']}"
    context.say(
        "finished",
        result="rolled back" if journal.kind == "rollback" else "installed",
        version=context.version,
        previous=journal.previous,
        health=found.get("status"),
        backup=journal.notes.get("backup"),
        detail=text,
    )
