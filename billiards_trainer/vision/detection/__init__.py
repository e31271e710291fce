"""Balls in one picture: where they lie, to a fraction of a pixel, and what they are.

The classical detector.  It knows the camera and the table, so it knows how large a ball appears
anywhere in the picture; it learns the cloth from the picture itself and needs no history.
"""
