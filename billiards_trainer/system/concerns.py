"""What gives cause for alerts: verdicts, checks, and measures beyond thresholds.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from billiards_trainer.config.schema import AlertsConfig
from billiards_trainer.messages import Check, Level, ModuleStatus, SystemStatus
from billiards_trainer.system.alerts import Concern, Severity
from billiards_trainer.system.supervision import State
from billiards_trainer.system.thresholds import concerns as beyond_thresholds

_PLAYER = {
    "storage": "Shots are not recorded: please tell the staff",
    "camera": "No camera picture: please tell the staff",
}
"""By alert, what the cloth says when it is an ERROR or worse, or storage at all."""
_ADVICE = {
    State.FATAL.value: "read the log; then restart the module, or wait for the next attempt",
    State.BACKOFF.value: "wait: it is being started again",
}


def concerns_of(
    status: SystemStatus,
    measures: Mapping[str, float],
    standing: Mapping[str, Severity],
    config: AlertsConfig,
) -> dict[str, Concern]:
    """Everything that may be worth an alert now, by name."""
    found = beyond_thresholds(config, measures, standing)
    for name, module in status.modules.items():
        concern = _of_module(name, module, config)
        if concern is not None:
            found[name] = concern
    for check in status.checks:
        found[check.name] = _of_check(check, config)
    if status.safe_mode:
        found["safe mode"] = Concern("CRITICAL", status.safe_mode)
    return found


def _of_module(name: str, module: ModuleStatus, config: AlertsConfig) -> Concern | None:
    text = f"{name}: {module.detail}"
    advice = next((check.advice for check in module.checks if check.advice), "")
    advice = advice or _ADVICE.get(module.state, "")
    player = _PLAYER.get(name, "")
    if module.state == State.FATAL.value:
        return Concern("CRITICAL", text, 0.0, advice, player)
    if module.status is Level.UNHEALTHY:
        return Concern("ERROR", text, config.hold_s, advice, player)
    if module.status is Level.DEGRADED:
        return Concern("WARNING", text, config.hold_s, advice)
    return None


def _of_check(check: Check, config: AlertsConfig) -> Concern:
    severity: Severity = "CRITICAL" if check.level is Level.UNHEALTHY else "ERROR"
    text = f"{check.name}: {check.detail}"
    return Concern(severity, text, config.hold_s, check.advice, _PLAYER.get(check.name, ""))
