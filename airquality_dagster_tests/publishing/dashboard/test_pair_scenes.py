"""What people read in a browser of a pair of stations, and that nothing more is drawn than can be said."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.publishing.dashboard.pairs import pair_content
from airquality_dagster.readings.comparison_statements import decimals_of, written
from airquality_dagster_tests.browser import Watched, chromium, needs_axe, needs_chromium, serious_findings
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.publishing.dashboard.compared_rows import ZONE, compared_rows, part_of
from airquality_dagster_tests.publishing.dashboard.records import record_of, sound_days
from airquality_dagster_tests.readings.series import ordinary

# One worker opens the browser.
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

DAYS = 5
NOW = datetime.now(UTC)
NEWEST = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
EVIL = "</script><img src=x onerror=alert(1)>"
NETWORK = Network.model_validate({
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2022-12"},
    "stations": [
        {
            "name": name,
            "airqino_id": number,
            "deployments": [{"from": "2022-12-06", "place": place, "kind": "street", "surface": name}],
        }
        for number, (name, place) in enumerate({"paved": "Bonheur", "unpaved": "Ministre"}.items(), 1)
    ],
    "pairs": [
        {
            "name": "paving",
            "first": "paved",
            "second": "unpaved",
            "question": "What does paving do?",
            "question_fr": "Que fait le revêtement ?",
        },
        {"name": "strangers", "first": "unpaved", "second": "paved", "question": EVIL},
        {"name": "not_yet", "first": "paved", "second": "unpaved"},
    ],
})  # fmt: skip
# The page has four significant digits.
CLOSE = {"rel": 6e-4, "abs": 1e-9}


@pytest.fixture(scope="module")
def rows():
    """Of each pair: the second without weeks side by side, the third without a comparison yet."""
    return {
        "paving": compared_rows(["co", "no2", "pm10", "pm2_5"]),
        "strangers": compared_rows(["pm2_5"], are_known=False),
        "not_yet": [],
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory, rows):
    hours = ordinary(24 * DAYS)
    hours["timestamp"] = pd.date_range(end=pd.Timestamp(NEWEST), periods=24 * DAYS, freq="h")
    days = sound_days(DAYS, NEWEST.replace(hour=0) - timedelta(days=DAYS - 1))
    stations = [station_content(record_of(hours, days=days, station=one), ZONE, NOW) for one in NETWORK.stations]
    pairs = [pair_content(pair, rows[pair.name], ZONE) for pair in NETWORK.pairs]
    folder = tmp_path_factory.mktemp("pairs")
    for name, shown in {"pairs": [pair for pair in pairs if pair], "none": []}.items():
        content = {**network_content(NETWORK, NOW), "stations": stations, "pairs": shown}
        (folder / f"{name}.html").write_text(page_html(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(pages):
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=[long("en"), "fr"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def watched(browser, pages, language):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        watched = Watched(context.new_page())
        open_page(watched.page, pages / "pairs.html", language)
        yield watched
        assert watched.errors == []


@pytest.fixture
def opened(watched):
    """The page with the first pair and its main pollutant."""
    show(watched.page, pair="paving", pollutant="pm2_5")
    return watched.page


def open_page(page, path, language: str, pollutant: str = "pm2_5") -> None:
    page.goto(f"{path.as_uri()}#language={language}&pollutant={pollutant}")
    page.wait_for_selector("html[data-ready]", state="attached")
    draw_pairs(page)


def show(page, **choices: str) -> None:
    page.evaluate("choose", choices)
    draw_pairs(page)


def draw_pairs(page) -> None:
    """Draw the figures of the pair, in view or not, and no other ones."""
    page.evaluate("[...figures.keys()].filter((id) => id.startsWith('figure-pair-')).forEach(draw)")


def drawn(page, figure: str) -> list[dict]:
    return page.evaluate(
        """(figure) => document.querySelector(`#figure-pair-${figure} .chart`).data.map(
            (t) => ({name: t.name, x: [...t.x], y: [...t.y], symbol: t.marker?.symbol, error: t.error_y, error_x: t.error_x ?? null, fill: t.fill}))""",
        figure,
    )


def figures(page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('[data-section=pairs] figure')].map((one) => one.id)")


def test_a_card_has_the_question_the_places_and_the_sentences_as_they_are_stored(opened, rows, language):
    card = opened.locator("[data-pair=paving]")
    assert card.locator("h3").inner_text() == {"en": "What does paving do?", "fr": "Que fait le revêtement ?"}[language]
    assert (
        card.locator("h3 + p").inner_text()
        == {
            "en": "unpaved, Ministre (street, unpaved) minus paved, Bonheur (street, paved)",
            "fr": "unpaved, Ministre (rue, non revêtue) moins paved, Bonheur (rue, revêtue)",
        }[language]
    )
    sentence = {"en": "valid_statement", "fr": "valid_statement_fr"}[language]
    expected = [part_of(rows["paving"], field, "all", "all")[sentence] for field in ("pm2_5", "pm10", "co", "no2")]
    shown = [" ".join(one.locator("p").all_inner_texts()) for one in card.locator(".said .note").all()]
    assert shown == expected
    begin = {"en": "Nothing can be said", "fr": "Rien ne peut être dit"}[language]
    assert [text.startswith(begin) for text in expected] == [False, False, True, True]


def test_the_answer_is_larger_than_what_follows(opened):
    sizes = opened.evaluate(
        """[...document.querySelector("[data-pair=paving] .note").children].map((one) => parseFloat(getComputedStyle(one).fontSize))"""
    )
    assert len(sizes) == 2
    assert sizes[0] > 16 > sizes[1]


def test_a_question_in_one_language_only_is_marked_as_such(opened, language):
    title = opened.locator("[data-pair=strangers] h3")
    assert (title.inner_text(), title.get_attribute("lang")) == (EVIL, "en")
    assert opened.locator("#pair option[value=strangers]").get_attribute("lang") == "en"
    assert opened.locator("#pair option[value=paving]").get_attribute("lang") == language


def test_raw_and_one_scale_stand_side_by_side_with_their_intervals(opened, rows, language):
    page = opened
    row = page.locator("[data-pair=paving] tbody tr").first
    whole = part_of(rows["paving"], "pm2_5", "all", "all")
    to, point = {"en": ("to", "."), "fr": ("à", ",")}[language]
    decimals = decimals_of(whole["difference_one_scale"])

    def shown(difference):
        numbers = [written(difference[name], decimals).replace(".", point) for name in ("mean", "low", "high")]
        return "+{}\n{} {to} {}".format(*numbers, to=to)

    cells = row.locator("td").all_inner_texts()
    assert cells[0].replace("\n\n", "\n") == shown(whole["difference_raw"])
    assert cells[1].replace("\n\n", "\n") == shown(whole["difference_one_scale"])
    assert cells[2] == f"{100 * whole['instruments_share']:.0f}\N{NO-BREAK SPACE}%"
    answer = whole[{"en": "valid_answer", "fr": "valid_answer_fr"}[language]]
    assert written(whole["difference_one_scale"]["mean"], decimals).replace(".", point) in answer


def test_numbers_have_the_digits_and_the_minus_sign_of_the_sentences(opened, language):
    shown = opened.evaluate("[differenceText(-0.0031, 4), differenceText(12.34, 0), number(-1.5)]")
    assert [text.replace(",", ".") for text in shown] == ["−0.0031", "+12", "−1.5"]


def test_what_says_nothing_of_the_air_is_grey_and_has_no_share(opened):
    page = opened
    greyed = page.locator("[data-pair=paving] tr.nothing")
    assert [text.split()[0] for text in greyed.locator("th").all_inner_texts()] == ["CO", "NO₂"]
    assert greyed.locator("td:last-child").all_inner_texts() == ["–", "–"]
    # NO2 is drawn, hollow; CO has no common hour.
    assert page.locator("[data-pair=paving] .whiskers.nothing").count() == 1
    assert page.locator("[data-pair=paving] .whiskers").count() == 3


def test_whiskers_have_the_places_of_the_numbers(opened, rows):
    whole = part_of(rows["paving"], "pm2_5", "all", "all")
    highest = whole["difference_raw"]["high"]
    places = opened.evaluate(
        """[...document.querySelector("[data-pair=paving] .whiskers").querySelectorAll("line, circle")].map(
            (one) => [one.parentNode.getAttribute("class"), one.tagName, parseFloat(one.getAttribute("x2") ?? one.getAttribute("cx"))])"""
    )
    found = {(kind.split()[0], name): place for kind, name, place in places}
    assert found["whiskers", "line"] == 3
    assert found["raw", "line"] == 97
    for kind, stored in (("raw", "difference_raw"), ("scale", "difference_one_scale")):
        expected = 3 + 94 * whole[stored]["mean"] / highest
        assert found[kind, "circle"] == pytest.approx(expected, abs=0.2)


def test_what_it_would_be_by_other_weeks_is_marked(opened):
    places = opened.evaluate(
        """() => {
            const compared = comparedOf(pairOf("paving"));
            const [used] = compared.windows;
            const other = { ...used, start: "2022-12-06", difference: 2 * compared.raw.high };
            const marks = (share) => {
                const drawn = whiskers({ ...compared, windows: [other, used], colocation: { ...compared.colocation, share } });
                return [...drawn.querySelectorAll(".other")].map((one) => one.getAttribute("x1"));
            };
            return [marks(1), marks(0.43).length];
        }"""
    )
    # A window that scales only some hours alone says something else.
    assert places == [["97.0%"], 2]


def test_the_hours_of_the_day_have_a_band_around_the_difference_on_one_scale(opened, rows):
    band, raw, scale = drawn(opened, "hours-paving")
    of_hours = [part_of(rows["paving"], "pm2_5", "hour", f"{hour:02d}") for hour in range(24)]
    differences = [row["difference_one_scale"] for row in of_hours]
    assert scale["x"] == list(range(24))
    assert scale["y"] == pytest.approx([one["mean"] for one in differences], **CLOSE)
    assert raw["y"] == pytest.approx([row["difference_raw"]["mean"] for row in of_hours], **CLOSE)
    assert band["fill"] == "toself"
    assert band["x"] == [*range(24), *reversed(range(24))]
    edges = [*(one["high"] for one in differences), *(one["low"] for one in reversed(differences))]
    assert band["y"] == pytest.approx(edges, **CLOSE)


def test_months_have_intervals_and_those_with_too_few_days_are_hollow(opened, rows):
    _, told, too_short = drawn(opened, "months-paving")
    assert [month[:7] for month in told["x"]] == [f"2023-{month:02d}" for month in range(3, 8)]
    april = part_of(rows["paving"], "pm2_5", "month", "2023-04")["difference_one_scale"]
    assert told["y"][1] == pytest.approx(april["mean"], **CLOSE)
    assert told["y"][1] + told["error"]["array"][1] == pytest.approx(april["high"], **CLOSE)
    assert told["y"][1] - told["error"]["arrayminus"][1] == pytest.approx(april["low"], **CLOSE)
    assert [month[:7] for month in too_short["x"]] == ["2023-02"]
    assert too_short["symbol"] == "square-open"


def test_kinds_of_time_have_a_line_each_with_days_interval_and_zero(opened, rows, language):
    raw, told, too_short = drawn(opened, "kinds-paving")
    chart = opened.evaluate(
        """() => {
            const { layout } = document.querySelector("#figure-pair-kinds-paving .chart");
            return { names: layout.yaxis.ticktext, places: layout.yaxis.tickvals, zero: layout.xaxis.zerolinewidth, unit: layout.xaxis.title.text };
        }"""
    )
    assert len(chart["names"]) == len(raw["y"]) == 9
    expected = {
        "en": ["all hours (150 d)", "Dec. – Feb. (7 d)"],
        "fr": ["toutes les heures (150 j)", "déc. – févr. (7 j)"],
    }
    assert chart["names"][:2] == expected[language]
    assert (chart["zero"], chart["unit"]) == (2, "PM2.5 (µg/m³)")
    # One line each, and half a line between all hours, seasons, days, humidity and dust.
    assert chart["places"] == [0, 1.5, 2.5, 3.5, 5, 6, 7.5, 9, 10]
    weekend = told["y"].index(6)
    stored = part_of(rows["paving"], "pm2_5", "day_kind", "weekend")["difference_one_scale"]
    assert told["x"][weekend] == pytest.approx(stored["mean"], **CLOSE)
    assert told["x"][weekend] + told["error_x"]["array"][weekend] == pytest.approx(stored["high"], **CLOSE)
    assert told["x"][weekend] - told["error_x"]["arrayminus"][weekend] == pytest.approx(stored["low"], **CLOSE)
    assert 1.5 in too_short["y"]
    assert (too_short["symbol"], too_short["error_x"]) == ("square-open", None)
    assert (
        too_short["name"]
        == {"en": "too few days for an interval", "fr": "trop peu de jours pour un intervalle"}[language]
    )


def test_the_weeks_side_by_side_have_their_points_and_the_line_of_the_common_scale(opened, rows, language):
    page = opened
    points, identity, line = drawn(page, "relation-paving")
    stored = part_of(rows["paving"], "pm2_5", "all", "all")["colocation"]
    assert len(points["x"]) == len(stored["points"])
    assert identity["x"] == identity["y"] == line["x"]
    assert line["y"] == pytest.approx([stored["intercept"] + stored["slope"] * end for end in line["x"]], rel=1e-3)
    note = page.locator("#figure-pair-relation-paving figcaption .small").inner_text()
    slope = f"{stored['slope']:.3g}".replace(".", {"en": ".", "fr": ","}[language])
    assert f"unpaved = {slope} × paved + " in note
    assert {
        "en": "1 Feb 2023 – 21 Feb 2023: 504 hours",
        "fr": "1 févr. 2023 – 21 févr. 2023\N{NO-BREAK SPACE}: 504 heures",
    }[language] in note


def test_of_a_pollutant_that_says_nothing_no_difference_is_drawn_but_why_is_said(opened, rows, language):
    page = opened
    show(page, pollutant="no2")
    assert figures(page) == ["figure-pair-relation-paving"]
    assert {trace["symbol"] for trace in drawn(page, "relation-paving")} == {"circle-open", None}
    sentence = {"en": "valid_statement", "fr": "valid_statement_fr"}[language]
    assert page.locator("#pair-note").inner_text() == part_of(rows["paving"], "no2", "all", "all")[sentence]
    page.locator("#pair-pollutant").select_option("pm10")
    assert page.locator("#pair-note").is_hidden()
    assert len(figures(page)) == 4
    # O3 was not compared.
    page.locator("#pair-pollutant").select_option("o3")
    assert figures(page) == []
    assert page.locator("#pair-note").is_hidden()


def test_two_that_never_stood_side_by_side_have_a_sentence_and_no_chart(opened, language):
    page = opened
    page.locator("#pair").select_option("strangers")
    assert "pair=strangers" in page.url
    assert figures(page) == []
    words = {"en": "never stood side by side", "fr": "n’ont jamais été placés côte à côte"}[language]
    assert words in page.locator("#pair-note").inner_text()
    assert page.locator("[data-pair=strangers] h3").inner_text() == EVIL


def test_a_pair_without_a_comparison_yet_is_not_shown(opened):
    options = opened.evaluate("[...document.querySelectorAll('#pair option')].map((one) => one.value)")
    assert options == ["paving", "strangers"]
    assert opened.locator("#pair-cards article").count() == 2


def test_of_many_pairs_the_chosen_one_has_a_card(opened):
    shown = opened.evaluate(
        """() => {
            const kept = content.pairs;
            content.pairs = [...Array(MOST_CARDS + 1).keys()].map((place) => ({ ...kept[0], name: `pair${place}` }));
            choose({ pair: "pair3" });
            const shown = [...document.querySelectorAll("#pair-cards article")].map((card) => card.dataset.pair);
            content.pairs = kept;
            choose({ pair: kept[0].name });
            return shown;
        }"""
    )
    assert shown == ["pair3"]


def test_a_page_without_pairs_shows_nothing_of_them(browser, pages):
    with browser.new_context() as context:
        watched = Watched(context.new_page())
        open_page(watched.page, pages / "none.html", "en")
        assert watched.page.locator("#pairs").is_hidden()
        assert figures(watched.page) == []
        assert watched.errors == []


@pytest.mark.parametrize(("figure", "rows_of_it"), [("hours", 24), ("kinds", 9), ("months", 6), ("relation", 1)])
def test_each_chart_has_a_table_of_its_figures(opened, rows, figure, rows_of_it):
    place = opened.locator(f"#figure-pair-{figure}-paving")
    place.locator("summary").press("Enter")
    place.locator("tbody tr").first.wait_for()
    assert place.locator("tbody tr").count() == rows_of_it
    cells = place.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert len(cells) == place.locator("thead th").count()
    if figure == "hours":
        midnight = part_of(rows["paving"], "pm2_5", "hour", "00")
        assert float(cells[1].replace(",", ".")) == pytest.approx(midnight["difference_one_scale"]["mean"], **CLOSE)
        assert cells[5] == str(midnight["hours"])


@pytest.mark.parametrize("words", [long("en"), "fr"])
def test_a_phone_of_360_pixels_scrolls_only_down(browser, pages, words):
    with browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        open_page(page, pages / "pairs.html", words)
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@needs_axe
@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, pages, scheme):
    with browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        open_page(page, pages / "pairs.html", "en", pollutant="no2")
        assert serious_findings(page) == []
