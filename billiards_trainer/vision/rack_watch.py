"""When a rack ends, from the state of play."""

from __future__ import annotations

from billiards_trainer.messages import GameState

_MOST_OF_A_RACK = 8
"""So many balls potted and then lying on the table again are a new rack, not respotted ones."""


class RackWatch:
    """Asked with each state of play."""

    def __init__(self) -> None:
        self._session: str | None = None
        self._rack = 0
        self._potted = 0

    def has_ended(self, game: GameState) -> bool:
        """Whether a new rack began since the state before: by command, or with the balls set up."""
        ended = self._session is not None and (
            game.session != self._session
            or game.rack > self._rack
            or (not game.potted and self._potted >= _MOST_OF_A_RACK)
        )
        potted = len(game.potted)
        self._potted = max(self._potted, potted) if game.potted and not ended else potted
        self._session, self._rack = game.session, game.rack
        return ended
