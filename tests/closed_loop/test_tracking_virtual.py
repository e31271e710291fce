"""Tracking on virtual tables with held-out seeds, from rendered pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.closed_loop.tracking_measures import Measures

# The renderer compiles its kernels in the first test of a cold machine.
pytestmark = pytest.mark.timeout(7200)

HELD_OUT = 70_000
RESULTS = Path(__file__).parents[2] / "docs" / "tracking-measured.md"


def test_a_sample_of_tracked_play() -> None:
    measures = Measures()
    for seed in (HELD_OUT, HELD_OUT + 3):
        measures.add(seed, 90)
    assert measures.tables == 2
    # Two tables: their calibrations err each in its own way.
    assert measures.coverage > 0.5
    assert np.median(measures.jitter_mm) < 0.1
    assert measures.identity > 0.98
    assert measures.recall > 0.95
    assert measures.false_share < 0.01


@pytest.mark.acceptance
def test_tracking_over_many_tables() -> None:
    """60 set-ups, 240 pictures each; what is measured is written into the documentation."""
    measures = Measures()
    for seed in range(HELD_OUT, HELD_OUT + 60):
        measures.add(seed, 240)
    RESULTS.write_text(measures.report(str(Path(__file__).relative_to(RESULTS.parents[1]))))
    assert 0.93 <= measures.coverage <= 0.97
    assert np.quantile(measures.jitter_mm, 0.95) <= 0.1
    assert measures.identity >= 0.995
