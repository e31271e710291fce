"""The line on the cloth against the true one, in millimetres: camera to projector in lock-step."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.core.game import Game
from billiards_trainer.core.guidance import palette
from billiards_trainer.core.standing import Standing
from billiards_trainer.projector.projection import Projection
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.simulation.observation import Observation
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.storage.clock import BootClock
from billiards_trainer.storage.records import SessionRecord
from billiards_trainer.table import preset
from billiards_trainer.vision.pipeline import Pipeline

POOL = preset("pool-9ft")
VIRTUAL = m.SourceInfo(kind="simulated", name="virtual table")
PROJECTION = Projection.centred(POOL, 1920, 1080)


def new_game() -> Game:
    def begin(source: m.SourceInfo) -> Standing:
        radius = POOL.balls.radius
        return Standing(
            SessionRecord(
                POOL.name, POOL.game, POOL.width, POOL.length, radius, source, 0, BootClock.now()
            )
        )

    return Game(POOL, begin)


def settled_aim(seed: int, shot: int) -> VirtualTable:
    """The moment when the player has aimed for a while at that shot."""
    world = VirtualTable(POOL, seed=seed)
    while world.world.shot < shot or world.world.act.phase(world.world.time) != "aim":
        world.skip(0.1)
        assert world.world.time < 300, "nobody aims any more"
    world.skip(0.8)
    return world


def true_state(seen: Observation, frame: int) -> m.TableState:
    """What perfect vision would say."""
    cue = seen.truth.cue
    balls = [b for b in seen.truth.balls if b.on_table]
    states = tuple(
        m.BallState(track=k, label=b.label, x_m=float(b.position[0]), y_m=float(b.position[1]))
        for k, b in enumerate(balls)
    )
    struck = next(k for k, b in enumerate(balls) if b.label == "cue")
    return m.TableState(
        frame=frame,
        exposure_ns=1 + frame * 33_333_333,
        epoch=1,
        table=POOL.name,
        width=POOL.width,
        length=POOL.length,
        ball_radius=POOL.balls.radius,
        source=VIRTUAL,
        calibration="true",
        balls=states,
        cue=None
        if cue is None
        else m.CueState(
            tip_m=cue.tip,
            angle_rad=cue.angle,
            elevation_rad=cue.elevation,
            angle_std_rad=1e-4,
            addresses=struck,
        ),
    )


def true_aim(seen: Observation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the cue ball really lies, and the unit vector along which it will be struck."""
    cue = seen.truth.cue
    assert cue is not None
    ball = next(b for b in seen.truth.balls if b.label == "cue")
    return ball.position[:2], np.array([math.cos(cue.angle), math.sin(cue.angle)])


def true_ghost(seen: Observation) -> NDArray[np.float64] | None:
    """Where the cue ball really meets the first ball on its line, if it meets one."""
    start, way = true_aim(seen)
    reach = 2 * POOL.balls.radius
    first = math.inf
    for ball in seen.truth.balls:
        if ball.label == "cue" or not ball.on_table:
            continue
        along = float((ball.position[:2] - start) @ way)
        beside2 = float(((ball.position[:2] - start) ** 2).sum()) - along * along
        if along > 0 and beside2 < reach * reach:
            first = min(first, along - math.sqrt(reach * reach - beside2))
    return start + first * way if math.isfinite(first) else None


def drawn_aim(scene: m.Scene) -> NDArray[np.float64]:
    """Points of the cloth, metres, that the projector lights for the aim line."""
    aim = [
        line
        for line in scene.elements
        if isinstance(line, m.Line) and line.colour == palette.AIM and line.dash is None
    ]
    if not aim:
        return np.empty((0, 2))
    renderer = SceneRenderer(POOL, PROJECTION)
    renderer.draw(scene.model_copy(update={"elements": tuple(aim)}))
    rows, columns = np.nonzero(renderer.canvas[..., :3].max(axis=2) > 127)
    pixels = np.column_stack([columns, rows, np.ones(len(rows))])
    back = pixels @ np.linalg.inv(PROJECTION.homography).T
    return back[:, :2] / back[:, 2:]


def beside_mm(
    points: NDArray[np.float64], start: NDArray[np.float64], way: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances of points from a line, millimetres, signed."""
    apart = points - start
    return 1e3 * (apart[:, 0] * way[1] - apart[:, 1] * way[0])


AIMS = [(1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2)]


def test_given_the_true_cue_the_line_lies_where_the_ball_will_go() -> None:
    ghosts_mm, lines_mm = [], []
    for seed, shot in AIMS:
        seen = settled_aim(seed, shot).step()
        game = new_game()
        for frame in range(12):
            step = game.update(true_state(seen, frame))
        ghost = true_ghost(seen)
        prediction = step.game.prediction
        if ghost is None or prediction is None or prediction.ghost_ball is None:
            continue
        ghosts_mm.append(1e3 * math.dist(prediction.ghost_ball, ghost))
        start, way = true_aim(seen)
        lit = drawn_aim(step.scene)
        if len(lit):  # none where the balls all but touch
            lines_mm.append(np.abs(beside_mm(lit, start, way)).max())
    assert len(lines_mm) >= 3
    assert np.median(ghosts_mm) <= 1.0
    # Half a line's width of 4 mm and a pixel of 1.4 mm belong to the drawing itself.
    assert max(lines_mm) <= 2.0 + 1.5 + 1.0


def test_seen_by_vision_the_line_lies_close_to_the_true_one() -> None:
    ends_mm = []
    for seed, shot in [(2, 2), (6, 2), (8, 2), (9, 2), (10, 2), (11, 2)]:
        world = settled_aim(seed, shot)
        cue = world.step().truth.cue
        # Over a rail too little of the shaft shows against the cloth.
        if cue is None or not POOL.contains(*cue.tip[:2], margin=0.2):
            continue
        pipeline, game = Pipeline(POOL, epoch=1), new_game()
        for _ in range(20):
            seen = world.step()
            exposure_ns = 1 + round(seen.truth.time_s * 1e9)
            state = pipeline.process(seen.image, seen.truth.frame, exposure_ns, VIRTUAL)
            step = game.update(state)
        lit = drawn_aim(step.scene)
        assert len(lit), f"no aim line for seed {seed}"
        start, way = true_aim(seen)
        along = (lit - start) @ way
        far = lit[along > np.percentile(along, 90)]
        ends_mm.append(abs(float(beside_mm(far, start, way).mean())))
    assert len(ends_mm) >= 3
    assert np.median(ends_mm) < 25


def test_colours_tell_the_lines_apart() -> None:
    inks = [palette.AIM, palette.OBJECT_BALL, palette.CUE_BALL, palette.OTHER_BALL]
    for one, other in itertools.combinations(inks, 2):
        apart = [abs(int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) for i in (1, 3, 5)]
        assert max(apart) > 60
