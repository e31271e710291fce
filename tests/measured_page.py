"""Writes what was measured into the tables of the documents."""

from __future__ import annotations

import os
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def record(page: Path, row: str, measured: str) -> None:
    """Replace the cell "measured", the third, in a row of a table.

    Args:
        page: a document.
        row: the first cell of the row.
        measured: what to say; the machine's cores and load are added.

    Raises:
        LookupError: there is no such row.
    """
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == row:
            cells[2] = f"{measured} ({os.cpu_count()} cores, load {os.getloadavg()[0]:.0f})"
            lines[number] = "| " + " | ".join(cells) + " |"
            page.write_text("\n".join(lines) + "\n")
            return
    raise LookupError(f"{page} has no row {row!r}")
