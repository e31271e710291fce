"""What a picture costs: ``python -m billiards_trainer.simulation.measure [TABLE] [SECONDS]``.

Prints the processor time of one core for each picture of a game, by what the player was doing, with
the projector's light on the cloth all the time.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict

import numpy as np

from billiards_trainer.light_map import LightMap
from billiards_trainer.simulation.virtual_table import VirtualTable
from billiards_trainer.table import preset


def measure(table_name: str, seconds: float) -> dict[str, dict[str, float]]:
    """Median and 99th percentile in milliseconds, and the number of pictures, by phase."""
    table = preset(table_name)
    virtual = VirtualTable(table, seed=1)
    light = np.zeros((*LightMap.shape(table), 3), np.uint8)
    # A frame and two diagonals: about as much light as a drawn shot.
    rows, columns = light.shape[:2]
    light[40:-40:rows, 40:-40] = light[40:-40, 40:-40:columns] = 255
    along = np.arange(40, rows - 40)
    light[along, 40 + (along - 40) * (columns - 80) // (rows - 80)] = (255, 220, 90)
    virtual.step(light)
    spent: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(round(seconds * virtual.fps)):
        begin = time.process_time()
        seen = virtual.step(light)
        spent[seen.truth.phase].append((time.process_time() - begin) * 1e3)
    every = [t for times in spent.values() for t in times]
    return {
        name: {
            "median_ms": round(float(np.median(times)), 2),
            "p99_ms": round(float(np.percentile(times, 99)), 2),
            "pictures": float(len(times)),
        }
        for name, times in {**spent, "all": every}.items()
    }


def main() -> int:
    """Measure and print JSON."""
    table = sys.argv[1] if len(sys.argv) > 1 else "pool-9ft"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    print(json.dumps(measure(table, seconds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
