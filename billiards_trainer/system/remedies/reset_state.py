"""Have a module forget what it believes, without starting it anew."""

from __future__ import annotations

from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands, Refused

INTERRUPTS = False
TOUCHES = "core: rack, last shot, aim and prediction; the session and the shot log stay"
_CAN = ("core",)


def apply(hands: Hands, problem: Problem) -> str:
    """Reset it."""
    if problem.module not in _CAN:
        raise Refused(f"{problem.module or 'the machine'} has no state to reset")
    hands.care(problem.module, "reset_state")
    return f"the state of {problem.module} was reset"
