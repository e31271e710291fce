"""How well the cue is found and measured: random aims on random virtual tables, against the truth.

    python scripts/measure_cue.py --aims 100 --first 5000

Every aim is another room, camera, lens, cloth, light, player and cue; every second one has the
projector on.  Of each, some successive pictures are looked at as the appliance would, then one of
the same room without a player.  Prints figures as JSON.  ``--fit`` fits the verdict's weights
instead and prints them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.camera_model import CameraModel
from billiards_trainer.simulation.aims import Aim
from billiards_trainer.simulation.observation import CuePose
from billiards_trainer.table import Table, preset
from billiards_trainer.vision.cue import finder, shaft, verdict
from billiards_trainer.vision.cue.finder import CueObservation
from billiards_trainer.vision.cue.line import ideal, pixels_per_metre
from billiards_trainer.vision.cue.watch import CueWatch
from billiards_trainer.vision.detection.detector import BallDetector
from billiards_trainer.vision.detection.working import Working
from billiards_trainer.vision.own_light import OwnLight

TABLES = ("pool-9ft", "snooker-12ft", "pool-8ft", "carom-10ft", "pool-7ft")
FPS = 30.0
AGAINST = frozenset(
    ["beside", "gap", "scatter", "thin_tip", "thick_tip", "thin_butt", "thick_butt", "lit", "loose",
     "along_rail"]
)  # fmt: skip
"""What can only speak against a cue; everything else can only speak for one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Pictures of one aim: each with the true cue, the last without player."""

    table: Table
    camera: CameraModel
    pictures: list[tuple[NDArray[np.uint8], CuePose | None]]
    light: NDArray[np.uint8] | None


def scenes(first: int, count: int, pictures: int) -> Iterator[Scene]:
    """The aims with these seeds."""
    for seed in range(first, first + count):
        table = preset(TABLES[seed % len(TABLES)])
        aim = Aim(table, seed)
        rng = np.random.default_rng((seed, 33))
        light = aim.light() if rng.random() < 0.5 else None
        latest = aim.contact_s - 0.01 - pictures / FPS
        start = float(rng.uniform(min(aim.approach_s + 0.7, latest), latest))
        shown = [aim.observe(start + k / FPS, light) for k in range(pictures)]
        seen = [(o.image, o.truth.cue) for o in shown]
        yield Scene(
            table, aim.setup.camera, [*seen, (aim.without_player(light).image, None)], light
        )


def errors(found: CueObservation, true: CuePose, camera: CameraModel) -> dict[str, float]:
    """Of one sight; degrees and millimetres."""

    def turn(angle: float) -> float:
        return abs(math.degrees(math.remainder(angle - true.angle, math.tau)))

    more = true.elevation - found.elevation_rad
    tip = camera.to_plane(np.array(found.tip_px), true.tip[2]) - np.array(true.tip[:2])
    pointing = np.array([math.cos(true.angle), math.sin(true.angle)])
    return {
        "direction_deg": turn(found.angle_rad),
        "direction_given_elevation_deg": turn(found.angle_rad + found.angle_per_elevation * more),
        "elevation_deg": abs(math.degrees(more)),
        "tip_along_mm": abs(1e3 * float(tip @ pointing)),
        "tip_across_mm": abs(1e3 * float(tip @ [-pointing[1], pointing[0]])),
        "direction_in_stds": turn(found.angle_rad) / math.degrees(found.angle_std_rad),
    }


def measure(first: int, count: int, pictures: int) -> dict[str, object]:
    """Look at all pictures as the appliance would."""
    found: list[dict[str, float]] = []
    spent: dict[str, list[float]] = {"search": [], "follow": [], "nobody": []}
    shown = false = empty = 0
    for scene in scenes(first, count, pictures):
        detector = BallDetector(scene.table, scene.camera)
        watch = CueWatch(detector.view)
        for k, (picture, true) in enumerate(scene.pictures):
            if true is None:
                watch.forget()
            balls = detector.detect(picture, scene.light)
            if detector.working is None:
                continue
            began = time.thread_time()
            cue = watch.look(detector.working, balls, round(k * 1e9 / FPS), scene.light)
            stage = "nobody" if true is None else ("search" if k == 0 else "follow")
            spent[stage].append(1e3 * (time.thread_time() - began))
            if true is None:
                empty, false = empty + 1, false + (cue is not None)
                continue
            shown += 1
            if cue is not None:
                found.append(errors(cue, true, scene.camera))
    figures: dict[str, object] = {
        "pictures": shown,
        "found": len(found) / max(1, shown),
        "pictures_without_cue": empty,
        "false": false / max(1, empty),
        "elevation_within_1.5_deg": float(np.mean([f["elevation_deg"] <= 1.5 for f in found])),
        "direction_within_2_stds": float(np.mean([f["direction_in_stds"] <= 2 for f in found])),
    }
    for name in found[0] if found else ():
        values = [f[name] for f in found]
        figures[name] = {
            "median": round(float(np.median(values)), 3),
            "p95": round(float(np.percentile(values, 95)), 3),
        }
    figures["ms"] = {name: round(float(np.median(v)), 2) for name, v in spent.items() if v}
    return figures


def examples(first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Looks of everything that is measured as a shaft, and whether it is the cue."""
    looks: list[NDArray[np.float64]] = []
    right: list[float] = []
    for number, scene in enumerate(scenes(first, count, 2)):
        detector = BallDetector(scene.table, scene.camera)
        for picture, true in scene.pictures:
            discs = detector.detect(picture, scene.light)
            working = detector.working
            if working is None:
                continue
            # In some rooms the light is another projector's, of which nobody knows.
            if scene.light is not None and number % 3:
                working = OwnLight(working.view).without(working, scene.light)
            for measured, reading in finder.candidates(working, discs):
                looks.append(reading.looks.as_array())
                right.append(float(true is not None and _is_it(measured, reading, true, working)))
    return np.array(looks), np.array(right)


def _is_it(measured: shaft.Shaft, reading: finder.Reading, true: CuePose, working: Working) -> bool:
    camera = working.view.camera
    tip = np.array(true.tip)
    ends = ideal(camera, camera.to_pixels(np.stack([tip, tip - 0.4 * true.direction])))
    way = (ends[0] - ends[1]) / np.linalg.norm(ends[0] - ends[1])
    across = np.array([-way[1], way[0]])
    beside = [abs((measured.axis(s) - ends[0]) @ across) for s in (measured.start, measured.end)]
    pointing = measured.axis_direction if reading.tip_is_end else -measured.axis_direction
    return max(beside) < 0.012 * pixels_per_metre(working.view) and float(pointing @ way) > 0


def fit(looks: NDArray[np.float64], right: NDArray[np.float64]) -> dict[str, float]:
    """Logistic regression; weights keep the sign that they can only have."""
    names = [f.name for f in fields(verdict.Looks)]
    # Half of them once more as if no ball lay ahead: cues are carried and lifted, too.
    alone = looks[::2].copy()
    alone[:, :3] = 0
    design = np.column_stack([np.ones(len(looks) + len(alone)), np.vstack([looks, alone])])
    right = np.concatenate([right, right[::2]])
    sign = np.array([0] + [-1 if n in AGAINST else 1 for n in names])
    free = np.ones(len(sign), np.bool_)
    while True:
        weights = np.zeros(len(sign))
        ridge = np.diag(np.where(np.arange(len(sign)) == 0, 1e-6, 0.3))
        at = np.flatnonzero(free)
        for _ in range(60):
            chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
            gradient = (design.T @ (chance - right) + ridge @ weights)[at]
            curved = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
            step = np.linalg.solve(curved[np.ix_(at, at)], gradient)
            weights[at] -= step * min(1.0, 3 / float(np.abs(step).max()))
        wrong = free & (sign * weights < 0)
        if not wrong.any():
            break
        free[int(np.argmax(np.where(wrong, np.abs(weights), -1)))] = False
    return dict(zip(["bias", *names], (round(float(w), 2) for w in weights), strict=True))


def main() -> None:
    """Measure, or fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aims", type=int, default=40, help="how many random rooms")
    parser.add_argument("--first", type=int, default=5000, help="seed of the first")
    parser.add_argument("--pictures", type=int, default=4, help="successive pictures of each")
    parser.add_argument("--fit", action="store_true", help="fit the verdict's weights instead")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.fit:
        print(json.dumps(fit(*examples(args.first, args.aims)), indent=2))
    else:
        print(json.dumps(measure(args.first, args.aims, args.pictures), indent=2))


if __name__ == "__main__":
    main()
