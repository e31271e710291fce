"""The appliance stopped, so that nothing is recorded while its data are put aside."""

from __future__ import annotations

from deployment.layout import SERVICE
from deployment.plan import Context, Step
from deployment.shell import is_active, systemctl


def do(context: Context) -> None:
    """Stop it; what it was doing is noted for the way back."""
    if "was_active" not in context.journal.notes:
        context.journal.note("was_active", is_active(SERVICE))
    if is_active(SERVICE):
        systemctl("stop", SERVICE)


def undo(context: Context) -> None:
    """Start what ran before."""
    if context.journal.notes.get("was_active") and not context.starting:
        systemctl("reset-failed", SERVICE)
        systemctl("start", SERVICE)


def verify(context: Context) -> bool:
    """Stopped, or started anew by a later step."""
    if "start" in context.journal.steps:
        return True
    return "stop" in context.journal.steps and not is_active(SERVICE)


STEP = Step("stop", "stop the appliance", do, undo, verify)
