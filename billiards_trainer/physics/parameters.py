"""The numbers of balls, cloth and cushions, and which model treats which contact."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import TypeVar

from billiards_trainer.table import Table


class ParameterError(ValueError):
    """A number that no ball, cloth or cushion has; the message is one sentence for people."""


class BallBallModel(IntEnum):
    """How two balls part."""

    ELASTIC = 0
    """Frictionless, without loss."""
    ALCIATORE = 1
    """Restitution and speed-dependent friction: Alciatore TP A-5, A-6, A-14."""
    COULOMB = 2
    """As ALCIATORE with the constant friction ``mu_ball``."""
    MATHAVAN_2014 = 3
    """Impact and friction on the cloth integrated: Mathavan et al., Sports Eng. 17 (2014)."""


class CushionModel(IntEnum):
    """How a ball leaves a cushion or a jaw."""

    MIRROR = 0
    """The normal velocity is reversed and multiplied by ``e_cushion``; spin is untouched."""
    HAN_2005 = 1
    """I. Han, Dynamics in carom and three cushion billiards, J. Mech. Sci. Tech. 19 (2005)."""
    STRONGE = 2
    """W. J. Stronge, Impact Mechanics, ch. 5: compliant contact that sticks and slips."""
    MATHAVAN_2010 = 3
    """Impact and friction on the cloth integrated: Mathavan et al., Proc. IMechE C 224 (2010)."""


class CueModel(IntEnum):
    """How the cue sets a ball in motion."""

    POINT = 0
    """Instantaneous point contact (Alciatore TP A-30) with squirt (TP A-31)."""
    POINT_WITHOUT_SQUIRT = 1


@dataclass(frozen=True, slots=True)
class Models:
    """Which model treats which contact."""

    ball_ball: BallBallModel = BallBallModel.ALCIATORE
    cushion: CushionModel = CushionModel.STRONGE
    cue: CueModel = CueModel.POINT

    @classmethod
    def named(
        cls, ball_ball: str = "alciatore", cushion: str = "stronge", cue: str = "point"
    ) -> Models:
        """Models by their lower-case names, e.g. ``Models.named(cushion="han_2005")``.

        Raises:
            ParameterError: a name that does not exist.
        """
        return cls(
            _by_name(BallBallModel, "ball_ball", ball_ball),
            _by_name(CushionModel, "cushion", cushion),
            _by_name(CueModel, "cue", cue),
        )


_Kind = TypeVar("_Kind", bound=IntEnum)


def _by_name(kind: type[_Kind], what: str, name: str) -> _Kind:
    try:
        return kind[name.upper()]
    except KeyError:
        known = ", ".join(member.name.lower() for member in kind)
        raise ParameterError(f"unknown {what} model {name!r}; known are {known}") from None


@dataclass(frozen=True, slots=True)
class PhysicsParameters:
    """Everything measurable about one set of balls on one table.

    Attributes:
        mass: kg.
        radius: m.
        mu_slide: friction of a sliding ball on the cloth.
        mu_roll: rolling resistance, deceleration over gravity.
        mu_spin: friction against spin about the vertical: a ball's side spin decays at
            5·mu_spin·g/(2·radius) rad/s².
        e_ball: restitution between balls.
        mu_ball: friction between balls for the model COULOMB.
        mu_ball_a, mu_ball_b, mu_ball_c: friction a + b·exp(-c·v) for the models ALCIATORE and
            MATHAVAN_2014, where v (m/s) is the speed of the surfaces past each other.
        e_cushion: restitution at a cushion.
        mu_cushion: friction at a cushion.
        cushion_ratio: tangential over normal frequency of the rubber, between 1 and 2 (STRONGE).
        gravity: m/s².
    """

    mass: float = 0.170097
    radius: float = 0.028575
    mu_slide: float = 0.2
    mu_roll: float = 0.01
    mu_spin: float = 0.0127
    e_ball: float = 0.95
    mu_ball: float = 0.05
    mu_ball_a: float = 0.009951
    mu_ball_b: float = 0.108
    mu_ball_c: float = 1.088
    e_cushion: float = 0.85
    mu_cushion: float = 0.2
    cushion_ratio: float = 1.8
    gravity: float = 9.81

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _RANGES[field.name]
            if not (math.isfinite(value) and low <= value <= high):
                raise ParameterError(
                    f"parameters.{field.name} is {value:g}; it lies between {low:g} and {high:g}"
                )


_RANGES = {
    "mass": (0.01, 1.0),
    "radius": (0.01, 0.06),
    # A cloth without any friction would let a shot last for ever.
    "mu_slide": (1e-6, 2.0),
    "mu_roll": (1e-6, 1.0),
    "mu_spin": (1e-6, 1.0),
    "e_ball": (0.0, 1.0),
    "mu_ball": (0.0, 2.0),
    "mu_ball_a": (0.0, 2.0),
    "mu_ball_b": (0.0, 2.0),
    "mu_ball_c": (0.0, 100.0),
    "e_cushion": (0.05, 1.0),
    "mu_cushion": (0.0, 2.0),
    "cushion_ratio": (1.0001, 1.9999),
    "gravity": (0.1, 30.0),
}

# Pool: Alciatore, "Physical properties of balls, cloth and cushions" (billiards.colostate.edu):
# ball on cloth 0.15-0.4 sliding and 0.005-0.015 rolling, side spin decays at 5-15 rad/s², ball on
# ball 0.03-0.08 with restitution 0.92-0.98, cushion restitution 0.6-0.9.  Snooker: Mathavan,
# Jackson and Parkin, Am. J. Phys. 77 (2009) and Proc. IMechE C 224 (2010), filmed on a club table:
# sliding 0.212, rolling 0.0127, cushion friction 0.14, side spin decays at 22 rad/s².  Carom: balls
# of the UMB rules (61.5 mm, 205-220 g) on heated, faster cloth; its rolling friction is estimated.
STANDARD: dict[str, PhysicsParameters] = {
    "pool": PhysicsParameters(),
    "snooker": PhysicsParameters(
        mass=0.142, radius=0.02625, mu_slide=0.212, mu_roll=0.0127, mu_spin=0.0235, mu_cushion=0.14
    ),
    "carom": PhysicsParameters(
        mass=0.210, radius=0.03075, mu_slide=0.2, mu_roll=0.008, mu_spin=0.0137, mu_cushion=0.15
    ),
}


def for_table(table: Table) -> PhysicsParameters:
    """The standard parameters of the table's game, with the table's own balls."""
    return _for_balls(table.game, table.balls.mass, table.balls.radius)


@lru_cache(maxsize=64)
def _for_balls(game: str, mass: float, radius: float) -> PhysicsParameters:
    return replace(STANDARD[game], mass=mass, radius=radius)


def replaced(parameters: PhysicsParameters, values: dict[str, float]) -> PhysicsParameters:
    """Parameters with some of them changed, by name.

    Raises:
        ParameterError: a name or a number that no set of parameters has.
    """
    for name in values:
        if name not in _RANGES:
            raise ParameterError(f"there is no parameter {name!r}")
    return replace(parameters, **values)
