"""``python -m billiards_trainer`` is ``billiards-trainer``."""

import sys

from billiards_trainer.cli import main

sys.exit(main())
