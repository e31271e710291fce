"""Remedies: one problem's cure a file, and the table of all of them.

A remedy is a module with ``INTERRUPTS`` (whether the player notices), ``TOUCHES`` (what it changes,
in words) and ``apply(hands, problem)``, which does it and says what it did, or raises ``Refused``.
"""
