"""What people read in a browser of the next hours: a forecast, a withheld one, one of a new station, and an old one."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.readings.forecast import LOSES_TO_PERSISTENCE, Forecast, Quantiles
from airquality_dagster.readings.forecast_model import HOURS_AHEAD
from airquality_dagster_tests.browser import Watched, chromium, needs_axe, needs_chromium, serious_findings
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.publishing.dashboard.records import (
    SCORE,
    forecast_rows,
    forecasts_from,
    record_of,
    sound_days,
)
from airquality_dagster_tests.readings.series import ordinary

# One worker opens the browser, and the page tells ages by the real clock.
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

DAYS = 5
NOW = datetime.now(UTC).replace(microsecond=0)
NEWEST = NOW.replace(minute=0, second=0) - timedelta(hours=1)
NETWORK = Network.model_validate({
    # Its clock is not UTC's.
    "network": {"name": "Lagos", "time_zone": "Africa/Lagos", "first_month": "2022-12"},
    "stations": [
        {"name": name, "airqino_id": number}
        for number, name in enumerate(("sound", "withheld", "new", "stale", "without"), 1)
    ],
})  # fmt: skip
ZONE = NETWORK.time_zone
SCORES = {
    "sound": SCORE,
    "withheld": replace(SCORE, mae=4.5, mae_skill=-0.15, coverage=0.7),
    "new": None,
    "stale": SCORE,
    "without": None,
}
PAST = 40


def forecasts_of(name: str) -> list[Forecast]:
    if name == "sound":
        past = [forecasts_from(NEWEST - timedelta(hours=ago)) for ago in range(PAST, 0, -1)]
        return [*(one for origin in past for one in origin), *forecasts_from(NEWEST)]
    return {
        "withheld": forecasts_from(NEWEST, withheld=LOSES_TO_PERSISTENCE),
        "new": forecasts_from(NEWEST, persistence=Quantiles(4.0, 14.9, 45.0)),
        "stale": forecasts_from(NEWEST - timedelta(hours=4)),
        "without": [],
    }[name]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    hours = ordinary(24 * DAYS)
    hours["timestamp"] = pd.date_range(end=pd.Timestamp(NEWEST), periods=24 * DAYS, freq="h")
    days = sound_days(DAYS, NEWEST.replace(hour=0) - timedelta(days=DAYS - 1))
    stations = []
    for station in NETWORK.stations:
        score = SCORES[station.name]
        scores = score and {"_id": {"date": NOW.replace(hour=0, minute=0, second=0)}, "pm2_5_28_days": asdict(score)}
        record = replace(
            record_of(hours, days=days, station=station),
            forecasts=forecast_rows(forecasts_of(station.name)),
            score=scores,
        )
        stations.append(station_content(record, ZONE, NOW))
    path = tmp_path_factory.mktemp("forecasts") / "index.html"
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
        watched.page.goto(f"{page_path.as_uri()}#language={request.param}")
        watched.page.wait_for_selector("html[data-ready]", state="attached")
        yield request.param, watched.page
        assert watched.errors == []


def on_card(page, station: str) -> str:
    return page.locator(f"#cards [data-station={station}] .forecast").inner_text().replace("\u00a0", " ")


def chart_of(page, station: str) -> dict:
    """Return note and traces of the chart of a station's hours, by their kind."""
    return page.evaluate(
        """(station) => {
            choose({station});
            draw(`figure-hours-${station}`);
            const figure = document.getElementById(`figure-hours-${station}`);
            const chart = figure.querySelector(".chart");
            return {
                note: figure.querySelector("figcaption .small")?.textContent ?? "", label: chart.getAttribute("aria-label"),
                lines: chart.layout.shapes.filter((one) => one.type === "line").map((one) => one.x0),
                ...Object.fromEntries(chart.data.map((one) => [one.meta.kind, {...one, x: [...one.x], y: [...one.y]}])),
            };
        }""",
        station,
    )


def clock(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"


def test_the_card_says_hour_range_and_band_by_the_clock_of_the_network(opened):
    language, page = opened
    hour = f"{(NEWEST + timedelta(hours=2)).astimezone(ZONE):%H:%M}"
    assert on_card(page, "sound") == {
        "en": f"Forecast for {hour}: PM2.5 18 to 31 µg/m³ (4 chances in 5), probably moderate on the European index (98 %).",
        "fr": f"Prévision pour {hour} : PM2.5 de 18 à 31 µg/m³ (4 chances sur 5), probablement « dégradé » selon l’indice européen (98 %).",
    }[language]  # fmt: skip


def test_a_withheld_forecast_says_why_and_shows_no_number(opened):
    language, page = opened
    assert (
        on_card(page, "withheld")
        == {
            "en": "No forecast of PM2.5: two hours ahead it was, over the last 7 days, no better than saying “as now”.",
            "fr": "Pas de prévision (PM2.5) : à deux heures, elle n’a pas fait mieux, ces 7 derniers jours, que l’annonce « comme maintenant ».",
        }[language]
    )


def test_a_new_station_says_that_its_forecast_is_as_now(opened):
    language, page = opened
    sentence, note = on_card(page, "new").split("\n\n")
    # No band is more probable than not.
    assert {"en": "most likely moderate", "fr": "le plus souvent « dégradé »"}[language] in sentence
    assert note.startswith(
        {"en": "Too little history for a model yet: as now", "fr": "Historique encore trop court"}[language]
    )


def test_a_forecast_whose_hour_is_over_is_none_any_more(opened):
    language, page = opened
    assert on_card(page, "stale").startswith(
        {
            "en": "No forecast of PM2.5: the last one was made from readings up to",
            "fr": "Pas de prévision (PM2.5) : la dernière s’arrête aux mesures du",
        }[language]
    )
    assert f"{(NEWEST - timedelta(hours=4)).astimezone(ZONE):%H:%M}" in on_card(page, "stale")


def test_without_a_forecast_nothing_is_said_of_one(opened):
    _, page = opened
    assert page.locator("#cards [data-station=without] .forecast").count() == 0
    chart = chart_of(page, "without")
    assert (chart["note"], "band" in chart, "before" in chart) == ("", False, False)


def test_the_band_leads_from_the_last_reading_through_the_next_day(opened):
    language, page = opened
    chart = chart_of(page, "sound")
    hours = [clock(NEWEST + timedelta(hours=ahead)) for ahead in (0, *HOURS_AHEAD)]
    last = chart["readings"]["y"][-1]
    assert chart["median"]["x"] == hours
    assert chart["median"]["y"] == [last, *[24] * len(HOURS_AHEAD)]
    assert chart["band"]["x"] == [*hours, *reversed(hours)]
    assert chart["band"]["y"] == [last, *[31] * len(HOURS_AHEAD), *[18] * len(HOURS_AHEAD), last]
    point = chart["median"]["customdata"][2]
    assert {"en": "(2 h ahead)<br>18 to 31 µg/m³, median 24", "fr": "(à 2 h)<br>de 18 à 31 µg/m³, médiane 24"}[
        language
    ] in point
    assert chart["lines"] == [clock(NOW)]
    assert on_card(page, "sound") in chart["label"].replace("\u00a0", " ")


def test_past_forecasts_are_drawn_at_their_hours_in_dashes(opened):
    _, page = opened
    before = chart_of(page, "sound")["before"]
    assert before["line"]["dash"] == "dash"
    drawn = {x: y for x, y in zip(before["x"], before["y"], strict=True) if y is not None}
    assert drawn == {clock(NEWEST - timedelta(hours=ago)): 24 for ago in range(PAST - 2, -1, -1)}


@pytest.mark.parametrize("station", ["withheld", "stale"])
def test_no_band_is_drawn_where_nothing_is_forecast(opened, station):
    _, page = opened
    chart = chart_of(page, station)
    assert not {"band", "median"} & chart.keys()
    assert on_card(page, station) in chart["note"]
    assert "readings" in chart


@pytest.mark.parametrize(
    ("station", "words"),
    [
        (
            "sound",
            {
                "en": "were an eighth better than saying “as now” (mean error 3.4 instead of 3.9 µg/m³); 79 % of readings were in the band",
                "fr": "ont été meilleures d’un huitième que l’annonce « comme maintenant » (erreur moyenne 3,4 au lieu de 3,9 µg/m³) ; 79 % des mesures",
            },
        ),
        (
            "withheld",
            {
                "en": "were no better than saying “as now” (mean error 4.5 instead of 3.9 µg/m³); 70 %",
                "fr": "n’ont pas été meilleures que l’annonce « comme maintenant » (erreur moyenne 4,5 au lieu de 3,9 µg/m³) ; 70 %",
            },
        ),
        ("new", {"en": "are not scored yet", "fr": "ne sont pas encore évaluées"}),
    ],
)  # fmt: skip
def test_the_score_is_said_in_words(opened, station, words):
    language, page = opened
    note = chart_of(page, station)["note"]
    assert words[language] in note
    assert "docs/forecast.md" in note


def test_the_table_has_readings_past_forecasts_and_the_next_hours(opened):
    _, page = opened
    chart_of(page, "sound")
    page.locator("#figure-hours-sound summary").press("Enter")
    page.locator("#figure-hours-sound tbody tr").first.wait_for()
    rows = page.evaluate(
        """[...document.querySelectorAll("#figure-hours-sound tbody tr")].map(
            (row) => [...row.children].slice(1).map((cell) => cell.textContent))"""
    )
    assert len(rows) == len(HOURS_AHEAD) + 48
    assert rows[0] == ["–", "–", "18", "24", "31"]
    assert rows[len(HOURS_AHEAD)][1:] == ["24", "–", "–", "–"]


@pytest.mark.parametrize("language", [long("en"), "fr"])
def test_a_phone_of_360_pixels_scrolls_only_down(browser, page_path, language):
    with browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        page.goto(f"{page_path.as_uri()}#language={language}")
        page.wait_for_selector("html[data-ready]", state="attached")
        page.evaluate("drawAll()")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@needs_axe
@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, page_path, scheme):
    with browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(page_path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.evaluate("drawAll()")
        assert serious_findings(page) == []
