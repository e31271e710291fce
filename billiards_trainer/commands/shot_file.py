"""The file that describes one shot for ``billiards-trainer simulate``: schema and reading.

Lengths in metres, speeds in m/s, angles in radians, spins in rad/s, in the table frame.  Unknown
keys and numbers that are not finite are refused.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from billiards_trainer import table as tables
from billiards_trainer.errors import InputError
from billiards_trainer.physics import parameters as physics
from billiards_trainer.physics.geometry import (
    Circle,
    Geometry,
    GeometryError,
    Segment,
    build,
    check_height,
    for_table,
)
from billiards_trainer.physics.state import BallsState, StateError
from billiards_trainer.physics.strike import Strike, StrikeError

Pair = tuple[float, float]
Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0.0)]
# No table is larger, and numbers beyond all measure would overflow.
Coordinate = Annotated[float, Field(ge=-100.0, le=100.0)]
Place = tuple[Coordinate, Coordinate]
Extent = Annotated[float, Field(gt=0.0, le=100.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class PocketCutPart(_Part):
    """How the corner or side pockets are cut; what is left out is the table's own.

    See ``table.PocketShape``.
    """

    mouth: float | None = None
    cut_angle: float | None = None
    shelf: float | None = None
    hole_radius: float | None = None
    jaw_radius: float | None = None


class _WithPockets(_Part):
    pockets: Literal["standard", "tight", "loose"] = "standard"
    corner: PocketCutPart | None = None
    side: PocketCutPart | None = None


class PresetTable(_WithPockets):
    """A preset table with pockets of another cut."""

    preset: str


class MeasuredTable(_WithPockets):
    """A table measured by hand; see ``table.build``."""

    game: Literal["pool", "snooker", "carom"]
    length: Positive
    width: Positive
    ball_diameter: Positive | None = None
    cushion_height: Positive | None = None


class SegmentPart(_Part):
    """A straight cushion; ``cloth`` says on which side of start → end balls may be."""

    start: Place
    end: Place
    height: Positive
    cloth: Literal["left", "both"] = "both"


class JawPart(_Part):
    """A round jaw."""

    centre: Place
    radius: Annotated[float, Field(ge=0.0, le=100.0)]
    height: Positive


class HolePart(_Part):
    """A hole; a ball whose centre comes within ``radius`` of ``centre`` drops."""

    centre: Place
    radius: Extent


class ExplicitTable(_Part):
    """Cushions, jaws and pockets of any arrangement."""

    segments: tuple[SegmentPart, ...] = Field(max_length=1000)
    jaws: tuple[JawPart, ...] = Field(default=(), max_length=1000)
    pockets: tuple[HolePart, ...] = Field(default=(), max_length=1000)


class ParametersPart(_Part):
    """A standard set by name, and what differs from it; see ``physics.parameters``."""

    standard: Literal["pool", "snooker", "carom"] | None = None
    mass: float | None = None
    radius: float | None = None
    mu_slide: float | None = None
    mu_roll: float | None = None
    mu_spin: float | None = None
    e_ball: float | None = None
    mu_ball: float | None = None
    mu_ball_a: float | None = None
    mu_ball_b: float | None = None
    mu_ball_c: float | None = None
    e_cushion: float | None = None
    mu_cushion: float | None = None
    cushion_ratio: float | None = None
    gravity: float | None = None


class ModelsPart(_Part):
    """Models by name; see ``physics.parameters``."""

    ball_ball: str = "alciatore"
    cushion: str = "stronge"
    cue: str = "point"


class BallPart(_Part):
    """A ball; what is left out is zero, and its label is its place in the list."""

    label: str | None = None
    position: Place | tuple[Coordinate, Coordinate, Coordinate]
    velocity: Pair | Triple = (0.0, 0.0)
    spin: Triple = (0.0, 0.0, 0.0)
    pocketed: bool = False

    @model_validator(mode="after")
    def _stays_on_the_cloth(self) -> BallPart:
        if len(self.velocity) == 3 and self.velocity[2] != 0.0:
            raise ValueError("a ball cannot leave the cloth: the third velocity must be 0")
        return self


class StrikePart(_Part):
    """A stroke of the cue; see ``physics.strike``."""

    ball: int | str = 0
    speed: float
    direction: float
    elevation: float = 0.0
    side: float = 0.0
    height: float = 0.0
    cue_mass: float = 0.54
    end_mass: float = 0.00567


class LimitsPart(_Part):
    """Bounds on the run."""

    max_events: int = Field(default=100_000, ge=1, le=1_000_000)
    max_time: float = Field(default=300.0, gt=0.0, le=3600.0)


class ShotFile(_Part):
    """One shot."""

    table: str | PresetTable | MeasuredTable | ExplicitTable = "pool-9ft"
    parameters: ParametersPart = ParametersPart()
    models: ModelsPart = ModelsPart()
    balls: tuple[BallPart, ...] = Field(min_length=1, max_length=64)
    strike: StrikePart | None = None
    limits: LimitsPart = LimitsPart()


class Shot:
    """A shot file made ready for the engine.

    Attributes:
        table: as the kernels see it.
        pocket_names: of the table's pockets, in order.
        labels: of the balls, in order.
    """

    def __init__(self, path: str, shot: ShotFile) -> None:
        try:
            table = _table(shot.table)
            self.parameters = _parameters(shot.parameters, table)
            self.models = physics.Models.named(**shot.models.model_dump())
            self.labels = _labels(shot.balls)
            self.state = _state(shot.balls, self.parameters.radius)
            self.strike = _strike(shot.strike, self.labels)
            if isinstance(table, tables.Table):
                self.table = for_table(table, self.parameters.radius)
                self.pocket_names = tuple(p.name for p in table.pockets)
            else:
                self.table = _geometry(table, self.parameters.radius)
                self.pocket_names = tuple(str(k) for k in range(len(table.pockets)))
        except GeometryError as error:
            raise InputError(f"{path}: table: {error}") from None
        except (tables.TableError, StateError, StrikeError, physics.ParameterError) as error:
            raise InputError(f"{path}: {error}") from None
        self.limits = shot.limits


def read(path: str) -> Shot:
    """Read and check a shot file.

    Raises:
        InputError: the file cannot be read, is not JSON, or does not describe a shot.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file in UTF-8") from None
    try:
        json.loads(text, object_pairs_hook=_no_twins)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, RecursionError):
        pass  # what is wrong is said better below
    try:
        shot = ShotFile.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_sentence(error, text)}") from None
    return Shot(path, shot)


def _first_sentence(error: ValidationError, text: str) -> str:
    """The first complaint; of a table's alternatives only the one the file can have meant."""
    meant = next((name for key, name in _TABLES.items() if f'"{key}"' in text), _TABLES["game"])
    alternatives = {"str", *_TABLES.values()}
    found = error.errors(include_url=False, include_input=False)
    first = next(
        (e for e in found if not (alternatives - {meant}) & {str(p) for p in e["loc"]}), found[0]
    )
    where = ".".join(
        str(p) for p in first["loc"] if str(p) not in alternatives and "[" not in str(p)
    )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "is not a key of a shot"
    elif first["type"].startswith("model_"):
        message = "must be an object with keys"
    return f"{where}: {message}" if where else message


# The key that only this kind of table has.
_TABLES = {"segments": "ExplicitTable", "preset": "PresetTable", "game": "MeasuredTable"}


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose keys must differ: which of two was meant nobody knows."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"{key}: is there twice in one object")
        found[key] = value
    return found


def _table(
    part: str | PresetTable | MeasuredTable | ExplicitTable,
) -> tables.Table | ExplicitTable:
    if isinstance(part, str):
        return tables.preset(part)
    if isinstance(part, PresetTable):
        game = tables.preset(part.preset).game
        corner, side = _cut(part, game)
        return tables.preset(part.preset, corner=corner, side=side)
    if isinstance(part, MeasuredTable):
        sizes = part.model_dump(exclude={"pockets", "corner", "side"})
        corner, side = _cut(part, part.game)
        return tables.build("measured", **sizes, corner=corner, side=side)
    return part


def _cut(
    part: PresetTable | MeasuredTable, game: tables.Game
) -> tuple[tables.PocketShape | None, tables.PocketShape | None]:
    """Corner and side pockets where the file says something of them."""
    if part.pockets == "standard" and part.corner is None and part.side is None:
        return None, None
    corner, side = tables.pocket_shapes(game, part.pockets)
    return _changed("corner", corner, part.corner), _changed("side", side, part.side)


def _changed(
    name: str, shape: tables.PocketShape, part: PocketCutPart | None
) -> tables.PocketShape:
    try:
        return shape if part is None else replace(shape, **part.model_dump(exclude_none=True))
    except tables.TableError as error:
        raise tables.TableError(f"table.{name}: {error}") from None


def _geometry(part: ExplicitTable, radius: float) -> Geometry:
    for name in ("segments", "jaws"):
        for k, piece in enumerate(getattr(part, name)):
            check_height(piece.height, radius, f"{name}.{k}.height")
    return build(
        [Segment(s.start, s.end, s.height, s.cloth == "both") for s in part.segments],
        [Circle(j.centre, j.radius, j.height) for j in part.jaws],
        [Circle(p.centre, p.radius) for p in part.pockets],
        radius,
    )


def _parameters(
    part: ParametersPart, table: tables.Table | ExplicitTable
) -> physics.PhysicsParameters:
    """As ``engine.simulate`` takes them for a table; a named set with the table's own balls."""
    if not isinstance(table, tables.Table):
        base = physics.STANDARD[part.standard or "pool"]
    elif part.standard is None:
        base = physics.for_table(table)
    else:
        base = replace(
            physics.STANDARD[part.standard], mass=table.balls.mass, radius=table.balls.radius
        )
    given = {
        field.name: value
        for field in fields(base)
        if (value := getattr(part, field.name)) is not None
    }
    return replace(base, **given)


def _labels(balls: tuple[BallPart, ...]) -> tuple[str, ...]:
    labels = tuple(str(k) if b.label is None else b.label for k, b in enumerate(balls))
    for k, label in enumerate(labels):
        if label in labels[:k]:
            raise StateError(f"balls.{k}.label: {label!r} is the name of two balls")
    return labels


def _state(balls: tuple[BallPart, ...], radius: float) -> BallsState:
    for k, ball in enumerate(balls):
        # What the output says of a ball may be put in again; a pocketed one lies below.
        if len(ball.position) == 3 and not ball.pocketed:
            height = ball.position[2]
            if abs(height - radius) > 1e-6:
                raise StateError(
                    f"balls.{k}.position: a ball on the cloth has its centre at z = {radius:g}, "
                    f"not {height:g}"
                )
    return BallsState.moving(
        np.array([b.position[:2] for b in balls]),
        np.array([b.velocity[:2] for b in balls]),
        np.array([b.spin for b in balls]),
        radius,
        pocketed=[k for k, b in enumerate(balls) if b.pocketed],
    )


def _strike(part: StrikePart | None, labels: tuple[str, ...]) -> Strike | None:
    if part is None:
        return None
    given = part.model_dump()
    ball = given.pop("ball")
    if isinstance(ball, str):
        if ball not in labels:
            raise StrikeError(f"strike.ball: there is no ball {ball!r}")
        ball = labels.index(ball)
    return Strike(ball=ball, **given)
