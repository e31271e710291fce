"""Where everything of an installed appliance lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STANDARD_PREFIX = Path("/opt/billiards-trainer")
USER = "billiards-trainer"
SERVICE = "billiards-trainer.service"
SECRETS = "secrets.toml"
"""Beside the site file: passwords, which the configuration names as ``${name}``."""
TIMERS = tuple(f"billiards-trainer-{name}.timer" for name in ("backup", "report", "trial"))

_PLACES = re.compile(r"(?<![\w.])(/etc|/var|/run|/usr/local)/")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one installation.

    Attributes:
        prefix: releases, backups and logs; ``/opt/billiards-trainer``.
        root: what stands for ``/`` for all other folders.  Anything else is for trials: then
            no other user is put in and nothing changes its owner.
    """

    prefix: Path = STANDARD_PREFIX
    root: Path = Path("/")

    @property
    def real(self) -> bool:
        """Whether this is the machine itself and no trial in a folder."""
        return self.root == Path("/")

    @property
    def releases(self) -> Path:
        """One folder for each installed version."""
        return self.prefix / "releases"

    @property
    def current(self) -> Path:
        """The link to the release in force."""
        return self.prefix / "current"

    @property
    def backups(self) -> Path:
        """Archives."""
        return self.prefix / "backups"

    @property
    def reports(self) -> Path:
        """Health reports."""
        return self.prefix / "reports"

    @property
    def journal(self) -> Path:
        """Present while an installation is under way or interrupted."""
        return self.prefix / "deploy.journal"

    @property
    def aside(self) -> Path:
        """What stood there before each installation."""
        return self.prefix / "aside"

    @property
    def logs(self) -> Path:
        """The appliance's log files."""
        return self.root / "var/log/billiards-trainer"

    @property
    def log_file(self) -> Path:
        """The newest of them: one stream of all processes."""
        return self.logs / "billiards-trainer.log"

    @property
    def state(self) -> Path:
        """Database, calibrations, settings."""
        return self.root / "var/lib/billiards-trainer"

    @property
    def config(self) -> Path:
        """Site file and certificate."""
        return self.root / "etc/billiards-trainer"

    @property
    def site_file(self) -> Path:
        """What was decided at install."""
        return self.config / "site.toml"

    @property
    def secrets_file(self) -> Path:
        """Passwords, for the appliance's own user only."""
        return self.config / SECRETS

    def cache(self, version: str) -> Path:
        """Compiled physics of a release."""
        return self.root / "var/cache/billiards-trainer" / version

    def release(self, version: str) -> Path:
        """Folder of a version."""
        return self.releases / version

    def share(self, version: str) -> Path:
        """Units, site and deployment code that came with a version."""
        return self.release(version) / "venv/share/billiards-trainer"

    def adapt(self, text: str) -> str:
        """Put this installation's folders into a text that names the standard ones."""
        if not self.real:
            text = _PLACES.sub(lambda found: f"{self.root}{found[1]}/", text)
        return text.replace(str(STANDARD_PREFIX), str(self.prefix))
