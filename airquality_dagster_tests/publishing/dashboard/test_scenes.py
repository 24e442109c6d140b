"""What people read in a browser of a front, of a station elsewhere, and of channels that carry no signal."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.publishing.dashboard.record import StationRecord
from airquality_dagster_tests.browser import Watched, chromium, needs_axe, needs_chromium, serious_findings
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.publishing.dashboard.records import flagged, record_of, sound_days, spoil
from airquality_dagster_tests.readings.series import ordinary

# One worker opens the browser, and the page tells ages by the real clock.
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

DAYS = 30
HOURS = 24 * DAYS
NOW = datetime.now(UTC)
NEWEST = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
MOVED = NEWEST.replace(tzinfo=None) - timedelta(hours=47)

STREET = {"from": "2020-05-06T00:00", "place": "Pharmacie du Bonheur", "kind": "street", "surface": "paved"}
NETWORK = Network.model_validate({
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2022-12"},
    "stations": [
        {"name": "front", "airqino_id": 1, "city": "Abidjan", "deployments": [STREET]},
        {"name": "away", "airqino_id": 2, "deployments": [STREET, {"from": MOVED, "place": "Turin", "kind": "colocation"}]},
        {"name": "mirrored", "airqino_id": 3},
        {"name": "without_pm", "airqino_id": 4},
    ],
})  # fmt: skip


def hours_until_now() -> pd.DataFrame:
    hours = ordinary(HOURS)
    hours["timestamp"] = pd.date_range(end=pd.Timestamp(NEWEST), periods=HOURS, freq="h")
    return hours


def days_until_now() -> pd.DataFrame:
    return sound_days(DAYS, NEWEST.replace(hour=0) - timedelta(days=DAYS - 1))


def front(record: StationRecord) -> StationRecord:
    """Three hours ago, dust came."""
    record.hours.loc[record.hours.index[-3:], "pm2_5"], record.hours.loc[record.hours.index[-3:], "pm10"] = 121.0, 495.0
    flagged(record, "unconfirmed", level=3, hours=range(-3, 0), fields=["pm2_5", "pm10"])
    record.quality.loc[record.quality.index[-3:], "aqi_nowcast"] = 315
    record.quality["aqi_nowcast_pollutant"] = "pm10"
    return record


def away(record: StationRecord) -> StationRecord:
    """Two days ago, it was moved."""
    record.quality["aqi_nowcast"] = record.quality["eaqi"] = pd.NA
    for field in (parameter.field for parameter in PARAMETERS):
        for day in (-2, -1):
            spoil(record.days, record.days.index[day], field, off_site=24)
    return flagged(record, "off_site", level=4, hours=range(-48, 0))


def mirrored(record: StationRecord) -> StationRecord:
    """NO2 is O3 upside down, and CO hangs."""
    record.days["cross_sensitive"] = [["no2"]] * DAYS
    record.days["no2_aqi"] = record.days["no2_who"] = None
    return flagged(record, "cross_sensitive", level=3, hours=range(-48, 0), fields=["no2"])


def without_pm(record: StationRecord) -> StationRecord:
    """The sensor of particles is missing since this morning."""
    record.hours.loc[record.hours.index[-9:], ["pm2_5", "pm10"]] = None
    record.quality.loc[record.quality.index[-9:], ["aqi_nowcast", "eaqi"]] = pd.NA
    record.quality["eaqi_withheld"] = "no_particulate_matter"
    return flagged(record, "missing", level=9, hours=range(-9, 0), fields=["pm2_5", "pm10"])


SCENES = {scene.__name__: scene for scene in (front, away, mirrored, without_pm)}


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    stations = []
    for station in NETWORK.stations:
        hours = hours_until_now()
        if station.name == "mirrored":
            hours.loc[HOURS - 60 :, "co"] = 0.0
        record = SCENES[station.name](record_of(hours, days=days_until_now(), station=station))
        stations.append(station_content(record, NETWORK.time_zone, NOW))
    path = tmp_path_factory.mktemp("scenes") / "index.html"
    path.write_text(page_html({**network_content(NETWORK, NOW), "stations": stations, "pairs": []}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(page_path):
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=[long("en"), "fr"])
def opened(request, browser, page_path):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        watched = Watched(context.new_page())
        choices = f"language={request.param}&days=0&station=away&other=mirrored&pollutant=no2"
        watched.page.goto(f"{page_path.as_uri()}#{choices}")
        watched.page.wait_for_selector("html[data-ready]", state="attached")
        watched.page.evaluate("drawAll()")
        yield request.param, watched.page
        assert watched.errors == []


def said(opened, station: str, **texts: str | list[str]) -> str:
    """Return the text of a card, and make sure that it has these words in the page's language."""
    language, page = opened
    card = page.locator(f"#cards [data-station={station}]").inner_text()
    expected = texts[language]
    for text in [expected] if isinstance(expected, str) else expected:
        assert text in card
    return card


def test_a_front_is_shown_with_its_index_and_the_words_not_confirmed_yet(opened):
    since = f"{NEWEST - timedelta(hours=2):%H:%M}"
    card = said(
        opened,
        "front",
        en=["315", "Hazardous · not confirmed yet", "PM2.5 121 µg/m³ … not confirmed yet", "The air has changed fast: PM10"],
        fr=["315", "Dangereux · pas encore confirmé", "PM2.5 121 µg/m³ … pas encore confirmé", "L’air a changé vite"],
    )  # fmt: skip
    assert since in card
    assert "✓ not confirmed" not in card


def test_a_station_at_its_place_says_where_that_is(opened):
    said(
        opened,
        "front",
        en="Abidjan · Pharmacie du Bonheur (street, paved), since 6 May 2020",
        fr="Abidjan · Pharmacie du Bonheur (rue, revêtue), depuis le 6 mai 2020",
    )


def test_a_station_elsewhere_has_no_index_and_says_where_it_is_and_whose_air_that_is_not(opened):
    card = said(
        opened,
        "away",
        en=[
            "no index",
            "Turin (side by side with other sensors)",
            "These readings are not the air of Pharmacie du Bonheur.",
            "✗ not valid (not at its place)",
            "No known fault in the data.",
        ],
        fr=[
            "pas d’indice",
            "Turin (côte à côte avec d’autres capteurs)",
            "pas celles de l’air du lieu « Pharmacie du Bonheur »",
            "✗ non valide (hors de son site)",
            "Aucun défaut connu",
        ],
    )
    assert "⚠" not in card


def test_a_channel_without_a_signal_of_its_own_and_a_dead_one_are_told_in_plain_words(opened):
    said(
        opened,
        "mirrored",
        en=[
            "NO₂ is left out of the indices: it mirrors O₃ and carries no signal of its own.",
            "CO: no valid reading since",
            "sensor stuck (0 mg/m³)",
        ],
        fr=["NO₂ n’entre dans aucun indice : il est l’image inversée de O₃", "capteur bloqué (0 mg/m³)"],
    )


def test_a_european_index_without_particles_is_none_and_says_why(opened):
    said(
        opened,
        "without_pm",
        en="no European index: no valid reading of particles",
        fr="pas d’indice européen : pas de mesure valide des particules",
    )


def traces(page, figure: str) -> list[dict]:
    return page.evaluate(
        "(figure) => document.querySelector(`#figure-${figure} .chart`).data.map((t) => ({...t, x: [...t.x], y: [...t.y]}))",
        figure,
    )


def test_days_elsewhere_are_hollow_shaded_listed_and_say_it_when_pointed_at(opened):
    language, page = opened
    _, hollow = [trace for trace in traces(page, "series-away") if trace["meta"]["field"] == "pm2_5"]
    days = [text for value, text in zip(hollow["y"], hollow["customdata"], strict=True) if value is not None]
    assert len(days) == 2
    words = {"en": "not at its place 24 h", "fr": "hors de son site 24 h"}[language]
    assert all(words in text for text in days)
    (shade,) = page.evaluate(
        "document.querySelector('#figure-series-away .chart').layout.shapes.filter((shape) => shape.type === 'rect')"
    )
    first = NEWEST.date() - timedelta(days=1)
    assert shade["x0"] == f"{first - timedelta(days=1)} 12:00"
    assert shade["x1"] == f"{NEWEST.date()} 12:00"
    note = page.locator("#figure-series-away figcaption .small").inner_text()
    assert {"en": "away not at its place: ", "fr": "away hors de son site : "}[language] in note
    assert page.locator("#figure-series-mirrored figcaption .small").count() == 0


def test_valid_days_in_no_index_have_no_colour_and_no_guideline_beside_them(opened):
    language, page = opened
    heatmap = page.evaluate("document.querySelector('#figure-calendar-mirrored .chart').data[0]")
    assert {cell for row in heatmap["z"] for cell in row} == {None}
    texts = [text for row in heatmap["customdata"] for text in row if text]
    assert len(texts) == DAYS
    assert all({"en": "valid, in no index", "fr": "valide, dans aucun indice"}[language] in text for text in texts)
    limits = (
        "(name) => document.querySelector(`#figure-boxes-${name} .chart`).layout.annotations.map((one) => one.text)"
    )
    assert not [text for text in page.evaluate(limits, "mirrored") if "25 µg" in text]
    assert [text for text in page.evaluate(limits, "away") if "25 µg" in text]


def test_data_capture_has_a_colour_and_a_word_for_days_elsewhere(opened):
    language, page = opened
    legend = page.locator("#figure-capture-away .legend").inner_text()
    assert {"en": "not at its place", "fr": "hors de son site"}[language] in legend
    kinds = page.evaluate("Object.keys(CAUSES)")
    heatmap = page.evaluate("document.querySelector('#figure-capture-away .chart').data[0].z")
    assert [row[-1] for row in heatmap] == [kinds.index("off_site")] * len(PARAMETERS)


def test_where_a_station_stood_is_listed_on_its_card(opened):
    language, page = opened
    card = page.locator("#cards [data-station=away]")
    card.locator("summary").click()
    lines = card.locator("details li").all_inner_texts()
    assert [line.split(" (")[0] for line in lines] == ["Turin", "Pharmacie du Bonheur"]
    page.evaluate("tellAge()")
    assert card.locator("details").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.dataset.button") == "stays away"
    assert lines[0].endswith({"en": "· not at its place", "fr": "· hors de son site"}[language])


@pytest.mark.parametrize("language", [long("en"), "fr"])
def test_a_phone_of_360_pixels_scrolls_only_down(browser, page_path, language):
    with browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        page.goto(f"{page_path.as_uri()}#language={language}&days=0")
        page.wait_for_selector("html[data-ready]", state="attached")
        page.evaluate("drawAll()")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.long
@needs_axe
def test_axe_finds_nothing_serious(browser, page_path):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{page_path.as_uri()}#days=0")
        page.wait_for_selector("html[data-ready]", state="attached")
        page.evaluate("drawAll()")
        assert serious_findings(page) == []
