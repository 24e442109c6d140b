"""The file itself: whole, in two languages, without the network."""

import base64
import gzip
import json
import re
from datetime import timedelta
from typing import get_args

import pytest

from airquality_dagster.assets.forecast import NO_MODEL
from airquality_dagster.network.deployments import Kind
from airquality_dagster.network.freshness import LATE_AFTER, STALLED_AFTER
from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.forecast import SHARES
from airquality_dagster.publishing.dashboard.newest import CROSS_SENSITIVE, OFF_SITE, UNCONFIRMED
from airquality_dagster.publishing.dashboard.page import PAGE, page_html
from airquality_dagster.readings.comparison_parts import ALL, SEASONS
from airquality_dagster.readings.comparison_relation import WINDOW_DISAGREES, WINDOW_TOO_SHORT
from airquality_dagster.readings.flags import Flag
from airquality_dagster.readings.forecast import (
    LOSES_TO_PERSISTENCE,
    NOT_VALID,
    TOO_FEW_RECENT_HOURS,
    TOO_LITTLE_HISTORY,
)
from airquality_dagster.readings.hours import NO_PARTICLES
from airquality_dagster.readings.indices import AQI_CATEGORIES
from airquality_dagster_tests.publishing.dashboard.records import NETWORK, record_of
from airquality_dagster_tests.readings.series import FIRST, ordinary

TEXTS = json.loads((PAGE / "texts.json").read_text(encoding="utf-8"))
SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PAGE.glob("*.js")))
TEMPLATE = (PAGE / "template.html").read_text(encoding="utf-8")
WITHHELD = (NO_MODEL, TOO_LITTLE_HISTORY, TOO_FEW_RECENT_HOURS, NOT_VALID, LOSES_TO_PERSISTENCE)


@pytest.fixture(scope="module")
def content():
    station = station_content(record_of(ordinary(24 * 40)), NETWORK.time_zone, FIRST)
    return {**network_content(NETWORK, FIRST), "stations": [station], "pairs": []}


def test_every_text_is_there_in_both_languages_with_the_same_places_to_fill():
    for key, text in TEXTS.items():
        assert set(text) == {"en", "fr"}, key
        places = [sorted(re.findall(r"\{(\w+)\}", text[language])) for language in ("en", "fr")]
        assert places[0] == places[1], key
        assert all(text.values()), key


def test_every_text_that_the_page_asks_for_is_there_and_no_other():
    asked = set(re.findall(r'\bt\("(\w+)"', SCRIPTS)) | set(re.findall(r'data-t="(\w+)"', TEMPLATE))
    # Names that are put together, or chosen of two.
    asked |= {f"aqi{place}" for place in range(len(AQI_CATEGORIES))}
    asked |= {f"eaqi{place}" for place in range(1, 7)}
    asked |= {f"flag_{flag.name.lower()}" for flag in Flag if flag.name}
    asked |= set(
        re.findall(r'"(valid|notValid|lowest|quarter|median|threeQuarters|highest|validDay|completeDay)"', SCRIPTS)
    )
    asked |= {name for pair in re.findall(r't\([\w.]+(?: === \w+)? \? "(\w+)" : "(\w+)"', SCRIPTS) for name in pair}
    asked |= {f"kind_{kind}" for kind in (*get_args(Kind), "none")} | {
        f"surface_{word}" for word in ("paved", "unpaved")
    }
    asked |= {f"withheld_{NO_PARTICLES}"}
    asked |= {f"{chart}Difference" for chart in ("hour", "month", "kind")} | {"low", "high"}
    kinds = (ALL, *SEASONS, "weekday", "weekend", "dry", "wet", "calm", "dusty")
    asked |= {f"part_{part}" for part in kinds}
    asked |= {f"window_{reason}" for reason in (WINDOW_DISAGREES, WINDOW_TOO_SHORT)}
    asked |= {f"forecast_{reason}" for reason in WITHHELD} | {f"share_{word}" for word in SHARES}
    asked |= set(re.findall(r'"(file\w+)"', SCRIPTS))
    labels = {f"label_{parameter.field}" for parameter in PARAMETERS}
    assert asked - TEXTS.keys() == set()
    assert TEXTS.keys() - asked - labels == set()


def test_the_flags_that_have_sentences_of_their_own_are_flags_of_the_quality_control():
    assert {UNCONFIRMED, OFF_SITE, CROSS_SENSITIVE} <= {flag.name.lower() for flag in Flag if flag.name}


def test_the_english_words_of_the_bands_are_those_of_the_indices():
    assert [TEXTS[f"aqi{place}"]["en"] for place in range(6)] == [name for _, name in AQI_CATEGORIES]
    words = ["good", "fair", "moderate", "poor", "very poor", "extremely poor"]
    assert [TEXTS[f"eaqi{place}"]["en"] for place in range(1, 7)] == words


def test_a_pollutant_is_a_row_of_the_table_and_no_script_names_one():
    names = [name for parameter in PARAMETERS for name in (parameter.field, parameter.label)]
    assert [name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", SCRIPTS)] == []


def test_the_page_calls_old_what_the_checks_call_old(content):
    assert timedelta(hours=content["late_after_hours"]) == LATE_AFTER
    assert timedelta(hours=content["stalled_after_hours"]) == STALLED_AFTER


def test_the_page_needs_no_other_file(content):
    links = re.findall(r'(?:src|href|srcset|action)="([^"]*)"', TEMPLATE)
    assert links
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert "default-src 'none'" in page_html(content)


def test_the_content_comes_back_from_the_page(content):
    (packed,) = re.findall(r'id="content">([^<]*)<', page_html(content))
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == json.loads(json.dumps(content))


def test_the_same_content_is_the_same_page(content):
    assert page_html(content) == page_html(content)
