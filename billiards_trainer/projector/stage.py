"""Keeps the best display open that there is, and says when it changes."""

from __future__ import annotations

from billiards_trainer.config.schema import ProjectorConfig
from billiards_trainer.projector.display import (
    DisplayError,
    Monitors,
    Offscreen,
    Plan,
    PygameScreen,
    Screen,
    plan,
)

RECHECK_S = 2.0


class Stage:
    """The screen in use.

    Args:
        config: what is wished.
        production: see ``display.plan``.
        monitors: looks at what is plugged in.
    """

    def __init__(self, config: ProjectorConfig, *, production: bool, monitors: Monitors) -> None:
        self._config = config
        self._production = production
        self._monitors = monitors
        self._had_one = False
        self._closed_by_hand = False
        self._checked_at = 0.0
        self._failure = ""
        self._planned = self._wanted()
        self.screen: Screen = Offscreen(self._planned)
        self._open(self._planned)

    @property
    def problem(self) -> str:
        """What is wrong, in one sentence, if anything."""
        return self._failure or self.screen.plan.problem

    def check(self, now: float) -> bool:
        """Look for changes every few seconds (``now``: seconds); whether the screen is another."""
        if self._config.mode == "offscreen":
            return False
        if self._monitors.closed_by_hand():
            self._closed_by_hand = True
        elif now - self._checked_at < RECHECK_S:
            return False
        self._checked_at = now
        wanted = self._wanted()
        if wanted == self._planned and not self._failure:
            return False
        before = self.screen.plan
        self._open(wanted)
        return self.screen.plan != before

    def failed(self, reason: str) -> None:
        """The screen could not show a picture: go on offscreen, and look again soon."""
        self._failure = reason
        self._replace(Offscreen(self._offscreen(reason)))

    def _wanted(self) -> Plan:
        if self._closed_by_hand:
            return self._offscreen("the window was closed: drawing offscreen")
        monitors = self._monitors.look()
        return plan(self._config, monitors, production=self._production, had_one=self._had_one)

    def _offscreen(self, problem: str) -> Plan:
        config = self._config
        return Plan("offscreen", config.width, config.height, config.fps, problem=problem)

    def _open(self, wanted: Plan) -> None:
        self._planned = wanted
        self._failure = ""
        if wanted.mode == "offscreen":
            self._replace(Offscreen(wanted))
            return
        try:
            self.screen = PygameScreen(wanted)
            self._had_one = True
        except DisplayError as error:
            self.failed(str(error))

    def _replace(self, screen: Offscreen) -> None:
        self.screen.close()
        self._monitors.release()
        self.screen = screen

    def close(self) -> None:
        """Give the display back."""
        self.screen.close()
        self._monitors.release()
