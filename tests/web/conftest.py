"""A Chromium for the whole file, and a staged API for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billiards_trainer.api.page import STATIC
from tests.web.browser import Browser, missing
from tests.web.stage import Stage


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser process, shared: starting it costs more than a test."""
    if reason := missing():
        pytest.skip(reason)
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page has not been built (make web)")
    with Browser() as one:
        yield one


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A browser that leaves its page when the test ends."""
    yield chromium
    chromium.close_page()


@pytest.fixture
def stage(runtime_dir: Path, free_port: int) -> Iterator[Stage]:
    """The real API, with every other process played by the test."""
    with Stage(runtime_dir, free_port) as one:
        yield one
