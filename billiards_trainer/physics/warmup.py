"""Fill the compile cache: ``python -m billiards_trainer.physics.warmup``.

Run at install and before the appliance starts; later processes load the compiled kernels in a
fraction of a second.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from billiards_trainer.physics import compilation


def warm_up() -> float:
    """Compile, or load, every kernel that a first shot and a first batch need; seconds taken."""
    began = time.monotonic()
    # Compiled by being called: the signatures are those of real shots.
    from billiards_trainer.physics.batch import simulate_batch
    from billiards_trainer.physics.engine import simulate
    from billiards_trainer.physics.state import BallsState
    from billiards_trainer.physics.strike import Strike
    from billiards_trainer.table import preset

    table = preset("pool-9ft")
    state = BallsState.at_rest([[0.6, 0.6], [0.6, 1.5]], table.balls.radius)
    strike = Strike(0, 1.0, 1.5)
    simulate(table, state, strike)
    simulate_batch(table, state, strike)
    return time.monotonic() - began


def forget_old_kernels() -> int:
    """Delete the caches of earlier states of the sources; how many there were.

    Only in the folder of our own: a cache that ``NUMBA_CACHE_DIR`` names is its owner's.
    """
    root = compilation.cache_root()
    present = root / compilation.source_digest()
    if Path(os.environ["NUMBA_CACHE_DIR"]) != present or not root.is_dir():
        return 0
    old = [path for path in root.iterdir() if path.is_dir() and path != present]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def main() -> int:
    """Warm up and say how long it took."""
    seconds = warm_up()
    forget_old_kernels()
    print(f"physics kernels ready after {seconds:.1f} s in {os.environ['NUMBA_CACHE_DIR']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
