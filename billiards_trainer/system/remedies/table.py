"""The remedies by the name that policies use."""

from __future__ import annotations

from types import ModuleType

from billiards_trainer.system.remedies import (
    alert_only,
    clear_cache,
    failover,
    reset_state,
    restart_module,
    restart_system,
)

REMEDIES: dict[str, ModuleType] = {
    "RESTART_MODULE": restart_module,
    "RESTART_SYSTEM": restart_system,
    "RESET_STATE": reset_state,
    "CLEAR_CACHE": clear_cache,
    "FAILOVER": failover,
    "ALERT_ONLY": alert_only,
}

INTERRUPTS = frozenset(name for name, remedy in REMEDIES.items() if remedy.INTERRUPTS)
