"""`bench ipc` between two real processes; the figures are for people, their presence is tested."""

from __future__ import annotations

import argparse
import json

import pytest

from billiards_trainer.commands import bench_ipc
from billiards_trainer.errors import InputError


def run(*flags: str) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    bench_ipc.add_arguments(parser)
    return bench_ipc.run(parser.parse_args(flags))


def test_each_kind_of_hand_over_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--count", "12", "--rate", "200", "--json") == 0
    measures = json.loads(capsys.readouterr().out)["measures"]
    assert set(measures) == {
        "ring write",
        "ring read",
        "picture, written to read",
        "table.state, sent to read",
        "scene, sent to read",
        "command and answer",
    }
    for found in measures.values():
        assert 0 < found["median"] <= found["p99"]
    assert measures["table.state, sent to read"]["count"] == 12
    assert measures["command and answer"]["count"] == 12


def test_it_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--count", "3") == 0
    assert "ring write" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [("--count", "0"), ("--rate", "nan"), ("--rate", "5000")])
def test_senseless_numbers_get_one_sentence(flags: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=flags[0]):
        run(*flags)
