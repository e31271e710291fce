"""Have every process give back memory that it can do without."""

from __future__ import annotations

from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands

INTERRUPTS = False
TOUCHES = "in each process: unreachable objects, and freed memory that the allocator still holds"


def apply(hands: Hands, problem: Problem) -> str:
    """Ask the troubled process, or all."""
    hands.care(problem.module or "*", "clear_cache")
    return f"{problem.module or 'all processes'} gave back memory"
