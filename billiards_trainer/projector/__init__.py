"""The projector process: takes the newest scene and shows it on the cloth.

A scene (``messages.Scene``) is lines, arcs, rings, areas and text in table metres.
``projection`` says which projector pixel lights which point of the cloth, ``renderer`` draws,
``display`` shows the picture full screen, in a window or nowhere, ``light`` tells the others what
falls on the cloth, and ``main`` ties them together.  Nothing here knows physics.
"""

import os

# pygame greets on standard output, which belongs to our own JSON.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
