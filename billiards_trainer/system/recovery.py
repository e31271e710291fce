"""Which remedy is tried when: policies, attempts, waits, and whether it worked.  Pure.

problem lasts ──▶ weighed ──▶ tried ──▶ time to work ──▶ over: it worked
▲ wait: a shot      │ still there
└──── backoff ◀─────┘ no attempts left: the next policy, at last staff
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from billiards_trainer.config.schema import Policy, RecoveryConfig
from billiards_trainer.messages import Repair
from billiards_trainer.system.problems import Problem

HISTORY = 200
_FORGET_S = 600.0
"""A problem that has not come back for so long begins with its first policy again."""


@dataclass(slots=True)
class _Case:
    """One problem while it lasts, and a while after."""

    problem: Problem
    since: float
    row: int = 0
    """Which of the problem's policies is being tried."""
    attempts: int = 0
    """With that policy."""
    not_before: float = 0.0
    check_at: float | None = None
    """When the last attempt is judged; ``None`` when none is under way."""
    over_since: float | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A remedy to be tried now."""

    policy: Policy
    problem: Problem
    number: int


class Recovery:
    """Follows problems and says what to try; ``tried`` tells it what came of trying."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        self._repairs: deque[Repair] = deque(maxlen=HISTORY)

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was done, newest first; the last few hundred."""
        under_way = [case.repair for case in self._cases.values() if case.repair is not None]
        return (*reversed(under_way), *reversed(self._repairs))

    def step(
        self,
        found: Sequence[Problem],
        config: RecoveryConfig,
        interrupts: frozenset[str],
        playing: bool,
        now: float,
    ) -> list[Attempt]:
        """What to try now.

        Args:
            found: what is wrong now.
            config: policies and patience.
            interrupts: remedies that stop what the player sees.
            playing: whether a shot is being aimed or played.
            now: seconds of a monotonic clock.
        """
        present = {problem.key: problem for problem in found}
        for key, case in list(self._cases.items()):
            if key not in present:
                self._over(key, case, now)
        due = []
        for key, problem in present.items():
            case = self._cases.setdefault(key, _Case(problem, since=now))
            if case.over_since is not None:
                case.since, case.over_since = now, None
            case.problem = problem
            attempt = self._due(case, config, now)
            if attempt is None:
                continue
            waits = playing and not problem.urgent and attempt.policy.remedy in interrupts
            if waits and now - case.since < config.patience_s:
                case.repair = _repair(attempt, now, "waits for the end of the shot", "waiting")
                continue
            due.append(attempt)
        return due

    def tried(self, attempt: Attempt, said: str, now: float, *, refused: bool = False) -> Repair:
        """An attempt was made: what was done, or why it could not be."""
        case, policy = self._cases[attempt.problem.key], attempt.policy
        case.attempts += 1
        case.repair = _repair(attempt, now, said, "refused" if refused else "trying")
        case.check_at = now if refused else now + policy.check_s
        case.not_before = case.check_at + policy.backoff_s * 2.0 ** (case.attempts - 1)
        repair = case.repair
        if refused:
            # There is no use in asking again: the next policy, if there is one.
            case.attempts, case.not_before = policy.attempts, now
            self._close(case)
        return repair

    def _due(self, case: _Case, config: RecoveryConfig, now: float) -> Attempt | None:
        if case.check_at is not None:
            if now < case.check_at:
                return None
            if case.repair is not None:
                case.repair = case.repair.model_copy(update={"outcome": "no help"})
            self._close(case)
        if now - case.since < config.hold_s or now < case.not_before:
            return None
        rows = [policy for policy in config.policies if policy.problem == case.problem.name]
        while case.row < len(rows) and case.attempts >= rows[case.row].attempts:
            case.row, case.attempts = case.row + 1, 0
        if case.row >= len(rows):
            return None  # used up: the alert stands, staff must act
        return Attempt(rows[case.row], case.problem, case.attempts + 1)

    def _over(self, key: str, case: _Case, now: float) -> None:
        if case.over_since is None:
            case.over_since = now
            if case.repair is not None:
                worked = "worked" if case.repair.outcome == "trying" else case.repair.outcome
                case.repair = case.repair.model_copy(update={"outcome": worked})
            self._close(case)
        elif now - case.over_since > _FORGET_S:
            del self._cases[key]

    def _close(self, case: _Case) -> None:
        case.check_at = None
        if case.repair is not None and case.repair.outcome != "waiting":
            self._repairs.append(case.repair)
        case.repair = None


def _repair(attempt: Attempt, now: float, said: str, outcome: str) -> Repair:
    problem = attempt.problem
    return Repair.model_validate(
        {
            "problem": problem.name,
            "module": problem.module,
            "remedy": attempt.policy.remedy,
            "attempt": attempt.number,
            "began_ns": int(now * 1e9),
            "detail": f"{problem.detail}; {said}",
            "outcome": outcome,
        }
    )
