"""Billiards Trainer: a camera and a projector above a billiards table.

It sees the balls and the cue, predicts what the shot will do, and draws it on the cloth.
"""

__version__ = "0.1.0"
