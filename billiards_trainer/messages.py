"""Every message that crosses a process boundary.

SI units throughout: metres, seconds, radians; times are ``time.monotonic_ns()``.  A message derived
from a picture carries the number and the exposure time (middle of the exposure) of that picture
unchanged, so that whoever draws can subtract and knows the latency.

Messages may gain optional fields; any other change raises ``SCHEMA``.  Unknown fields are ignored
on receipt, so that an old reader understands a newer writer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA = 1

XY = tuple[float, float]
XYZ = tuple[float, float, float]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Message(BaseModel):
    """Base of everything sent; immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    schema_number: int = SCHEMA


class FrameMessage(Message):
    """Base of what is derived from one picture."""

    frame: int
    """Number of the picture since the source was opened."""
    exposure_ns: int
    """Monotonic time of the middle of the exposure."""


class Level(StrEnum):
    """Health of a module or of the whole."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


# --- pictures ---------------------------------------------------------------------------------


class SourceState(StrEnum):
    """What the camera process is doing."""

    OPENING = "opening"
    RUNNING = "running"
    STALLED = "stalled"
    LOST = "lost"
    ENDED = "ended"


class SourceInfo(Message):
    """Where pictures come from; a virtual table or a film is never mistaken for a real table."""

    kind: Literal["simulated", "film", "network", "v4l2"]
    name: str
    """For people, without credentials."""

    @property
    def is_real(self) -> bool:
        """Whether a real table is being seen right now."""
        return self.kind in ("network", "v4l2")


class CameraFrame(FrameMessage):
    """A picture has been written into the camera ring."""

    source: SourceInfo
    ring_sequence: int
    """Sequence number of the picture in the ring; see ``frames``."""
    width: int
    height: int
    take: int = 0
    """Changes when this picture does not continue the one before: a film that begins again."""


class SourceStatus(Message):
    """State of the picture source, sent when it changes and once a second."""

    source: SourceInfo
    state: SourceState
    detail: str = ""
    reopened: int = 0
    """How often the source was opened again since the process started."""
    fps: float = 0.0


# --- what is on the table ---------------------------------------------------------------------


Evidence = Literal["kick", "contact", "cushion", "pocket", "occluded", "gone"]
"""Tracking's hints to whoever declares events: ``kick`` a sudden change of motion with no partner
in sight, ``contact`` one explained by another ball, ``cushion`` by a rail; ``pocket`` the ball is
where it may drop; ``occluded`` unseen and its place covered; ``gone`` unseen and its place bare."""


class BallState(Message):
    """One tracked ball, at the exposure time of its message's frame."""

    track: int
    """Identity through time; a track number is never given twice in a session."""
    label: str
    """``cue``, ``1``…``15``, ``solid``, ``stripe``, a snooker or carom colour, or ``unknown``."""
    label_confidence: Probability = 1.0
    x_m: float
    y_m: float
    vx: float = 0.0
    vy: float = 0.0
    covariance: tuple[float, float, float] = (1e-6, 0.0, 1e-6)
    """Position covariance (xx, xy, yy) in m²."""
    confidence: Probability = 1.0
    """Probability that there is a ball."""
    visible: bool = True
    """Seen in this frame; otherwise the position is coasted."""
    moving: bool = False
    in_hand: bool = False
    x_px: float | None = None
    y_px: float | None = None
    radius_px: float | None = None
    measured_m: XY | None = None
    """Where this frame alone saw the ball, unfiltered; ``None`` when it was not measured."""
    evidence: tuple[Evidence, ...] = ()
    """What the tracker had to assume to explain this frame."""


class CueState(Message):
    """The cue as a line in space.  ``direction`` is where it points: tip away from the butt."""

    tip_m: XYZ
    angle_rad: float
    """atan2(dy, dx) of the pointing direction in the table frame."""
    elevation_rad: float = 0.0
    angle_std_rad: float = 0.01
    elevation_std_rad: float = 0.05
    tip_speed: float = 0.0
    """Along the pointing direction, m/s; positive is forward."""
    addresses: int | None = None
    """Track of the ball that the cue is aimed at from close by, if any."""
    side: float | None = None
    """Tip offset in ball radii, + is right; ``None`` when it cannot be told."""
    height: float | None = None
    """Tip offset in ball radii, + is above centre."""
    confidence: Probability = 1.0
    tip_px: XY | None = None
    direction_px: XY | None = None


class PictureQuality(Message):
    """Whether the picture can be trusted, and what to do when not."""

    usable: bool = True
    problem: str | None = None
    """One sentence for the player or staff."""
    brightness: float = 0.0
    sharpness: float = 0.0


class TableState(FrameMessage):
    """Everything that vision knows at one exposure."""

    epoch: int
    """Changes whenever track numbers start anew (restart of vision, reset of the game)."""
    table: str
    width: float
    length: float
    ball_radius: float
    source: SourceInfo
    calibration: str | None
    """Camera calibration in force; ``None`` while the table has not been found."""
    head_guessed: bool = True
    cloth_colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    """As the camera sees it."""
    pocket_radii: tuple[float, ...] = ()
    """From each hole's centre to where a ball loses its support, as seen, metres; in the order of
    the table's pockets, empty while unknown."""
    balls: tuple[BallState, ...] = ()
    cue: CueState | None = None
    quality: PictureQuality = PictureQuality()
    stages_ms: dict[str, float] = {}
    """Duration of each stage of vision, in milliseconds."""


# --- the game ---------------------------------------------------------------------------------


class EventKind(StrEnum):
    """What can happen in a shot."""

    SHOT_START = "shot_start"
    BALL_COLLISION = "ball_collision"
    CUSHION_COLLISION = "cushion_collision"
    POCKETED = "pocketed"
    AT_REST = "at_rest"
    SHOT_END = "shot_end"


class ShotEvent(FrameMessage):
    """One event of a shot, as core declares it."""

    epoch: int
    sequence: int
    kind: EventKind
    t: float
    """Seconds since the epoch's first frame, interpolated between frames."""
    tracks: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    x_m: float
    y_m: float
    pocket: str | None = None
    places_m: tuple[XY, ...] = ()
    """Centre of each ball in ``tracks`` at that time; (x_m, y_m) is the first."""


class Phase(StrEnum):
    """What the game is doing."""

    WAITING = "waiting"
    """No table, or no balls."""
    IDLE = "idle"
    AIMING = "aiming"
    SHOT = "shot"


class PathPiece(Message):
    """The predicted way of one ball as a polyline."""

    label: str
    track: int | None = None
    points: tuple[XY, ...]
    end: Literal["rest", "pocketed", "cut_off"]
    pocket: str | None = None


class PredictedEvent(Message):
    """One event of the predicted shot."""

    t: float
    kind: EventKind
    labels: tuple[str, ...]
    x_m: float
    y_m: float
    pocket: str | None = None


class Corridor(Message):
    """Where a ball will run in a stated share of cases: both sides of its predicted way."""

    track: int
    share: Probability
    reach: tuple[float, ...]
    """Distances along the way, metres, increasing."""
    left: tuple[float, ...]
    """How far it reaches to the left of the way there, metres."""
    right: tuple[float, ...]


class Prediction(FrameMessage):
    """What the shot will do if it is played as it is aimed now."""

    speed: float
    """Assumed cue speed in m/s."""
    angle_rad: float
    elevation_rad: float = 0.0
    ghost_ball: XY | None = None
    """Centre of the cue ball at its first contact."""
    target: str | None = None
    """Label of the first ball struck."""
    target_track: int | None = None
    cut_angle_rad: float | None = None
    paths: tuple[PathPiece, ...] = ()
    events: tuple[PredictedEvent, ...] = ()
    pot_probability: Probability | None = None
    """That the first object ball drops; ``None`` when no ball is struck."""
    scratch_probability: Probability = 0.0
    corridor: Corridor | None = None
    """Of the first object ball."""
    fan: tuple[PathPiece, ...] = ()
    """The struck ball's way after the contact if it were struck lower or higher, where the height
    of the tip is not known."""
    physics: str | None = None
    """Physics calibration that it was made with; ``None`` for the game's standard."""
    compute_ms: float = 0.0


class ShotSummary(Message):
    """The last shot, as shown to people."""

    number: int
    recorded: bool = False
    """True only after the database has committed it to disk."""
    shot_id: str | None = None
    potted: tuple[str, ...] = ()
    cue_speed: float | None = None
    events: int = 0
    error_mm: float | None = None
    """First object ball: predicted against seen position, where both are known."""
    error_rad: float | None = None
    """First object ball: predicted against seen direction."""


class GameState(FrameMessage):
    """The state of play."""

    epoch: int
    session: str | None = None
    phase: Phase = Phase.WAITING
    assistance: Literal["off", "beginner", "intermediate", "advanced", "drill"] = "beginner"
    player: str = ""
    """Who plays; empty: a guest."""
    drill: str | None = None
    """Name of the drill that is set up on the cloth."""
    shots: int = 0
    potted: tuple[str, ...] = ()
    """Labels potted since the rack was set, in order."""
    rack: int = 0
    """Counts the games begun by command since core started."""
    last_shot: ShotSummary | None = None
    prediction: Prediction | None = None
    shot_events: tuple[ShotEvent, ...] = ()
    """Of the shot being played, else of the last one, in the order of their numbers; told only in
    answer to ``game.snapshot``, for readers that have missed some."""


# --- what is drawn ----------------------------------------------------------------------------

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Drawn(Message):
    """Base of a scene's elements; lengths in metres on the cloth (z = 0)."""

    colour: Colour = "#ffffff"
    opacity: Probability = 1.0


class Line(Drawn):
    """A polyline; ``dash`` is (on, off) in metres."""

    kind: Literal["line"] = "line"
    points: Annotated[tuple[XY, ...], Field(min_length=2, max_length=2000)]
    width: Annotated[float, Field(gt=0, le=0.1)] = 0.004
    dash: tuple[float, float] | None = None


class Arc(Drawn):
    """Part of a circle, counter-clockwise from ``start`` to ``end`` in radians."""

    kind: Literal["arc"] = "arc"
    centre: XY
    radius: Annotated[float, Field(gt=0, le=5)]
    start: float
    end: float
    width: Annotated[float, Field(gt=0, le=0.1)] = 0.004


class Ring(Drawn):
    """A circle; ``velocity`` (m/s) lets the projector lead it by the known latency."""

    kind: Literal["ring"] = "ring"
    centre: XY
    radius: Annotated[float, Field(gt=0, le=5)]
    width: Annotated[float, Field(gt=0, le=0.1)] = 0.004
    velocity: XY = (0.0, 0.0)


class Area(Drawn):
    """A filled polygon."""

    kind: Literal["area"] = "area"
    points: Annotated[tuple[XY, ...], Field(min_length=3, max_length=2000)]


class Text(Drawn):
    """A line of text; ``angle`` is the direction of its baseline."""

    kind: Literal["text"] = "text"
    text: Annotated[str, Field(max_length=200)]
    position: XY
    """Middle of the text."""
    height: Annotated[float, Field(gt=0, le=1)] = 0.04
    angle: float = 0.0


Element = Annotated[Line | Arc | Ring | Area | Text, Field(discriminator="kind")]


class Scene(FrameMessage):
    """What shall be seen on the cloth: table metres only, no physics."""

    table: str
    width: float
    length: float
    ball_radius: float
    elements: tuple[Element, ...] = ()
    keep_clear: tuple[XY, ...] = ()
    """Ball centres over which nothing is drawn: own light must not disturb vision."""


class Flip(FrameMessage):
    """The projector has shown a scene derived from that frame."""

    flip_ns: int
    draw_ms: float
    mode: Literal["fullscreen", "window", "offscreen"]
    width: int
    height: int
    calibration: str | None = None
    light_sequence: int | None = None
    """Sequence number in the light ring."""

    @property
    def latency_s(self) -> float:
        """Middle of the exposure to the flip, in seconds."""
        return (self.flip_ns - self.exposure_ns) / 1e9


class Pattern(Message):
    """Shown by the projector instead of the scene, in shares of its own picture.

    It is repeated while it is wanted: half a second after the last one the scene comes back.
    """

    number: int
    """Tells it from earlier ones."""
    dots: Annotated[tuple[XY, ...], Field(max_length=2000)] = ()
    """Middles, as shares of width and height from the top left."""
    radius: Annotated[float, Field(gt=0, le=0.1)] = 0.0065
    """Share of the width."""


class PatternShown(Message):
    """The projector shows a pattern; repeated for each one that it was asked for."""

    number: int
    flip_ns: int
    """When it came on."""
    width: int
    height: int


class CalibrationStored(Message):
    """A new calibration is on the disk; whoever works with its kind reads it."""

    id: str
    kind: Literal["camera", "projector", "colours", "physics"]


# --- the virtual table ------------------------------------------------------------------------


TrueMotion = Literal["resting", "spinning", "sliding", "rolling", "pocketed", "held"]
"""What a ball of the virtual table does: on the cloth as ``physics.state.Motion`` tells them apart,
``pocketed`` while it drops and wherever no camera sees it, ``held`` in somebody's hand."""


class TrueBall(Message):
    """Where a ball of the virtual table really is, and how it moves, in the middle of the exposure.

    Velocities in m/s, angular ones in rad/s, right-handed about the table's axes.
    """

    label: str
    x_m: float
    y_m: float
    vx: float = 0.0
    vy: float = 0.0
    on_table: bool = True
    z_m: float | None = None
    """Height of the centre above the cloth."""
    vz: float = 0.0
    spin: XYZ = (0.0, 0.0, 0.0)
    motion: TrueMotion | None = None
    visible: Probability | None = None
    """Share of its disc that neither player nor cue nor other balls cover in this picture."""


class TrueEvent(Message):
    """One event of the virtual table's physics."""

    kind: EventKind
    time_ns: int
    """Monotonic, as ``exposure_ns``."""
    labels: tuple[str, ...] = ()
    balls: tuple[int, ...] = ()
    """Places in ``GroundTruth.balls``: they tell reds apart."""
    x_m: float
    y_m: float
    pocket: str | None = None


class TruePhysics(Message):
    """What balls, cloth and cushions of the virtual table are like."""

    parameters: dict[str, float]
    """By the names of ``physics.parameters.PhysicsParameters``, SI."""
    ball_ball: str
    cushion: str
    cue: str
    """Names of the models (``physics.parameters.Models.named``)."""


class GroundTruth(FrameMessage):
    """What the virtual table knows about the picture of the same number."""

    balls: tuple[TrueBall, ...]
    cue_tip_m: XYZ | None = None
    """As the picture shows it: when the rows of the tip were exposed."""
    cue_angle_rad: float | None = None
    cue_elevation_rad: float | None = None
    phase: Literal["setup", "approach", "aim", "stroke", "rolling"] = "setup"
    rack: int = 0
    shot: int = 0
    events: tuple[TrueEvent, ...] = ()
    """Since the picture before.  A picture told again (``frame`` stays) tells the same events."""
    physics: TruePhysics | None = None


# --- the appliance itself ---------------------------------------------------------------------


class Heartbeat(Message):
    """A process lives and does something."""

    process: str
    pid: int
    sent_ns: int
    ready: bool
    progress: int
    """Counts the work done (frames, messages); one that stands still is stuck."""
    config_number: int
    """The configuration snapshot in force in the process."""
    level: Level = Level.HEALTHY
    detail: str = ""
    measures: dict[str, float] = {}


class Check(Message):
    """One thing that was looked at, and what to do when it is not as it should be."""

    name: str
    level: Level
    detail: str = ""
    advice: str = ""


class ModuleStatus(Message):
    """One supervised process."""

    status: Level
    state: str
    """State of the supervision's state machine, e.g. ``RUNNING``."""
    pid: int | None = None
    restarts: int = 0
    heartbeat_age_s: float | None = None
    detail: str = ""
    measures: dict[str, float] = {}
    checks: tuple[Check, ...] = ()
    """Those that are not HEALTHY."""


class Alert(Message):
    """Something that a person should know."""

    epoch: int
    sequence: int
    raised_ns: int
    severity: Literal["WARNING", "ERROR", "CRITICAL"]
    name: str
    text: str
    active: bool = True
    advice: str = ""
    """What staff can do."""
    player: str = ""
    """What the cloth says, when the player must act."""
    acknowledged_by: str = ""
    """Who has taken note; empty until somebody has."""
    ended_ns: int | None = None


class SystemStatus(Message):
    """The whole appliance."""

    status: Level
    version: str
    source: str
    source_kind: Literal["simulated", "film", "network", "v4l2"]
    uptime_s: float
    environment: str
    config_number: int = 1
    modules: dict[str, ModuleStatus] = {}
    detail: str = ""
    alerts: tuple[Alert, ...] = ()
    """Those that are active."""
    checks: tuple[Check, ...] = ()
    """Of configuration, storage and host; those that are not HEALTHY."""
    score: int | None = None
    """How well it performs, 0 to 100; ``None`` before anything is known."""
    score_parts: dict[str, int] = {}
    safe_mode: str = ""
    """Why only the page runs; empty in ordinary operation."""


class ProcessUsage(Message):
    """What one process uses."""

    cpu_percent: float
    rss_bytes: int
    fds: int
    threads: int


class SystemMetrics(Message):
    """A sample of the machine and of every process."""

    taken_ns: int
    cpu_percent: float
    load_1: float
    memory_percent: float
    disk_percent: float
    temperature_c: float | None = None
    """The hottest sensor."""
    processes: dict[str, ProcessUsage] = {}
    temperatures_c: dict[str, float] = {}
    throttled: bool | None = None
    """Whether the processor is held back by heat; ``None`` where the machine does not tell."""
    swap_percent: float = 0.0
    disk_free_bytes: int = 0
    disk_read_per_s: float = 0.0
    """Bytes a second, as the next three."""
    disk_write_per_s: float = 0.0
    network_received_per_s: float = 0.0
    network_sent_per_s: float = 0.0
    process_count: int = 0
    """All of the machine."""
    thread_count: int = 0
    """Of our processes."""


class Repair(Message):
    """A problem, what was done about it, and what came of it."""

    problem: str
    module: str
    remedy: str
    attempt: int
    began_ns: int
    detail: str = ""
    """What was wrong, and what was done."""
    outcome: Literal["waiting", "trying", "worked", "no help", "refused"] = "trying"


class Care(Message):
    """A word of the orchestrator to one process, or to all (``*``), carried out in its loop."""

    module: str
    what: Literal["reset_state", "clear_cache"]


class ConfigSnapshot(Message):
    """A new configuration is in force; the file holds it whole."""

    number: int
    path: str
    changed: tuple[str, ...] = ()


# --- commands: request and reply --------------------------------------------------------------


class Empty(Message):
    """Nothing to say."""


class Done(Message):
    """A command was carried out, or why not."""

    ok: bool
    detail: str = ""


class AnalyzeRequest(Message):
    """Predict the present aim, or the aim given here.

    Whatever is ``None`` stays as somebody aims at this moment; where nobody does, the cue is level
    and strikes the middle of the ball at the configured speed.
    """

    angle_rad: float | None = None
    speed: Annotated[float, Field(gt=0, le=15)] | None = None
    elevation_rad: Annotated[float, Field(ge=0, le=1.5)] | None = None
    side: Annotated[float, Field(ge=-0.9, le=0.9)] | None = None
    """Tip offset in ball radii, + is right; 0 is the middle, as for ``height``."""
    height: Annotated[float, Field(ge=-0.9, le=0.9)] | None = None
    """Tip offset in ball radii, + is above centre."""


class AnalyzeReply(Message):
    """The prediction, or one sentence why there is none."""

    prediction: Prediction | None = None
    detail: str = ""


class DrillBall(Message):
    """Where a ball is to be set up."""

    label: str
    x_m: float
    y_m: float


class DrillZone(Message):
    """Where the cue ball shall end."""

    centre: XY
    radius: Annotated[float, Field(gt=0, le=1)]


class Drill(Message):
    """An exercise: balls to set up, zones to reach, a way to copy; table metres."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    balls: Annotated[tuple[DrillBall, ...], Field(min_length=1, max_length=22)]
    zones: Annotated[tuple[DrillZone, ...], Field(max_length=10)] = ()
    path: Annotated[tuple[XY, ...], Field(max_length=200)] = ()


class AssistanceRequest(Message):
    """How much a player wants to be shown; each player's choice is remembered."""

    level: Literal["off", "beginner", "intermediate", "advanced", "drill"] | None
    """``None``: as that player chose last."""
    player: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)] | None = None
    """Who plays from now on; ``None``: whoever does now, empty: a guest."""
    drill: Drill | None = None
    """For the level ``drill``; a built-in one when ``None``."""


class CodeRequest(Message):
    """Show a QR code on the cloth while nobody aims."""

    text: Annotated[str, Field(min_length=1, max_length=200)]
    seconds: Annotated[float, Field(gt=0, le=300)] = 30.0


class CalibrateRequest(Message):
    """Start a calibration."""

    corners_px: tuple[XY, XY, XY, XY] | None = None
    """Cushion-nose corners (0,0), (w,0), (w,l), (0,l) in the picture; found when ``None``."""


class CameraGeometry(Message):
    """A camera as plain numbers, named and defined as in ``camera_model.CameraModel.to_dict``."""

    width: int
    height: int
    focal: XY
    centre: XY
    rotation: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    translation: XYZ
    distortion: Annotated[tuple[float, ...], Field(min_length=5, max_length=5)]


class CalibrationStatus(Message):
    """What is calibrated, when, how well, and what is not."""

    camera: str | None = None
    camera_date: str | None = None
    camera_residual_mm: float | None = None
    projector: str | None = None
    projector_date: str | None = None
    projector_residual_mm: float | None = None
    projector_drift_mm: float | None = None
    """How far beside its place the projector's light was last seen in play."""
    recalibrate_projector: bool = False
    """Its light has drifted: calibrate when the table is free."""
    colours: str | None = None
    detail: str = ""
    camera_model: CameraGeometry | None = None
    """The camera in force, so that the page can draw over its picture."""


class BallCorrection(Message):
    """What a person says about one tracked ball; whatever is ``None`` was right.

    It holds for the rest of the rack: a label for good, a position until the ball moves, and where
    there is no ball none is seen again.
    """

    track: int
    epoch: int
    """Of the table state that the person looked at: track numbers mean nothing in another."""
    label: str | None = None
    position_m: XY | None = None
    absent: bool = False
    """There is no ball at all."""


class ConfigReply(Message):
    """The configuration in force; secrets left out."""

    number: int
    config: dict[str, object]


class ConfigChange(Message):
    """Keys to change, as a nested mapping like the configuration itself."""

    changes: dict[str, object]


class ModuleRequest(Message):
    """A word about one module."""

    module: str


class AcknowledgeRequest(Message):
    """Somebody has taken note of an alert."""

    name: str
    by: Annotated[str, Field(max_length=80)] = "staff"


class AlertLog(Message):
    """Alerts and repairs since the appliance started, newest first."""

    alerts: tuple[Alert, ...] = ()
    repairs: tuple[Repair, ...] = ()


class HistoryRequest(Message):
    """Measures of the last hour."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 3600.0
    points: Annotated[int, Field(ge=2, le=3600)] = 360
    """The most that are wanted of each series; each is the mean of those between."""


class HistoryReply(Message):
    """Series over time; ``None`` where nothing was measured."""

    age_s: tuple[float, ...] = ()
    """Of each point."""
    series: dict[str, tuple[float | None, ...]] = {}
