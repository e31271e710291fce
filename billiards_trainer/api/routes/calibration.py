"""Calibration: started here, solved by vision."""

from __future__ import annotations

from billiards_trainer.api.route import command

ROUTES = (
    command(
        "calibration/status",
        "calibration.status",
        "What is calibrated, when and how well",
        method="GET",
    ),
    command("calibration/camera", "calibration.camera", "Find the table in the picture anew"),
    command(
        "calibration/projector",
        "calibration.projector",
        "Show a pattern and learn where the projector's light falls",
    ),
    command("calibration/colors", "calibration.colours", "Learn the colours of cloth and balls"),
)
