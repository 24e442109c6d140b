"""A running ``make superset``, and its dashboard in a browser."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Locator, Page, Response

from airquality_dagster_tests.processes import environment, free_port, wait_until

PROJECT = Path(__file__).parents[1]
# The first start installs Superset, too.
START_SECONDS = 1200
MILLISECONDS = 120_000
CHARTS = {
    "CO against PM2.5 by station, daily means": "co-pm25",
    "Stations against each other: valid PM2.5 of the same hour": "same-hours",
    "Highest valid daily means of PM2.5": "highest-days",
    "PM2.5 from month to month: {0}": "months-1",
    "PM2.5 from month to month: {1}": "months-2",
}
"""Title → short name; the numbers stand for the two stations."""

# Pixels with a colour: marks, not axes, grid lines and words, which are grey.
_COLOURED = """canvases => canvases.map(canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] && Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 25)
      coloured += 1;
  return coloured;
}).reduce((all, one) => all + one, 0)"""


@dataclass(frozen=True)
class Superset:
    """A running server.

    Args:
        url: of the server.
        log: all that it printed.
        home: where it keeps its tables.
    """

    url: str
    log: Path
    home: Path

    @property
    def password(self) -> str:
        """The administrator's, as printed."""
        return self.log.read_text().partition("password ")[2].split()[0]

    def api(self) -> requests.Session:
        """Return a session of the administrator."""
        session = requests.Session()
        login = {"username": "admin", "password": self.password, "provider": "db"}
        token = session.post(f"{self.url}/api/v1/security/login", json=login, timeout=60).json()["access_token"]
        session.headers.update({"Authorization": f"Bearer {token}", "Referer": self.url})
        answer = session.get(f"{self.url}/api/v1/security/csrf_token/", timeout=60)
        session.headers["X-CSRFToken"] = answer.json()["result"]
        return session


@contextmanager
def running_superset(folder: Path, **variables: str) -> Iterator[Superset]:
    """Start it; whatever happens, end it.

    Args:
        folder: for its home and its log.
        variables: of its environment.
    """
    port, log = free_port(), folder / "superset.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "superset"],
            cwd=PROJECT,
            env=environment(folder / "home", SUPERSET_PORT=str(port), **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    superset = Superset(f"http://127.0.0.1:{port}", log, folder / "home" / "superset")

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return requests.get(f"{superset.url}/health", timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        wait_until(is_up, "Superset", START_SECONDS)
        yield superset
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


class Dashboard:
    """The dashboard in a browser, with what its charts were answered.

    Args:
        page: of the browser.
    """

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        self._answers: list[Response] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("response", self._keep)

    def _keep(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")
        elif "/api/v1/chart/data" in response.url:
            self._answers.append(response)

    def open(self, superset: Superset) -> None:
        """Log in, open it, and wait until each chart has marks."""
        self.page.goto(f"{superset.url}/login/")
        # Not by typing: what is typed before the page's script runs is lost.
        token = self.page.locator("#csrf_token").input_value()
        login = {"username": "admin", "password": superset.password, "csrf_token": token}
        assert self.page.request.post(f"{superset.url}/login/", form=login).ok
        self.page.goto(f"{superset.url}/superset/dashboard/air-quality/")
        self.page.wait_for_selector(".slice_container canvas")
        wait_until(lambda: self.page.locator(".slice_container canvas").count() >= len(CHARTS), "all charts")
        wait_until(lambda: all(self.coloured_pixels(title) for title in self.titles), "marks in each chart")

    @property
    def titles(self) -> list[str]:
        """Titles of the charts, in order."""
        return [
            one.strip()
            for one in self.page.locator(".dashboard-component-chart-holder .header-title").all_inner_texts()
        ]

    def chart(self, title: str) -> Locator:
        """Return a chart with its title."""
        return self.page.locator(".dashboard-component-chart-holder").filter(has_text=title)

    def coloured_pixels(self, title: str) -> int:
        """Return how many pixels of a chart's drawing have a colour."""
        return self.chart(title).locator("canvas").evaluate_all(_COLOURED)

    def data(self) -> dict[frozenset[str], list[list[dict[str, Any]]]]:
        """Return the columns of each answer → the rows of the answers with these columns."""
        found: dict[frozenset[str], list[list[dict[str, Any]]]] = {}
        for answer in self._answers:
            result = answer.json()["result"][0]
            found.setdefault(frozenset(result["colnames"]), []).append(result["data"])
        return found


@contextmanager
def dashboard(browser: Browser) -> Iterator[Dashboard]:
    """Yield a dashboard in a page that is tall enough for all charts: they are drawn when they come into view."""
    with browser.new_context(viewport={"width": 1400, "height": 2200}) as context:
        context.set_default_timeout(MILLISECONDS)
        yield Dashboard(context.new_page())
