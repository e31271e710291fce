"""Shots that pooltool has played: the same events, times and places come out of our engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from .reference import PLACE_M, TIME_S, Seen, Shot, Verdict, World, compare, from_json

# Written by `scripts/compare_pooltool.py --shots 4 --spacer 1e-9 --write`.
REFERENCE = Path(__file__).with_name("pooltool.json")


@pytest.fixture(scope="module")
def reference() -> tuple[World, list[tuple[Shot, list[Seen]]]]:
    return from_json(json.loads(REFERENCE.read_text(encoding="utf-8")))


def test_events_times_and_places_are_those_of_pooltool(
    reference: tuple[World, list[tuple[Shot, list[Seen]]]],
) -> None:
    world, shots = reference
    shape = world.geometry()
    assert len(shots) > 60
    for shot, seen in shots:
        verdict = compare(shot, seen, world, shape)
        assert not verdict.reason, f"{shot.name}: {verdict}"
        assert verdict.excess <= 1.0, f"{shot.name}: {verdict}"
        # Where it sticks, that model's steps chatter: pooltool's own answer moves by that much
        # when its input moves by the last digit.
        chatters = shot.cushion == "mathavan_2010"
        assert verdict.dt <= (3e-3 if chatters else TIME_S), f"{shot.name}: {verdict}"
    assert {e.kind for _, seen in shots for e in seen} >= set(range(1, 8))


def test_a_difference_is_seen(reference: tuple[World, list[tuple[Shot, list[Seen]]]]) -> None:
    world, shots = reference
    shape = world.geometry()
    shot, seen = next((s, e) for s, e in shots if s.name == "cut at 1.0 m/s, alciatore")
    assert compare(shot, seen, world, shape).fine

    def changed(**changes: object) -> Verdict:
        last = replace(seen[-1], **changes)  # type: ignore[arg-type]
        return compare(shot, [*seen[:-1], last], world, shape)

    assert not changed(time=seen[-1].time + 2 * TIME_S).fine
    assert "RESTING" in changed(balls=(7,)).reason
    (x, y), *_ = seen[-1].places
    assert changed(places=((x + 1e3 * PLACE_M, y),)).excess > 1.0
    assert "no more" in compare(shot, seen[:-1], world, shape).reason
    more = replace(seen[-1], time=seen[-1].time + 1.0)
    assert "no more" in compare(shot, [*seen, more], world, shape).reason
