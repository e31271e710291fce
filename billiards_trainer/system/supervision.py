"""The life of one supervised process as a pure function of time and observations.

    STOPPED ──start──▶ STARTING ──ready──▶ RUNNING ◀──▶ DEGRADED
       ▲                  │ fails             │ fails
       │                  ▼                   ▼
    STOPPING ◀──stop── BACKOFF ◀──────────────┘      too many failures in a row ──▶ FATAL

Nothing here starts or kills anything: ``step`` says what to do, the orchestrator does it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from billiards_trainer.messages import Level
from billiards_trainer.system.process_table import ProcessRow, RestartPolicy


class State(StrEnum):
    """Where a supervised process stands."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"
    BACKOFF = "BACKOFF"
    FATAL = "FATAL"
    STOPPING = "STOPPING"


class Action(StrEnum):
    """What the orchestrator shall do now."""

    NONE = "none"
    START = "start"
    TERMINATE = "terminate"
    KILL = "kill"


ALIVE = frozenset({State.STARTING, State.RUNNING, State.DEGRADED, State.STOPPING})
"""States in which a process exists."""
UP = frozenset({State.RUNNING, State.DEGRADED})
_STARVED_START_S = 120.0
"""One that gets on is not killed before that: starting it again would only starve the others."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of a process at one moment."""

    wanted: bool
    """It shall run, and what it needs is there."""
    exit_code: int | None = None
    """How the process ended; ``None`` while it lives or before it was started."""
    heartbeat_at: float | None = None
    """When its last heartbeat arrived, seconds; of the present process only."""
    ready: bool = False
    working: bool = False
    """It has used the processor since it was last heard of."""
    stopped: bool = False
    """It is silent because something has stopped it (SIGSTOP)."""
    level: Level = Level.HEALTHY


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that the decisions depend on; times in seconds of the injected clock."""

    state: State = State.STOPPED
    since: float = 0.0
    failures: int = 0
    """Failures in a row."""
    restarts: int = 0
    """How often it was started again since the appliance started."""
    retry_at: float = 0.0
    killed: bool = False
    restarting: bool = False
    """It is stopped only to be started again, at somebody's word."""
    reason: str = ""
    """Why it last failed."""


def step(
    row: ProcessRow,
    life: Life,
    seen: Observation,
    now: float,
    jitter: float = 0.0,
    recovery: bool = True,
) -> tuple[Life, Action]:
    """Decide.

    Args:
        row: its limits and its policy.
        life: where it stood.
        seen: what is observed now.
        now: seconds of a monotonic clock.
        jitter: -1…1, spreads the waits so that modules do not fail in step.
        recovery: whether failed processes are started again.

    Returns:
        Where it stands now, and what to do.
    """
    if life.state in ALIVE and seen.exit_code is not None:
        return _ended(row, life, seen, now, jitter, recovery), Action.NONE
    if life.state is State.STOPPED:
        if seen.wanted:
            return replace(life, state=State.STARTING, since=now, killed=False), Action.START
        return life, Action.NONE
    if life.state in (State.BACKOFF, State.FATAL):
        if not seen.wanted:
            # What it needs is being replaced, or the appliance stops: wait without a process.
            return life, Action.NONE
        if now < life.retry_at:
            return life, Action.NONE
        return (
            replace(
                life, state=State.STARTING, since=now, restarts=life.restarts + 1, killed=False
            ),
            Action.START,
        )
    if life.state is State.STOPPING:
        if not life.killed and now - life.since > row.stop_limit_s:
            return replace(life, killed=True, reason="did not end in time"), Action.KILL
        return life, Action.NONE
    if life.killed:  # waiting for its end to be seen
        return life, Action.NONE
    if hung := _hangs(row, life, seen, now):
        return replace(life, killed=True, reason=hung), Action.KILL
    if life.state is State.STARTING:
        if seen.ready:
            return replace(life, state=State.RUNNING, since=now), Action.NONE
        return life, Action.NONE
    if life.failures and now - life.since > row.policy.stable_s:
        life = replace(life, failures=0)
    state = State.RUNNING if seen.level is Level.HEALTHY else State.DEGRADED
    return replace(life, state=state), Action.NONE


def stop(life: Life, now: float) -> tuple[Life, Action]:
    """End it: SIGTERM now, SIGKILL after its limit (by ``step``)."""
    if life.state in (State.STARTING, State.RUNNING, State.DEGRADED):
        return replace(life, state=State.STOPPING, since=now, killed=False), Action.TERMINATE
    if life.state in (State.BACKOFF, State.FATAL):
        return replace(life, state=State.STOPPED, since=now), Action.NONE
    return life, Action.NONE


def restart(life: Life, now: float) -> tuple[Life, Action]:
    """End a process that is up and start it again; that is no failure."""
    if life.state not in UP:
        return life, Action.NONE
    life, action = stop(life, now)
    return replace(life, restarting=True), action


def not_started(row: ProcessRow, life: Life, reason: str, now: float) -> Life:
    """The system could not start the process."""
    return _failed(row, life, f"could not be started: {reason}", now, 0.0)


def revive(life: Life, now: float) -> Life:
    """Somebody asked to try a failed process again, at once."""
    if life.state in (State.BACKOFF, State.FATAL):
        return replace(life, retry_at=now, failures=0)
    return life


def backoff_s(policy: RestartPolicy, failures: int, jitter: float) -> float:
    """Wait before the next start: none after one failure, then doubling, ±20 % jitter."""
    if failures <= 1:
        return 0.0
    wait = min(policy.backoff_s * 2.0 ** (failures - 2), policy.backoff_max_s)
    return wait * (1 + 0.2 * jitter)


def _hangs(row: ProcessRow, life: Life, seen: Observation, now: float) -> str:
    if life.state is State.STARTING:
        limit = max(row.start_limit_s, _STARVED_START_S if seen.working else 0.0)
        if now - life.since > limit:
            return f"was not ready after {limit:g} s"
        return ""
    last = seen.heartbeat_at if seen.heartbeat_at is not None else life.since
    limit = row.busy_limit_s if seen.working else row.heartbeat_limit_s
    if now - max(last, life.since) > limit:
        return f"gave no sign of life for {limit:g} s"
    if seen.stopped:
        return "gave no sign of life: it was stopped"
    return ""


def _ended(
    row: ProcessRow, life: Life, seen: Observation, now: float, jitter: float, recovery: bool
) -> Life:
    if life.state is State.STOPPING:
        if life.restarting:
            return replace(life, state=State.BACKOFF, since=now, retry_at=now, restarting=False)
        return replace(life, state=State.STOPPED, since=now)
    reason = life.reason if life.killed else _how_it_ended(seen.exit_code or 0)
    if not recovery:
        failed = _failed(row, life, reason, now, jitter)
        return replace(failed, state=State.FATAL, retry_at=1e18)
    return _failed(row, life, reason, now, jitter)


def _failed(row: ProcessRow, life: Life, reason: str, now: float, jitter: float) -> Life:
    # A long good life forgives, even when nobody looked in between.
    stable = life.state in UP and now - life.since > row.policy.stable_s
    failures = 1 if stable else life.failures + 1
    if failures >= row.policy.attempts:
        state, wait = State.FATAL, row.policy.fatal_retry_s
    else:
        state, wait = State.BACKOFF, backoff_s(row.policy, failures, jitter)
    return replace(
        life, state=state, since=now, failures=failures, retry_at=now + wait, reason=reason
    )


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was killed by signal {-code}"
    return f"ended by itself with status {code}"
