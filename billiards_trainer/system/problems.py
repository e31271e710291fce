"""What may need a remedy: problems by name, from verdicts and measures; a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billiards_trainer import source_address
from billiards_trainer.config.schema import Config
from billiards_trainer.messages import Level, ModuleStatus, SystemMetrics
from billiards_trainer.system.supervision import State

_UP = (State.RUNNING.value, State.DEGRADED.value)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a policy may name.

    Attributes:
        name: as policies name it.
        module: the module that is in trouble; "" when it is the machine.
        detail: one sentence.
        urgent: whether play is disturbed already, so that nothing is lost by acting at once.
    """

    name: str
    module: str
    detail: str
    urgent: bool = True

    @property
    def key(self) -> str:
        """Tells problems of the same name in different modules apart."""
        return f"{self.name} ({self.module})" if self.module not in ("", self.name) else self.name


def problems(
    modules: Mapping[str, ModuleStatus],
    needs: Mapping[str, tuple[str, ...]],
    metrics: SystemMetrics | None,
    config: Config,
) -> tuple[Problem, ...]:
    """What is wrong now, causes before effects.

    Args:
        modules: verdicts by name.
        needs: by module, the modules that it lives on.
        metrics: the newest sample.
        config: limits.

    Returns:
        Problems; a module whose source of pictures or states is in trouble itself is left out: it
        may be well again when that is.
    """
    # Modules that ended are the supervision's business until it gives one up.
    sick = {
        name: status
        for name, status in modules.items()
        if _is_sick(name, status, config) or status.state == State.FATAL.value
    }
    found = []
    if len(sick) > 1 and 2 * len(sick) > len(modules):
        names = ", ".join(sick)
        found.append(Problem("several modules", "", f"{names} are in trouble"))
    for name, status in sick.items():
        if not any(cause in sick for cause in _all_needs(name, needs)):
            found.append(Problem(name.partition("-")[0], name, status.detail))
    return (*found, *_of_the_machine(metrics, config))


def _is_sick(name: str, status: ModuleStatus, config: Config) -> bool:
    if status.state not in _UP:
        return False
    # A lost camera is DEGRADED and waits for ever; a film that has ended is only that.
    real = name == "camera" and source_address.is_real(config.source.url)
    lost = status.status is Level.DEGRADED and status.measures.get("fps") == 0
    return status.status is Level.UNHEALTHY or (real and lost)


def _all_needs(name: str, needs: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(needs.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs.get(one, ())
    return found


def _of_the_machine(metrics: SystemMetrics | None, config: Config) -> list[Problem]:
    if metrics is None:
        return []
    found = []
    if metrics.memory_percent > config.recovery.memory_percent:
        text = f"{metrics.memory_percent:.0f} % of the memory is in use"
        found.append(Problem("memory", "", text, urgent=False))
    if metrics.disk_percent >= config.alerts.disk_critical:
        found.append(Problem("disk", "", f"the disk is {metrics.disk_percent:.0f} % full"))
    limit = config.system.memory_limit_mb
    for name, usage in metrics.processes.items():
        held = usage.rss_bytes / 1e6
        if held > limit and name != "orchestrator":
            text = f"{name} holds {held:.0f} MB of {limit:.0f}"
            found.append(Problem("memory limit", name, text, urgent=False))
    return found
