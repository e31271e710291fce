"""The figures of the appliance in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from billiards_trainer import messages as m
from billiards_trainer.api.live import Live
from billiards_trainer.api.traffic import Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LEVELS = {m.Level.HEALTHY: 3.0, m.Level.DEGRADED: 2.0, m.Level.UNHEALTHY: 1.0, m.Level.UNKNOWN: 0}


def exposition(live: Live, traffic: Traffic) -> bytes:
    """What is known now; nothing is asked, nothing is kept between two calls."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Appliance(live, traffic))
    return generate_latest(registry)


class _Appliance(Collector):
    def __init__(self, live: Live, traffic: Traffic) -> None:
        self._live, self._traffic = live, traffic

    def collect(self) -> Iterator[Metric]:
        status = self._live.status()
        if status is not None:
            yield from _of_status(status)
        sample = self._live.newest("system.metrics")
        if sample is not None and isinstance(sample.message, m.SystemMetrics):
            yield from _of_machine(sample.message)
        yield from self._of_pipeline()
        traffic = self._traffic
        yield _counter("api_requests", "Requests answered by this worker", traffic.requests)
        yield _counter("api_failures", "Requests that ended in an error of ours", traffic.failures)
        yield _counter("api_request_seconds", "Time spent on requests", traffic.seconds)

    def _of_pipeline(self) -> Iterator[Metric]:
        pipeline = self._live.pipeline.metrics()
        for name, text, value in (
            ("camera_fps", "Pictures a second from the camera", pipeline.camera_fps),
            ("vision_fps", "Pictures a second that vision looks at", pipeline.vision_fps),
            ("projector_fps", "Flips a second", pipeline.flips_per_second),
        ):
            if value is not None:
                yield _gauge(name, text, value)
        latency = GaugeMetricFamily(
            "billiards_latency_seconds",
            "Middle of the exposure to the projector's flip",
            labels=["quantile"],
        )
        quantiles = {"0.5": pipeline.latency_ms_median, "0.99": pipeline.latency_ms_p99}
        for quantile, value in quantiles.items():
            if value is not None:
                latency.add_metric([quantile], value / 1e3)
        yield latency
        stages = GaugeMetricFamily(
            "billiards_vision_stage_seconds", "Stages of vision", labels=["stage"]
        )
        for stage, took_ms in pipeline.stages_ms.items():
            stages.add_metric([stage], took_ms / 1e3)
        yield stages
        received = CounterMetricFamily(
            "billiards_topic_messages", "Messages received by this worker", labels=["topic"]
        )
        missed = CounterMetricFamily(
            "billiards_topic_missed", "Messages that should have come", labels=["topic"]
        )
        for topic, count in self._live.received.items():
            received.add_metric([topic], count)
        for topic, count in self._live.missed.items():
            missed.add_metric([topic], count)
        yield received
        yield missed


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"billiards_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"billiards_{name}", text, value=value)


def _of_status(status: m.SystemStatus) -> Iterator[Metric]:
    yield _gauge("up_seconds", "Since the appliance started", status.uptime_s)
    yield _gauge("health", "3 healthy, 2 degraded, 1 unhealthy, 0 unknown", _LEVELS[status.status])
    if status.score is not None:
        yield _gauge("performance_score", "0 to 100", status.score)
    health = GaugeMetricFamily(
        "billiards_module_health",
        "3 healthy, 2 degraded, 1 unhealthy, 0 unknown",
        labels=["module"],
    )
    restarts = CounterMetricFamily(
        "billiards_module_restarts", "Starts after a failure", labels=["module"]
    )
    measures = GaugeMetricFamily(
        "billiards_module_measure",
        "What a module reports of itself",
        labels=["module", "measure"],
    )
    for name, module in status.modules.items():
        health.add_metric([name], _LEVELS[module.status])
        restarts.add_metric([name], module.restarts)
        for measure, value in module.measures.items():
            measures.add_metric([name, measure], value)
    yield from (health, restarts, measures)
    alerts = GaugeMetricFamily("billiards_alerts", "Alerts that are active", labels=["severity"])
    for severity in ("WARNING", "ERROR", "CRITICAL"):
        count = sum(alert.severity == severity for alert in status.alerts)
        alerts.add_metric([severity], count)
    yield alerts


def _of_machine(sample: m.SystemMetrics) -> Iterator[Metric]:
    for name, text, value in (
        ("cpu_percent", "Processor in use", sample.cpu_percent),
        ("load_1", "Load, mean of a minute", sample.load_1),
        ("memory_percent", "Memory in use", sample.memory_percent),
        ("swap_percent", "Swap in use", sample.swap_percent),
        ("disk_percent", "Disk of the records in use", sample.disk_percent),
        ("disk_free_bytes", "Room on the disk of the records", sample.disk_free_bytes),
        ("disk_read_bytes_per_second", "Read from disks", sample.disk_read_per_s),
        ("disk_write_bytes_per_second", "Written to disks", sample.disk_write_per_s),
        ("network_received_bytes_per_second", "Received", sample.network_received_per_s),
        ("network_sent_bytes_per_second", "Sent", sample.network_sent_per_s),
        ("machine_processes", "Processes of the machine", sample.process_count),
    ):
        yield _gauge(name, text, value)
    if sample.throttled is not None:
        yield _gauge("throttled", "Whether heat holds the processor back", float(sample.throttled))
    heat = GaugeMetricFamily("billiards_temperature_celsius", "Sensors", labels=["sensor"])
    for sensor, degrees in sample.temperatures_c.items():
        heat.add_metric([sensor], degrees)
    yield heat
    for field, text in (
        ("cpu_percent", "Processor in use, of one core"),
        ("rss_bytes", "Resident memory"),
        ("fds", "Open file descriptors"),
        ("threads", "Threads"),
    ):
        family = GaugeMetricFamily(f"billiards_process_{field}", text, labels=["process"])
        for name, usage in sample.processes.items():
            family.add_metric([name], getattr(usage, field))
        yield family
