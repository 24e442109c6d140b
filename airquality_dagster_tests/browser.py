"""A real Chromium, headless."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# The first has no windows, and opens a page in two thirds of the time.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _PROGRAMS)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)
# Put there by `make axe`.
AXE = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make axe, needs npm)")

# The network of a test machine is closed: what the browser itself wants of it only costs time.
_OFFLINE = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it; end it in the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *_OFFLINE]
        )
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, with what it said and asked for.

    Args:
        page: of the browser.
    """

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))


def serious_findings(page: Page) -> list[str]:
    """Return what axe-core finds of serious or critical impact, contrast of level AA included."""
    page.add_script_tag(path=AXE) if page.url.startswith("http") else page.evaluate(AXE.read_text(encoding="utf-8"))
    # A drawing is one picture with a name (and its colours have a test of their own): thousands of nodes less.
    found = page.evaluate(
        "axe.run({exclude: ['.chart svg']}, "
        "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{violation['id']} ({violation['impact']}): {[node['html'][:120] for node in violation['nodes'][:3]]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
