"""The Dagster UI in a real browser: what an operator sees and clicks."""

import re
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from playwright.sync_api import Page, expect

from airquality_dagster_tests.browser import chromium, needs_chromium
from airquality_dagster_tests.dev import Dev, running_dev
from airquality_dagster_tests.processes import wait_until

pytestmark = [needs_chromium, pytest.mark.long]

LOCATION = "airquality_dagster.definitions"
# The UI asks the server many things before it shows anything.
SECONDS = 30_000


@pytest.fixture(scope="module")
def dev(tmp_path_factory) -> Iterator[Dev]:
    with running_dev(tmp_path_factory.mktemp("ui")) as dev:
        yield dev


@pytest.fixture(scope="module")
def page(dev) -> Iterator[Page]:
    with chromium() as browser, browser.new_context(viewport={"width": 1500, "height": 1000}) as context:
        context.set_default_timeout(SECONDS)
        expect.set_options(timeout=SECONDS)
        yield context.new_page()


@pytest.fixture(scope="module")
def materialized(dev, page) -> dg.DagsterRun:
    """The run that one gets by clicking *Materialize all* in the lineage for the latest month."""
    page.goto(f"{dev.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Latest", exact=True).click()
    dialog.get_by_role("button", name="Launch 1 run").click()
    with dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        wait_until(lambda: [run for run in instance.get_runs() if run.is_finished], "the end of the run", 120)
        (run,) = instance.get_runs()
        return run


def test_the_lineage_shows_every_asset_from_the_api_to_the_dashboard(dev, page):
    page.goto(f"{dev.url}/asset-groups")
    for group in ("source", "raw", "quality", "aggregates", "summaries", "dashboard"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    for centre, neighbours in {
        "raw_station1": ("airqino_api", "raw_station1", "station1_quality", "station1_aggregates"),
        "station1_aggregates": ("raw_station1", "station1_summaries", "air_quality_dashboard"),
    }.items():
        page.goto(f"{dev.url}/assets/{centre}?view=lineage")
        for asset in neighbours:
            expect(page.get_by_text(asset, exact=True).first).to_be_visible()


def test_one_clicks_materialize_for_a_month_and_the_run_ends_in_success(dev, page, materialized):
    assert materialized.status == dg.DagsterRunStatus.SUCCESS
    assert materialized.tags["dagster/partition"] == f"{time.strftime('%Y-%m', time.gmtime())}-01"
    page.goto(f"{dev.url}/runs/{materialized.run_id}")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()


def test_the_catalogue_shows_the_new_metadata_units_and_the_way_to_the_code(dev, page, materialized):
    page.goto(f"{dev.url}/assets/raw_station1")
    for name in ("hours_fetched", "newest_hour_age_hours", "bytes_received", "fetch_seconds", "mongodb/inserted"):
        expect(page.get_by_text(name, exact=True).first).to_be_attached()
    expect(page.get_by_text("PM2.5 (µg/m³), as published")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("raw.py.* in editor"))).to_be_visible()
    expect(page.get_by_role("link", name="the data page")).to_have_attribute("href", f"{dev.dashboard}/data")
    page.goto(f"{dev.url}/assets/station1_aggregates")
    expect(page.get_by_text("valid daily means:").first).to_be_attached()


def test_numbers_of_the_materializations_are_plotted(dev, page, materialized):
    page.goto(f"{dev.url}/assets/raw_station1")
    page.get_by_role("button", name="Plots").click()
    expect(page.get_by_text("hours_fetched", exact=True).first).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()


def test_checks_are_visible_with_what_they_found(dev, page, materialized):
    page.goto(f"{dev.url}/assets/station1_quality?view=checks")
    expect(page.get_by_text("sensors_sound", exact=True).first).to_be_visible()


def test_schedules_and_sensors_are_on_and_the_next_tick_is_shown(dev, page):
    page.goto(f"{dev.url}/automation")
    for name in ("hourly_schedule", "reconcile_schedule", "alert_sensor", "dashboard_sensor"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    switches = page.locator("input[type=checkbox][role=switch], label:has(input[type=checkbox]) input")
    assert switches.count() >= 4
    page.goto(f"{dev.url}/locations/{LOCATION}/schedules/hourly_schedule")
    expect(page.get_by_text("Next tick")).to_be_visible()
    expect(page.get_by_text(":05:00").first).to_be_visible()
    expect(page.get_by_text("Running", exact=True).first).to_be_visible()


def test_the_deployment_page_has_no_warning(dev, page):
    page.goto(f"{dev.url}/deployment/daemons")
    expect(page.get_by_text("Scheduler").first).to_be_visible()
    wait_until(lambda: page.get_by_text("Not running", exact=True).count() == 0, "all daemons")
    page.goto(f"{dev.url}/locations")
    expect(page.get_by_text("Loaded", exact=True)).to_be_visible()
    for word in ("warning", "deprecated", "not running", "error"):
        assert word not in page.locator("body").inner_text().lower()


def test_the_dashboard_is_served_beside_it_and_linked_from_its_asset(dev, page, materialized):
    page.goto(f"{dev.url}/assets/air_quality_dashboard")
    expect(page.get_by_role("link", name=dev.dashboard).first).to_be_attached()
    page.goto(dev.dashboard)
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "station1" in page.locator("#cards").inner_text()
    page.goto(f"{dev.dashboard}/data")
    expect(page.get_by_role("heading", name="The data, for analysts")).to_be_visible()
