"""The network that says what balls are, from all the crops of one picture together.

Colours mean something only under a light, and the light shows in the other balls: the network sees
all of a picture's balls at once.  Where its file is missing, damaged or made for another program,
there is no network, and colours are told apart the classical way; ``status`` says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.models import registry
from billiards_trainer.models.registry import Card, ModelError
from billiards_trainer.table import Game
from billiards_trainer.vision.detection.arrays import Array
from billiards_trainer.vision.detection.crops import SIZE

NAME = "identity"
CONTRACT = "identity/1"
"""Input ``crops`` uint8 (balls, 32, 32, 3) BGR of one picture's balls as ``crops.cut`` makes them;
outputs ``labels`` float32 (balls, 27): log-likelihoods up to a constant in the order of ``LABELS``,
and ``ball`` float32 (balls,): log-odds of being a ball at all."""

GAMES: tuple[Game, ...] = ("pool", "snooker", "carom")
LABELS: tuple[tuple[Game, str], ...] = (
    *(("pool", label) for label in ("cue", *(str(n) for n in range(1, 16)))),
    *(
        ("snooker", label)
        for label in ("cue", "red", "yellow", "green", "brown", "blue", "pink", "black")
    ),
    *(("carom", label) for label in ("cue", "yellow", "red")),
)
"""What the outputs mean, in their order."""
PROVIDERS = (
    "CUDAExecutionProvider",
    "OpenVINOExecutionProvider",
    "CPUExecutionProvider",
)
"""Tried in this order, as far as the installed ONNX Runtime has them."""
PROVIDERS_VARIABLE = "BILLIARDS_ONNX_PROVIDERS"
"""Environment variable that names others, separated by commas."""


class IdentityNetwork:
    """A model file ready to run; on one thread.

    Args:
        card: which model.

    Raises:
        ModelError: not the file it should be, or ONNX Runtime is not installed or refuses it.
    """

    def __init__(self, card: Card) -> None:
        self.card = card
        self._session = _session(registry.verify(card, [CONTRACT]), card)
        shapes = {i.name: list(i.shape[1:]) for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        if shapes != {"crops": [SIZE, SIZE, 3]} or outputs != ["labels", "ball"]:
            raise ModelError(f"{card.file}: inputs and outputs are not those of {CONTRACT}")

    @property
    def provider(self) -> str:
        """What really runs it, as ONNX Runtime says."""
        return str(self._session.get_providers()[0])

    def answer(
        self, crops: NDArray[np.uint8], labels: tuple[str, ...], game: Game
    ) -> tuple[Array, Array]:
        """Log-likelihoods of a set's labels, each ball's best 0, (N, labels); log-odds of a ball.

        Args:
            crops: from ``crops.cut``, the balls of one picture.
            labels: of the set.
            game: which set.

        Raises:
            ValueError: a label that no ball of that game carries.
        """
        columns = [LABELS.index((game, label)) for label in labels]
        found, ball = self._session.run(["labels", "ball"], {"crops": crops})
        chosen = np.asarray(found, dtype=np.float64)[:, columns]
        return chosen - chosen.max(axis=1, keepdims=True), np.asarray(ball, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The network in force, or why there is none (one sentence)."""

    network: IdentityNetwork | None
    problem: str = ""

    @property
    def status(self) -> str:
        """One sentence for health and people."""
        if self.network is None:
            return f"balls are told apart by colour alone: {self.problem}"
        card = self.network.card
        said = f"balls are told apart by {card.name} {card.version} on {self.network.provider}"
        return f"{said}: {self.problem}" if self.problem else said


@cache
def load(site: Path | None = None) -> Loaded:
    """The network in force; falls back to the shipped one, then to none.

    Args:
        site: the site's folder of models.
    """
    problem = ""
    if site is not None:
        try:
            return Loaded(IdentityNetwork(registry.in_force(NAME, site)))
        except ModelError as error:
            problem = str(error)
    try:
        shipped = IdentityNetwork(registry.in_force(NAME, None))
    except ModelError as error:
        return Loaded(None, problem or str(error))
    return Loaded(shipped, problem)


_site: Path | None = None


def choose_site(site: Path) -> Loaded:
    """Use the models of this appliance's folder from now on in this process."""
    global _site
    _site = site
    return in_force()


def in_force() -> Loaded:
    """The network that this process uses."""
    return load(_site)


def _session(content: bytes, card: Card) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError("ONNX Runtime is not installed") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted = os.environ.get(PROVIDERS_VARIABLE, ",".join(PROVIDERS)).split(",")
    there = onnxruntime.get_available_providers()
    providers = [p for p in wanted if p in there] or ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # its own exceptions share no base but this
        raise ModelError(f"{card.file}: ONNX Runtime refuses it: {error}") from None
