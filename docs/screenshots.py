"""Takes the pictures of README and docs from a running `airquality dev` with simulated readings: `make screenshots`."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from playwright.sync_api import Page

from airquality_dagster_tests.browser import chromium
from airquality_dagster_tests.dev import Dev, running_dev
from airquality_dagster_tests.processes import wait_until

IMAGES = Path(__file__).with_name("images")
WIDE = {"width": 1400, "height": 860}
# Until the UI's own transitions are over; a picture has no state to wait for.
SETTLED_MILLISECONDS = 2500


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_dev(Path(folder)) as dev, chromium() as browser:
        page = browser.new_page(viewport=WIDE)
        materialize_the_last_year(dev, page)
        for name, path in {
            "asset": "assets/station1_aggregates",
            "plots": "assets/raw_station1",
            "checks": "assets/raw_station1?view=checks",
            "schedule": "locations/airquality_dagster.definitions/schedules/hourly_schedule",
        }.items():
            page.goto(f"{dev.url}/{path}")
            if name == "plots":
                page.get_by_role("button", name="Plots").click()
                page.get_by_text("bytes_received", exact=True).first.scroll_into_view_if_needed()
            take(page, name)
        page.goto(f"{dev.url}/assets/station1_aggregates?view=lineage")
        take(page, "lineage")
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        page.goto(f"{dev.dashboard}#language=en")
        page.wait_for_selector("html[data-ready]", state="attached")
        take(page, "dashboard")


def materialize_the_last_year(dev: Dev, page: Page) -> None:
    """Click as docs/operations.md says, from the lineage."""
    page.goto(f"{dev.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Show all partitions").click()
    today = datetime.now(UTC)
    dialog.get_by_role("textbox").first.fill(f"[{today.year - 1}-{today:%m}-01...{today:%Y-%m}-01]")
    dialog.get_by_role("textbox").first.press("Enter")
    take(page, "materialize")
    dialog.get_by_role("button", name="Launch").click()
    with dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        key = dg.AssetKey("air_quality_dashboard")
        wait_until(lambda: instance.get_latest_materialization_event(key), "the dashboard", 180)
        wait_until(lambda: all(run.is_finished for run in instance.get_runs()), "the end of the runs", 180)


def take(page: Page, name: str) -> None:
    """Take one picture when the page has come to rest."""
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
