"""Tables are what their numbers say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billiards_trainer import table as tables
from billiards_trainer.table import TableError


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_a_preset_is_closed_symmetric_and_has_its_furniture(name: str) -> None:
    table = tables.preset(name)
    assert table.length == pytest.approx(2 * table.width, rel=0.02)
    mirrored = {(round(table.width - x, 9), round(y, 9)) for x, y in table.diamonds}
    assert mirrored == {(round(x, 9), round(y, 9)) for x, y in table.diamonds}
    noses = [s for s in table.segments if s.kind == "nose"]
    for nose in noses:
        on_line = {
            nose.start[0] == nose.end[0] and nose.start[0] in (0.0, table.width),
            nose.start[1] == nose.end[1] and nose.start[1] in (0.0, table.length),
        }
        assert any(on_line)
    if table.game == "carom":
        assert not table.pockets
        assert sum(math.dist(n.start, n.end) for n in noses) == pytest.approx(
            2 * (table.width + table.length)
        )
    else:
        assert len(table.pockets) == 6
        assert len(table.jaws) == 12
        assert len(noses) == 6


@pytest.mark.parametrize("name", ["pool-7ft", "pool-9ft", "snooker-12ft"])
def test_a_ball_passes_the_mouth_and_drops_beyond_it(name: str) -> None:
    table = tables.preset(name)
    for pocket in table.pockets:
        assert math.dist(*pocket.jaws) > table.balls.diameter * 1.5
        mouth = pocket.mouth_centre
        # The hole begins behind the mouth line and lies outside the cloth.
        assert math.dist(mouth, pocket.centre) >= pocket.radius
        assert not table.contains(*pocket.centre)
        nearest, distance = table.nearest_pocket(*pocket.centre) or (None, math.inf)
        assert nearest is pocket
        assert distance == 0


def test_facings_lead_into_their_pocket_and_leave_room_for_the_ball() -> None:
    table = tables.preset("pool-9ft")
    for facing in (s for s in table.segments if s.kind == "facing"):
        pocket, _ = table.nearest_pocket(*facing.start) or pytest.fail("no pockets")
        # Walking down the facing, the hole's centre lies at least its half mouth to the side.
        dx, dy = facing.end[0] - facing.start[0], facing.end[1] - facing.start[1]
        reach = math.hypot(dx, dy)
        cx, cy = pocket.centre[0] - facing.start[0], pocket.centre[1] - facing.start[1]
        assert (cx * dx + cy * dy) / reach > 0
        assert abs(cx * dy - cy * dx) / reach > table.balls.radius


@given(
    length=st.floats(1.2, 4.0),
    ratio=st.floats(1.3, 2.5),
    game=st.sampled_from(["pool", "snooker", "carom"]),
)
def test_a_measured_table_has_its_jaws_on_the_noses(length: float, ratio: float, game: str) -> None:
    width = length / ratio
    if width < 0.6:
        width = 0.6
    if not 1.2 <= length / width <= 2.8:
        return
    table = tables.build("mine", game, length, width)  # type: ignore[arg-type]
    assert table.corners[2] == (width, length)
    for pocket in table.pockets:
        for x, y in pocket.jaws:
            assert min(abs(x), abs(x - width), abs(y), abs(y - length)) < 1e-12
    assert all(table.contains(*spot) for spot in table.spots.values())


def test_the_ball_of_a_measured_table_keeps_its_density() -> None:
    small = tables.build("mine", "pool", 1.881, 0.943, ball_diameter=0.0523).balls
    assert small.mass / small.diameter**3 == pytest.approx(
        tables.POOL_BALLS.mass / tables.POOL_BALLS.diameter**3
    )
    assert small.radius == pytest.approx(0.02615)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mine", "pool", 9.0, 4.5), "not a table"),
        (("mine", "pool", math.nan, 1.0), "not a table"),
        (("mine", "pool", 1.0, 2.0), "long side comes first"),
        (("mine", "golf", 2.0, 1.0), "unknown game"),
    ],
)
def test_what_is_not_a_table_is_refused(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(TableError, match=said):
        tables.build(*arguments)  # type: ignore[arg-type]


def test_a_ball_that_is_not_one_is_refused() -> None:
    with pytest.raises(TableError, match="not a billiard ball"):
        tables.build("mine", "pool", 2.0, 1.0, ball_diameter=0.2)
    with pytest.raises(TableError, match="unknown table"):
        tables.preset("pool-10ft")


def test_sizes_are_read_in_either_order() -> None:
    assert tables.parse_size("2.54x1.27") == tables.parse_size("1.27X2.54") == (2.54, 1.27)
    with pytest.raises(TableError, match="LxW"):
        tables.parse_size("two by one")
    with pytest.raises(TableError, match="LxW"):
        tables.parse_size("1x2x3")


def test_snooker_spots_stand_where_the_rules_put_them() -> None:
    table = tables.preset("snooker-12ft")
    assert table.spots["brown"] == (0.889, 0.737)
    # Looking up the table from baulk: green, brown, yellow from left to right.
    assert table.spots["green"][0] < table.spots["brown"][0] < table.spots["yellow"][0]
    assert table.length - table.spots["black"][1] == pytest.approx(0.324)
    assert table.d_radius == pytest.approx(0.292)
    assert tables.preset("pool-9ft").nearest_pocket(0, 0) is not None
    assert tables.preset("carom-10ft").nearest_pocket(0, 0) is None
    assert tables.POOL_BALLS.is_numbered
    assert not tables.CAROM_BALLS.is_numbered
