"""``billiards-trainer track``: bad input in one sentence; a film of a virtual shot."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import cv2
import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.cli import main
from billiards_trainer.commands import track
from billiards_trainer.commands.table_flags import chosen_table, parse_corners
from billiards_trainer.errors import InputError
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def test_a_virtual_break_is_tracked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = VirtualTable(preset("pool-9ft"), seed=1)
    world.skip(7.5)
    path = film(tmp_path / "break.avi", [world.step().image for _ in range(45)])
    assert main(["track", str(path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    states = [line for line in lines if line["type"] == "state"]
    assert [s["frame"] for s in states] == list(range(45))
    # A ball is told of from the first frame on, though it is believed only in the third.
    assert len(states[0]["balls"]) >= 14
    events = [line for line in lines if line["type"] == "event"]
    assert events[0]["event"] == "shot_start"
    hit = next(e for e in events if e["event"] == "ball_collision")
    assert len(hit["balls"]) == 2
    assert main(["track", str(path)]) == 0
    assert "shot start" in capsys.readouterr().out


def test_a_film_without_a_table_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = film(tmp_path / "black.avi", [np.zeros((240, 320, 3), np.uint8)] * 3)
    assert main(["track", str(path), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{path}: the picture is black" in captured.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.mp4"], "no such file"),
        ([__file__], "not a film"),
        ([__file__, "--table-size", "9x9"], "not a table"),
        ([__file__, "--table-size", "big"], "LxW"),
        ([__file__, "--ball-diameter", "3"], "not a billiard ball"),
        ([__file__, "--corners", "1,2,3"], "eight numbers"),
        ([__file__, "--corners", "a,b"], "eight numbers"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", *arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1


def test_a_single_picture_is_no_film(tmp_path: Path) -> None:
    path = film(tmp_path / "one.avi", [np.zeros((64, 64, 3), np.uint8)])
    with pytest.raises(InputError, match="two pictures"):
        list(track.read_film(path))


def test_tables_from_options() -> None:
    assert chosen_table(None, None, None).name == "pool-9ft"
    small = chosen_table("1.881x0.943", 0.0523, "snooker")
    assert (small.length, small.width, small.balls.diameter) == (1.881, 0.943, 0.0523)
    assert small.game == "snooker"
    assert chosen_table(None, None, "carom").pockets == ()
    assert parse_corners("0,0,9,0,9,5,0,5") == ((0, 0), (9, 0), (9, 5), (0, 5))


def test_a_ball_is_filled_in_only_where_it_lay_still() -> None:
    def state(*balls: m.BallState) -> m.TableState:
        return m.TableState(
            frame=0, exposure_ns=0, epoch=1, table="t", width=1, length=2, ball_radius=0.03,
            source=m.SourceInfo(kind="film", name="f"), calibration="c", balls=balls,
        )  # fmt: skip

    still = m.BallState(track=1, label="1", x_m=0.5, y_m=0.5)
    rolling = m.BallState(track=2, label="2", x_m=0.5, y_m=0.9, moving=True)
    waiting = deque([state(), state(), state()])
    track._backfill(waiting, state(still, rolling))
    assert [[b.track for b in s.balls] for s in waiting] == [[], [1], [1]]
    track._backfill(waiting, state(still))
    assert [len(s.balls) for s in waiting] == [0, 1, 1]
    track._backfill(deque(), state(still))
