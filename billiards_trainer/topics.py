"""Who says what to whom: one row per topic, one row per command.

A topic has exactly one publisher.  ``latest`` topics are conflated (a reader sees the newest
message only); events are never conflated and carry an epoch and a sequence number, so that a gap
can be noticed and a snapshot asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from billiards_trainer import messages as m

CAMERA_WRITERS = ("simulation", "camera")
"""The process that writes the camera ring: the virtual table, or the reader of a real source."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table of topics.

    ``publisher`` is a process of the process table; ``writer`` stands for whichever of
    ``CAMERA_WRITERS`` runs, ``*`` for each process.  ``rate_hz`` is what to expect in play; 0 means
    now and then.
    """

    name: str
    type: type[m.Message]
    publisher: str
    rate_hz: float
    latest: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table of commands: safely repeated, with a deadline in seconds."""

    name: str
    server: str
    request: type[m.Message]
    reply: type[m.Message]
    deadline_s: float = 2.0


_TOPICS = (
    #     name               type             publisher       Hz  latest
    Topic("camera.frame", m.CameraFrame, "writer", 30, True),
    Topic("camera.status", m.SourceStatus, "writer", 1, True),
    Topic("simulation.truth", m.GroundTruth, "simulation", 30, False),
    Topic("table.state", m.TableState, "vision", 30, False),
    Topic("game.state", m.GameState, "core", 30, True),
    Topic("shot.event", m.ShotEvent, "core", 0, False),
    Topic("shot.recorded", m.ShotSummary, "core", 0, False),
    Topic("scene", m.Scene, "core", 30, True),
    Topic("projector.flip", m.Flip, "projector", 60, True),
    Topic("projector.pattern", m.Pattern, "vision", 0, True),
    Topic("projector.pattern_shown", m.PatternShown, "projector", 0, False),
    Topic("calibration.stored", m.CalibrationStored, "vision", 0, False),
    Topic("heartbeat", m.Heartbeat, "*", 5, False),
    Topic("system.status", m.SystemStatus, "orchestrator", 2, True),
    Topic("system.metrics", m.SystemMetrics, "orchestrator", 1, True),
    Topic("system.alert", m.Alert, "orchestrator", 0, False),
    Topic("system.care", m.Care, "orchestrator", 0, False),
    Topic("config.snapshot", m.ConfigSnapshot, "orchestrator", 0, False),
)

_COMMANDS = (
    Command("game.reset", "core", m.Empty, m.Done),
    Command("game.analyze", "core", m.AnalyzeRequest, m.AnalyzeReply),
    Command("game.snapshot", "core", m.Empty, m.GameState),
    Command("game.assistance", "core", m.AssistanceRequest, m.Done),
    Command("game.code", "core", m.CodeRequest, m.Done),
    Command("calibration.camera", "vision", m.CalibrateRequest, m.Done, deadline_s=10.0),
    Command("calibration.projector", "vision", m.Empty, m.Done, deadline_s=58.0),
    Command("calibration.colours", "vision", m.Empty, m.Done, deadline_s=10.0),
    Command("calibration.status", "vision", m.Empty, m.CalibrationStatus),
    Command("vision.correct_ball", "vision", m.BallCorrection, m.Done),
    Command("config.get", "orchestrator", m.Empty, m.ConfigReply),
    Command("config.put", "orchestrator", m.ConfigChange, m.Done),
    Command("config.reload", "orchestrator", m.Empty, m.Done),
    Command("system.status", "orchestrator", m.Empty, m.SystemStatus),
    Command("system.restart_module", "orchestrator", m.ModuleRequest, m.Done),
    Command("system.restart", "orchestrator", m.Empty, m.Done),
    Command("system.alerts", "orchestrator", m.Empty, m.AlertLog),
    Command("system.acknowledge", "orchestrator", m.AcknowledgeRequest, m.Done),
    Command("system.history", "orchestrator", m.HistoryRequest, m.HistoryReply),
)

TOPICS: dict[str, Topic] = {t.name: t for t in _TOPICS}
COMMANDS: dict[str, Command] = {c.name: c for c in _COMMANDS}
