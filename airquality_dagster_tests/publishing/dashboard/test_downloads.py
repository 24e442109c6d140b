"""What people read in a browser of licence and files of the data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from airquality_dagster.local.serving import running
from airquality_dagster.network.licences import NO_LICENCE, NO_LICENCE_FR
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.publishing.files.parts import DAYS, HOURS
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


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("downloads") / "index.html"
    path.write_text(page_of(LICENSED), encoding="utf-8")
    return path


@contextmanager
def opened(browser, url: str, width: int = 1280) -> Iterator[Watched]:
    """Open a page, which says nothing on the console."""
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        watched = Watched(context.new_page())
        watched.page.goto(url)
        watched.page.wait_for_selector("html[data-ready]", state="attached")
        yield watched
        assert watched.errors == []


# A browser needs seconds to open a page of megabytes: each is opened once.
@pytest.fixture(scope="module")
def served(browser, path):
    with running(dashboard_app(path)) as url, opened(browser, url) as watched:
        yield watched


@pytest.fixture(scope="module")
def as_file(browser, path):
    with opened(browser, path.as_uri()) as watched:
        yield watched


@pytest.fixture(scope="module")
def unlicensed(browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("unlicensed") / "index.html"
    path.write_text(page_of(NETWORK), encoding="utf-8")
    with opened(browser, path.as_uri()) as watched:
        yield watched


def section(watched: Watched, language: str = "en"):
    watched.page.evaluate("(language) => choose({ language })", language)
    return watched.page.locator("#open-data")


def test_the_served_page_leads_to_the_files_of_each_year_newest_first(served):
    part = section(served)
    links = [link.get_attribute("href") for link in part.locator("#downloads a").all()]
    names = ("days-{}.csv", "hours-{}.csv", "excel-fr-days-{}.csv", "hours-{}.parquet")
    assert links == [f"/files/station1/{name.format(year)}" for year in (2024, 2023) for name in names]
    assert set(names) <= {f"{kind.name}-{{}}.{kind.suffix}" for kind in (*DAYS, *HOURS)}
    assert part.locator("#downloads").get_by_text("Days (CSV)").first.get_attribute("download") is not None
    assert [link.get_attribute("href") for link in part.locator("#api a").all()] == ["/files/", "/docs"]
    assert part.locator("#not-served").is_hidden()
    assert served.errors == []


def test_the_page_as_a_file_offers_no_link_that_leads_nowhere(as_file):
    part = section(as_file)
    assert part.locator("#not-served").is_visible()
    assert part.locator("#downloads a").count() == 0
    assert part.locator("#api").is_hidden()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_licence_source_and_contact_are_said(as_file, language):
    part = section(as_file, language)
    text = part.locator("#licence").inner_text()
    assert "Creative Commons Attribution 4.0 International (CC-BY-4.0)" in text
    assert "Ville d’Abidjan" in text
    links = [link.get_attribute("href") for link in part.locator("#licence a").all()]
    assert links == ["https://creativecommons.org/licenses/by/4.0/", "mailto:air@example.org"]


@pytest.mark.parametrize(("language", "words"), [("en", NO_LICENCE), ("fr", NO_LICENCE_FR)])
def test_without_a_licence_the_page_claims_none(unlicensed, language, words):
    assert words in section(unlicensed, language).locator("#licence").inner_text()


def test_a_phone_of_360_pixels_scrolls_only_down(browser, path):
    with running(dashboard_app(path)) as url, opened(browser, f"{url}#language=fr", width=360) as watched:
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 360


@needs_axe
def test_axe_finds_nothing_serious_in_the_page_with_all_its_charts(served):
    section(served)
    page = served.page
    page.evaluate("drawAll()")
    page.locator("#figure-calendar-station1 summary").click()
    assert serious_findings(page) == []
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert len(serious_findings(page)) == 1


def test_a_network_with_a_key_prefix_leads_to_its_own_files():
    network = NETWORK.model_copy(update={"key_prefix": "abidjan"})
    assert network_content(network, NOW)["network"]["files"] == "/files/abidjan/"
