"""``billiards-trainer render SCENE.json``: a scene as a picture, for documents and tests."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from billiards_trainer.errors import InputError

if TYPE_CHECKING:
    from billiards_trainer import messages as m
    from billiards_trainer.table import Table

_SAME_SIZE_M = 0.002
_WIDTHS = (200, 8000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("scene", metavar="SCENE.json", help="as GET /api/v1/scene gives it")
    parser.add_argument(
        "--output", metavar="PNG", help="where to write it; beside the scene when left out"
    )
    parser.add_argument(
        "--width", type=int, default=1600, metavar="W", help="pixels of the long side"
    )


def run(args: argparse.Namespace) -> int:
    """Draw, write, and print where it is.

    Raises:
        InputError: the file does not hold a scene, or the picture cannot be written.
    """
    if not _WIDTHS[0] <= args.width <= _WIDTHS[1]:
        raise InputError(f"--width: {args.width} is not between {_WIDTHS[0]} and {_WIDTHS[1]}")
    scene = read_scene(Path(args.scene))
    table = table_of(scene, args.scene)
    import cv2

    from billiards_trainer.atomic_file import write_atomic
    from billiards_trainer.projector.table_picture import TablePicture

    cv2.setNumThreads(1)
    picture = TablePicture(table, args.width).with_scene(scene)
    output = Path(args.output) if args.output else Path(args.scene).with_suffix(".png")
    _, data = cv2.imencode(".png", picture)
    try:
        write_atomic(output, data.tobytes())
    except OSError as error:
        raise InputError(f"--output: cannot write {output}: {error.strerror}") from None
    height, width = picture.shape[:2]
    print(json.dumps({"path": str(output), "width": width, "height": height}))
    return 0


def read_scene(path: Path) -> m.Scene:
    """The scene in a file.

    Raises:
        InputError: it cannot be read, or holds none; names the field.
    """
    from pydantic import ValidationError

    from billiards_trainer import messages as m

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the scene {path}: {error.strerror}") from None
    try:
        return m.Scene.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {f'field {where}: ' if where else ''}{first['msg']}") from None


def table_of(scene: m.Scene, path: str) -> Table:
    """The table that a scene was made for; its name decides where its size agrees.

    Raises:
        InputError: its size is not a table's.
    """
    from billiards_trainer import table as tables

    if scene.table in tables.TABLE_NAMES:
        named = tables.preset(scene.table)
        sizes = ((named.width, scene.width), (named.length, scene.length))
        if all(math.isclose(a, b, abs_tol=_SAME_SIZE_M) for a, b in sizes):
            return named
    kinds = tables.BALL_SETS.values()
    game = min(kinds, key=lambda balls: abs(balls.radius - scene.ball_radius)).name
    try:
        return tables.build(
            scene.table, game, scene.length, scene.width, ball_diameter=2 * scene.ball_radius
        )
    except tables.TableError as error:
        raise InputError(f"{path}: fields length, width, ball_radius: {error}") from None
