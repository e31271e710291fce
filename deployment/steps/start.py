"""The appliance started, and at every boot from now on."""

from __future__ import annotations

from deployment.errors import Failed
from deployment.layout import SERVICE, TIMERS
from deployment.plan import Context, Step
from deployment.shell import attempt, is_active, systemctl


def do(_context: Context) -> None:
    """Enable and start it, its timers and nginx.

    Raises:
        Failed: it did not start; the sentence holds its last words.
    """
    systemctl("enable", "--quiet", SERVICE, *TIMERS, "nginx.service")
    attempt(["systemctl", "reset-failed", SERVICE])
    try:
        systemctl("start", SERVICE)
    except Failed as error:
        words = attempt(["journalctl", "-u", SERVICE, "-n", "8", "-o", "cat", "--no-pager"]).stdout
        raise Failed(f"{error}; its last words: {' / '.join(words.strip().splitlines())}") from None
    systemctl("start", *TIMERS)
    systemctl("reload-or-restart", "nginx.service")


def undo(context: Context) -> None:
    """Stop it; with nothing to go back to, take it out of the boot."""
    if context.starting:
        return
    attempt(["systemctl", "stop", SERVICE])
    if context.journal.previous is None:
        attempt(["systemctl", "disable", "--now", "--quiet", SERVICE, *TIMERS])


def verify(context: Context) -> bool:
    """It runs, and was not stopped by this installation."""
    begun = context.journal.steps
    return is_active(SERVICE) and ("stop" not in begun or begun.get("start") == "done")


STEP = Step("start", "start the appliance", do, undo, verify)
