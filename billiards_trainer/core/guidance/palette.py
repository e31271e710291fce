"""Colours that people with any kind of colour vision tell apart [Okabe & Ito 2008].

All are light enough to stand out on green, blue and red cloth when projected.
"""

from __future__ import annotations

AIM = "#ffffff"
OBJECT_BALL = "#f0e442"
CUE_BALL = "#56b4e9"
OTHER_BALL = "#cc79a7"
GOOD = "#2fd6a4"
WARNING = "#e8762c"
TEXT = "#ffffff"
QUIET = "#9aa4ad"
