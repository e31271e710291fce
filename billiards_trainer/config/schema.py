"""Every key that can be set, with unit, range and default.

One class per section.  Unknown keys are refused.  Sections are immutable; a changed configuration
is a new snapshot with a new number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from billiards_trainer import table as tables
from billiards_trainer.physics.parameters import Models

Environment = Literal["development", "testing", "production"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Remedy = Literal[
    "RESTART_MODULE", "RESTART_SYSTEM", "RESET_STATE", "CLEAR_CACHE", "FAILOVER", "ALERT_ONLY"
]

VERSION = 2
"""Of the format of configuration files; see ``migrations``."""


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TableConfig(Section):
    """Which table hangs below the camera."""

    preset: str = Field("pool-9ft", description="one of " + ", ".join(tables.TABLE_NAMES))
    game: Literal["pool", "snooker", "carom"] | None = Field(
        None, description="balls and pockets of a table measured by hand; the preset's when unset"
    )
    length: Annotated[float, Field(gt=0)] | None = Field(
        None, description="nose to nose along the long side, metres; the preset's when unset"
    )
    width: Annotated[float, Field(gt=0)] | None = Field(
        None, description="nose to nose along the short side, metres; the preset's when unset"
    )
    ball_diameter: Annotated[float, Field(ge=0.03, le=0.08)] | None = Field(
        None, description="metres; the game's own when unset"
    )
    cushion_height: Annotated[float, Field(ge=0.015, le=0.06)] | None = Field(
        None, description="nose above the cloth, metres; the preset's when unset"
    )
    pockets: Literal["standard", "tight", "loose"] = Field(
        "standard", description="how the pockets are cut"
    )
    corner_mouth: Annotated[float, Field(ge=0.05, le=0.2)] | None = Field(
        None, description="between the noses of a corner pocket, metres; as cut when unset"
    )
    side_mouth: Annotated[float, Field(ge=0.05, le=0.2)] | None = Field(
        None, description="the same of a side pocket"
    )

    @field_validator("preset")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in tables.TABLE_NAMES:
            raise ValueError(f"known tables are {', '.join(tables.TABLE_NAMES)}")
        return value

    def to_table(self) -> tables.Table:
        """The table meant.

        Raises:
            TableError: the sizes are not a table's.
        """
        base = tables.preset(self.preset)
        game = self.game or base.game
        corner, side = self._pockets(game)
        measured = (self.game, self.length, self.width, self.ball_diameter, self.cushion_height)
        if all(value is None for value in measured):
            return tables.preset(self.preset, corner=corner, side=side)
        return tables.build(
            "measured",
            game,
            self.length or base.length,
            self.width or base.width,
            ball_diameter=self.ball_diameter,
            cushion_height=self.cushion_height,
            rail_width=base.rail_width,
            corner=corner,
            side=side,
        )

    def _pockets(
        self, game: tables.Game
    ) -> tuple[tables.PocketShape | None, tables.PocketShape | None]:
        """Shapes of the corner and the side pockets; ``None`` for the game's own."""
        if self.pockets == "standard" and self.corner_mouth is None and self.side_mouth is None:
            return None, None
        corner, side = tables.pocket_shapes(game, self.pockets)
        return (
            replace(corner, mouth=self.corner_mouth or corner.mouth),
            replace(side, mouth=self.side_mouth or side.mouth),
        )


class SourceConfig(Section):
    """Where pictures come from."""

    url: str = Field(
        "simulated",
        description="simulated, v4l2:N, rtsp://…, http://… (MJPEG), or the path of a film; "
        "production names one, the others have simulated",
    )
    width: int = Field(1280, ge=160, le=3840, description="pixels")
    height: int = Field(720, ge=120, le=2160, description="pixels")
    fps: float = Field(30.0, gt=0, le=120, description="pictures a second asked of the source")
    delay_s: float = Field(0.0, ge=0, le=5, description="known delay of a network camera, seconds")
    fallback_url: str | None = Field(
        None,
        description="second real camera (v4l2:N, rtsp://…, http://…), used when the first is lost",
    )
    loop: bool = Field(True, description="play a film again when it ends")
    stall_s: float = Field(
        2.0, gt=0, le=60, description="without a picture for so many seconds it is said to stall"
    )
    timeout_s: float = Field(
        5.0, gt=0, le=60, description="a camera that is silent for so many seconds is opened again"
    )
    hang_s: float = Field(
        15.0, gt=0, le=600, description="a read that hangs for so many seconds ends its process"
    )


class VisionConfig(Section):
    """Detection and tracking."""

    drift_check_s: float = Field(
        20.0, ge=2, le=3600, description="seconds between two looks whether the camera was moved"
    )
    drift_limit_mm: float = Field(
        6.0, ge=1, le=50, description="the camera counts as moved from here on, millimetres"
    )
    projector_drift_mm: float = Field(
        6.0, ge=2, le=50, description="the same of the projector's light, millimetres"
    )


class PhysicsConfig(Section):
    """Models that shots are predicted with; docs/physics.md says what they are."""

    ball_ball: Literal["elastic", "alciatore", "coulomb", "mathavan_2014"] = Field(
        "alciatore", description="how two balls part"
    )
    cushion: Literal["mirror", "han_2005", "stronge", "mathavan_2010"] = Field(
        "stronge", description="how a ball leaves a cushion"
    )
    cue: Literal["point", "point_without_squirt"] = Field(
        "point", description="how the cue sets a ball in motion"
    )

    def to_models(self) -> Models:
        """The models meant."""
        return Models.named(self.ball_ball, self.cushion, self.cue)


class CoreConfig(Section):
    """Shots and guidance."""

    assistance: Literal["off", "beginner", "intermediate", "advanced", "drill"] = Field(
        "beginner", description="how much the player is shown"
    )
    cue_speed: float = Field(
        2.0, ge=0.3, le=8, description="assumed until a practice stroke is seen, m/s"
    )
    aim_noise: float = Field(
        0.006, ge=0, le=0.1, description="how far players miss their aim, standard deviation, rad"
    )
    comparison_s: float = Field(
        6.0, ge=0, le=60, description="how long the last shot is compared with its prediction, s"
    )
    idle_s: float = Field(
        180.0,
        ge=5,
        le=86400,
        description="a table unused for so long shows it is ready, seconds",
    )
    night_s: float = Field(
        1800.0, ge=5, le=86400, description="after so many seconds the cloth goes dark"
    )
    stale_s: float = Field(
        1.0, ge=0.2, le=30, description="after so many seconds without a picture the cloth says so"
    )


class ProjectorConfig(Section):
    """The projector's display."""

    display: str | None = Field(None, description="name of the display; the first when unset")
    mode: Literal["auto", "fullscreen", "window", "offscreen"] = Field(
        "auto",
        description="auto: full screen on a named display or in production, else a window; "
        "offscreen where there is no display",
    )
    width: int = Field(1920, ge=320, le=3840, description="pixels, in a window or offscreen")
    height: int = Field(1080, ge=240, le=2160, description="pixels, in a window or offscreen")
    fps: float = Field(60.0, gt=0, le=120, description="flips a second offscreen")
    brightness: float = Field(1.0, gt=0, le=1, description="share of full brightness")
    display_delay_s: float = Field(
        0.0, ge=0, le=0.5, description="known time from a flip until it is light, seconds"
    )
    corners_px: (
        tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
        | None
    ) = Field(
        None,
        description="pixels, of width x height, that light the nose corners near left, near right, "
        "far right, far left; the table in the middle, its head to the left, when unset",
    )


class ApiConfig(Section):
    """Web page and REST interface."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0: any free one")
    workers: int = Field(1, ge=1, le=8, description="processes that answer requests")
    preview_fps: float = Field(15.0, gt=0, le=60, description="pictures a second in the preview")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="names, beside localhost, under which a browser may ask for the page"
    )


class SimulationConfig(Section):
    """The virtual table."""

    seed: int = Field(1, ge=0, description="the same seed gives the same pictures and shots")
    lock_step: bool = Field(
        False, description="the world waits for the answer to each picture (tests)"
    )
    rack: Literal["auto", "8-ball", "9-ball", "snooker", "carom"] = Field(
        "auto", description="the rack that is played; auto: the usual one of the table"
    )
    tempo: float = Field(
        1.0, ge=0.25, le=8, description="how much quicker than a calm person the player moves"
    )
    room: Literal["show", "random"] = Field(
        "show", description="room, camera and balls: the show room, or drawn by the seed"
    )
    physics: Literal["standard", "random"] = Field(
        "standard", description="true physics: the table's standard, or drawn by the seed around it"
    )
    projector: Literal["nominal", "random"] = Field(
        "nominal",
        description="its projector: where the projector module expects it, or hung by the seed; "
        "then it needs calibrating",
    )
    drawn_ahead_s: float = Field(
        0.0,
        ge=0,
        le=20,
        description="seconds of play drawn before the start and shown again and again, to measure "
        "what comes after the camera; 0: drawn live",
    )


class StorageConfig(Section):
    """Where shots, calibrations and settings are kept."""

    state_dir: str | None = Field(
        None,
        description="folder; $STATE_DIRECTORY, else ~/.local/state/billiards-trainer when unset",
    )


class SystemConfig(Section):
    """Supervision."""

    modules_off: tuple[Literal["vision", "core", "projector", "api"], ...] = Field(
        (), description="modules that are not started"
    )
    health_interval: float = Field(
        1.0, ge=0.1, le=60, description="seconds between two samples of health and metrics"
    )
    shutdown_timeout: float = Field(
        4.0, ge=0.5, le=60, description="seconds that all processes together have to end"
    )
    runtime_dir: str | None = Field(
        None,
        description="folder of sockets; $RUNTIME_DIRECTORY, else one below $XDG_RUNTIME_DIR or "
        "/tmp when unset",
    )
    shm_dir: str = Field("/dev/shm", description="shared memory for pictures")
    memory_limit_mb: float = Field(
        1500.0, ge=50, le=100_000, description="a module that holds more is started anew, megabytes"
    )
    failed_boots: int = Field(
        3,
        ge=0,
        le=100,
        description="starts in a row that fail before safe mode (page only); 0: never",
    )
    boot_s: float = Field(
        60.0, ge=1, le=3600, description="a start that lasts so many seconds has not failed"
    )


class MonitoringConfig(Section):
    """Samples of the machine and of the modules."""

    enabled: bool = Field(True, description="take samples of processor, memory and disk")


class AlertsConfig(Section):
    """When people are told."""

    hold_s: float = Field(
        1.5, ge=0, le=600, description="a module must be in trouble so many seconds"
    )
    threshold_hold_s: float = Field(
        10.0, ge=0, le=600, description="a measure must be beyond its threshold so many seconds"
    )
    cpu_warning: float = Field(70.0, ge=1, le=100, description="processor in use, percent")
    cpu_critical: float = Field(90.0, ge=1, le=100, description="processor in use, percent")
    memory_warning: float = Field(80.0, ge=1, le=100, description="memory in use, percent")
    memory_critical: float = Field(95.0, ge=1, le=100, description="memory in use, percent")
    disk_warning: float = Field(85.0, ge=1, le=100, description="disk of the records, percent full")
    disk_critical: float = Field(
        95.0, ge=1, le=100, description="disk of the records, percent full"
    )
    temperature_warning: float = Field(85.0, ge=20, le=150, description="hottest sensor, °C")
    temperature_critical: float = Field(95.0, ge=20, le=150, description="hottest sensor, °C")
    vision_fps_warning: float = Field(15.0, ge=0, le=120, description="pictures a second, below")
    vision_fps_critical: float = Field(5.0, ge=0, le=120, description="pictures a second, below")
    api_errors_warning: float = Field(5.0, ge=0, le=100, description="failed requests, percent")
    api_errors_critical: float = Field(10.0, ge=0, le=100, description="failed requests, percent")
    webhooks: tuple[str, ...] = Field(
        (), description="addresses that get each alert as JSON by POST; may hold ${secret} names"
    )

    @field_validator("webhooks")
    @classmethod
    def _web(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not address.startswith(("http://", "https://")):
                raise ValueError(f"a webhook is an http:// or https:// address, not {address!r}")
        return value


class Policy(Section):
    """What is done about one problem; a second row for it is tried when the first is used up."""

    problem: str = Field(description="name of the problem, e.g. vision, memory, several modules")
    remedy: Remedy = Field(description="what is done")
    attempts: int = Field(1, ge=1, le=100, description="how often before it counts as no help")
    backoff_s: float = Field(10.0, ge=0, le=3600, description="wait after an attempt; doubles")
    check_s: float = Field(10.0, ge=0.1, le=600, description="time the remedy has to work, seconds")


class RecoveryConfig(Section):
    """How the appliance helps itself; modules that end are started again in any case."""

    enabled: bool = Field(True, description="start failed modules again and apply remedies")
    memory_percent: float = Field(
        90.0, ge=10, le=100, description="memory is a problem from here on, percent"
    )
    hold_s: float = Field(5.0, ge=0, le=600, description="a problem must last so many seconds")
    patience_s: float = Field(
        600.0, ge=0, le=86_400, description="the longest a remedy waits for the end of a shot"
    )
    policies: tuple[Policy, ...] = Field(
        (
            Policy(problem="camera", remedy="FAILOVER", check_s=15),
            Policy(problem="camera", remedy="RESTART_MODULE", attempts=3, backoff_s=30, check_s=15),
            Policy(problem="simulation", remedy="RESTART_MODULE", attempts=3),
            Policy(problem="vision", remedy="RESTART_MODULE", attempts=3),
            Policy(problem="core", remedy="RESET_STATE", attempts=2, check_s=5),
            Policy(problem="core", remedy="RESTART_MODULE", attempts=3),
            Policy(problem="projector", remedy="RESTART_MODULE", attempts=2),
            Policy(problem="projector", remedy="FAILOVER"),
            Policy(problem="api", remedy="RESTART_MODULE", attempts=3),
            Policy(problem="memory", remedy="CLEAR_CACHE", attempts=3, backoff_s=60),
            Policy(problem="memory limit", remedy="RESTART_MODULE", attempts=3, backoff_s=60),
            Policy(problem="several modules", remedy="RESTART_SYSTEM", backoff_s=120, check_s=60),
            Policy(problem="disk", remedy="ALERT_ONLY"),
        ),
        description="in the order in which they are tried",
    )


class LoggingConfig(Section):
    """What is written down."""

    level: LogLevel = Field("INFO", description="least level that is written")
    levels: tuple[str, ...] = Field(
        (), description="other levels for single processes, e.g. vision=DEBUG"
    )
    file: str | None = Field(None, description="also append to this file")
    json_lines: bool = Field(False, description="one JSON object a line instead of text")
    repeats_per_minute: int = Field(
        20, ge=1, le=100_000, description="the same line of a process is written so often a minute"
    )

    @field_validator("levels")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            process, _, level = pair.partition("=")
            if not process or level not in get_args(LogLevel):
                raise ValueError(f"write PROCESS=LEVEL, e.g. vision=DEBUG, not {pair!r}")
        return value

    def level_of(self, process: str) -> str:
        """The least level that a process writes."""
        return dict(pair.split("=", 1) for pair in self.levels).get(process, self.level)


class Config(Section):
    """The whole configuration."""

    version: int = Field(VERSION, description="of the format of configuration files")
    environment: Environment = Field("development", description="which profile applies")
    table: TableConfig = TableConfig()
    source: SourceConfig = SourceConfig()
    vision: VisionConfig = VisionConfig()
    physics: PhysicsConfig = PhysicsConfig()
    core: CoreConfig = CoreConfig()
    projector: ProjectorConfig = ProjectorConfig()
    api: ApiConfig = ApiConfig()
    simulation: SimulationConfig = SimulationConfig()
    storage: StorageConfig = StorageConfig()
    system: SystemConfig = SystemConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    alerts: AlertsConfig = AlertsConfig()
    recovery: RecoveryConfig = RecoveryConfig()
    logging: LoggingConfig = LoggingConfig()


FIXED_KEYS = frozenset(
    {
        "api.host",
        "api.port",
        "api.allowed_hosts",
        "storage.state_dir",
        "system.runtime_dir",
        "system.shm_dir",
        "logging.file",
        "alerts.webhooks",
    }
)
"""Keys that name places of this machine: set where it is installed, never over the network."""

RELOADABLE_SECTIONS = frozenset(
    {"alerts", "core", "logging", "monitoring", "physics", "projector", "recovery"}
)
"""Sections whose changes take effect at once; the others need a restart of the appliance."""
