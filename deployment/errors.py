"""What went wrong, for people."""

from __future__ import annotations


class Failed(Exception):
    """One clear sentence that names the file or the command; nothing was left half done."""
