"""The page on the whole running appliance."""

from __future__ import annotations

import pytest

from tests.appliance_process import Appliance
from tests.web.browser import PHONE, Browser

pytestmark = [pytest.mark.browser, pytest.mark.appliance, pytest.mark.timeout(240)]

LIVE = "document.querySelector('[data-freshness=live]')"
BALLS = "document.querySelectorAll('.play [data-ball]').length"


def test_shows_the_virtual_table_and_survives_the_api(
    browser: Browser, appliance: Appliance
) -> None:
    browser.open(appliance.url)
    browser.wait(LIVE, 60)
    browser.wait(f"{BALLS} > 1", 60)
    browser.wait_for_text("VIRTUAL TABLE", ".strip")
    browser.wait("document.querySelector('.health').dataset.level === 'HEALTHY'")
    browser.wait("document.querySelector('.picture img')?.naturalWidth > 0")
    for module in ("simulation", "vision", "core", "projector", "api"):
        browser.wait(f"document.querySelector('[data-module={module}][data-level=HEALTHY]')")
    browser.wait("/\\d/.test(document.querySelector('[data-measure=flip]').innerText)")
    browser.wait("/\\d/.test(document.querySelector('[data-measure=fps]').innerText)")
    assert browser.complaints() == []

    browser.evaluate("window.sameDocument = true")
    old = appliance.kill("api")
    browser.wait(
        "Number(document.querySelector('[data-module=api]').innerText.match(/pid (\\d+)/)?.[1]"
        f" ?? {old}) !== {old}",
        60,
    )
    browser.wait(LIVE)
    browser.wait("document.querySelector('.health').dataset.level === 'HEALTHY'")
    browser.wait("document.querySelector('.picture img')?.naturalWidth > 0")
    frame = "document.querySelector('[data-ball]').getAttribute('transform')"
    assert browser.evaluate(frame)
    assert browser.evaluate("window.sameDocument") is True

    browser.open(appliance.url, PHONE)
    browser.wait(LIVE)
    for view in ("camera", "shots", "system", "table"):
        browser.click(f"nav a[href='#{view}']")
        browser.wait(f"document.querySelector('nav [aria-current]').hash === '#{view}'")
        assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
