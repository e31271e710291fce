"""Write docs/configuration.md from the schema: every key with range, default and meaning."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from billiards_trainer.config.schema import RELOADABLE_SECTIONS, Config

HEAD = """# Configuration

Written by `scripts/configuration_reference.py` from the schema; do not edit by hand.

A site file is TOML with one section for each heading below; `billiards-trainer validate-config
FILE` checks one. Each key can also be given as a variable `BILLIARDS_<SECTION>_<KEY>` (lists with
commas) or as `--set section.key=value`. Layers, each stronger than the one before: defaults, the
profile of the environment, site file, changes made on the page, variables, command line.

`environment` (development, testing, production) stands at the top of the file, before any section.
"""


def allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The range of a key in words."""
    if "anyOf" in schema:
        return ", ".join(
            allowed(part, definitions) for part in schema["anyOf"] if part.get("type") != "null"
        )
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        item = schema.get("items") or schema["prefixItems"][0]
        return "list of " + allowed(item, definitions)
    kind = {"integer": "whole number", "number": "number", "boolean": "true or false"}.get(
        schema.get("type", ""), "text"
    )
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return kind
    return f"{kind} {'>' if 'exclusiveMinimum' in schema else ''}{low}…{high}"


def reference() -> str:
    """The whole document."""
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    parts = [HEAD]
    for name, field in Config.model_fields.items():
        if name == "environment":
            continue
        section = definitions[field.annotation.__name__]  # type: ignore[union-attr]
        when = "at once" if name in RELOADABLE_SECTIONS else "after a restart"
        keys = section.get("properties", {})
        if not keys:
            continue
        parts.append(f"## [{name}]\n\n{section['description']} Changes take effect {when}.\n")
        parts.append("| key | allowed | default | meaning |\n|---|---|---|---|")
        for key, value in keys.items():
            default = value.get("default")
            shown = "" if default in (None, []) else f"`{default}`"
            meaning = value["description"].replace("|", "\\|")
            parts.append(f"| `{key}` | {allowed(value, definitions)} | {shown} | {meaning} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if target.read_text() == reference() else f"{target} is out of date")
    target.write_text(reference())
