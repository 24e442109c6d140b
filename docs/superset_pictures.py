"""Takes the pictures of docs/bi.md from a running `make superset` with simulated readings: `make superset-pictures`."""

import tempfile
from pathlib import Path

from airquality_dagster_tests.browser import chromium
from airquality_dagster_tests.processes import airquality
from airquality_dagster_tests.superset import CHARTS, dashboard, running_superset
from docs.screenshots import IMAGES, SETTLED_MILLISECONDS


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = airquality("run", home=folder / "home")
        run.check_returncode()
        with running_superset(folder) as superset, chromium() as browser, dashboard(browser) as board:
            board.open(superset)
            board.page.wait_for_timeout(SETTLED_MILLISECONDS)
            for title, picture in zip(board.titles, CHARTS.values(), strict=True):
                board.chart(title).screenshot(path=IMAGES / f"superset-{picture}.png")


if __name__ == "__main__":
    main()
