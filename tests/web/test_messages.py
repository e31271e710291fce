"""What the page believes of messages, against the Python that defines them."""

from __future__ import annotations

import dataclasses
import re

import pytest
from pydantic import BaseModel

from billiards_trainer import messages as m
from billiards_trainer import table as tables
from billiards_trainer.config.schema import Config
from billiards_trainer.storage import records
from billiards_trainer.system.process_table import rows_for
from billiards_trainer.topics import CAMERA_WRITERS
from tests.web.browser import ROOT

SOURCES = ROOT / "web" / "src" / "lib"
TYPES = (SOURCES / "messages.ts").read_text()


def interfaces() -> dict[str, set[str]]:
    """Fields of each interface, those of the interface that it extends included."""
    found: dict[str, set[str]] = {}
    pattern = r"interface (\w+)(?: extends (\w+))? \{\n(.*?)\n\}"
    for name, base, body in re.findall(pattern, TYPES, re.DOTALL):
        own = set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
        found[name] = own | found.get(base, set())
    return found


def fields(name: str) -> set[str]:
    """Of the message, record or piece of table of that name."""
    found = getattr(m, name, None) or getattr(records, name, None) or getattr(tables, name)
    if issubclass(found, BaseModel):
        return set(found.model_fields)
    return {field.name for field in dataclasses.fields(found)}


@pytest.mark.parametrize("name", sorted(interfaces().keys() - {"Topics"}))
def test_every_field_that_the_page_reads_is_sent(name: str) -> None:
    assert interfaces()[name] <= fields(name)


def test_the_page_is_built_for_the_schema_in_force() -> None:
    assert re.search(rf"export const SCHEMA = {m.SCHEMA};", TYPES)


def test_every_process_has_a_name_for_people() -> None:
    names = set(re.findall(r"^\s+(\w+): \{ name:", (SOURCES / "verdict.ts").read_text(), re.M))
    assert {row.name for row in rows_for(Config())} | set(CAMERA_WRITERS) <= names
