"""What people read in a browser of licence and files of the data."""

from datetime import UTC, datetime

import pytest

from airquality_dagster.local.serving import running
from airquality_dagster.network.licences import NO_LICENCE, NO_LICENCE_FR
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster_tests.browser import Watched, chromium, needs_axe, needs_chromium, serious_findings
from airquality_dagster_tests.publishing.dashboard.records import NETWORK, record_of, sound_days
from airquality_dagster_tests.readings.series import ordinary

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

NOW = datetime(2024, 1, 5, 12, tzinfo=UTC)
FIRST = datetime(2023, 12, 1, tzinfo=UTC)
LICENSED = NETWORK.model_copy(
    update={
        "network": NETWORK.network.model_copy(
            update={"licence": "CC-BY-4.0", "owner": "Ville d’Abidjan", "contact": "air@example.org"}
        )
    }
)


def page_of(network: Network) -> str:
    record = record_of(ordinary(100), days=sound_days(36, FIRST), station=network.stations[0])
    stations = [station_content(record, network.time_zone, NOW)]
    return page_html({**network_content(network, NOW), "stations": stations, "pairs": []})


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "index.html"
    path.write_text(page_of(LICENSED), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield Watched(context.new_page())


def section(watched: Watched, url: str, language: str = "en"):
    watched.page.goto(f"{url}#language={language}")
    watched.page.wait_for_selector("html[data-ready]", state="attached")
    return watched.page.locator("#open-data")


def test_the_served_page_leads_to_the_files_of_each_year_newest_first(opened, path):
    with running(dashboard_app(path)) as url:
        part = section(opened, url)
        links = [link.get_attribute("href") for link in part.locator("#downloads a").all()]
        names = [f"{kind}-{{}}" for kind in ("days", "hours", "excel-fr-days")]
        endings = [*(f"{name}.csv" for name in names), "hours-{}.parquet"]
        assert links == [f"/files/station1/{name.format(year)}" for year in (2024, 2023) for name in endings]
        assert part.locator("#downloads").get_by_text("Days (CSV)").first.get_attribute("download") is not None
        assert [link.get_attribute("href") for link in part.locator("#api a").all()] == ["/files/", "/docs"]
        assert part.locator("#not-served").is_hidden()
        assert opened.errors == []


def test_the_page_as_a_file_offers_no_link_that_leads_nowhere(opened, path):
    part = section(opened, path.as_uri())
    assert part.locator("#not-served").is_visible()
    assert part.locator("#downloads a").count() == 0
    assert part.locator("#api").is_hidden()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_licence_source_and_contact_are_said(opened, path, language):
    part = section(opened, path.as_uri(), language)
    text = part.locator("#licence").inner_text()
    assert "Creative Commons Attribution 4.0 International (CC-BY-4.0)" in text
    assert "Ville d’Abidjan" in text
    links = [link.get_attribute("href") for link in part.locator("#licence a").all()]
    assert links == ["https://creativecommons.org/licenses/by/4.0/", "mailto:air@example.org"]


@pytest.mark.parametrize(("language", "words"), [("en", NO_LICENCE), ("fr", NO_LICENCE_FR)])
def test_without_a_licence_the_page_claims_none(opened, path, language, words):
    path.write_text(page_of(NETWORK), encoding="utf-8")
    assert words in section(opened, path.as_uri(), language).locator("#licence").inner_text()


@needs_axe
def test_axe_finds_nothing_serious(opened, path):
    with running(dashboard_app(path)) as url:
        section(opened, url)
        assert serious_findings(opened.page) == []


def test_a_phone_of_360_pixels_scrolls_only_down(browser, path):
    with (
        running(dashboard_app(path)) as url,
        browser.new_context(viewport={"width": 360, "height": 740}) as context,
    ):
        watched = Watched(context.new_page())
        section(watched, url, "fr")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 360
