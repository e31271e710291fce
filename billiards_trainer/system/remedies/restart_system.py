"""Stop everything and start it again."""

from __future__ import annotations

from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands

INTERRUPTS = True
TOUCHES = "all processes and the orchestrator itself; a new session begins"


def apply(hands: Hands, problem: Problem) -> str:
    """Restart all."""
    hands.restart_system(problem.detail)
    return "the appliance starts anew"
