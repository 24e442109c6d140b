"""The dashboard in a real browser: what it draws is what MongoDB has."""

import itertools
import math
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest
from pymongo import MongoClient

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.faults import Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.definitions import defs
from airquality_dagster.local.serving import running
from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.indices import WHO_LEVELS
from airquality_dagster_tests.browser import Watched, chromium, needs_axe, needs_chromium, serious_findings
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.platform import QUIET, Platform
from airquality_dagster_tests.processes import wait_until

# One worker stores the months and opens the browser.
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

STATIONS = ("station1", "station2")
DATABASE = "test_dashboard_browser"


# The page has four significant digits.
CLOSE = {"rel": 6e-4, "abs": 1e-9}


@pytest.fixture(scope="module")
def stored(mongodb_uri, tmp_path_factory):
    """Four months, simulated, of which some hours are restated and some not there; and the page that the job made of them."""
    folder = tmp_path_factory.mktemp("dashboard")
    faults = FaultSwitch()
    with (
        MongoClient(mongodb_uri, tz_aware=True) as client,
        pytest.MonkeyPatch.context() as patch,
        running(create_app(SimulatedSource(), faults=faults)) as api,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        patch.setenv(settings.AIRQUALITY_HOME, str(folder / "home"))
        patch.setenv(settings.AIRQUALITY_DASHBOARD_DIR, str(folder / "page"))
        platform = Platform(patch, mongodb_uri, client[DATABASE], instance)
        platform.use(api)
        now = datetime.now(UTC)
        first, last = f"{now - timedelta(days=100):%Y-%m}", f"{now:%Y-%m}"
        assert platform.run(first, last).success
        faults.add(Fault(kind="restated"))
        assert platform.run(first, assets=["raw_station1"]).success
        faults.clear()
        # A day of which too little is there, at whatever hour the tests run.
        half_a_day = {
            "$gte": datetime.fromisoformat(f"{first}-10T06:00Z"),
            "$lt": datetime.fromisoformat(f"{first}-10T18:00Z"),
        }
        for station in STATIONS:
            client[DATABASE][f"raw_{station}"].delete_many({"_id": half_a_day})
        assert platform.run(first, assets=[f"{station}_aggregates" for station in STATIONS]).success
        # With the models that it makes, the last run forecasts.
        forecast_job = defs().resolve_job_def("forecast_job")
        assert forecast_job.execute_in_process(instance=instance, run_config=QUIET).success
        assert platform.run(last).success
        yield client[DATABASE], folder / "page" / "index.html"
        client.drop_database(DATABASE)


@pytest.fixture(scope="module")
def browser(stored):
    """After what is stored: Dagster and playwright each want an event loop of their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(browser, stored):
    """The page, open, in English, with all that is stored: to be looked at."""
    with opened_page(browser, stored) as watched:
        watched.page.evaluate("drawAll()")
        yield watched


@pytest.fixture(scope="module")
def clickable(browser, stored):
    with opened_page(browser, stored) as watched:
        yield watched, watched.page.evaluate("({...state})")


@pytest.fixture
def clicked(clickable):
    """The same, open a second time, to be clicked: each test finds all choices as they are at first."""
    watched, first = clickable
    watched.page.evaluate("(first) => choose(first)", first)
    return watched


@contextmanager
def opened_page(browser, stored, days=0):
    with browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB") as context:
        watched = Watched(context.new_page())
        open_page(watched.page, stored[1], days=days)
        yield watched


def open_page(page, path, **choices) -> None:
    page.set_default_timeout(120_000)
    page.goto("about:blank")
    page.goto(f"{path.as_uri()}#" + "&".join(f"{name}={value}" for name, value in choices.items()))
    page.wait_for_selector("html[data-ready]", state="attached")


def drawn(page, figure: str) -> list[dict]:
    """Return the traces of a figure as plotly has them."""
    return page.evaluate(
        """(figure) => {
            draw(`figure-${figure}`);
            return document.querySelector(`#figure-${figure} .chart`).data.map(
                (trace) => ({...trace, x: [...(trace.x ?? [])], y: [...(trace.y ?? [])]}));
        }""",
        figure,
    )


def days_of(database, station: str) -> pd.DataFrame:
    return pd.DataFrame(list(database[f"{station}_aggregates"].find().sort("_id", 1)))


def british(moment: datetime) -> str:
    """Return a moment as en-GB writes it; the clock of Abidjan is UTC's."""
    return f"{moment:%-d %b %Y, %H:%M}".replace("Sep ", "Sept ")


def shown(trace) -> dict[str, float]:
    return {date[:10]: value for date, value in zip(trace["x"], trace["y"], strict=True) if value is not None}


def expected_days(days: pd.DataFrame, field: str, *, valid: bool) -> dict[str, float]:
    is_valid = days[f"{field}_valid_hours"] >= HOURS_FOR_A_VALID_DAY
    values = days.loc[is_valid == valid, ["_id", f"{field}_valid_mean" if valid else f"{field}_mean"]].dropna()
    return {f"{date:%Y-%m-%d}": float(value) for date, value in values.itertuples(index=False)}


def test_it_opens_without_a_word_on_the_console_and_without_a_request(opened, stored):
    assert opened.errors == []
    assert {url.partition("#")[0] for url in opened.requests} <= {stored[1].as_uri(), "about:blank"}
    assert opened.page.locator("figure").count() == 23


@pytest.mark.parametrize("station", STATIONS)
def test_co_and_pm2_5_of_a_station_are_its_daily_means_valid_ones_apart(opened, stored, station):
    days = days_of(stored[0], station)
    traces = drawn(opened.page, f"series-{station}")
    for field in ("co", "pm2_5"):
        of_field = [trace for trace in traces if trace["meta"]["field"] == field]
        assert shown(of_field[0]) == pytest.approx(expected_days(days, field, valid=True), **CLOSE)
        doubtful = expected_days(days, field, valid=False)
        assert doubtful
        assert shown(of_field[1]) == pytest.approx(doubtful, **CLOSE)
        assert of_field[1]["marker"]["symbol"].endswith("-open")


def test_who_points_at_a_day_reads_value_unit_hours_and_validity(opened, stored):
    days = days_of(stored[0], "station1").set_index("_id")
    valid, doubtful = [trace for trace in drawn(opened.page, "series-station1") if trace["meta"]["field"] == "co"]
    for trace, word in ((valid, "valid"), (doubtful, "not valid")):
        assert "%{y:.4g} mg/m³" in trace["hovertemplate"]
        for date, value, text in zip(trace["x"], trace["y"], trace["customdata"], strict=True):
            if value is not None:
                hours = days.loc[pd.Timestamp(date, tz="UTC"), "co_valid_hours"]
                assert text.startswith(f"{hours} of 24 hours valid, {word}")
    assert any("sensor stuck" in text for text in doubtful["customdata"])


@pytest.mark.parametrize(
    ("figure", "label"),
    [
        ("series-station1", ["WHO 24 h<br>4 mg/m³", "WHO 24 h<br>15 µg/m³"]),
        ("comparison-pm2_5", ["WHO 24 h<br>15 µg/m³"]),
        ("boxes-station1", ["WHO 24 h<br>15 µg/m³"]),
    ],
)
def test_limits_are_named_in_the_charts(opened, figure, label):
    texts = opened.page.evaluate(
        "(figure) => document.querySelector(`#figure-${figure} .chart`).layout.annotations.map((one) => one.text)",
        figure,
    )
    # An arrow leads to one that is far above all values.
    assert [text.removeprefix("↑ ") for text in texts if "WHO" in text] == label


@pytest.mark.parametrize("field", ["co", "pm2_5"])
def test_stations_are_compared_by_their_daily_means(opened, stored, field):
    traces = drawn(opened.page, f"comparison-{field}")
    for station in STATIONS:
        of_station = [trace for trace in traces if trace["meta"]["station"] == station]
        expected = expected_days(days_of(stored[0], station), field, valid=True)
        assert shown(of_station[0]) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("station", STATIONS)
def test_gauges_show_the_highest_valid_daily_mean_against_the_guideline(opened, stored, station):
    days = days_of(stored[0], station)
    gauges = drawn(opened.page, f"gauges-{station}")
    assert [gauge["meta"]["field"] for gauge in gauges] == ["co", "pm2_5"]
    for gauge in gauges:
        field = gauge["meta"]["field"]
        valid = expected_days(days, field, valid=True).values()
        assert gauge["value"] == (pytest.approx(max(valid), **CLOSE) if valid else None)
        assert gauge["gauge"]["threshold"]["value"] == BY_FIELD[field].guideline.short_term[0][0]


@pytest.mark.parametrize("field", ["co", "pm2_5"])
@pytest.mark.parametrize("station", STATIONS)
def test_waterfalls_lead_from_each_monthly_mean_to_the_next(opened, stored, station, field):
    database, _ = stored
    means = {}
    days = days_of(database, station)
    by_month = days.groupby(days["_id"].dt.strftime("%Y-%m"))[f"{field}_mean"].mean()
    for month in database[f"{station}_summaries"].find({"_id.period": "month"}):
        name = f"{month['_id']['start']:%Y-%m}"
        means[name] = month[f"{field}_valid_mean"]
        if means[name] is None or math.isnan(means[name]):
            means[name] = by_month[name]
    months = sorted(means)
    steps = {}
    for trace in drawn(opened.page, f"waterfall-{field}-{station}"):
        if trace["type"] == "bar":
            steps |= {x[:7]: (base, y) for x, base, y in zip(trace["x"], trace["base"], trace["y"], strict=True)}
    assert sorted(steps) == months[1:]
    for former, month in itertools.pairwise(months):
        base, change = steps[month]
        assert base == pytest.approx(means[former], **CLOSE)
        assert base + change == pytest.approx(means[month], **CLOSE)


@pytest.mark.parametrize("station", STATIONS)
def test_the_calendar_has_a_cell_a_day_in_the_band_of_its_index(opened, stored, station):
    days = days_of(stored[0], station)
    heatmap = drawn(opened.page, f"calendar-{station}")[0]
    cells = {
        f"{month}-{day:02}": band
        for month, row in zip(heatmap["y"], heatmap["z"], strict=True)
        for day, band in zip(heatmap["x"], row, strict=True)
        if band is not None
    }
    # EPA-454/B-24-002, table 6: the band of a 24-hour mean of PM2.5, cut to 0.1.
    upper = (9.0, 35.4, 55.4, 125.4, 225.4, math.inf)
    valid = expected_days(days, "pm2_5", valid=True)
    assert cells == {
        date: next(place for place, limit in enumerate(upper) if math.floor(mean * 10 + 1e-6) / 10 <= limit)
        for date, mean in valid.items()
    }


@pytest.mark.parametrize("station", STATIONS)
def test_the_profile_has_the_mean_of_the_valid_hours_of_each_hour_of_the_week(opened, stored, station):
    database, _ = stored
    valid = {document["_id"] for document in database[f"{station}_quality"].find({"pm2_5_qc": {"$lte": 3}})}
    readings = pd.Series({
        document["_id"]: document["pm2_5"] for document in database[f"raw_{station}"].find({"pm2_5": {"$ne": None}})
        if document["_id"] in valid
    })  # fmt: skip
    # The clock of Abidjan is UTC's.
    means = readings.groupby([readings.index.dayofweek, readings.index.hour]).mean()
    heatmap = drawn(opened.page, f"profile-{station}")[0]
    found = {(day, hour): heatmap["z"][day][hour] for day in range(7) for hour in range(24)}
    assert found == pytest.approx(means.to_dict(), **CLOSE)


@pytest.mark.parametrize("station", STATIONS)
def test_boxes_hold_the_valid_daily_means_of_each_month(opened, stored, station):
    box = drawn(opened.page, f"boxes-{station}")[0]
    expected = expected_days(days_of(stored[0], station), "pm2_5", valid=True)
    assert box["y"] == pytest.approx(list(expected.values()), **CLOSE)
    assert [month[:7] for month in box["x"]] == [date[:7] for date in expected]


@pytest.mark.parametrize("station", STATIONS)
def test_data_capture_has_the_valid_share_of_every_sensor_and_day(opened, stored, station):
    days = days_of(stored[0], station)
    heatmap = drawn(opened.page, f"capture-{station}")[0]
    percent = pd.DataFrame(heatmap["meta"]["percent"], columns=heatmap["x"], index=[p.field for p in PARAMETERS])
    for parameter in PARAMETERS:
        expected = {
            f"{date:%Y-%m-%d}": share
            for date, share in zip(days["_id"], days[f"{parameter.field}_percent_complete"], strict=True)
        }
        # A day without any hour is no document, and no hour of it is valid.
        assert percent.loc[parameter.field].to_dict() == dict.fromkeys(heatmap["x"], 0) | expected


def test_restatements_are_counted_on_the_day_on_which_the_source_changed_them(opened, stored):
    revisions = list(stored[0]["raw_station1_revisions"].find())
    assert revisions
    (bars,) = drawn(opened.page, "restated-station1")
    expected = pd.Series([f"{revision['valid_until']:%Y-%m-%d}" for revision in revisions]).value_counts()
    assert dict(zip(bars["x"], bars["y"], strict=True)) == expected.to_dict()


@pytest.mark.parametrize("station", STATIONS)
def test_the_card_tells_the_newest_hour_its_index_and_whether_it_is_valid(opened, stored, station):
    database, _ = stored
    newest = database[f"raw_{station}"].find_one(sort=[("_id", -1)])
    quality = database[f"{station}_quality"].find_one({"_id": newest["_id"]})
    text = opened.page.locator(f"#cards [data-station={station}]").inner_text()
    assert str(quality["aqi_nowcast"]) in text
    assert british(newest["_id"]) in text
    assert f"PM2.5 {newest['pm2_5']:.3g} µg/m³" in text
    is_unconfirmed = "unconfirmed" in (quality.get("pm2_5_flags") or [])
    valid = "… not confirmed yet" if is_unconfirmed else "✓ valid"
    assert (valid if quality["pm2_5_qc"] <= 3 else "✗ not valid") in text


@pytest.mark.parametrize("station", STATIONS)
def test_card_and_chart_have_the_newest_stored_forecast(opened, stored, station):
    forecasts = list(stored[0][f"{station}_forecast"].find())
    origin = max(forecast["_id"]["origin"] for forecast in forecasts)
    newest = {one["_id"]["hours_ahead"]: one for one in forecasts if one["_id"]["origin"] == origin}
    said = newest[2]
    text = opened.page.locator(f"#cards [data-station={station}] .forecast").inner_text()
    # The clock of Abidjan is UTC's.
    assert text.startswith(f"Forecast for {said['target']:%H:%M}: PM2.5 ")
    low, high = re.search(r"PM2.5 ([\d.]+) to ([\d.]+)\sµg/m³", text).groups()
    assert [float(low), float(high)] == pytest.approx([said["pm2_5_p10"], said["pm2_5_p90"]], rel=0.05)
    (median,) = [trace for trace in drawn(opened.page, f"hours-{station}") if trace["meta"]["kind"] == "median"]
    shown = dict(zip(median["x"], median["y"], strict=True))
    expected = {f"{one['target']:%Y-%m-%d %H:%M:%S}": one["pm2_5_p50"] for one in newest.values()}
    assert {hour: shown[hour] for hour in expected} == pytest.approx(expected, **CLOSE)


def test_the_card_says_in_plain_words_since_when_a_sensor_fails(opened, stored):
    """The simulated sensor of station1 fails its CO at the end, as the real one does."""
    database, _ = stored
    last_valid = database["station1_quality"].find_one({"co_qc": {"$lte": 3}}, sort=[("_id", -1)])
    since = database["raw_station1"].find_one({"_id": {"$gt": last_valid["_id"]}}, sort=[("_id", 1)])["_id"]
    problem = opened.page.locator("#cards [data-station=station1] li").first.inner_text()
    assert problem.startswith("CO: no valid reading since ")
    assert british(since) in problem


def test_simulated_readings_are_named_in_the_head_and_in_every_chart(opened):
    page = opened.page
    assert "SIMULATED" in page.locator("#simulated").inner_text()
    marks = page.evaluate(
        "[...document.querySelectorAll('.chart')].map((c) => c.layout.annotations.some((a) => a.text === 'SIMULATED'))"
    )
    assert len(marks) == 23
    assert all(marks)


def test_every_number_has_a_unit_on_its_axis(opened):
    titles = opened.page.evaluate(
        """[...document.querySelectorAll('[data-section=series] .chart, [data-section=waterfalls] .chart')].flatMap(
            (chart) => Object.keys(chart.layout).filter((name) => name.startsWith('yaxis'))
                .map((name) => chart.layout[name].title.text))"""
    )
    assert len(titles) == 10
    assert all(title.endswith(("(mg/m³)", "(µg/m³)")) for title in titles)


def test_the_language_is_switched_and_kept_in_the_address(clicked):
    page = clicked.page
    page.get_by_role("button", name="Français").click()
    assert page.locator("html").get_attribute("lang") == "fr"
    assert "qualité de l’air" in page.title()
    assert "language=fr" in page.url
    text = page.locator("body").inner_text()
    assert "Montrer les jours non valides" in text
    assert "Show days" not in text
    page.get_by_role("button", name="English").click()
    assert "Show days that are not valid" in page.locator("body").inner_text()
    assert clicked.errors == []


def test_days_that_are_not_valid_can_be_hidden(clicked, stored):
    page = clicked.page
    page.get_by_label("Show days that are not valid").uncheck()
    page.evaluate("drawAll()")
    for station in STATIONS:
        traces = drawn(page, f"series-{station}")
        assert [trace["meta"]["field"] for trace in traces] == ["co", "pm2_5"]
        days = days_of(stored[0], station)
        assert shown(traces[0]) == pytest.approx(expected_days(days, "co", valid=True), **CLOSE)
    hollow = page.evaluate(
        "[...document.querySelectorAll('.chart')].flatMap((c) => c.data).filter("
        "(t) => String(t.marker?.symbol).endsWith('-open') && t.x.length).length"
    )
    assert hollow == 0
    page.get_by_label("Show days that are not valid").check()
    assert len(drawn(page, "series-station1")) == 4


@pytest.mark.parametrize(("button", "days"), [("30 d", 30), long("7 d", 7), long("1 y", 365)])
def test_a_range_shows_that_many_days_up_to_the_newest(clicked, stored, button, days):
    page = clicked.page
    page.get_by_role("button", name=button, exact=True).click()
    drawn(page, "comparison-pm2_5")
    stored_days = days_of(stored[0], "station2")
    oldest, newest = stored_days["_id"].min(), stored_days["_id"].max()
    first, last = page.evaluate("document.querySelector('#figure-comparison-pm2_5 .chart').layout.xaxis.range")
    assert first[:10] == f"{newest - timedelta(days=days - 1):%Y-%m-%d}"
    assert last[:10] == f"{newest + timedelta(days=1):%Y-%m-%d}"
    rows = page.evaluate("daysOf(stationOf('station2'), 'pm2_5').length")
    # A day without any hour is no document.
    assert rows == min(days, (newest - oldest).days + 1)
    gauge = drawn(page, "gauges-station2")[1]
    recent = stored_days[stored_days["_id"] > newest - timedelta(days=days)]
    highest = max(expected_days(recent, "pm2_5", valid=True).values(), default=None)
    assert gauge["value"] == pytest.approx(highest, **CLOSE)


def test_the_charts_have_a_slider_that_leads_back_to_the_first_day(opened):
    slider = opened.page.locator("#figure-comparison-pm2_5 .rangeslider-container")
    assert slider.count() == 1


def test_a_station_is_chosen_in_the_list_or_by_a_click_and_compared_with_another(clicked):
    page = clicked.page
    page.locator("#station").select_option("station2")
    figures = page.locator("[data-section=gauges] figure")
    assert [figures.nth(place).get_attribute("id") for place in range(2)] == [
        "figure-gauges-station2",
        "figure-gauges-station1",
    ]
    page.locator("#cards [data-station=station1]").get_by_role("button", name="Show").click()
    assert page.evaluate("[state.station, state.other]") == ["station1", "station2"]
    # Who works by keyboard stays on the button that was pressed.
    assert page.evaluate("document.activeElement.dataset.button") == "show station1"
    page.locator("#cards [data-station=station1]").get_by_role("button", name="Compare").click()
    assert page.evaluate("[state.station, state.other]") == ["station2", "station1"]
    assert "station=station2" in page.url
    assert "other=station1" in page.url


@pytest.mark.parametrize("field", [field if field == "pm2_5" else long(field) for field in WHO_LEVELS])
def test_every_pollutant_can_be_looked_at_in_detail(clicked, stored, field):
    page = clicked.page
    page.locator("#pollutant").select_option(field)
    traces = drawn(page, "boxes-station2")
    expected = expected_days(days_of(stored[0], "station2"), field, valid=True)
    boxes = [trace for trace in traces if trace["type"] == "box"]
    assert [value for box in boxes for value in box["y"]] == pytest.approx(list(expected.values()), **CLOSE)
    assert clicked.errors == []


def test_the_table_of_a_chart_has_its_figures(clicked, stored):
    page = clicked.page
    figure = page.locator("#figure-comparison-pm2_5")
    # Not by a click: charts that are drawn as they come into view move what is below them.
    figure.locator("summary").press("Enter")
    figure.locator("tbody tr").first.wait_for()
    header = figure.locator("thead th").all_inner_texts()
    assert header[2] == "PM2.5 (µg/m³)"
    rows = page.evaluate(
        """[...document.querySelectorAll("#figure-comparison-pm2_5 tbody tr")].map(
            (row) => [...row.children].map((cell) => cell.textContent))"""
    )
    of_station2 = {row[0]: row for row in rows if row[1] == "station2"}
    days = days_of(stored[0], "station2").set_index("_id")
    without_hours = of_station2.keys() - {f"{date:%Y-%m-%d}" for date in days.index}
    assert len(of_station2) == len(days) + len(without_hours)
    assert [date for date in without_hours if of_station2[date][4] == "valid"] == []
    for date, day in days.iterrows():
        row = of_station2[f"{date:%Y-%m-%d}"]
        assert row[3] == str(day["pm2_5_valid_hours"])
        if day["pm2_5_valid_hours"] >= HOURS_FOR_A_VALID_DAY:
            assert float(row[2].replace(",", "")) == pytest.approx(day["pm2_5_valid_mean"], **CLOSE)
            assert row[4] == "valid"
        else:
            assert row[4].startswith("not valid")


@pytest.mark.parametrize("language", ["fr", long("en")])
def test_a_phone_of_360_pixels_scrolls_only_down(browser, stored, language):
    with browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        open_page(page, stored[1], language=language)
        page.evaluate("drawAll()")
        page.locator("summary").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_charts_have_a_name_and_say_their_latest_figure_to_a_screen_reader(opened):
    labels = opened.page.evaluate("[...document.querySelectorAll('.chart')].map((c) => c.getAttribute('aria-label'))")
    assert len(set(labels)) == 23
    assert all(label and len(label) > 30 for label in labels)
    assert opened.page.evaluate(
        "[...document.querySelectorAll('.chart')].every((c) => c.getAttribute('role') === 'img')"
    )


@needs_axe
@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_contrast_is_that_of_level_aa(browser, stored, scheme):
    with browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        open_page(page, stored[1])
        page.evaluate("drawAll()")
        page.locator("#figure-calendar-station1 summary").click()
        assert serious_findings(page) == []
        page.evaluate("document.querySelector('main').append(document.createElement('button'))")
        assert len(serious_findings(page)) == 1


@pytest.mark.long
def test_the_dark_scheme_is_dark_and_charts_follow_it(browser, stored):
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        open_page(page, stored[1])
        paper = page.evaluate("document.querySelector('.chart').layout.paper_bgcolor")
        assert paper == "#12181f"
        page.emulate_media(color_scheme="light")
        # The browser tells the page of it later.
        paper = "drawAll() || document.querySelector('.chart').layout.paper_bgcolor"
        wait_until(lambda: page.evaluate(paper) == "#ffffff", "the light scheme")


@pytest.mark.long
def test_printed_it_has_every_chart_and_no_controls(browser, stored):
    with opened_page(browser, stored, days=30) as watched:
        page = watched.page
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert not page.locator("#controls").is_visible()
        assert page.locator(".chart .main-svg").count() >= 23
        assert len(page.pdf()) > 50_000
