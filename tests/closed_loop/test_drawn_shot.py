"""Given the true cue line: the drawn shot, as light on the cloth, against the shot played."""

from __future__ import annotations

import numpy as np
import pytest

from tests.closed_loop.guidance_figures import Chain, Errors, bank_errors_mm, random_pot

# The renderer compiles its kernels in the first test of a cold machine.
pytestmark = pytest.mark.timeout(3600)


def figures(seeds: range, shots: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Errors of many shots by cause, and of banks, (N, 2), in millimetres."""
    errors: list[Errors] = []
    banks: list[tuple[float, float]] = []
    for seed in seeds:
        chain = Chain(seed)
        rng = np.random.default_rng((seed, 4))
        found = [chain.errors(random_pot(rng)) for _ in range(shots)]
        errors += [e for e in found if e is not None]
        tried = [bank_errors_mm(rng, chain.truth, chain.fitted) for _ in range(2 * shots)]
        banks += [b for b in tried if b is not None]
    names = Errors.__slots__
    return {n: np.array([getattr(e, n) for e in errors]) for n in names}, np.array(banks)


def test_the_drawn_line_meets_the_pocket_where_the_ball_does() -> None:
    by_cause, banks = figures(range(300, 301), 10)
    assert len(by_cause["mouth"]) >= 6
    assert np.median(by_cause["ghost"]) <= 1.5
    assert np.median(by_cause["mouth"]) <= 8.0
    assert np.median(banks[:, 0]) <= 25
    assert np.median(banks[:, 1]) <= 60


@pytest.mark.acceptance
def test_fifty_rooms() -> None:
    by_cause, banks = figures(range(300, 350), 12)
    for name, values in by_cause.items():
        print(f"{name}: median {np.median(values):.2f} mm, p90 {np.quantile(values, 0.9):.2f} mm")
    one, two = np.median(banks, axis=0)
    print(f"after one cushion {one:.1f} mm, after two {two:.1f} mm ({len(banks)} banks)")
    assert np.median(by_cause["ghost"]) <= 1.0
    assert np.median(by_cause["mouth"]) <= 5.0
    assert one <= 25
    assert two <= 60
