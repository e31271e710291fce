"""Where pictures come from when the table is not virtual: films, network cameras, USB cameras.

``address`` understands and checks the address, one module a kind reads pictures, ``reader`` does
the blocking work in a thread, ``watch`` decides what a silent source means, and ``main`` is the
process ``camera``, the one writer of the camera ring.
"""
