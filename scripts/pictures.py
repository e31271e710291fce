"""Make the README's pictures with the appliance itself: the virtual table while somebody aims.

Run as ``.venv/bin/python scripts/pictures.py``; the page's picture needs Debian's Chromium.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from billiards_trainer import messages as m
from billiards_trainer import places
from billiards_trainer.commands.own_appliance import OwnAppliance, own_appliance
from billiards_trainer.config.schema import Config
from billiards_trainer.frames import RingReader

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PORT = 8765
_STEADY = 20
_CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def wait_for_aim(appliance: OwnAppliance) -> None:
    """Until a shot that will probably go in has been aimed at for a while."""
    games = appliance.bus.subscribe("game.state")
    steady = 0
    deadline = time.monotonic() + 300
    while steady < _STEADY:
        if time.monotonic() > deadline:
            sys.exit("nobody aimed at anything likely within five minutes")
        appliance.check()
        game = games.receive(500)
        if not isinstance(game, m.GameState):
            continue
        likely = (
            game.phase is m.Phase.AIMING
            and game.prediction is not None
            and (game.prediction.pot_probability or 0) > 0.5
            and len(game.potted) < 8
            and game.shots > 0
        )
        steady = steady + 1 if likely else 0
    games.close()


def main() -> None:
    """Start, wait, and write the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with own_appliance(["--port", str(PORT)]) as appliance:
        wait_for_aim(appliance)
        config = Config.model_validate({"system": {"runtime_dir": str(appliance.runtime_dir)}})
        with RingReader(places.ring_path(config, "camera")) as reader:
            picture = reader.latest()
        if picture is None:
            sys.exit("the camera ring is empty")
        cv2.imwrite(str(FOLDER / "table.jpg"), picture.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        wait_for_aim(appliance)
        with tempfile.TemporaryDirectory() as folder:
            shot = Path(folder) / "page.png"
            subprocess.run(
                [
                    *_CHROMIUM,
                    f"--user-data-dir={folder}/profile",
                    "--window-size=1440,1000",
                    "--blink-settings=preferredColorScheme=0",
                    "--timeout=2500",
                    f"--screenshot={shot}",
                    f"http://127.0.0.1:{PORT}/",
                ],
                check=True,
                timeout=60,
                capture_output=True,
            )
            page = cv2.imread(str(shot))
        cv2.imwrite(str(FOLDER / "page.jpg"), page, [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()
