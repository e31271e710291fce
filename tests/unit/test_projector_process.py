"""The projector process, offscreen, over real sockets and a real ring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.bus import Bus
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.light_map import table_to_map
from billiards_trainer.virtual_projector import misset_projector
from tests.unit.projector_stage import ProjectorStage

Make = Callable[..., ProjectorStage]


@pytest.fixture
def make(runtime_dir: Path) -> Iterator[Make]:
    made: list[ProjectorStage] = []

    def new(**more: Any) -> ProjectorStage:
        made.append(ProjectorStage(runtime_dir, **more))
        return made[-1]

    yield new
    for stage in made:
        stage.close()


def lit(stage: ProjectorStage, x: float, y: float, fits: Callable[[np.ndarray], bool]) -> None:
    """Wait until the newest light map says what fits of a point of the cloth (BGR)."""
    column, row = np.rint(table_to_map() @ [x, y, 1]).astype(int)

    def found() -> bool | None:
        picture = stage.light.before(time.monotonic_ns())
        return True if picture is not None and fits(picture.image[row, column]) else None

    stage.until(found, f"light at {x}, {y}")


def near(*bgr: int) -> Callable[[np.ndarray], bool]:
    return lambda cell: bool(np.abs(cell.astype(int) - bgr).max() <= 2)


def dark(cell: np.ndarray) -> bool:
    return not cell.any()


def bright(cell: np.ndarray) -> bool:
    return bool(cell.any())


def test_it_shows_a_scene_and_says_when_and_what_light_it_throws(make: Make) -> None:
    stage = make()
    area = m.Area(points=((0.5, 1.0), (0.8, 1.0), (0.8, 1.4), (0.5, 1.4)), colour="#40ff80")
    flip = stage.show(area)
    assert (flip.mode, flip.width, flip.height) == ("offscreen", 960, 540)
    assert flip.flip_ns > flip.exposure_ns
    assert flip.calibration is None
    lit(stage, 0.65, 1.2, near(0x80, 0xFF, 0x40))
    beat = stage.beat(lambda b: "offscreen" in b.detail, "healthy heartbeat")
    assert beat.level is m.Level.HEALTHY
    assert stage.stop() == 0


def test_the_same_picture_is_not_drawn_again_but_flips_carry_on(make: Make) -> None:
    stage = make()
    line = m.Line(points=((0.2, 0.2), (1.0, 2.0)))
    first = stage.show(line)
    again = stage.show(line)
    assert again.frame > first.frame
    assert again.draw_ms == first.draw_ms
    moving = m.Ring(centre=(0.6, 1.0), radius=0.04, velocity=(0.1, 0.0))
    assert stage.show(moving).draw_ms != first.draw_ms


def test_moving_rings_are_led_by_the_latency(make: Make) -> None:
    stage = make(projector={"display_delay_s": 0.2})
    # 1 m/s for at least 0.2 s of known display delay, at most the longest lead of 0.25 s.
    ring = m.Ring(centre=(0.3, 1.0), radius=0.05, width=0.02, velocity=(1.0, 0.0))
    stage.show(ring)

    def middle() -> float | None:
        picture = stage.light.before(time.monotonic_ns())
        if picture is None:
            return None
        rows, columns = (np.flatnonzero(picture.image.any(axis=(k, 2))) for k in (1, 0))
        # The notice that a projector begins with is as narrow, but long.
        if not (0 < len(columns) < 40 and len(rows) < 40):
            return None
        return float(columns[0] + columns[-1]) / 2

    to_map = table_to_map()
    x = (stage.until(middle, "ring") - to_map[0, 2]) / to_map[0, 0]
    assert 0.49 <= x <= 0.56


def test_without_scenes_it_asks_for_patience_and_reports_it(make: Make) -> None:
    stage = make()
    line = m.Line(points=((0.2, 0.2), (1.0, 2.0)))
    stage.show(line)
    lit(stage, 1.0, 2.0, bright)
    beat = stage.beat(lambda b: b.level is m.Level.DEGRADED, "report of missing scenes")
    assert "nothing new to draw" in beat.detail
    lit(stage, 1.0, 2.0, dark)
    picture = stage.light.before(time.monotonic_ns())
    assert picture is not None
    assert picture.image.any()  # the notice
    stage.show(line)
    lit(stage, 1.0, 2.0, bright)
    stage.beat(lambda b: b.level is m.Level.HEALTHY, "recovery")


def test_brightness_follows_the_configuration(make: Make) -> None:
    stage = make()
    area = m.Area(points=((0.5, 1.0), (0.8, 1.0), (0.8, 1.4), (0.5, 1.4)))
    stage.show(area)
    lit(stage, 0.65, 1.2, near(255, 255, 255))
    stage.beat(lambda b: b.ready, "heartbeat")
    stage.configure(2, {"projector": {**stage.config.projector.model_dump(), "brightness": 0.5}})
    stage.beat(lambda b: b.config_number == 2, "new configuration")
    stage.show(area)
    lit(stage, 0.65, 1.2, near(128, 128, 128))


def test_a_technician_moves_corners_and_changes_the_display_while_it_runs(make: Make) -> None:
    stage = make()
    area = m.Area(points=((0.5, 1.0), (0.8, 1.0), (0.8, 1.4), (0.5, 1.4)))
    stage.show(area)
    corners = ((100, 60), (130, 500), (900, 450), (860, 90))
    keys = {**stage.config.projector.model_dump(), "corners_px": corners}
    stage.configure(2, {"projector": keys})
    stage.until(lambda: f if (f := stage.show(area)).calibration == "corners" else None, "corners")
    crossed = {**keys, "corners_px": (corners[0], corners[2], corners[1], corners[3])}
    stage.configure(3, {"projector": crossed})
    stage.beat(lambda b: b.config_number == 3, "new configuration")
    assert stage.show(area).calibration == "corners"
    stage.configure(4, {"projector": {**keys, "width": 640, "height": 360}})
    stage.until(lambda: f if (f := stage.show(area)).width == 640 else None, "new size")
    lit(stage, 0.65, 1.2, near(255, 255, 255))


def test_corners_that_are_none_are_refused_in_a_sentence(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = make(projector={"corners_px": ((0, 0), (900, 500), (900, 10), (0, 500))})
    assert stage.process.wait(20) == 2
    assert "projector.corners_px" in "".join(capfd.readouterr())


def test_corners_make_a_keystone(make: Make) -> None:
    corners = ((100, 60), (130, 500), (900, 450), (860, 90))
    stage = make(projector={"corners_px": corners})
    area = m.Area(points=((0.5, 1.0), (0.8, 1.0), (0.8, 1.4), (0.5, 1.4)))
    flip = stage.show(area)
    assert flip.calibration == "corners"
    lit(stage, 0.65, 1.2, near(255, 255, 255))


def test_a_pattern_is_shown_while_it_is_asked_for_and_then_the_scene_again(make: Make) -> None:
    stage = make()
    vision = Bus(stage.runtime_dir, "vision")
    try:
        vision.announce("projector.pattern", "calibration.stored")
        answers = vision.subscribe("projector.pattern_shown")
        area = m.Area(points=((0.5, 1.0), (0.8, 1.0), (0.8, 1.4), (0.5, 1.4)))
        stage.show(area)
        lit(stage, 0.65, 1.2, bright)
        pattern = m.Pattern(number=5, dots=((0.5, 0.5),), radius=0.02)

        def shown() -> m.PatternShown | None:
            vision.publish("projector.pattern", pattern)
            found = answers.receive(50)
            return found if isinstance(found, m.PatternShown) else None

        answer = stage.until(shown, "the pattern")
        assert (answer.number, answer.width, answer.height) == (5, 960, 540)
        assert stage.show(area).frame > 0  # scenes are still answered, though they are not seen
        again = stage.until(shown, "the pattern again")
        assert again.flip_ns == answer.flip_ns

        def dot_alone() -> bool | None:
            vision.publish("projector.pattern", pattern)
            picture = stage.light.before(time.monotonic_ns())
            if picture is None:
                return None
            rows, columns = np.nonzero(picture.image[..., 0] > 127)
            return True if 0 < len(rows) < 3000 and np.ptp(rows) == np.ptp(columns) else None

        stage.until(dot_alone, "one round dot")
        lit(stage, 0.75, 1.35, bright)  # half a second later the area is back
        store = CalibrationStore(stage.state_dir / "calibrations")
        table = stage.table
        about = {"name": table.name, "width": table.width, "length": table.length}
        model = misset_projector(table, 1, 1920, 1080)
        store.save(
            {"camera": model.to_dict(), "table": about},
            residual_mm=0.4,
            solved_from=("test",),
            kind="projector",
        )

        def renamed() -> bool | None:
            vision.publish(
                "calibration.stored", m.CalibrationStored(id="projector-1", kind="projector")
            )
            return True if stage.show(area).calibration == "projector-1" else None

        stage.until(renamed, "the calibration's name in the flip")
        store.save(
            {"camera": model.to_dict(), "table": {**about, "width": 1.0}},
            residual_mm=0.4,
            solved_from=("test",),
            kind="projector",
        )
        vision.publish(
            "calibration.stored", m.CalibrationStored(id="projector-2", kind="projector")
        )
        stage.show(area)
        stage.beat(lambda b: "made on another table" in b.detail, "complaint")
    finally:
        vision.close()
