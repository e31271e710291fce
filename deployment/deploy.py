#!/usr/bin/env python3
"""Install, upgrade and roll back the appliance.

deploy.py [PREFIX] --environment production --source v4l2:0 --from WHEELHOUSE
deploy.py rollback [PREFIX]      go back to the version before
deploy.py list [PREFIX]          which versions are there
deploy.py recover [PREFIX]       undo an interrupted installation (systemd does this at boot)
"""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deployment.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
