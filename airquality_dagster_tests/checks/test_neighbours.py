"""What the check of a station beside its neighbours says, and that one can act on it."""

from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.checks.neighbours import StationAndNeighbours, agrees_with_neighbours
from airquality_dagster.network.neighbours import Neighbours
from airquality_dagster.network.stations import Station

FIRST, SECOND = (Station(name=f"station{number}", airqino_id=number) for number in (1, 2))
TODAY = datetime(2023, 8, 20, tzinfo=UTC)


def row(*findings, date: datetime = TODAY, withheld: str | None = None):
    return {
        "date": date,
        "first": "station1",
        "second": "station2",
        "temperature_correlation": 0.971,
        "withheld": withheld,
        "findings": list(findings),
    }


def finding(kind: str, size: float, *, field: str | None = None, station: str | None = None):
    since = datetime(2023, 8, 3, tzinfo=UTC)
    return {"kind": kind, "field": field, "since": since, "station": station, "size": size}


def check(station: Station, *days):
    pairs = [Neighbours(FIRST, SECOND, 0.459)]
    return agrees_with_neighbours(StationAndNeighbours(station, pairs, days))


def test_a_station_that_agrees_passes_with_a_sentence():
    outcome = check(FIRST, row())
    assert outcome.passed
    assert outcome.description == (
        "station1, 2023-08-20: agrees with station2 as before (temperature r 0.97 over a week)"
    )


def test_a_station_without_a_neighbour_passes_with_a_sentence():
    outcome = agrees_with_neighbours(StationAndNeighbours(FIRST, [], []))
    assert outcome.passed
    assert "no other station within 10 km" in outcome.description


@pytest.mark.parametrize(
    ("withheld", "words"), [("too_few_hours", "too few valid hours"), ("no_past", "too few weeks of both")]
)
def test_what_could_not_be_compared_passes_and_says_why(withheld, words):
    outcome = check(SECOND, row(withheld=withheld))
    assert outcome.passed
    assert f"not compared with station1: {words}" in outcome.description


@pytest.mark.parametrize(
    ("document", "of_first", "of_second"),
    [
        (
            finding("level", 2.0, field="pm2_5"),
            "PM2.5 reads 0.50 times what it did against station2 since about 2023-08-03; which of the two changed",
            "PM2.5 reads 2.00 times what it did against station1 since about 2023-08-03; which of the two changed",
        ),
        (
            finding("time_shift", 1.0),
            "its hours are 1 h earlier than those of station2",
            "its hours are 1 h later than those of station1",
        ),
        (
            finding("uncorrelated", 0.12, field="temperature"),
            "temperature does not follow that of station2 since about 2023-08-03 (r 0.12 over a week)",
            "enter a deployment in the stations file",
        ),
        (finding("swapped", 0.7, field="no2"), "NO₂ follows O₃ of station2", "NO₂ follows O₃ of station1"),
    ],
)
def test_a_disagreement_of_which_nobody_knows_the_culprit_must_be_looked_at_at_both(document, of_first, of_second):
    for station, words in ((FIRST, of_first), (SECOND, of_second)):
        outcome = check(station, row(document))
        assert (outcome.passed, outcome.must_act) == (False, True)
        assert words.casefold() in outcome.description.casefold()


def test_a_disagreement_of_which_the_culprit_is_known_fails_at_that_station_only():
    day = row(finding("level", 2.0, field="pm10", station="second"))
    assert check(FIRST, day).passed
    outcome = check(SECOND, day)
    assert not outcome.passed
    assert "it is this station that changed" in outcome.description
    assert "| station1 | level | pm10 | 2023-08-03 | station2 | 2 |" in outcome.metadata["disagreements"].md_str


def test_noise_and_repeated_days_are_warnings():
    outcome = check(SECOND, row(finding("noise", 3.1, field="o3", station="second")))
    assert (outcome.passed, outcome.must_act) == (False, False)
    assert "O₃ changes from hour to hour 3.1 times what it did against station1" in outcome.description


def test_a_repeated_day_is_told_for_a_week_and_other_findings_on_their_day():
    yesterday = TODAY - timedelta(days=1)
    repeated, level = finding("repeated_day", 24.0, station="first"), finding("level", 2.0, field="pm2_5")
    outcome = check(FIRST, row(repeated, level, date=yesterday), row())
    assert "24 hours of a day repeat those of the day before, since 2023-08-03" in outcome.description
    assert "PM2.5" not in outcome.description
    assert check(FIRST, row(repeated, date=TODAY - timedelta(days=7)), row()).passed
    assert check(SECOND, row(repeated, date=yesterday), row()).passed
