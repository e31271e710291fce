"""Make the pictures and the film figures of docs/guidance.md, all by the product's own drawing.

Run as ``.venv/bin/python scripts/guidance_pictures.py [FOLDER_OF_FILMS]``.  Of the films only lines
on a drawn table are kept: where the first object ball was predicted to go before the stroke, and
where it went.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np

from billiards_trainer import messages as m
from billiards_trainer.commands.table_flags import chosen_table
from billiards_trainer.commands.track import read_film
from billiards_trainer.core.game import Game
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.core.guidance.drills import stop_shot
from billiards_trainer.core.guidance.prediction import Predictor
from billiards_trainer.core.guidance.scene import View, build_scene
from billiards_trainer.core.standing import Standing
from billiards_trainer.projector.table_picture import TablePicture
from billiards_trainer.storage.clock import BootClock
from billiards_trainer.storage.records import SessionRecord
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.pipeline import Pipeline

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
FILM_TABLE = ("1.881x0.943", 0.0523, "snooker")
_WIDTH = 1100


def lying(table: Table, *balls: tuple[str, float, float]) -> m.TableState:
    """Balls at rest."""
    return m.TableState(
        frame=0,
        exposure_ns=1,
        epoch=1,
        table=table.name,
        width=table.width,
        length=table.length,
        ball_radius=table.balls.radius,
        source=m.SourceInfo(kind="v4l2", name="camera"),
        calibration="camera-1",
        balls=tuple(
            m.BallState(track=k, label=label, x_m=x, y_m=y)
            for k, (label, x, y) in enumerate(balls, start=1)
        ),
    )


def save(name: str, table: Table, scene: m.Scene) -> None:
    """A scene on a drawn table."""
    cv2.imwrite(str(FOLDER / name), TablePicture(table, _WIDTH).with_scene(scene))


def levels() -> None:
    """The same aim at three levels of assistance, and a drill."""
    table = preset("pool-9ft")
    target = np.array([0.85, 1.75])
    pocket = next(p for p in table.pockets if p.name == "far-right")
    away = np.array(pocket.mouth_centre) - target
    ghost = target - 2 * table.balls.radius * away / np.linalg.norm(away)
    state = lying(table, ("cue", 0.45, 1.05), ("9", *target), ("3", 0.3, 2.0), ("8", 0.95, 0.8))
    angle = math.atan2(ghost[1] - 1.05, ghost[0] - 0.45)
    aim = Aim(1, angle, 0.002, 0.0, 0.0, 0.0, 2.0, True, height_seen=False)
    shot = Predictor(table).predict(state.balls, aim, 0, 0)
    for level in ("beginner", "intermediate", "advanced"):
        view = View(level, m.Phase.AIMING, prediction=shot)
        save(f"guidance-{level}.png", table, build_scene(state, table, view))
    drill = View("drill", m.Phase.IDLE, drill=stop_shot(table))
    save("guidance-drill.png", table, build_scene(lying(table), table, drill))


def begin(source: m.SourceInfo, table: Table) -> Standing:
    """A session that nobody records."""
    return Standing(
        SessionRecord(
            table.name, table.game, table.width, table.length, table.balls.radius, source, 0,
            BootClock.now(),
        )
    )  # fmt: skip


def film(path: Path) -> None:
    """Play a film through vision and the game; draw and print each shot that was predicted."""
    table = chosen_table(*FILM_TABLE)
    pipeline = Pipeline(table, epoch=0)
    game = Game(table, lambda source: begin(source, table))
    source = m.SourceInfo(kind="film", name=path.name)
    aimed = drawn = 0
    for frame, (exposure_ns, picture) in enumerate(read_film(path)):
        state = pipeline.process(picture, frame, 1 + exposure_ns, source)
        step = game.update(state)
        aimed += step.game.prediction is not None
        if step.record is None:
            continue
        found = game.comparison
        if found is None or found.error_rad is None or found.error_m is None:
            print(f"{path.stem}: shot {step.record.number}: nothing to compare")
            continue
        drawn += 1
        print(
            f"{path.stem}: shot {step.record.number}: "
            f"{math.degrees(found.error_rad):.1f} degrees, {1e3 * found.error_m:.0f} mm"
        )
        view = View("beginner", m.Phase.IDLE, comparison=found)
        save(f"guidance-film-{path.stem}.png", table, build_scene(state, table, view))
    print(f"{path.stem}: predicted in {aimed} of {frame + 1} pictures, {drawn} shots compared")


def main() -> int:
    """All of it."""
    cv2.setNumThreads(1)
    FOLDER.mkdir(exist_ok=True)
    levels()
    if len(sys.argv) > 1:
        for path in sorted(Path(sys.argv[1]).glob("*.mp4")):
            film(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
