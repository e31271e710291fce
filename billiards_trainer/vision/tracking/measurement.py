"""What tracking needs to know of one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol


class Measurement(Protocol):
    """A detected ball; ``vision.detection`` makes them."""

    @property
    def x_m(self) -> float:
        """Centre, table metres."""
        ...

    @property
    def y_m(self) -> float: ...

    @property
    def covariance(self) -> tuple[float, float, float]:
        """(xx, xy, yy) in m²."""
        ...

    @property
    def confidence(self) -> float:
        """Probability that there is a ball."""
        ...

    @property
    def label_probabilities(self) -> Mapping[str, float]:
        """Label to probability, as far as this picture tells."""
        ...

    @property
    def x_px(self) -> float: ...

    @property
    def y_px(self) -> float: ...

    @property
    def radius_px(self) -> float: ...


class Sight(Enum):
    """What is seen where a ball is expected and none was detected."""

    BARE = "bare"
    """Nothing but cloth."""
    COVERED = "covered"
    """An arm, a cue, a sheet of paper."""
    UNKNOWN = "unknown"


Look = Callable[[float, float], Sight]
"""Ask what is seen at a place of the table (metres)."""
