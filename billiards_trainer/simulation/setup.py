"""Everything about one virtual room that is not the table's geometry: what domain randomisation
varies.

Colours are linear RGB (0…1); ``srgb`` reads them from the notation of screens.
"""

from __future__ import annotations

# ruff: noqa: RUF009  (colours and looks are immutable)
import math
from dataclasses import dataclass, field

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.table import Table

Colour = tuple[float, float, float]
XYZ = tuple[float, float, float]
Matrix3 = tuple[float, float, float, float, float, float, float, float, float]

IDENTITY: Matrix3 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def srgb(text: str) -> Colour:
    """Linear RGB of a screen colour ``#rrggbb`` (IEC 61966-2-1)."""
    values = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


@dataclass(frozen=True, slots=True)
class Lamp:
    """A rectangular lamp that shines down.

    ``size`` is its half extent along x and y in metres; ``power`` the light it gives straight
    below on the cloth, where 1 lets white paper fill the camera's range.
    """

    position: XYZ
    size: tuple[float, float]
    power: float
    colour: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Sensor:
    """How light becomes a picture.

    ``noise`` is in display levels, ``grain`` and ``blur`` are widths (sigma) in pixels, ``toe``
    and ``shoulder`` bend the tone curve, ``vignette`` is the loss at the corners.  Rows are read
    out one after the other within ``readout_s``.
    """

    exposure_s: float = 0.006
    readout_s: float = 0.008
    gain: float = 0.92
    white_balance: Colour = (1.0, 1.0, 1.0)
    saturation: float = 1.05
    contrast: float = 0.12
    noise: float = 1.8
    grain: float = 0.55
    blur: float = 0.5
    vignette: float = 0.12


@dataclass(frozen=True, slots=True)
class ClothLook:
    """The cloth: ``nap`` is its fine texture, ``wear`` its slow unevenness, as shares of 1."""

    colour: Colour = srgb("#3d917b")
    nap: float = 0.045
    wear: float = 0.06
    chalk: int = 14
    markings: Colour = (0.75, 0.75, 0.72)


@dataclass(frozen=True, slots=True)
class RailLook:
    """Rails, cushions and pockets; lengths in metres."""

    wood: Colour = srgb("#6b3423")
    grain: float = 0.35
    gloss: float = 0.25
    sight: Colour = srgb("#efe9dc")
    sight_radius: float = 0.0065
    corner: Colour = srgb("#55585e")
    corner_reach: float = 0.17
    liner: Colour = srgb("#1d1c1c")
    cushion_width: float = 0.048
    height: float = 0.044
    rounding: float = 0.06


@dataclass(frozen=True, slots=True)
class BallLook:
    """The set of balls: colours by label; shapes in ball radii."""

    colours: dict[str, Colour] = field(default_factory=dict)
    white: Colour = srgb("#e8e2d2")
    stripe_half_width: float = 0.55
    disc_radius: float = 0.36
    gloss: float = 1.0
    cue_dots: float = 0.0
    """Radius of the six red dots that some cue balls wear, in ball radii; 0: none."""


@dataclass(frozen=True, slots=True)
class CueLook:
    """The cue; lengths in metres."""

    length: float = 1.47
    tip_diameter: float = 0.0128
    butt_diameter: float = 0.029
    tip: Colour = srgb("#3f6f8f")
    ferrule: Colour = srgb("#f5f2ea")
    shaft: Colour = srgb("#dcb887")
    butt: Colour = srgb("#3a2016")
    wrap: Colour = srgb("#22242a")


@dataclass(frozen=True, slots=True)
class PlayerLook:
    """The player's body as far as the camera sees it."""

    skin: Colour = srgb("#d19a7c")
    sleeve: Colour = srgb("#39445c")
    torso: Colour = srgb("#39445c")
    hair: Colour = srgb("#3b2a1f")
    bare_forearm: bool = False
    left_handed: bool = False
    visible: bool = True
    """Without a body only the cue is seen."""


@dataclass(frozen=True, slots=True)
class ProjectorLook:
    """The projector.

    ``strength`` is the light of a white pixel on the cloth, ``black`` that of a black one.
    ``error`` is a homography from where light really falls on the cloth to where the projector's
    own calibration believes it falls (H_calibrated^-1 · H_true), row by row.
    """

    position: XYZ = (0.635, 1.27, 2.4)
    strength: float = 2.3
    black: float = 0.006
    error: Matrix3 = IDENTITY


@dataclass(frozen=True, slots=True)
class RoomLook:
    """What lies around the table."""

    floor: Colour = srgb("#3a3634")
    floor_pattern: float = 0.25
    clutter: int = 5


@dataclass(frozen=True, slots=True)
class Setup:
    """One room, one camera, one set of balls, one player."""

    camera: CameraModel
    lamps: tuple[Lamp, ...]
    ambient: Colour = (0.13, 0.13, 0.14)
    sensor: Sensor = Sensor()
    cloth: ClothLook = ClothLook()
    rails: RailLook = RailLook()
    balls: BallLook = BallLook()
    cue: CueLook = CueLook()
    player: PlayerLook = PlayerLook()
    projector: ProjectorLook = ProjectorLook()
    room: RoomLook = RoomLook()
    seed: int = 1
    """Decides textures and noise."""

    @classmethod
    def default(cls, table: Table, *, width: int = 1280, height: int = 720) -> Setup:
        """The show room: camera 2.5 m up, slightly off-centre and tilted."""
        w, length = table.width, table.length
        camera = fitted_camera(
            table,
            eye=(0.53 * w, 0.47 * length, 2.5),
            width=width,
            height=height,
            roll=math.radians(0.4),
            distortion=(-0.045, 0.008, 0.0004, -0.0003, 0.0),
        )
        lamps = (
            Lamp((-0.15 * w, 0.30 * length, 1.75), (0.07, 0.20), 0.95, (1.0, 0.97, 0.91)),
            Lamp((1.05 * w, 0.52 * length, 1.95), (0.07, 0.20), 0.58, (1.0, 0.97, 0.92)),
            Lamp((0.15 * w, 0.84 * length, 1.85), (0.07, 0.20), 0.55, (1.0, 0.98, 0.93)),
        )
        return cls(
            camera=camera,
            lamps=lamps,
            projector=ProjectorLook(position=(0.45 * w, 0.52 * length, 2.45), strength=4.5),
        )

    @classmethod
    def random(cls, table: Table, seed: int, *, width: int = 1280, height: int = 720) -> Setup:
        """A room drawn by its seed; see ``randomise.random_setup``."""
        from billiards_trainer.simulation.randomise import random_setup

        return random_setup(table, seed, width=width, height=height)


def fitted_camera(
    table: Table,
    *,
    eye: XYZ,
    width: int,
    height: int,
    roll: float = 0.0,
    aim: tuple[float, float] = (0.0, 0.0),
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0),
    margin: float = 0.025,
) -> CameraModel:
    """A camera whose focal length lets the table's outer edge just fit into the picture.

    Args:
        table: what to look at.
        eye: where the camera hangs, metres.
        width: of the picture, pixels.
        height: of the picture, pixels.
        roll: turn about the viewing axis, rad.
        aim: offset of the point looked at from the table's middle, metres.
        distortion: Brown-Conrady coefficients.
        margin: free share of the picture's height on each side; negative crops the table.

    Returns:
        The camera; the head end of the table lies to the left.
    """
    target = (table.width / 2 + aim[0], table.length / 2 + aim[1], 0.0)
    up = (-math.cos(roll), math.sin(roll), 0.0)
    r, z = table.rail_width, 0.044
    outer = [
        (x, y, z)
        for x in (-r, table.width / 2, table.width + r)
        for y in (-r, table.length / 2, table.length + r)
    ]
    free = margin * height

    def fits(focal: float) -> bool:
        camera = CameraModel.look_at(
            eye, target, up, width=width, height=height, focal=focal, distortion=distortion
        )
        p = camera.to_pixels(outer)
        return bool(
            (p[:, 0] >= free).all()
            and (p[:, 0] <= width - 1 - free).all()
            and (p[:, 1] >= free).all()
            and (p[:, 1] <= height - 1 - free).all()
        )

    low, high = 0.05 * width, 6.0 * width
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return CameraModel.look_at(
        eye, target, up, width=width, height=height, focal=low, distortion=distortion
    )
