from __future__ import annotations

from billiards_trainer import table as tables
from tests.unit.api.stage import Stage


async def test_the_table_is_told_whole(stage: Stage) -> None:
    told = await stage.json("/api/v1/table")
    table = tables.preset("pool-9ft")
    assert (told["width"], told["length"]) == (table.width, table.length)
    assert told["balls"]["labels"][:3] == ["cue", "1", "2"]
    assert [p["name"] for p in told["pockets"]] == [p.name for p in table.pockets]
    assert len(told["segments"]) == len(table.segments)
