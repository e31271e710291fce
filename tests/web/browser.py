"""A real Chromium for tests: a thin hand on ``driver.mjs``."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
DESKTOP = {"viewport": {"width": 1440, "height": 900}, "colorScheme": "dark"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "deviceScaleFactor": 2,
    "isMobile": True,
    "hasTouch": True,
    "colorScheme": "dark",
}


class BrowserError(AssertionError):
    """The browser could not do what was asked."""


def missing() -> str:
    """What a browser test needs and does not find here; empty when it finds all."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (ROOT / "web" / "node_modules" / "playwright-core").is_dir():
        return "the page's packages are not installed (make web)"
    if _chromium() is None:
        return "Chromium is not installed"
    return ""


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One Chromium, one page at a time."""

    def __enter__(self) -> Self:
        self._node = subprocess.Popen(
            ["node", str(Path(__file__).with_name("driver.mjs")), str(_chromium())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.close()
        try:
            self._node.wait(10)
        except subprocess.TimeoutExpired:
            self._node.kill()
            self._node.wait()
        self._node.stdout.close()

    def _ask(self, verb: str, **rest: Any) -> Any:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps({"verb": verb, **rest}) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        if not line:
            raise BrowserError("the browser has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    def open(self, url: str, device: dict[str, Any] | None = None, **options: Any) -> None:
        """Load a page in a fresh profile; options are those of a Playwright context."""
        self._ask("open", url=url, **{**(device or DESKTOP), **options})

    def evaluate(self, script: str) -> Any:
        """Value of a JavaScript expression in the page."""
        return self._ask("evaluate", script=script)

    def wait(self, script: str, seconds: float = 20) -> Any:
        """Wait until an expression is true; its value."""
        try:
            return self._ask("wait", script=script, timeout=seconds * 1000)
        except BrowserError as error:
            text = self.evaluate("document.body.innerText")
            raise BrowserError(f"never true: {script}\n{error}\nthe page says:\n{text}") from None

    def wait_for_text(self, text: str, selector: str = "body", seconds: float = 20) -> None:
        """Wait until a part of the page shows a text."""
        selector, text = json.dumps(selector), json.dumps(text)
        self.wait(f"document.querySelector({selector})?.innerText.includes({text})", seconds)

    def click(self, selector: str) -> None:
        """Click what a selector finds, once it can be clicked."""
        self._ask("click", selector=selector)

    def press(self, key: str) -> None:
        """Press a key."""
        self._ask("press", key=key)

    def offline(self, on: bool) -> None:
        """Take the network away, or give it back."""
        self._ask("offline", on=on)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write a picture of what is seen, or of the whole page."""
        self._ask("screenshot", path=str(path), whole=whole)

    def complaints(self) -> list[str]:
        """Errors and warnings on the console, and exceptions that nobody caught."""
        levels = ("error", "warning", "exception")
        return [f"{s['text']} ({s['at']})" for s in self._ask("said") if s["level"] in levels]

    def close_page(self) -> None:
        """Leave the page."""
        self._ask("close")
