"""When a measure is worth an alert: two thresholds, and a margin before it counts as over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billiards_trainer.config.schema import AlertsConfig
from billiards_trainer.system.alerts import Concern, Severity

_MARGIN = 0.05
"""Share of a threshold by which a measure must be back before it is well again."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One measure that people are told of.

    Attributes:
        measure: its name, and the alert's.
        warning: beyond it, a WARNING.
        critical: beyond it, CRITICAL.
        text: the sentence, with ``{value}``.
        advice: what staff can do.
        below: whether too little is the trouble.
    """

    measure: str
    warning: float
    critical: float
    text: str
    advice: str = ""
    below: bool = False


def thresholds(config: AlertsConfig) -> tuple[Threshold, ...]:
    """The table, as configured."""
    return (
        Threshold(
            "cpu",
            config.cpu_warning,
            config.cpu_critical,
            "the processor is {value:.0f} % busy",
            "end other programs on this machine, or lower source.fps",
        ),
        Threshold(
            "memory",
            config.memory_warning,
            config.memory_critical,
            "{value:.0f} % of the memory is in use",
            "end other programs on this machine",
        ),
        Threshold(
            "disk",
            config.disk_warning,
            config.disk_critical,
            "the disk of the records is {value:.0f} % full",
            "make room, or shots can no longer be recorded",
        ),
        Threshold(
            "temperature",
            config.temperature_warning,
            config.temperature_critical,
            "the machine is {value:.0f} °C hot",
            "clean its fan and give it air",
        ),
        Threshold(
            "vision_fps",
            config.vision_fps_warning,
            config.vision_fps_critical,
            "vision manages only {value:.1f} pictures a second",
            "see which process uses the processor",
            below=True,
        ),
        Threshold(
            "api_errors",
            config.api_errors_warning,
            config.api_errors_critical,
            "{value:.0f} % of the page's requests fail",
            "read the log",
        ),
    )


def severity(threshold: Threshold, value: float, standing: Severity | None) -> Severity | None:
    """How bad a measure is, given how bad it was: going back takes a margin."""
    sign = -1.0 if threshold.below else 1.0
    ranks: tuple[tuple[Severity, float], ...] = (
        ("CRITICAL", threshold.critical),
        ("WARNING", threshold.warning),
    )
    for rank, limit in ranks:
        # What stands already falls only when the measure is back by the margin.
        stands = standing == rank or standing == "CRITICAL"
        edge = limit - sign * _MARGIN * abs(limit) if stands else limit
        if sign * value > sign * edge or (value == edge and not threshold.below):
            return rank
    return None


def concerns(
    config: AlertsConfig, measures: Mapping[str, float], standing: Mapping[str, Severity]
) -> dict[str, Concern]:
    """What the measures give cause for.

    Args:
        config: thresholds and how long a measure must be beyond one.
        measures: by name; those that are not known are not judged.
        standing: severity of the alerts that are active, by name.
    """
    found = {}
    for threshold in thresholds(config):
        value = measures.get(threshold.measure)
        if value is None:
            continue
        rank = severity(threshold, value, standing.get(threshold.measure))
        if rank is not None:
            found[threshold.measure] = Concern(
                rank,
                threshold.text.format(value=value),
                hold_s=config.threshold_hold_s,
                advice=threshold.advice,
            )
    return found
