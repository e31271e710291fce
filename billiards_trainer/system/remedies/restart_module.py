"""Start the troubled module anew."""

from __future__ import annotations

from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands, Refused

INTERRUPTS = True
TOUCHES = "the one process; what it holds in memory is lost, a session goes on"


def apply(hands: Hands, problem: Problem) -> str:
    """Restart it."""
    if not problem.module:
        raise Refused("the problem is not one module's")
    hands.restart_module(problem.module)
    return f"{problem.module} was started anew"
