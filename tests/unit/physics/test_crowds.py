"""Random crowds of balls: a sample, and the two hundred thousand of `make acceptance`."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.measured_page import DOCS

from .crowds import Tally, play_crowds

PAGE = DOCS / "physics-crowds.md"
_MADE_BY = "tests/unit/physics/test_crowds.py"
_CHUNK = 500
# Half of them with the standard parameters of the table's game, half with any.
_SEEDS = {False: range(100_000, 200_000), True: range(200_000, 300_000)}


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_crowds(seed: int, varied: bool) -> None:
    assert not play_crowds([seed], varied=varied).found


@pytest.mark.compiled
@pytest.mark.parametrize("seed", [217_021, 230_350])
def test_crowds_that_were_wrong_once(seed: int) -> None:
    """A ball that shoots into a wedge; one that others press upon while it parts from a third."""
    assert not play_crowds([seed], varied=True).found


@pytest.mark.compiled
@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("batch", range(2))
def test_many_crowds(batch: int, varied: bool) -> None:
    assert not play_crowds(range(1000 * batch, 1000 * batch + 100), varied=varied).found


@pytest.mark.acceptance
@pytest.mark.compiled
@pytest.mark.timeout(5 * 3600)
def test_two_hundred_thousand_crowds() -> None:
    tallies = {}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for varied, seeds in _SEEDS.items():
            tallies[varied] = Tally()
            chunks = [seeds[k : k + _CHUNK] for k in range(0, len(seeds), _CHUNK)]
            for tally in pool.map(partial(play_crowds, varied=varied), chunks):
                tallies[varied].add(tally)
    PAGE.write_text(page(tallies[False], tallies[True]), encoding="utf-8")
    assert not tallies[False].found + tallies[True].found


def page(standard: Tally, varied: Tally) -> str:
    """The figures as a page of the documentation."""
    rows = [
        ("shots", "200,000 together", "{t.shots:,}"),
        ("events", "", "{t.events:,}, at most {t.most_events:,} in one shot"),
        ("a bound was reached", "never with standard parameters", "{t.bounded}"),
        ("something was wrong", "never", "{wrong}"),
        ("two balls were in each other by", "at most 20 µm", "{balls:.1f} µm"),
        ("a ball was in rubber by", "at most 20 µm", "{rubber:.1f} µm"),
        (
            "an event gained energy, per mass",
            "1e-9 J/kg at most, or that share",
            "{t.gain:.1g} J/kg",
        ),
    ]
    lines = [
        "# Random crowds, measured",
        "",
        f"Written by `make acceptance` (`{_MADE_BY}`): random states of one to sixteen balls on "
        "all tables, with all combinations of models; frozen to each other, to rails, jaws and "
        "facings, hanging over holes, overlapping by up to a micrometre, up to 15 m/s and 300 "
        "rad/s. With any parameters: frictions and restitutions from none to the most that the "
        "engine takes; a shot may then last longer than its bounds of 300 s and 100,000 events. "
        "Wrong is: a number that is not finite, a ball off the table or through another or through "
        "rubber, also between events, an event that gains energy, a ball that moves at the end, a "
        "shot that makes events without getting on.",
        "",
        "| what | wanted | standard parameters | any parameters |",
        "|---|---|---|---|",
    ]
    for what, wanted, cell in rows:
        cells = [
            cell.format(
                t=t,
                wrong=len(t.found),
                balls=1e6 * t.deepest_ball,
                rubber=1e6 * t.deepest_rubber,
            )
            for t in (standard, varied)
        ]
        lines.append(f"| {what} | {wanted} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
