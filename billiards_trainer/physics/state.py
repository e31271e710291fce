"""Where the balls are and how they move at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class StateError(ValueError):
    """Balls that cannot lie like that; the message is one sentence for people."""


class Motion(IntEnum):
    """What a ball does between two events; the closed form of its path follows from it."""

    RESTING = 0
    SPINNING = 1
    SLIDING = 2
    ROLLING = 3
    POCKETED = 4


@dataclass(frozen=True, slots=True)
class BallsState:
    """All balls at one instant, in the table frame.

    Attributes:
        position: (N, 3) float64, centres in metres; z is the ball's radius on the cloth.
        velocity: (N, 3) float64, m/s.
        spin: (N, 3) float64, angular velocity in rad/s, right-handed about the table's axes.
        motion: (N,) int8, values of ``Motion``.
    """

    position: Floats
    velocity: Floats
    spin: Floats
    motion: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.motion)
        for name in ("position", "velocity", "spin"):
            array = getattr(self, name)
            if array.shape != (n, 3):
                raise StateError(f"{name} has shape {array.shape}, not ({n}, 3)")
            if not np.isfinite(array).all():
                raise StateError(f"{name} holds a number that is not finite")
        check_motion(self.velocity, self.spin, self.motion)

    @classmethod
    def trusted(
        cls, position: Floats, velocity: Floats, spin: Floats, motion: npt.NDArray[np.int8]
    ) -> BallsState:
        """A state that comes from the engine and need not be checked again."""
        state = object.__new__(cls)
        object.__setattr__(state, "position", position)
        object.__setattr__(state, "velocity", velocity)
        object.__setattr__(state, "spin", spin)
        object.__setattr__(state, "motion", motion)
        return state

    def __len__(self) -> int:
        return len(self.motion)

    @classmethod
    def at_rest(cls, positions: npt.ArrayLike, radius: float) -> BallsState:
        """Balls lying still at ``positions``, (N, 2) in metres."""
        plane = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
        n = len(plane)
        position = np.column_stack([plane, np.full(n, radius)])
        return cls(position, np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n, dtype=np.int8))

    @classmethod
    def moving(
        cls,
        positions: npt.ArrayLike,
        velocities: npt.ArrayLike,
        spins: npt.ArrayLike,
        radius: float,
        *,
        pocketed: Sequence[int] = (),
    ) -> BallsState:
        """Balls on the cloth with given velocities (N, 2) and spins (N, 3).

        The motion of each follows from them: whether the contact point slides over the cloth.
        """
        state = cls.at_rest(positions, radius)
        n = len(state)
        velocity = np.zeros((n, 3))
        velocity[:, :2] = np.asarray(velocities, dtype=np.float64).reshape(n, 2)
        spin = np.array(spins, dtype=np.float64).reshape(n, 3)
        slip = np.hypot(velocity[:, 0] - radius * spin[:, 1], velocity[:, 1] + radius * spin[:, 0])
        speed = np.hypot(velocity[:, 0], velocity[:, 1])
        motion = np.where(
            slip > SLOWEST,
            Motion.SLIDING,
            np.where(
                speed > SLOWEST,
                Motion.ROLLING,
                np.where(np.abs(spin[:, 2]) > SLOWEST, Motion.SPINNING, Motion.RESTING),
            ),
        ).astype(np.int8)
        for ball in pocketed:
            motion[ball] = Motion.POCKETED
        return cls(state.position, velocity, spin, motion)


# No ball on a table is faster, m/s and rad/s; beyond this the engine's numbers lose their meaning.
FASTEST = 100.0
FASTEST_SPIN = 5000.0


def check_motion(velocity: Floats, spin: Floats, motion: npt.NDArray[np.generic]) -> None:
    """Check how balls move: velocities (..., 2 or 3), spins (..., 3) and motions (...).

    Raises:
        StateError: a velocity or spin that no ball has, or a motion that does not exist.
    """
    for name, array, most, unit in (
        ("velocity", velocity, FASTEST, "m/s"),
        ("spin", spin, FASTEST_SPIN, "rad/s"),
    ):
        if array.size and max(array.max(), -array.min()) > most:
            ball = int(np.argwhere(np.abs(array) > most)[0][-2])
            raise StateError(f"the {name} of ball {ball} is more than {most:g} {unit}")
    if motion.size and not np.isin(motion, _MOTIONS).all():
        raise StateError("a motion is none of 0 (resting) to 4 (pocketed)")


_MOTIONS = np.array([float(motion) for motion in Motion])

# Below this speed (m/s, or rad/s about the vertical) a motion is over: a rolling ball would need a
# ten-millionth of a second to lose it.
SLOWEST = 1e-9
