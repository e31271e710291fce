"""Addresses of cameras without the passwords in them."""

from __future__ import annotations

import re

HIDDEN = "***"
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")


def without_credentials(url: str) -> str:
    """``rtsp://user:secret@host/path`` as ``rtsp://***@host/path``; anything else unchanged."""
    return _CREDENTIALS.sub(rf"\g<1>{HIDDEN}@", url)
