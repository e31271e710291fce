"""The data as they were before the version that is being left was installed."""

from __future__ import annotations

from deployment import files
from deployment.errors import Failed
from deployment.plan import Context, Step, nothing


def do(context: Context) -> None:
    """Put the copy back that was taken then; the present data have been put aside just now."""
    assert context.journal.previous is not None
    copy = context.layout.aside / context.journal.previous / "state"
    if not copy.is_dir():
        raise Failed(f"there is no copy of the data in {copy}: restore a backup instead")
    files.copy_tree(copy, context.layout.state)


def verify(context: Context) -> bool:
    """Not asked for, or done."""
    return not context.option("with_data") or context.journal.steps.get("data") == "done"


STEP = Step("data", "bring the older data back", do, nothing, verify)
