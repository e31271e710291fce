"""The table as the page draws it, against the table that physics plays on."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest

from billiards_trainer import table as tables
from billiards_trainer.api.routes.table import TableGeometry
from tests.web.browser import ROOT, missing

SOURCE = ROOT / "web" / "src" / "lib" / "table.ts"
_TRANSPILE = """
const [source, target] = process.argv.slice(1);
const fs = require('node:fs');
const ts = require('typescript');
const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
const text = fs.readFileSync(source, 'utf8');
fs.writeFileSync(target, ts.transpileModule(text, { compilerOptions: options }).outputText);
"""
_DRAW = """
import { tableShape } from './table.js';
import { readFileSync } from 'node:fs';
const tables = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(tables.map(tableShape)));
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each preset's shape, as the page draws what the API sends."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("table")
    sent = [TableGeometry(tables.preset(n)).model_dump(mode="json") for n in tables.TABLE_NAMES]
    Path(folder, "tables.json").write_text(json.dumps(sent))
    Path(folder, "package.json").write_text('{"type": "module"}')
    Path(folder, "draw.mjs").write_text(_DRAW)
    subprocess.run(
        ["node", "-e", _TRANSPILE, str(SOURCE), str(folder / "table.js")],
        cwd=ROOT / "web",
        capture_output=True,
        check=True,
    )
    shapes = subprocess.run(
        ["node", str(folder / "draw.mjs"), str(folder / "tables.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(tables.TABLE_NAMES, json.loads(shapes.stdout), strict=True))


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_rubber_begins_at_the_noses_and_stays_on_the_rails(
    name: str, drawn: dict[str, Any]
) -> None:
    table = tables.preset(name)
    noses = [[list(s.start), list(s.end)] for s in table.segments if s.kind == "nose"]
    assert [r["nose"] for r in drawn[name]["rubber"]] == noses
    for rubber in drawn[name]["rubber"]:
        for x, y in rubber["outline"]:
            assert -table.rail_width < x < table.width + table.rail_width
            assert -table.rail_width < y < table.length + table.rail_width
            # Up to the rounding of the points, nothing of it lies over the bed.
            assert not table.contains(x, y, margin=0.001)


@pytest.mark.parametrize("name", ["pool-9ft", "snooker-12ft"])
def test_points_of_the_rubber_are_round(name: str, drawn: dict[str, Any]) -> None:
    table = tables.preset(name)
    for rubber, jaws in zip(
        drawn[name]["rubber"], zip(table.jaws[::2], table.jaws[1::2], strict=True), strict=True
    ):
        *rounded, _, _ = rubber["outline"]
        half = len(rounded) // 2
        for jaw, points in zip(jaws, (rounded[:half], rounded[half:]), strict=True):
            distances = [math.dist(p, jaw.centre) for p in points]
            assert distances == pytest.approx([jaw.radius] * half)


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_holes_are_the_pockets_as_far_as_the_wood_leaves_them_open(
    name: str, drawn: dict[str, Any]
) -> None:
    table = tables.preset(name)
    assert len(drawn[name]["holes"]) == len(table.pockets)
    for pocket, hole in zip(table.pockets, drawn[name]["holes"], strict=True):
        assert hole["radius"] <= pocket.radius
        assert math.dist(hole["centre"], pocket.centre) <= pocket.radius
        assert hole["throat"][0] == list(pocket.jaws[0])
        assert hole["throat"][3] == list(pocket.jaws[1])
        if pocket.kind == "side":
            assert abs(hole["centre"][0] - table.width / 2) + hole["radius"] < (
                table.width / 2 + table.rail_width
            )


def test_rubber_without_pockets_is_closed(drawn: dict[str, Any]) -> None:
    rubber = drawn["carom-10ft"]["rubber"]
    assert len(rubber) == 4
    for i, piece in enumerate(rubber):
        assert piece["outline"][-2] == pytest.approx(rubber[(i + 1) % 4]["outline"][-1])


def test_only_snooker_has_the_d(drawn: dict[str, Any]) -> None:
    assert drawn["snooker-12ft"]["d"]["radius"] == pytest.approx(0.292)
    assert [name for name, shape in drawn.items() if shape["d"]] == ["snooker-12ft"]
