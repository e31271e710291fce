"""Finding the table and the camera's pose without markers, keeping what was found, noticing drift.

``find_table`` goes from the whole picture to sub-pixel in three steps: the cloth's region and the
four lines that bound it (``cloth``, ``quadrilateral``), edge profiles across each rail that tell
the cushion nose from the cloth's outer edge (``rails``), and a least-squares fit of pose, focal
length and lens to all of these edges at their real heights (``pose``).
"""
