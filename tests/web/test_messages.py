"""What the page believes of messages and tables, against the Python that defines them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from billiards_trainer import messages as m
from billiards_trainer import table as tables
from billiards_trainer.config.schema import Config
from billiards_trainer.storage import records
from billiards_trainer.system.process_table import rows_for
from billiards_trainer.topics import CAMERA_WRITERS
from tests.web.browser import ROOT, missing

SOURCES = ROOT / "web" / "src" / "lib"
TYPES = (SOURCES / "messages.ts").read_text()


def interfaces() -> dict[str, set[str]]:
    """Fields of each interface, those of the interface that it extends included."""
    found: dict[str, set[str]] = {}
    pattern = r"interface (\w+)(?: extends (\w+))? \{\n(.*?)\n\}"
    for name, base, body in re.findall(pattern, TYPES, re.DOTALL):
        fields = set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
        found[name] = fields | found.get(base, set())
    return found


def model(name: str) -> type[BaseModel]:
    found = getattr(m, name, None) or getattr(records, name)
    assert issubclass(found, BaseModel)
    return found


@pytest.mark.parametrize("name", sorted(interfaces().keys() - {"Topics"}))
def test_every_field_that_the_page_reads_is_sent(name: str) -> None:
    assert interfaces()[name] <= model(name).model_fields.keys()


def test_the_page_is_built_for_the_schema_in_force() -> None:
    assert re.search(rf"export const SCHEMA = {m.SCHEMA};", TYPES)


def test_every_process_has_a_name_for_people() -> None:
    names = set(re.findall(r"^\s+(\w+): \{ name:", (SOURCES / "verdict.ts").read_text(), re.M))
    assert {row.name for row in rows_for(Config())} | set(CAMERA_WRITERS) <= names


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each preset's shape, as the page draws it."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("table")
    presets = {name: tables.preset(name) for name in tables.TABLE_NAMES}
    program = Path(folder, "shapes.mjs")
    wanted = [[t.name, t.game, t.width, t.length] for t in presets.values()]
    program.write_text(
        f"import {{ tableShape }} from './table.js';"
        f"console.log(JSON.stringify(Object.fromEntries({json.dumps(wanted)}.map("
        f"([name, game, w, l]) => [name, tableShape(game, w, l)]))));"
    )
    subprocess.run(
        ["node", "-e", _TRANSPILE, str(SOURCES / "table.ts"), str(folder / "table.js")],
        cwd=ROOT / "web",
        capture_output=True,
        check=True,
    )
    (folder / "package.json").write_text('{"type": "module"}')
    shapes = subprocess.run(["node", str(program)], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(shapes.stdout)
    return answer


_TRANSPILE = """
const [source, target] = process.argv.slice(1);
const fs = require('node:fs');
const ts = require('typescript');
const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
const text = fs.readFileSync(source, 'utf8');
fs.writeFileSync(target, ts.transpileModule(text, { compilerOptions: options }).outputText);
"""


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_the_page_draws_the_table_that_physics_plays_on(name: str, drawn: dict[str, Any]) -> None:
    table, shape = tables.preset(name), drawn[name]
    pockets = [p["centre"] for p in shape["pockets"]]
    assert sorted(pockets) == [pytest.approx(p.centre) for p in sorted_pockets(table)]
    jaws = {tuple(round(v, 6) for v in c[i]) for c in shape["cushions"] for i in (0, 1)}
    if table.pockets:
        assert jaws == {tuple(round(v, 6) for v in j) for p in table.pockets for j in p.jaws}
    spots = [pytest.approx(s) for s in sorted(table.spots.values())]
    assert sorted(tuple(s) for s in shape["spots"]) == spots
    assert len(shape["diamonds"]) == len(table.diamonds)


def sorted_pockets(table: tables.Table) -> list[tables.Pocket]:
    return sorted(table.pockets, key=lambda p: p.centre)
