"""An archive of what is there, before anything changes."""

from __future__ import annotations

import time

from deployment.backups import store, writer
from deployment.plan import Context, Step, nothing


def do(context: Context) -> None:
    """Write a full backup, named after the version it was made for."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = writer.write(context.layout, scope="full", name=f"before-{context.version}-{stamp}")
    context.journal.note("backup", path.name)


def verify(context: Context) -> bool:
    """Nothing to keep, not wanted, or done already."""
    if context.option("skip_backup") or context.journal.previous is None:
        return True
    name = context.journal.notes.get("backup")
    return name is not None and (store.folder(context.layout) / name).is_file()


STEP = Step("backup", "back up what is there", do, nothing, verify)
