"""Writes what was measured into the table of docs/reliability.md."""

from __future__ import annotations

import os
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def record(fault: str, measured: str, page: Path = PAGE) -> None:
    """Replace the cell "measured" in the row of a fault.

    Raises:
        LookupError: there is no such row.
    """
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == fault:
            cells[2] = f"{measured} ({os.cpu_count()} cores, load {os.getloadavg()[0]:.0f})"
            lines[number] = "| " + " | ".join(cells) + " |"
            page.write_text("\n".join(lines) + "\n")
            return
    raise LookupError(f"{page} has no row {fault!r}")
