"""Progress, for people or for machines."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


class Teller:
    """Says what happens as it happens.

    Args:
        machine: one JSON object a line, instead of sentences.
    """

    def __init__(self, *, machine: bool) -> None:
        self._machine = machine
        self._began = time.monotonic()

    def __call__(self, event: str, **facts: Any) -> None:
        """Tell of one event."""
        after_s = round(time.monotonic() - self._began, 1)
        if self._machine:
            text = json.dumps({"event": event, "after_s": after_s, **facts})
        else:
            text = f"{after_s:7.1f} s  {_sentence(event, facts)}"
        print(text, file=sys.stdout, flush=True)


def _sentence(event: str, facts: dict[str, Any]) -> str:
    match event:
        case "begun":
            return f"[{facts['number']}/{facts['of']}] {facts['title']} …"
        case "done":
            return f"      {facts['step']} took {facts['seconds']} s"
        case "skipped":
            return f"[{facts['number']}] {facts['title']}: nothing to do"
        case "undone":
            return f"      {facts['step']} undone"
        case "stuck":
            return f"      {facts['step']} could NOT be undone: {facts['detail']}"
        case "would":
            return f"would {facts['title']}"
        case "check":
            return f"{facts['verdict']:6} {facts['check']}" + (
                f": {facts['detail']}" if facts.get("detail") else ""
            )
        case _:
            return str(facts.get("detail", event))
