"""Texts without the secrets in them: passwords in addresses, and every value named as a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")
_SHORTEST = 4
"""Shorter values would black out half of what is written."""

_values: set[str] = set()


def hide(values: Iterable[str]) -> None:
    """From now on these values are blacked out in this process."""
    _values.update(value for value in values if len(value) >= _SHORTEST)


def redact(text: str) -> str:
    """The text as it may be shown: ``rtsp://***@host/path``."""
    if "://" in text:
        text = _CREDENTIALS.sub(rf"\g<1>{HIDDEN}@", text)
    for value in _values:
        if value in text:
            text = text.replace(value, HIDDEN)
    return text
