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

`environment` (development, testing, production) and `version` (of the file's format) stand at the
top of the file, before any section.  A file without `version` is read as version 1; files of older
versions are understood, and `billiards-trainer validate-config --migrate FILE` writes one anew and
keeps the original beside it.

Passwords do not belong here: write `${name}` and put `name = "text"` into `secrets.toml` beside the
site file (or where `$BILLIARDS_SECRETS` says), with mode 0600.

When a file cannot be used, the copy of it that last worked is used with an alarm.
"""


def allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The range of a key in words."""
    if "anyOf" in schema:
        return ", ".join(
            allowed(part, definitions) for part in schema["anyOf"] if part.get("type") != "null"
        )
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "$ref" in schema:
        return "tables of " + ", ".join(
            definitions[schema["$ref"].rpartition("/")[2]]["properties"]
        )
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
    if high is None:
        return f"{kind}, more than {low}" if "exclusiveMinimum" in schema else f"{kind} from {low}"
    return f"{kind} {'>' if 'exclusiveMinimum' in schema else ''}{low}…{high}"


def table_of(section: str, key: str, rows: list[dict[str, Any]]) -> str:
    """The default of a key that holds tables."""
    heads = list(rows[0])
    lines = [f"\nDefault of `{key}` (in a file: one `[[{section}.{key}]]` for each row):\n"]
    lines.append("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    lines += ["| " + " | ".join(str(row[head]) for head in heads) + " |" for row in rows]
    return "\n".join(lines)


def reference() -> str:
    """The whole document."""
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    parts = [HEAD]
    for name, field in Config.model_fields.items():
        section = definitions.get(getattr(field.annotation, "__name__", ""))
        if section is None:  # a key at the top of the file
            continue
        when = "at once" if name in RELOADABLE_SECTIONS else "after a restart"
        keys = section.get("properties", {})
        if not keys:
            continue
        parts.append(f"## [{name}]\n\n{section['description']} Changes take effect {when}.\n")
        parts.append("| key | allowed | default | meaning |\n|---|---|---|---|")
        for key, value in keys.items():
            default = value.get("default")
            rows = isinstance(default, list) and default and isinstance(default[0], dict)
            # As TOML writes it.
            toml = str(default).lower() if isinstance(default, bool) else default
            shown = "see below" if rows else "" if default in (None, []) else f"`{toml}`"
            meaning = value["description"].replace("|", "\\|")
            parts.append(f"| `{key}` | {allowed(value, definitions)} | {shown} | {meaning} |")
        for key, value in keys.items():
            default = value.get("default")
            if isinstance(default, list) and default and isinstance(default[0], dict):
                parts.append(table_of(name, key, default))
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if target.read_text() == reference() else f"{target} is out of date")
    target.write_text(reference())
