"""How far a pocket's hole reaches, from what is unlike cloth round it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from billiards_trainer import messages as m
from billiards_trainer.simulation.setup import Setup
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.detection.view import View, make_view
from billiards_trainer.vision.pocket_edges import PocketEdges

POOL = preset("pool-9ft")
CAMERA = Setup.default(POOL).camera
RADII = (0.055, 0.075, 0.06, 0.058, 0.07, 0.065)


@pytest.fixture(scope="module")
def view() -> View:
    return make_view(POOL, CAMERA)


def drawn(table: Table, view: View) -> NDArray[np.uint8]:
    """Unlike cloth where there is a hole."""
    rows, columns = np.mgrid[: view.height, : view.width]
    spots = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    places = CAMERA.to_plane(view.to_full(spots), 0.0)
    unlike = np.zeros(len(places), np.uint8)
    for pocket in table.pockets:
        unlike[np.hypot(*(places[:, :2] - pocket.centre).T) < pocket.radius] = 255
    return unlike.reshape(view.height, view.width)


def test_holes_of_any_size_are_measured(view: View) -> None:
    table = POOL.with_pocket_radii(RADII)
    unlike = drawn(table, view)
    edges = PocketEdges(POOL, CAMERA, view)
    assert edges.radii == tuple(p.radius for p in POOL.pockets)
    for _ in range(30):
        edges.look(unlike, ())
    assert edges.radii == pytest.approx(RADII, abs=0.003)


def test_without_dark_holes_the_usual_ones_are_taken(view: View) -> None:
    edges = PocketEdges(POOL, CAMERA, view)
    for _ in range(30):
        edges.look(np.zeros((view.height, view.width), np.uint8), ())
    assert edges.radii == tuple(p.radius for p in POOL.pockets)


def test_a_ball_or_an_arm_over_a_pocket_does_not_change_it(view: View) -> None:
    unlike = drawn(POOL, view)
    edges = PocketEdges(POOL, CAMERA, view)
    for _ in range(30):
        edges.look(unlike, ())
    before = edges.radii
    x, y = POOL.pockets[0].mouth_centre
    near = m.BallState(track=1, label="3", x_m=x, y_m=y)
    covered = np.full_like(unlike, 255)
    for _ in range(200):
        edges.look(covered, ())
        edges.look(np.zeros_like(unlike), (near,))
    assert edges.radii[0] == before[0]
    assert all(math.isfinite(r) and r > 0.03 for r in edges.radii)
