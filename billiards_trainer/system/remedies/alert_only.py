"""Leave it to staff, who have been told."""

from __future__ import annotations

from billiards_trainer.system.problems import Problem
from billiards_trainer.system.remedies.hands import Hands

INTERRUPTS = False
TOUCHES = "nothing"


def apply(_hands: Hands, _problem: Problem) -> str:
    """Do nothing."""
    return "staff must act"
