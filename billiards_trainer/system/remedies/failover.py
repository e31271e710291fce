"""Go on with what is second best: the second camera, or a projector without its display.

Never to a film or to the virtual table: what is drawn must belong to the table that people see.
"""

from __future__ import annotations

from billiards_trainer import source_address
from billiards_trainer.errors import InputError
from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands, Refused

INTERRUPTS = True
TOUCHES = "source.url or projector.mode, until the configuration is reloaded; restarts that module"


def apply(hands: Hands, problem: Problem) -> str:
    """Switch over."""
    if problem.name == "camera":
        changes, said = _second_camera(hands)
    elif problem.name == "projector":
        changes, said = _without_display(hands)
    else:
        raise Refused(f"there is nothing in reserve for {problem.module or problem.name}")
    try:
        hands.override(changes)
    except InputError as error:
        raise Refused(str(error)) from None
    hands.restart_module(problem.module)
    return said


def _second_camera(hands: Hands) -> tuple[dict[str, object], str]:
    source = hands.config.source
    second = source.fallback_url
    if second is None:
        raise Refused("no second camera is named (source.fallback_url)")
    if not source_address.is_real(second):
        raise Refused("source.fallback_url is no real camera")
    # The first one may be mended by then: the way back is the same.
    return {"source.url": second, "source.fallback_url": source.url}, "the second camera is in use"


def _without_display(hands: Hands) -> tuple[dict[str, object], str]:
    if hands.config.projector.mode == "offscreen":
        raise Refused("the projector draws offscreen already")
    return {"projector.mode": "offscreen"}, "the projector draws offscreen; the page still guides"
