"""A large network in the real UI."""

import time

import pytest
from playwright.sync_api import expect

from airquality_dagster_tests.browser import chromium, needs_chromium
from airquality_dagster_tests.dev import running_dev
from airquality_dagster_tests.processes import airquality

STATIONS = 500


@needs_chromium
@pytest.mark.long
def test_a_graph_of_two_thousand_assets_loads_in_the_ui(tmp_path):
    stations = tmp_path / "stations.yaml"
    made = airquality("simulate-network", str(STATIONS), "--output", str(stations), home=tmp_path)
    assert made.returncode == 0, made.stderr
    with (
        running_dev(tmp_path, AIRQUALITY_STATIONS=str(stations)) as dev,
        chromium() as browser,
        browser.new_context(viewport={"width": 1500, "height": 1000}) as context,
    ):
        page = context.new_page()
        for path, shown in {
            # A group is one box until it is opened.
            "asset-groups": ("source", "raw", "quality", "aggregates", "summaries", "dashboard"),
            "assets/raw_sim250?view=lineage": ("raw_sim250", "sim250_quality", "sim250_aggregates"),
        }.items():
            begin = time.monotonic()
            page.goto(f"{dev.url}/{path}")
            for name in shown:
                expect(page.get_by_text(name, exact=True).first).to_be_visible(timeout=120_000)
            print(f"{path}: {time.monotonic() - begin:.1f} s")
            page.screenshot(path=tmp_path / f"{shown[0]}.png")
        nodes = dev.graphql("{ assetNodes { id } }")["assetNodes"]
        assert len(nodes) == 4 * STATIONS + 2
