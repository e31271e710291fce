"""Every key that can be set, with unit, range and default.

One class per section.  Unknown keys are refused.  Sections are immutable; a changed configuration
is a new snapshot with a new number.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from billiards_trainer import table as tables

Environment = Literal["development", "testing", "production"]


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
        measured = (self.game, self.length, self.width, self.ball_diameter)
        if all(value is None for value in measured):
            return base
        return tables.build(
            "measured",
            self.game or base.game,
            self.length or base.length,
            self.width or base.width,
            ball_diameter=self.ball_diameter,
            rail_width=base.rail_width,
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
    monitoring: bool = Field(True, description="take samples of processor, memory and disk")
    recovery: bool = Field(True, description="start failed modules again")
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


class LoggingConfig(Section):
    """What is written down."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="least level that is written"
    )
    file: str | None = Field(None, description="also append to this file")
    json_lines: bool = Field(False, description="one JSON object a line instead of text")


class Config(Section):
    """The whole configuration."""

    environment: Environment = Field("development", description="which profile applies")
    table: TableConfig = TableConfig()
    source: SourceConfig = SourceConfig()
    vision: VisionConfig = VisionConfig()
    core: CoreConfig = CoreConfig()
    projector: ProjectorConfig = ProjectorConfig()
    api: ApiConfig = ApiConfig()
    simulation: SimulationConfig = SimulationConfig()
    storage: StorageConfig = StorageConfig()
    system: SystemConfig = SystemConfig()
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
    }
)
"""Keys that name places of this machine: set where it is installed, never over the network."""

RELOADABLE_SECTIONS = frozenset({"core", "logging", "projector"})
"""Sections whose changes take effect at once; the others need a restart of the appliance."""
