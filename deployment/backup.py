#!/usr/bin/env python3
"""Back up, check and restore the appliance.

backup.py backup [--data-only] [--incremental] [--name N]
backup.py list
backup.py verify FILE
backup.py restore --backup-file FILE [--data-only]
backup.py extract FILE --to FOLDER     take files out of an archive by hand
backup.py trial [FILE]                 restore into a folder that is thrown away
backup.py cleanup --keep-count N
"""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deployment.backups.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
