"""Which model file is in force: shipped with the program, or put in at the site.

The site's folder holds ``NAME/VERSION/NAME.onnx`` and ``NAME.json``, and ``in_force.json`` with,
for each name, the versions chosen one after the other; the last one counts, rolling back drops it.
A file is used only when its checksum is the one on its card and its contract the one asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from billiards_trainer.atomic_file import write_atomic

SHIPPED = Path(__file__).parent
IN_FORCE = "in_force.json"
MOST_BYTES = 64 * 1024 * 1024
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ModelError(Exception):
    """A model cannot be used; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a model.

    Attributes:
        name: what it is for.
        version: which one; unique for its name.
        contract: shapes and meaning of inputs and outputs, as a short name.
        sha256: checksum of the model file.
        file: the model file.
        shipped: whether it came with the program.
        data: the whole card as written.
    """

    name: str
    version: str
    contract: str
    sha256: str
    file: Path
    shipped: bool
    data: dict[str, Any] = field(repr=False, compare=False)


def site_folder(state_dir: Path) -> Path:
    """Where an appliance keeps models of its own."""
    return state_dir / "models"


def read_card(path: Path, *, shipped: bool = False) -> Card:
    """The card of a model file.

    Args:
        path: the card (``.json``); the model lies beside it.
        shipped: whether it came with the program.

    Raises:
        ModelError: unreadable, or a field is missing.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = {key: data[key] for key in ("name", "version", "contract", "sha256")}
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ModelError(f"{path}: the model's card: {reason}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a model's card: {error}") from None
    if not all(isinstance(v, str) and v for v in texts.values()):
        raise ModelError(f"{path}: name, version, contract and sha256 of a card are texts")
    if not _VERSION.fullmatch(texts["version"]) or not _VERSION.fullmatch(texts["name"]):
        raise ModelError(f"{path}: name and version are of letters, digits, dots and dashes")
    return Card(**texts, file=path.with_suffix(".onnx"), shipped=shipped, data=data)


def available(name: str, site: Path | None) -> list[Card]:
    """All cards of a name that can be read: the shipped one first, then the site's by version."""
    cards = []
    places = [(SHIPPED / f"{name}.json", True)]
    if site is not None:
        places += [(p, False) for p in sorted((site / name).glob(f"*/{name}.json"))]
    for path, shipped in places:
        try:
            cards.append(read_card(path, shipped=shipped))
        except ModelError:
            continue
    return cards


def names(site: Path | None) -> list[str]:
    """Names of all models there are."""
    found = {p.stem for p in SHIPPED.glob("*.json")}
    if site is not None and site.is_dir():
        found |= {p.name for p in site.iterdir() if p.is_dir()}
    return sorted(found)


def in_force(name: str, site: Path | None) -> Card:
    """The card of the version that is to be used.

    Raises:
        ModelError: there is none, or the one that was chosen is gone.
    """
    chosen = _history(site).get(name, []) if site is not None else []
    cards = available(name, site)
    if not chosen:
        cards = [c for c in cards if c.shipped]
        if not cards:
            raise ModelError(f"no model {name!r} ships with this program")
        return cards[0]
    for card in cards:
        if card.version == chosen[-1]:
            return card
    raise ModelError(f"the model {name} {chosen[-1]} that was chosen is not there")


def verify(card: Card, contracts: Sequence[str]) -> bytes:
    """The model file's bytes, checked.

    Args:
        card: which model.
        contracts: the input contracts that the caller can serve.

    Raises:
        ModelError: another contract, an unreadable file, or another checksum.
    """
    if card.contract not in contracts:
        raise ModelError(
            f"the model {card.name} {card.version} has the contract {card.contract}, "
            f"this program uses {' or '.join(contracts)}"
        )
    try:
        if card.file.stat().st_size > MOST_BYTES:
            raise ModelError(f"{card.file}: too large for a model")
        content = card.file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ModelError(f"{card.file}: {reason}") from None
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{card.file}: the checksum is not the one on the model's card")
    return content


def install(source: Path, site: Path) -> Card:
    """Copy a model and its card into the site's folder; it is not in force yet.

    Args:
        source: the model file; its card lies beside it with the ending ``.json``.
        site: the site's folder.

    Raises:
        ModelError: no card, another checksum, or the version is there already.
    """
    card = read_card(source.with_suffix(".json"))
    content = verify(card, [card.contract])
    if any(c.version == card.version for c in available(card.name, site)):
        raise ModelError(f"the model {card.name} {card.version} is there already")
    folder = site / card.name / card.version
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The card last: without it nothing is there.
        write_atomic(folder / f"{card.name}.onnx", content)
        write_atomic(
            folder / f"{card.name}.json", (json.dumps(card.data, indent=1) + "\n").encode()
        )
    except OSError as error:
        raise ModelError(f"{folder}: {(error.strerror or 'cannot be written').lower()}") from None
    return read_card(folder / f"{card.name}.json")


def use(name: str, version: str, site: Path) -> Card:
    """Put a version in force.

    Raises:
        ModelError: it is not there, or its file is not what its card says.
    """
    for card in available(name, site):
        if card.version == version:
            verify(card, [card.contract])
            history = _history(site)
            history[name] = [*history.get(name, []), version]
            _write(history, site)
            return card
    raise ModelError(f"there is no model {name} {version}")


def rollback(name: str, site: Path) -> Card:
    """Put in force what was before; the shipped model when nothing was.

    Raises:
        ModelError: nothing was ever chosen.
    """
    history = _history(site)
    if not history.get(name):
        raise ModelError(f"no other version of the model {name} was in force before")
    history[name] = history[name][:-1]
    _write(history, site)
    return in_force(name, site)


def _history(site: Path) -> dict[str, list[str]]:
    path = site / IN_FORCE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ModelError(f"{path}: {reason}") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from None
    if not isinstance(data, dict) or not all(
        isinstance(v, list) and all(isinstance(t, str) for t in v) for v in data.values()
    ):
        raise ModelError(f"{path}: not a list of versions for each model")
    return data


def _write(history: dict[str, list[str]], site: Path) -> None:
    path = site / IN_FORCE
    try:
        site.mkdir(parents=True, exist_ok=True)
        write_atomic(path, (json.dumps(history, indent=1) + "\n").encode())
    except OSError as error:
        raise ModelError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
