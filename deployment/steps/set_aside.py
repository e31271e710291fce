"""A copy of data and configuration as they stand when the appliance has stopped.

It is taken whether or not a backup was wanted: the new version may change the database, and the way
back leads through this copy.
"""

from __future__ import annotations

from pathlib import Path

from deployment import files
from deployment.plan import Context, Step


def _pairs(context: Context) -> list[tuple[Path, Path]]:
    layout = context.layout
    return [(layout.state, context.aside / "state"), (layout.config, context.aside / "config")]


def do(context: Context) -> None:
    """Copy both folders."""
    files.remove(context.aside)
    context.aside.mkdir(parents=True, mode=0o700)
    context.layout.aside.chmod(0o700)
    for folder, copy in _pairs(context):
        if folder.is_dir():
            files.copy_tree(folder, copy)


def undo(context: Context) -> None:
    """Put back what was copied; the copy stays until the next installation."""
    if context.journal.steps.get("aside") != "done":
        return  # nothing after it has begun
    for folder, copy in _pairs(context):
        if copy.is_dir():
            files.copy_tree(copy, folder)


def verify(context: Context) -> bool:
    """Taken already: later steps may have changed what it was taken from."""
    return context.journal.steps.get("aside") == "done"


STEP = Step("aside", "put data and configuration aside", do, undo, verify)
