"""The steps of an installation: one row each, one file each, done downwards and undone upwards.

The new version is made beside the old while that still runs; from ``stop`` to ``start`` nobody can
play, and that part is short.
"""

from __future__ import annotations

from deployment.plan import Step
from deployment.steps import (
    backup,
    caches,
    configure,
    healthy,
    install,
    restore_data,
    set_aside,
    start,
    stop,
    switch,
    units,
    user,
)

INSTALL: tuple[Step, ...] = (
    backup.STEP,
    install.STEP,
    user.STEP,
    caches.STEP,
    stop.STEP,
    set_aside.STEP,
    configure.STEP,
    units.STEP,
    switch.STEP,
    start.STEP,
    healthy.STEP,
)

ROLLBACK: tuple[Step, ...] = (
    backup.STEP,
    install.STEP,
    user.STEP,
    caches.STEP,
    stop.STEP,
    set_aside.STEP,
    restore_data.STEP,
    configure.STEP,
    units.STEP,
    switch.STEP,
    start.STEP,
    healthy.STEP,
)

STANDING: tuple[Step, ...] = (
    install.STEP,
    user.STEP,
    caches.STEP,
    units.STEP,
    switch.STEP,
    start.STEP,
)
"""Those that the machine itself shows to be done: with nothing pending here, nothing is to do."""

TABLES = {"install": INSTALL, "rollback": ROLLBACK}
