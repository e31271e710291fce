"""Answers the commands that the orchestrator serves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from billiards_trainer import messages as m
from billiards_trainer.bus import Request
from billiards_trainer.errors import InputError

if TYPE_CHECKING:
    from billiards_trainer.system.orchestrator import Orchestrator


def answer(appliance: Orchestrator, request: Request) -> None:
    """Carry out one command; what cannot be done is answered with the reason."""
    try:
        request.reply(_reply(appliance, request))
    except InputError as error:
        request.fail(str(error))


def _reply(appliance: Orchestrator, request: Request) -> m.Message:
    match request.message:
        case m.ConfigChange(changes=changes):
            return m.Done(ok=True, detail=appliance.put_configuration(changes).sentence)
        case m.ModuleRequest(module=name):
            appliance.restart_module(name)
            return m.Done(ok=True, detail=f"{name} is being restarted")
        case m.AcknowledgeRequest(name=name, by=by):
            appliance.acknowledge(name, by)
            return m.Done(ok=True)
        case m.HistoryRequest(seconds=seconds, points=points):
            ages, series = appliance.history.since(seconds, points, time.monotonic_ns())
            return m.HistoryReply(age_s=ages, series=series)
    match request.command:
        case "config.reload":
            return m.Done(ok=True, detail=appliance.reload_configuration().sentence)
        case "config.get":
            store = appliance.store
            return m.ConfigReply(number=store.number, config=store.config.model_dump(mode="json"))
        case "system.alerts":
            book = appliance.alerts
            return m.AlertLog(
                alerts=(*book.active, *book.history), repairs=appliance.recovery.repairs
            )
        case "system.restart":
            appliance.restart_system("somebody asked for it", asked_for=True)
            return m.Done(ok=True, detail="the appliance starts anew")
    return appliance.status()
