#!/usr/bin/env python3
"""Start the appliance; the same as ``billiards-trainer run``."""

from __future__ import annotations

import sys

from billiards_trainer.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
