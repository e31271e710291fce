"""The last word belongs to the running appliance: asked directly, and through nginx."""

from __future__ import annotations

from deployment import health, program, site
from deployment.errors import Failed
from deployment.plan import Context, Step, never, nothing


def do(context: Context) -> None:
    """Wait until it is as well as it has to be.

    A first installation may be DEGRADED, for it has no calibration yet; an upgrade must end no
    worse than it began.

    Raises:
        Failed: it is not, with its own reason.
    """
    port = program.port(context.layout, context.version)
    before = context.journal.notes.get("health_before")
    needed = health.RANK.get(before, 0) if before else 0
    needed = max(needed, health.RANK["DEGRADED"])
    limit_s = float(context.option("health_limit_s"))
    well, found = health.wait(lambda: health.ask(port), context.version, needed, limit_s)
    if not well:
        said = f"{found.status} {found.detail}".strip() if found else "no answer of this version"
        raise Failed(f"after {limit_s:g} s the appliance is not well enough: {said}")
    assert found is not None
    context.journal.note("health", {"status": found.status, "detail": found.detail})
    if not site.hands_on(context.layout, context.version, min(limit_s, site.PATIENCE_S)):
        raise Failed("the appliance is well, but nginx does not hand its answers on")


STEP = Step("healthy", "ask the appliance how it is", do, nothing, never)
