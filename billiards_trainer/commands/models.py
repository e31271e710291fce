"""``billiards-trainer models``: which learned models are in force; put newer ones in or back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from billiards_trainer.commands import settings
from billiards_trainer.errors import InputError

HELP = "list, install and choose learned models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which model."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _kind(kinds, "list", "models there are, and which are in force")
    install = _kind(kinds, "install", "copy a model and its card into the site's folder")
    install.add_argument("file", metavar="FILE.onnx", type=Path, help="its card lies beside it")
    use = _kind(kinds, "use", "put a version in force from vision's next start")
    use.add_argument("name", metavar="NAME")
    use.add_argument("version", metavar="VERSION")
    rollback = _kind(kinds, "rollback", "put in force again what was before")
    rollback.add_argument("name", metavar="NAME")


def run(arguments: argparse.Namespace) -> int:
    """Do it; the result as JSON or as sentences.

    Raises:
        InputError: the model is not what it should be.
    """
    from billiards_trainer.models import registry
    from billiards_trainer.places import state_dir

    config, _ = settings.load(arguments)
    site = registry.site_folder(state_dir(config))
    try:
        if arguments.kind == "list":
            return _list(site, as_json=arguments.json)
        if arguments.kind == "install":
            card, done = registry.install(arguments.file, site), "installed, not yet in force"
        elif arguments.kind == "use":
            card = registry.use(arguments.name, arguments.version, site)
            done = "in force from vision's next start"
        else:
            card = registry.rollback(arguments.name, site)
            done = "in force again from vision's next start"
    except registry.ModelError as error:
        raise InputError(str(error)) from None
    if arguments.json:
        print(json.dumps({"name": card.name, "version": card.version, "done": done}))
    else:
        print(f"{card.name} {card.version}: {done}")
    return 0


def _kind(kinds: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=what, description=what)
    settings.add_config_arguments(parser)
    parser.add_argument("--json", action="store_true", help="for machines")
    return parser


def _list(site: Path, *, as_json: bool) -> int:
    """All models with their state; exit status 1 when one in force cannot be used."""
    from billiards_trainer.models import registry
    from billiards_trainer.vision.detection import identity_network

    entries: list[dict[str, Any]] = []
    sound = True
    for name in registry.names(site):
        try:
            chosen = registry.in_force(name, site).version
        except registry.ModelError as error:
            chosen, sound = "", False
            entries.append({"name": name, "version": "", "problem": str(error)})
        for card in registry.available(name, site):
            try:
                registry.verify(card, [card.contract])
                problem = ""
            except registry.ModelError as error:
                problem, sound = str(error), False
            entries.append(
                {
                    "name": name,
                    "version": card.version,
                    "contract": card.contract,
                    "origin": "shipped" if card.shipped else "site",
                    "in_force": card.version == chosen,
                    "problem": problem,
                }
            )
    status = identity_network.load(site).status
    if as_json:
        print(json.dumps({"models": entries, "status": status}, indent=1))
        return 0 if sound else 1
    for entry in entries:
        what = f"{'*' if entry.get('in_force') else ' '} {entry['name']} {entry['version']}"
        what += f" ({entry['origin']}, {entry['contract']})" if "origin" in entry else ""
        print(what + (f": {entry['problem']}" if entry["problem"] else ""))
    print(status)
    return 0 if sound else 1
