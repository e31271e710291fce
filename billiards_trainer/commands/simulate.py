"""``billiards-trainer simulate SHOT.json``: play one shot and print what happens, as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from billiards_trainer.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("shot", nargs="?", metavar="SHOT.json", help="the shot; see docs/physics.md")
    what.add_argument("--schema", action="store_true", help="print the JSON schema of a shot")
    parser.add_argument("--json", action="store_true", help="print JSON (it always does)")
    parser.add_argument("--indent", type=int, default=None, help="spaces to indent the output by")


def run(args: argparse.Namespace) -> int:
    """Simulate and print; or print what a file may hold.

    Raises:
        InputError: the file does not describe a shot that can be played.
    """
    if args.schema:
        from billiards_trainer.commands.shot_file import ShotFile

        answer = ShotFile.model_json_schema()
    else:
        answer = simulate_file(args.shot)
    json.dump(answer, sys.stdout, indent=args.indent, allow_nan=False)
    sys.stdout.write("\n")
    return 0


def simulate_file(path: str) -> dict[str, Any]:
    """Play the shot in a file: its events and the final state, ready for JSON.

    Raises:
        InputError: the file does not describe a shot that can be played.
    """
    # Imported here: loading the compiled kernels takes longer than refusing a bad file.
    from billiards_trainer.commands.shot_file import read

    shot = read(path)
    from billiards_trainer.physics.engine import simulate
    from billiards_trainer.physics.state import StateError
    from billiards_trainer.physics.strike import StrikeError

    try:
        trajectory = simulate(
            shot.table,
            shot.state,
            shot.strike,
            parameters=shot.parameters,
            models=shot.models,
            max_events=shot.limits.max_events,
            max_time=shot.limits.max_time,
        )
    except (StateError, StrikeError) as error:
        raise InputError(f"{path}: {error}") from None
    return {
        "schema": 1,
        "complete": trajectory.complete,
        "stopped_by": trajectory.stopped_by or None,
        "duration": trajectory.duration,
        "events": [_event(event, shot) for event in trajectory.events],
        "final": [
            _ball(trajectory.final, k, label)
            | {
                "pocket": shot.pocket_names[pocket]
                if (pocket := trajectory.pocket_of[k]) >= 0
                else None
            }
            for k, label in enumerate(shot.labels)
        ],
    }


def _event(event: Any, shot: Any) -> dict[str, Any]:
    kind = event.kind.name.lower()
    result: dict[str, Any] = {
        "time": event.time,
        "type": kind,
        "balls": [shot.labels[b] for b in event.balls],
        "position": list(event.position),
    }
    if kind in ("cushion", "jaw"):
        result[kind] = event.index
    elif kind == "pocket":
        result[kind] = shot.pocket_names[event.index]
    for when in ("before", "after"):
        state = getattr(event, when)
        result[when] = [_ball(state, k, shot.labels[b]) for k, b in enumerate(event.balls)]
    return result


def _ball(state: Any, k: int, label: str) -> dict[str, Any]:
    from billiards_trainer.physics.state import Motion

    return {
        "ball": label,
        "position": state.position[k].tolist(),
        "velocity": state.velocity[k].tolist(),
        "spin": state.spin[k].tolist(),
        "motion": Motion(int(state.motion[k])).name.lower(),
    }
