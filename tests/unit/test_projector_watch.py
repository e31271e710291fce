"""The projector's drift, told from what is drawn in play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.projector.light import LightMapper
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset
from billiards_trainer.vision.projector_watch import ProjectorWatch

POOL = preset("pool-9ft")
BELIEVED = Projection.centred(POOL, 1920, 1080)
BALLS = [("cue", (0.4, 0.5)), ("3", (0.9, 1.9))]
TURNS = [np.eye(3)] * 2
DRAWINGS = (
    (),
    (m.Line(points=((0.2, 0.4), (1.0, 1.5), (0.4, 2.2)), width=0.005, colour="#f0e442"),),
    (m.Ring(centre=(0.7, 1.3), radius=0.1, width=0.004), m.Text(text="12 mm", position=(0.6, 0.9))),
)


@pytest.fixture(scope="module")
def world() -> VirtualTable:
    return VirtualTable(POOL, Setup.default(POOL, width=960, height=540))


def moved(dx: float, dy: float) -> Projection:
    """A projector whose light falls so many metres beside its place."""
    shift = np.array([[1, 0, -dx], [0, 1, -dy], [0, 0, 1.0]])
    return replace(BELIEVED, homography=BELIEVED.homography @ shift)


def state(**more: object) -> m.TableState:
    return m.TableState(
        frame=0, exposure_ns=1, epoch=1, table=POOL.name, width=POOL.width, length=POOL.length,
        ball_radius=POOL.balls.radius, source=m.SourceInfo(kind="v4l2", name="c"),
        calibration="camera-1", **more,
    )  # type: ignore[arg-type]  # fmt: skip


def watched(world: VirtualTable, truth: Projection, **more: object) -> ProjectorWatch:
    """Some minutes of play, as the watch sees them."""
    renderer = SceneRenderer(POOL, BELIEVED)
    expected, real = LightMapper(POOL, BELIEVED), LightMapper(POOL, truth)
    watch = ProjectorWatch(POOL, 6.0)
    for number in range(7):
        scene = m.Scene(
            frame=0, exposure_ns=0, table=POOL.name, width=POOL.width, length=POOL.length,
            ball_radius=POOL.balls.radius, elements=DRAWINGS[number % 3],
        )  # fmt: skip
        changed = renderer.draw(scene)
        believed = expected.update(renderer.canvas, changed).copy()
        falls = real.update(renderer.canvas, changed)
        for look in range(4):
            seed = 10 * number + look
            picture = world.render_state(BALLS, turns=TURNS, light=falls, seed=seed).image
            watch.look(picture, (believed, number), state(**more), world.camera)
    return watch


def test_light_that_falls_where_it_should_has_not_drifted(world: VirtualTable) -> None:
    watch = watched(world, BELIEVED)
    assert watch.drift_mm is not None
    assert watch.drift_mm < 1.5
    assert not watch.moved
    watch.forget()
    assert watch.drift_mm is None


def test_a_knocked_projector_is_noticed(world: VirtualTable) -> None:
    watch = watched(world, moved(0.012, -0.009))
    assert watch.drift_mm is not None
    assert watch.drift_mm == pytest.approx(15.0, abs=4.0)
    assert watch.moved


def test_while_somebody_plays_nothing_is_measured(world: VirtualTable) -> None:
    cue = m.CueState(tip_m=(0.1, 0.1, 0.03), angle_rad=0.3)
    assert watched(world, BELIEVED, cue=cue).drift_mm is None
