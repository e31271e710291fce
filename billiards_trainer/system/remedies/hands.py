"""What a remedy may do: the orchestrator's hands."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from billiards_trainer.config.schema import Config


class Refused(Exception):
    """A remedy that cannot be applied here; the message says why."""


class Hands(Protocol):
    """Effects on the appliance."""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    def restart_module(self, name: str) -> None:
        """Stop a process and start it again."""
        ...

    def restart_system(self, reason: str) -> None:
        """Stop everything and start it again."""
        ...

    def care(self, module: str, what: Literal["reset_state", "clear_cache"]) -> None:
        """Ask a process, or all (``*``), to do something for itself."""
        ...

    def override(self, changes: dict[str, Any]) -> None:
        """Put other configuration in force until the files are read anew.

        Raises:
            InputError: it is wrong.
        """
        ...
