"""Physics and virtual table compiled for this processor, so that no start waits for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from deployment import files
from deployment.layout import USER
from deployment.plan import Context, Step
from deployment.shell import as_user, run

_MARK = ".filled"
_WARMUPS = ("billiards_trainer.physics.warmup", "billiards_trainer.simulation.warmup")


def do(context: Context) -> None:
    """Compile as the appliance's user; what the previous version compiled is taken over first."""
    layout = context.layout
    cache = layout.cache(context.version)
    previous = context.journal.previous
    if not cache.is_dir() and previous is not None and layout.cache(previous).is_dir():
        # Kept by content: what has changed is compiled, what has not is there.
        files.copy_tree(layout.cache(previous), cache)
        (cache / _MARK).unlink(missing_ok=True)
    for folder in (cache.parent, cache):
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        if layout.real:
            shutil.chown(folder, USER, USER)
    environment = {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    python = context.release / "venv/bin/python"
    for module in _WARMUPS:
        run(as_user(layout, [python, "-m", module]), env=environment)
    files.write(cache / _MARK, _stamp(context))


def undo(context: Context) -> None:
    """Delete what was compiled."""
    if context.version != context.journal.previous:
        files.remove(context.layout.cache(context.version))


def _stamp(context: Context) -> str:
    """Which processor, which build: another one needs another cache."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = sorted({line for line in cpu.splitlines() if line.startswith(("model name", "CPU p"))})
    record = context.release / "release.json"
    return "\n".join([files.sha256(record), *names]) + "\n"


def verify(context: Context) -> bool:
    """Filled by this release on this processor."""
    mark = context.layout.cache(context.version) / _MARK
    try:
        return mark.read_text(encoding="utf-8") == _stamp(context)
    except OSError:
        return False


STEP = Step("caches", "compile physics and virtual table", do, undo, verify)
