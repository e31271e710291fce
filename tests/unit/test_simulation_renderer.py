"""What the pictures show is where the truth says it is."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from billiards_trainer import table as tables
from billiards_trainer.light_map import LightMap, table_to_map
from billiards_trainer.simulation import textures
from billiards_trainer.simulation.body import Stance, cue_limb, player_limbs
from billiards_trainer.simulation.observation import CuePose, visible_disc, visible_shares
from billiards_trainer.simulation.orientation import orthonormal, random_turn, rotation
from billiards_trainer.simulation.randomise import random_setup
from billiards_trainer.simulation.renderer import BallView, Renderer, View
from billiards_trainer.simulation.setup import Lamp, Sensor, Setup, srgb
from billiards_trainer.simulation.stills import full_set, random_balls, render_balls
from billiards_trainer.table import Table

POOL = tables.preset("pool-9ft")


def noiseless(table: Table, **changes: object) -> Setup:
    setup = Setup.default(table, **changes)  # type: ignore[arg-type]
    return replace(setup, sensor=replace(setup.sensor, noise=0.0))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(POOL, noiseless(POOL))


def edge_circle(
    difference: NDArray[np.float64], x: float, y: float, r: float
) -> NDArray[np.float64]:
    """Circle through the half-height points of a bright disc's edge: x, y, r."""
    angles = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    reach = np.linspace(0.6 * r, 1.5 * r, 160)
    xs = (x + np.outer(np.cos(angles), reach)).astype(np.float32)
    ys = (y + np.outer(np.sin(angles), reach)).astype(np.float32)
    profile = cv2.remap(difference.astype(np.float32), xs, ys, cv2.INTER_CUBIC)
    points = []
    for angle, line in zip(angles, np.asarray(profile).reshape(90, 160), strict=True):
        half = 0.5 * line[:25].mean()
        k = int(np.argmax(line < half))
        s = reach[k - 1] + (line[k - 1] - half) / (line[k - 1] - line[k]) * (reach[1] - reach[0])
        points.append((x + s * math.cos(angle), y + s * math.sin(angle)))
    p = np.array(points)
    a = np.column_stack([2 * p, np.ones(len(p))])
    cx, cy, c = np.linalg.lstsq(a, (p**2).sum(axis=1), rcond=None)[0]
    return np.array([cx, cy, math.sqrt(c + cx * cx + cy * cy)])


@pytest.mark.parametrize("at", [(0.3, 0.35), (0.635, 1.27), (1.1, 2.3), (0.15, 2.0)])
def test_a_ball_is_drawn_where_it_is_to_a_twentieth_of_a_pixel(at: tuple[float, float]) -> None:
    # A white cloth, a black ball, one lamp beside the lens: its shadow hides behind the ball.
    plain = noiseless(POOL)
    eye = plain.camera.position
    plain = replace(
        plain,
        lamps=(Lamp((float(eye[0]), float(eye[1]), float(eye[2])), (1e-3, 1e-3), 0.6),),
        ambient=(0.0, 0.0, 0.0),
        sensor=Sensor(noise=0.0, vignette=0.0, contrast=0.0, saturation=1.0),
        cloth=replace(plain.cloth, colour=(0.8, 0.8, 0.8), nap=0.0, wear=0.0, chalk=0),
        balls=replace(plain.balls, colours={"cue": (0.0, 0.0, 0.0)}, gloss=0.0),
    )
    renderer = Renderer(POOL, plain, caption="")
    white = render_balls(renderer, [("cue", at)])
    truth = white.truth.balls[0]

    def linear(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        v = image[:, :, 1] / 255
        return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)

    difference = linear(renderer.render(View())) - linear(white.image)
    x, y, r = edge_circle(difference, *truth.pixel, truth.radius_px)
    assert math.dist((x, y), truth.pixel) < 0.05
    # The soft edge of the shadow behind it makes the dark disc look a little larger.
    assert -0.05 < r - truth.radius_px < 0.35
    # Parallax: at the height of the centre the pixel is the ball's place, on the cloth it is not.
    radius = POOL.balls.radius
    assert math.dist(white.camera.to_plane((x, y), radius), at) < 0.4e-3
    aside = math.dist(white.camera.position[:2], at)
    if aside > 0.3:
        assert math.dist(white.camera.to_plane((x, y), 0.0), at) > 0.8 * aside * radius / 2.5


def test_the_visible_disc_of_a_ball_aside_is_an_ellipse_beside_its_projected_centre() -> None:
    camera = Setup.default(POOL).camera
    below = visible_disc(camera, (*camera.position[:2], 0.03), 0.03)
    np.testing.assert_allclose(below[0], camera.to_pixels((*camera.position[:2], 0.03)), atol=0.01)
    aside = (0.1, 2.4, 0.03)
    middle, radius = visible_disc(camera, aside, 0.03)
    off = math.dist(middle, camera.to_pixels(aside))
    assert 0.01 < off < 0.2
    assert radius == pytest.approx(0.03 * camera.pixels_per_metre(0.1, 2.4, 0.03), rel=0.15)


def test_the_same_seed_draws_the_same_picture() -> None:
    small = random_setup(POOL, 5, width=320, height=180)
    balls = random_balls(POOL, np.random.default_rng(1), 6)
    a = render_balls(Renderer(POOL, small), balls, seed=3).image
    b = render_balls(Renderer(POOL, small), balls, seed=3).image
    np.testing.assert_array_equal(a, b)
    c = render_balls(Renderer(POOL, small), balls, seed=4).image
    assert (a != c).any()


def test_nothing_of_one_picture_stays_in_the_next(renderer: Renderer) -> None:
    empty = renderer.render(View())
    balls = [("cue", (0.4, 0.6)), ("9", (0.8, 1.9))]
    pose = CuePose((0.5, 0.9, 0.03), 1.2, 0.07)
    limbs = player_limbs(pose, Stance((0.42, 0.7), 1.2), renderer.setup.player, renderer.setup.cue)
    light = np.full((*LightMap.shape(POOL), 3), 200, np.uint8)
    busy = render_balls(renderer, balls, limbs=limbs, light=light).image
    assert np.abs(busy.astype(int) - empty).mean() > 10
    np.testing.assert_array_equal(renderer.render(View()), empty)


def spot_light(table: Table, at: tuple[float, float], radius: float) -> NDArray[np.uint8]:
    light = np.zeros((*LightMap.shape(table), 3), np.uint8)
    u, v = table_to_map() @ (*at, 1.0)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    light[np.hypot(columns - u, rows - v) * LightMap.RESOLUTION < radius] = 255
    return light


def lit_middle(renderer: Renderer, light: NDArray[np.uint8], view: View) -> NDArray[np.float64]:
    dark = renderer.render(view).astype(float)
    bright = renderer.render(view, light=light).astype(float)
    gain = np.clip((bright - dark).sum(axis=2), 0, None)
    rows, columns = np.mgrid[: gain.shape[0], : gain.shape[1]]
    pixel = np.array([(gain * columns).sum(), (gain * rows).sum()]) / gain.sum()
    return np.asarray(renderer.setup.camera.to_plane(pixel, 0.0))


@pytest.mark.parametrize("at", [(0.4, 0.7), (0.9, 1.9)])
def test_light_falls_where_the_map_says(renderer: Renderer, at: tuple[float, float]) -> None:
    found = lit_middle(renderer, spot_light(POOL, at, 0.05), View())
    assert math.dist(found, at) < 1.0e-3


def test_light_of_a_misset_projector_falls_beside_by_its_error() -> None:
    setup = noiseless(POOL)
    # What the projector believes to light at (x, y) falls 3 cm short in x and 2 cm far in y.
    error = (1.0, 0.0, 0.03, 0.0, 1.0, -0.02, 0.0, 0.0, 1.0)
    renderer = Renderer(POOL, replace(setup, projector=replace(setup.projector, error=error)))
    found = lit_middle(renderer, spot_light(POOL, (0.5, 1.0), 0.05), View())
    assert math.dist(found, (0.47, 1.02)) < 1.0e-3


def test_balls_catch_the_projectors_light_and_throw_its_shadow() -> None:
    setup = noiseless(POOL)
    # A low projector far aside, so that the camera can see the shadow.
    aside = replace(setup.projector, position=(-0.6, 0.5, 1.0))
    renderer = Renderer(POOL, replace(setup, projector=aside))
    radius = POOL.balls.radius
    ball = BallView("cue", np.array([[0.5, 0.5, radius]]), np.eye(3)[None])
    light = np.full((*LightMap.shape(POOL), 3), 90, np.uint8)
    dark = renderer.render(View([ball])).astype(int)
    gain = (renderer.render(View([ball]), light=light).astype(int) - dark).sum(axis=2)

    def at(*point: float) -> int:
        x, y = (round(float(v)) for v in setup.camera.to_pixels(point))
        return int(gain[y, x])

    assert at(0.5, 0.5, 2 * radius) > 20
    assert at(0.5, 0.6, 0.0) > 20
    assert at(0.5 + 0.045, 0.5, 0.0) == 0


def test_a_light_map_of_another_table_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ValueError, match="not this table's"):
        renderer.render(View(), light=np.zeros((10, 10, 3), np.uint8))


def test_shadows_fall_away_from_the_lamp() -> None:
    setup = replace(noiseless(POOL), lamps=(Lamp((0.0, 1.27, 1.2), (0.05, 0.05), 1.0),))
    renderer = Renderer(POOL, setup)
    empty = renderer.render(View()).astype(int)
    ball = BallView("8", np.array([[0.8, 1.27, POOL.balls.radius]]), np.eye(3)[None])
    seen = renderer.render(View([ball])).astype(int)

    def loss(x: float) -> int:
        u, v = (round(float(c)) for c in setup.camera.to_pixels((x, 1.27)))
        return int((empty - seen)[v, u].sum())

    assert loss(0.8 + 0.045) > 60
    assert loss(0.8 - 0.06) < 40


def test_motion_smears_a_ball_along_its_way(renderer: Renderer) -> None:
    radius = POOL.balls.radius
    shift = np.linspace(-0.02, 0.02, 9)[:, None] * np.array([[0.0, 1.0, 0.0]])
    centres = np.array([[0.6, 1.2, radius]]) + shift
    empty = renderer.render(View()).astype(int)
    moving = BallView("8", centres, np.repeat(np.eye(3)[None], 9, axis=0))
    smeared = np.abs(renderer.render(View([moving])).astype(int) - empty).sum(axis=2) > 60
    resting = BallView("8", centres[4:5], np.eye(3)[None])
    sharp = np.abs(renderer.render(View([resting])).astype(int) - empty).sum(axis=2) > 60
    wide = np.ptp(np.flatnonzero(smeared.any(axis=0))) - np.ptp(np.flatnonzero(sharp.any(axis=0)))
    high = np.ptp(np.flatnonzero(smeared.any(axis=1))) - np.ptp(np.flatnonzero(sharp.any(axis=1)))
    assert wide >= 6
    assert abs(high) <= 3


def test_the_cue_is_drawn_along_its_line(renderer: Renderer) -> None:
    pose = CuePose((0.7, 1.5, 0.035), math.radians(75), math.radians(5))
    empty = renderer.render(View()).astype(int)
    seen = renderer.render(View(limbs=(cue_limb(pose, renderer.setup.cue),))).astype(int)
    shaft = ((seen - empty).sum(axis=2) > 120).astype(float)
    camera = renderer.setup.camera
    for behind in (0.1, 0.3, 0.5):
        axis = np.array(pose.tip) - pose.direction * behind
        x, y = camera.to_pixels(axis)
        part = shaft[round(y) - 12 : round(y) + 13, round(x)]
        middle = (part * np.arange(25)).sum() / part.sum() + round(y) - 12
        assert middle == pytest.approx(y, abs=0.6)
    # Nothing in front of the tip.
    x, y = (round(float(v)) for v in camera.to_pixels(np.array(pose.tip) + pose.direction * 0.02))
    assert shaft[y - 1 : y + 2, x - 1 : x + 2].sum() == 0


@pytest.mark.parametrize("name", ["snooker-12ft", "carom-10ft", "pool-7ft"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_table_can_be_drawn_in_any_room(name: str, seed: int) -> None:
    table = tables.preset(name)
    renderer = Renderer(table, random_setup(table, seed, width=640, height=360, misset=True))
    balls = random_balls(table, np.random.default_rng(seed))
    seen = render_balls(renderer, balls, light=np.full((*LightMap.shape(table), 3), 40, np.uint8))
    assert seen.image.shape == (360, 640, 3)
    assert seen.image.std() > 5
    assert [b.label for b in seen.truth.balls] == [label for label, _ in balls]
    for ball in seen.truth.balls:
        assert table.contains(float(ball.position[0]), float(ball.position[1]))
        assert 0 <= ball.visible <= 1


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_the_show_camera_sees_the_whole_table_from_the_side_of_the_head(name: str) -> None:
    table = tables.preset(name)
    camera = Setup.default(table).camera
    r = table.rail_width
    corners = [(x, y, 0.04) for x in (-r, table.width + r) for y in (-r, table.length + r)]
    p = camera.to_pixels(corners)
    assert (p > 0).all()
    assert (p < (1279, 719)).all()
    head, foot = camera.to_pixels([(table.width / 2, 0.0), (table.width / 2, table.length)])
    assert head[0] < foot[0]


def test_the_caption_lies_beside_the_table_and_can_be_left_out() -> None:
    plain = Renderer(POOL, noiseless(POOL), caption="").render(View()).astype(int)
    told = Renderer(POOL, noiseless(POOL)).render(View()).astype(int)
    rows, columns = np.nonzero(np.abs(told - plain).sum(axis=2))
    assert len(rows) > 100
    at = Setup.default(POOL).camera.to_plane(np.column_stack([columns, rows]).astype(float), 0.04)
    r = POOL.rail_width
    assert not any(-r < x < POOL.width + r and -r < y < POOL.length + r for x, y in at)


def test_random_balls_lie_on_the_table_and_not_in_each_other() -> None:
    for name in tables.TABLE_NAMES:
        table = tables.preset(name)
        for seed in range(6):
            balls = random_balls(table, np.random.default_rng(seed))
            centres = np.array([at for _, at in balls])
            gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)
            np.fill_diagonal(gaps, 1)
            assert gaps.min() >= table.balls.diameter
            assert set(dict(balls)) <= set(full_set(table))


def test_visible_shares() -> None:
    def nothing(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(pixels), np.inf)

    far, near = (np.array([50.0, 50.0]), 10.0), (np.array([60.0, 50.0]), 10.0)
    shares = visible_shares([far, near], [2.5, 2.4], nothing)
    assert shares == [pytest.approx(0.61, abs=0.08), 1.0]
    apart = (np.array([90.0, 50.0]), 10.0)
    assert visible_shares([far, apart], [2.5, 2.4], nothing) == [1.0, 1.0]


def test_a_ball_under_the_cue_is_seen_in_part(renderer: Renderer) -> None:
    pose = CuePose((0.9, 1.5, 0.09), math.radians(90), 0.0)
    limbs = (cue_limb(pose, renderer.setup.cue),)
    balls = [("3", (0.9, 1.2)), ("5", (0.5, 1.2))]
    under, free = render_balls(renderer, balls, limbs=limbs).truth.balls
    assert 0.4 < under.visible < 0.9
    assert free.visible == 1.0


def test_rotations() -> None:
    quarter = rotation((0, 0, math.pi / 2))
    np.testing.assert_allclose(quarter @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    np.testing.assert_array_equal(rotation((0, 0, 0)), np.eye(3))
    turn = random_turn(np.random.default_rng(1))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(orthonormal(turn * 1.0001), turn, atol=1e-9)


def test_numerals_can_be_told_apart() -> None:
    shapes = [textures.numeral(str(n), 32).ravel() for n in range(1, 16)]
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            assert np.abs(a - b).sum() > 20, (i, a)


def test_colours_are_read_as_screens_mean_them() -> None:
    assert srgb("#000000") == (0, 0, 0)
    assert srgb("#ffffff") == pytest.approx((1, 1, 1))
    assert srgb("#808080")[0] == pytest.approx(0.2159, abs=1e-3)


@pytest.mark.kernels
def test_a_small_picture_with_everything_in_it() -> None:
    """Runs every kernel, also without compilation."""
    table = tables.preset("pool-7ft")
    setup = replace(Setup.default(table, width=96, height=54))
    renderer = Renderer(table, setup)
    pose = CuePose((0.5, 0.9, 0.03), 1.2, 0.07)
    limbs = player_limbs(pose, Stance((0.42, 0.7), 1.2), setup.player, setup.cue)
    light = np.zeros((*LightMap.shape(table), 3), np.uint8)
    light[150:200, 100:200] = 255
    turn = random_turn(np.random.default_rng(2))
    falling = BallView("3", np.array([[*table.pockets[1].centre, -0.01]]), turn[None])
    rolling = BallView(
        "12",
        np.array([[0.5, 1.1, 0.0286], [0.5, 1.14, 0.0286]]),
        np.stack([turn, rotation((1.0, 0, 0)) @ turn]),
    )
    view = View(
        [falling, rolling, BallView("cue", np.array([[0.52, 0.95, 0.0286]]), turn[None])],
        limbs,
        np.array([-0.01, 0.01]),
    )
    picture = renderer.render(view, light=light)
    dark = renderer.render(View())
    assert picture.shape == (54, 96, 3)
    assert np.abs(picture.astype(int) - dark).mean() > 3
