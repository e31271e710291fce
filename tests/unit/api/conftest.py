from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.stage import Stage, on_stage


@pytest.fixture
async def stage(runtime_dir: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """A running API on a free port, with real neighbours' sockets that say nothing yet."""
    async with on_stage(runtime_dir, tmp_path / "state") as made:
        yield made
