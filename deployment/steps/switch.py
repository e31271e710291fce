"""The one moment in which the new version comes into force."""

from __future__ import annotations

from pathlib import Path

from deployment import files, releases
from deployment.plan import Context, Step


def do(context: Context) -> None:
    """Let ``current`` point to the new release."""
    files.point(context.layout.current, Path("releases") / context.version)


def undo(context: Context) -> None:
    """Let it point to the old one again."""
    if context.journal.previous is None:
        context.layout.current.unlink(missing_ok=True)
    else:
        files.point(context.layout.current, Path("releases") / context.journal.previous)


def verify(context: Context) -> bool:
    """It does already."""
    return releases.current(context.layout) == context.version


STEP = Step("switch", "switch to the new version", do, undo, verify)
