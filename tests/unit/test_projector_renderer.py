"""What the renderer really puts on the canvas, measured in pixels and in table metres."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import messages as m
from billiards_trainer.camera_model import CameraModel
from billiards_trainer.projector.projection import Projection, ProjectionError
from billiards_trainer.projector.renderer import SceneRenderer
from billiards_trainer.projector.shapes import cloth_outline
from billiards_trainer.table import TABLE_NAMES, preset

TABLE = preset("pool-9ft")
W, L = TABLE.width, TABLE.length
SIZE = (960, 540)


def scene(*elements: m.Element, **more: Any) -> m.Scene:
    return m.Scene(
        frame=1, exposure_ns=0, table=TABLE.name, width=W, length=L,
        ball_radius=TABLE.balls.radius, elements=elements, **more,
    )  # fmt: skip


def drawn(projection: Projection, *elements: m.Element, **more: Any) -> np.ndarray:
    renderer = SceneRenderer(TABLE, projection)
    renderer.draw(scene(*elements, **more))
    return renderer.canvas[..., :3]


def lens() -> Projection:
    model = CameraModel.look_at(
        (0.9, 1.0, 2.4), (0.62, 1.27, 0), (-1, 0, 0),
        width=SIZE[0], height=SIZE[1], focal=760, distortion=(-0.15, 0.03, 0.002, -0.001, 0.0),
    )  # fmt: skip
    return Projection.from_model(model, "projector-1")


@st.composite
def keystones(draw: st.DrawFn) -> Projection:
    shift = st.floats(-60, 60)
    middle = ((90, 70), (90, 470), (870, 470), (870, 70))
    corners = [(x + draw(shift), y + draw(shift)) for x, y in middle]
    a, b, c, d = corners
    return Projection.from_corners(TABLE, (a, b, c, d), *SIZE)


inside_x, inside_y = st.floats(0.15, W - 0.15), st.floats(0.15, L - 0.15)


def on_cloth(projection: Projection, pixels: np.ndarray) -> np.ndarray:
    """Table coordinates of pixels, (N, 2)."""
    if projection.model is not None:
        return projection.model.to_plane(pixels)
    q = np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(projection.homography).T
    return q[:, :2] / q[:, 2:]


def lit(projection: Projection, canvas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Table coordinates of the pixels that are not black, (N, 2), and their blue light 0…1."""
    rows, columns = np.nonzero(canvas.any(axis=-1))
    points = on_cloth(projection, np.column_stack([columns, rows]).astype(float))
    return points, canvas[rows, columns, 0] / 255


def where(projection: Projection) -> np.ndarray:
    """Table coordinates of each pixel, (H, W, 2)."""
    rows, columns = np.indices((projection.height, projection.width))
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(float)
    return on_cloth(projection, pixels).reshape(projection.height, projection.width, 2)


def distance_to_line(points: np.ndarray, a: tuple[float, float], b: tuple[float, float]) -> Any:
    """Signed distance from the line and position along it, metres."""
    along = (np.array(b) - a) / math.dist(a, b)
    offset = points - a
    return offset @ [-along[1], along[0]], offset @ along


@given(keystones(), inside_x, inside_y, inside_x, inside_y, st.floats(0.002, 0.02))
def test_a_line_lies_where_it_should_and_is_as_wide(
    projection: Projection, ax: float, ay: float, bx: float, by: float, width: float
) -> None:
    length = math.dist((ax, ay), (bx, by))
    if length < 0.3:
        return
    canvas = drawn(projection, m.Line(points=((ax, ay), (bx, by)), width=width))
    points, light = lit(projection, canvas)
    across, along = distance_to_line(points, (ax, ay), (bx, by))
    # Each pixel covers an area of the cloth; light times area over length is the line's width.
    scale = projection.pixels_per_metre(points)
    light = light / scale**2 * ((along > 0.05) & (along < length - 0.05))
    pixel = 1 / float(scale.mean())
    assert light.sum() / (length - 0.1) == pytest.approx(width, abs=0.45 * pixel)
    assert (light * across).sum() / light.sum() == pytest.approx(0, abs=0.15 * pixel)


def test_through_a_lens_a_straight_line_stays_straight_on_the_cloth() -> None:
    projection = lens()
    a, b = (0.1, 0.15), (1.1, 2.4)
    canvas = drawn(projection, m.Line(points=(a, b), width=0.008))
    across, along = distance_to_line(where(projection), a, b)
    bright = canvas[..., 0] > 200
    assert along[bright].min() == pytest.approx(0, abs=0.006)
    assert along[bright].max() == pytest.approx(math.dist(a, b), abs=0.006)
    assert np.abs(across[bright]).max() < 0.006


@given(keystones(), inside_x, inside_y, st.floats(0.02, 0.15))
def test_a_ring_has_its_radius(projection: Projection, x: float, y: float, radius: float) -> None:
    canvas = drawn(projection, m.Ring(centre=(x, y), radius=radius, width=0.006))
    points, light = lit(projection, canvas)
    distance = np.hypot(*(points - [x, y]).T)
    pixel = 1 / float(projection.pixels_per_metre([(x, y)])[0])
    assert np.average(distance, weights=light) == pytest.approx(radius, abs=0.5 * pixel)
    assert distance.min() > radius - 0.003 - 1.6 * pixel


def test_arcs_cover_their_angle_and_areas_their_surface() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    points = where(projection) - [0.6, 1.2]
    angle = np.arctan2(points[..., 1], points[..., 0])
    arc = m.Arc(centre=(0.6, 1.2), radius=0.3, start=0.5, end=1.5, width=0.01)
    canvas = drawn(projection, arc)
    bright = canvas[..., 0] > 128
    assert angle[bright].min() == pytest.approx(0.5, abs=0.02)
    assert angle[bright].max() == pytest.approx(1.5, abs=0.02)
    around = m.Arc(centre=(0.6, 1.2), radius=0.3, start=1.0, end=1.0 + 2 * math.pi)
    assert np.ptp(angle[drawn(projection, around)[..., 0] > 0]) > 6.2
    nothing = m.Arc(centre=(0.6, 1.2), radius=0.3, start=1.0, end=1.0)
    assert not drawn(projection, nothing).any()
    area = m.Area(points=((0.3, 0.5), (0.9, 0.5), (0.9, 1.5), (0.3, 1.5)))
    scale = float(projection.pixels_per_metre([(0.6, 1.0)])[0])
    surface = drawn(projection, area)[..., 0].sum() / 255 / scale**2
    assert surface == pytest.approx(0.6, rel=0.004)


def test_dashes_have_their_lengths_also_round_a_corner() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    dashed = m.Line(points=((0.3, 0.5), (0.3, 1.5)), width=0.012, dash=(0.1, 0.05))
    across, along = distance_to_line(where(projection), (0.3, 0.5), (0.3, 1.5))
    middle = np.abs(across) < 0.002
    bright = middle & (drawn(projection, dashed)[..., 0] > 128)
    assert not bright[(along % 0.15 > 0.105) & (along % 0.15 < 0.145)].any()
    share = bright.sum() / (middle & (along > 0) & (along < 1)).sum()
    assert share == pytest.approx(0.7, abs=0.03)
    corner = m.Line(points=((0.3, 0.5), (0.3, 0.55), (0.35, 0.55)), width=0.01, dash=(0.5, 0.1))
    assert drawn(projection, corner)[..., 0].max() == 255


@pytest.mark.parametrize("element", [
    m.Line(points=((0.5, 1.0), (0.5, 1.0))),
    m.Line(points=((0.5, 1.0), (0.5, 1.0)), dash=(0.1, 0.1)),
    m.Area(points=((0.5, 1.0), (0.5, 1.0), (0.5, 1.0))),
    m.Ring(centre=(9.0, 9.0), radius=0.1),
    m.Ring(centre=(0.5, 1.0), radius=0.1, opacity=0),
    m.Text(text="   ", position=(0.5, 1.0)),
    m.Text(text="far away", position=(50.0, 90.0)),
])  # fmt: skip
def test_what_has_no_extent_draws_nothing(element: m.Element) -> None:
    assert not drawn(Projection.centred(TABLE, *SIZE), element).any()


def test_a_thin_line_is_faint_rather_than_broken() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    canvas = drawn(projection, m.Line(points=((0.3, 0.5), (0.8, 2.0)), width=0.0005))
    columns = canvas[..., 0].max(axis=0)
    seen = np.flatnonzero(columns)
    assert (columns[seen[0] : seen[-1]] > 0).all()
    assert columns.max() < 160
    ring = drawn(projection, m.Ring(centre=(0.5, 1.0), radius=0.1, width=0.0005))
    assert 0 < ring.max() < 160


def test_curves_and_sharp_turns_have_no_holes() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    t = np.linspace(0, 4 * math.pi, 150)
    spiral = tuple((0.6 + 0.03 * a * math.cos(a), 1.2 + 0.03 * a * math.sin(a)) for a in t.tolist())
    zigzag = tuple((0.3 + 0.05 * (i % 2), 0.3 + 0.04 * i) for i in range(20))
    for points in (spiral, zigzag):
        canvas = drawn(projection, m.Line(points=points, width=0.012))
        pixels = projection.to_pixels(np.array(points)[1:-1]).round().astype(int)
        assert canvas[pixels[:, 1], pixels[:, 0], 0].min() > 200


def anywhere() -> st.SearchStrategy[m.Element]:
    x, y = st.floats(-0.4, W + 0.4), st.floats(-0.4, L + 0.4)
    point = st.tuples(x, y)
    opacity = st.sampled_from([0.3, 1.0])
    text = st.builds(m.Text, text=st.sampled_from(["8", "Foul!"]), position=point, opacity=opacity,
                     height=st.floats(0.02, 0.3), angle=st.floats(-3, 3))  # fmt: skip
    return st.one_of(
        st.builds(m.Line, points=st.tuples(point, point, point), width=st.floats(0.001, 0.05),
                  opacity=opacity, dash=st.sampled_from([None, (0.05, 0.03)])),
        st.builds(m.Ring, centre=point, radius=st.floats(0.01, 0.5), opacity=opacity),
        st.builds(m.Area, points=st.tuples(point, point, point), opacity=opacity),
        text,
    )  # fmt: skip


@given(
    st.one_of(keystones(), st.builds(lens)),
    st.lists(anywhere(), min_size=1, max_size=5),
    st.lists(st.tuples(inside_x, inside_y), max_size=4),
)
def test_nothing_falls_off_the_cloth_or_over_balls(
    projection: Projection, elements: list[m.Element], balls: list[tuple[float, float]]
) -> None:
    renderer = SceneRenderer(TABLE, projection)
    renderer.draw(scene(*elements, keep_clear=tuple(balls)))
    canvas = renderer.canvas
    outline = projection.to_pixels(cloth_outline(TABLE))
    if not projection.is_curved:
        outside = np.ones(canvas.shape[:2], np.uint8)
        cv2.fillPoly(outside, [np.rint(outline).astype(np.int32)], 0)
        # Anti-aliasing reaches a pixel beyond, rounding the outline here half another.
        outside = cv2.erode(outside, np.ones((5, 5), np.uint8), borderValue=1)
        assert not canvas[outside > 0].any()
    points, _ = lit(projection, canvas)
    for pocket in TABLE.pockets:
        assert np.hypot(*(points - pocket.centre).T).min(initial=1) > pocket.radius - 0.006
    for outline in projection.silhouettes(balls, TABLE.balls.radius):
        covered = np.zeros(canvas.shape[:2], np.uint8)
        cv2.fillPoly(covered, [np.rint(outline).astype(np.int32)], 1)
        assert not canvas[cv2.erode(covered, np.ones((3, 3), np.uint8)) > 0].any()
    changed = renderer.draw(scene())
    assert not canvas.any(), "the rectangles given out hold all that was drawn"
    assert len(changed) <= 8


@given(st.lists(st.lists(anywhere(), max_size=4), min_size=2, max_size=3))
def test_a_scene_looks_the_same_whatever_was_there_before(scenes: list[list[m.Element]]) -> None:
    projection = Projection.centred(TABLE, 480, 270)
    one = SceneRenderer(TABLE, projection)
    before = one.canvas.copy()
    for elements in scenes:
        rects = one.draw(scene(*elements))
        unchanged = np.ones(before.shape[:2], bool)
        for left, top, right, bottom in rects:
            unchanged[top:bottom, left:right] = False
        assert (one.canvas[unchanged] == before[unchanged]).all()
        before = one.canvas.copy()
    fresh = SceneRenderer(TABLE, projection)
    fresh.draw(scene(*scenes[-1]))
    assert (one.canvas == fresh.canvas).all()


def test_opacity_mixes_with_what_lies_below() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    below = m.Area(points=((0.2, 0.5), (1.0, 0.5), (1.0, 2.0), (0.2, 2.0)), colour="#0000ff")
    above = m.Line(points=((0.3, 0.6), (0.9, 1.9)), width=0.06, colour="#ff0000", opacity=0.25)
    canvas = drawn(projection, below, above)
    x, y = projection.to_pixels([[0.6, 1.25]])[0].round().astype(int)
    assert canvas[y, x] == pytest.approx([191, 0, 64], abs=2)
    alone = drawn(projection, above)
    assert alone[y, x] == pytest.approx([0, 0, 64], abs=2)
    corner = projection.to_pixels([[0.25, 1.9]])[0].round().astype(int)
    assert canvas[corner[1], corner[0]] == pytest.approx([255, 0, 0], abs=1)


def test_moving_rings_and_the_balls_in_them_are_led_but_not_too_far() -> None:
    projection = Projection.centred(TABLE, *SIZE)
    ring = m.Ring(centre=(0.5, 1.0), radius=0.03, width=0.03, velocity=(0.0, 2.0))
    renderer = SceneRenderer(TABLE, projection)
    renderer.draw(scene(ring, keep_clear=((0.5, 1.0),)), lead_s=0.1)
    points = where(projection)
    bright = points[renderer.canvas[..., 0] > 128]
    assert bright.mean(axis=0) == pytest.approx([0.5, 1.2], abs=0.004)
    from_middle = np.hypot(*(bright - [0.5, 1.2]).T)
    assert from_middle.min() > TABLE.balls.radius - 0.003
    renderer.draw(scene(ring), lead_s=30.0)
    bright = points[renderer.canvas[..., 0] > 128]
    assert bright.mean(axis=0) == pytest.approx([0.5, 1.5], abs=0.004)


@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2, -2.5])
def test_text_reads_along_its_baseline_and_is_not_mirrored(angle: float) -> None:
    projection = Projection.centred(TABLE, 1920, 1080)
    text = m.Text(text="LF7", position=(0.6, 1.2), height=0.2, angle=angle)
    canvas = drawn(projection, text)
    # Look at the cloth from above with the baseline to the right: metres to a small picture.
    side, scale = 256, 256 / 0.6
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    along, up = (columns - 127.5) / scale, (127.5 - rows) / scale
    c, s = math.cos(angle), math.sin(angle)
    points = np.stack([0.6 + along * c - up * s, 1.2 + along * s + up * c], axis=-1)
    pixels = projection.to_pixels(points.reshape(-1, 2)).reshape(side, side, 2).astype(np.float32)
    seen = cv2.remap(np.ascontiguousarray(canvas[..., 0]), pixels, None, cv2.INTER_LINEAR)
    lit_rows, lit_columns = np.flatnonzero(seen.max(axis=1)), np.flatnonzero(seen.max(axis=0))
    assert (lit_columns[0] + lit_columns[-1]) / 2 == pytest.approx(127.5, abs=8)
    # L stands left with its foot below; F's and 7's bars are at the top.
    letters = np.split(seen[lit_rows[0] : lit_rows[-1] + 1], [110, 150], axis=1)
    top, bottom = np.array_split(letters[0], 2)
    assert bottom.sum() > 1.5 * top.sum()
    top, bottom = np.array_split(letters[2], 2)
    assert top.sum() > 1.2 * bottom.sum()


def test_text_is_remembered_but_not_for_ever() -> None:
    projection = Projection.centred(TABLE, 480, 270)
    renderer = SceneRenderer(TABLE, projection)
    for number in range(80):
        renderer.draw(scene(m.Text(text=str(number), position=(0.5, 1.0))))
    again = renderer.draw(scene(m.Text(text="79", position=(0.5, 1.0))))
    assert renderer.canvas.any()
    assert len(again) == 1


def test_brightness_scales_all_colours() -> None:
    renderer = SceneRenderer(TABLE, Projection.centred(TABLE, 480, 270), brightness=0.5)
    renderer.draw(scene(m.Area(points=((0.2, 0.5), (1.0, 0.5), (0.6, 2.0)), colour="#ff8040")))
    assert renderer.canvas.max(axis=(0, 1))[:3] == pytest.approx([32, 64, 128], abs=1)


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_the_nominal_placement_shows_the_whole_table_from_above(name: str) -> None:
    table = preset(name)
    projection = Projection.centred(table, 1920, 1080)
    near_left, near_right, far_right, far_left = projection.to_pixels(table.corners)
    assert near_left[0] < far_left[0], "the head lies to the left"
    assert near_left[1] < near_right[1], "seen from above, the right rail lies below"
    assert far_right[0] < 1920
    assert far_right[1] < 1080
    middle = projection.to_pixels([[table.width / 2, table.length / 2]])[0]
    assert middle == pytest.approx([959.5, 539.5])
    outline = cloth_outline(table)
    assert len(outline) == (4 if name.startswith("carom") else 8)


def test_silhouettes_are_the_shadows_that_balls_throw() -> None:
    projection = lens()
    assert projection.model is not None
    radius, eye = TABLE.balls.radius, projection.model.position
    (outline,) = projection.silhouettes([(0.9, 2.0)], radius)
    for ray in projection.model.rays(outline):
        towards = np.array([0.9, 2.0, radius]) - eye
        nearest = np.linalg.norm(np.cross(ray, towards))
        assert nearest == pytest.approx(radius, rel=1e-6), "each ray just touches the ball"


def test_corners_that_cross_are_refused() -> None:
    with pytest.raises(ProjectionError, match="convex"):
        Projection.from_corners(TABLE, ((0, 0), (900, 500), (900, 10), (0, 500)), *SIZE)


def test_what_lies_behind_the_projector_is_left_out() -> None:
    # A steep keystone whose horizon crosses the plane beyond the table's far end.
    corners = ((100.0, 10.0), (100.0, 530.0), (850.0, 300.0), (850.0, 240.0))
    projection = Projection.from_corners(TABLE, corners, *SIZE)
    beyond = m.Line(points=((0.6, 1.0), (0.6, 60.0)))
    good = m.Line(points=((0.2, 0.3), (0.9, 1.2)), width=0.01)
    both, alone = drawn(projection, beyond, good), drawn(projection, good)
    assert (both == alone).all()
    assert not drawn(projection, m.Text(text="far", position=(0.6, 60.0))).any()
