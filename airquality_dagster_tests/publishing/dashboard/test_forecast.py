"""What the page shows of a station's forecast."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from airquality_dagster.publishing.dashboard.forecast import forecast_content, score_content
from airquality_dagster.publishing.dashboard.record import NEWEST_HOURS, SAID_HOURS_AHEAD
from airquality_dagster.publishing.dashboard.stored import station_record
from airquality_dagster.readings.forecast import LOSES_TO_PERSISTENCE, Quantiles
from airquality_dagster.readings.forecast_model import HOURS_AHEAD
from airquality_dagster.readings.forecast_score import LEAST_SCORED_HOURS
from airquality_dagster_tests.publishing.dashboard.records import (
    QUANTILES,
    SCORE,
    STATION,
    forecast_rows,
    forecasts_from,
    record_of,
)
from airquality_dagster_tests.readings.series import FIRST, ordinary

HOURS = 24 * 3
NEWEST = FIRST + timedelta(hours=HOURS - 1)
TODAY = datetime(2023, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def record():
    return record_of(ordinary(HOURS))


def content_of(record, forecasts, **more):
    content = forecast_content(replace(record, forecasts=forecast_rows(forecasts, **more)))
    assert content is not None
    return content


def test_what_is_said_is_the_newest_forecast_two_hours_ahead(record):
    former = forecasts_from(NEWEST - timedelta(hours=1), Quantiles(60.0, 70.0, 80.0))
    content = content_of(record, [*former, *forecasts_from(NEWEST)])
    assert content["origin"] == NEWEST.isoformat()
    assert content["made_at"] == (NEWEST + timedelta(minutes=65)).isoformat()
    said = content["said"]
    assert said["target"] == (NEWEST + timedelta(hours=SAID_HOURS_AHEAD)).isoformat()
    assert (said["low"], said["high"], said["method"], said["withheld"]) == (18, 31, "model", None)
    assert content["ahead"] == list(HOURS_AHEAD)
    assert content["p50"] == [24] * len(HOURS_AHEAD)


@pytest.mark.parametrize(
    ("quantiles", "band", "percent"),
    [
        (QUANTILES, 3, 98),
        # Its median is fair (up to 15 µg/m³), and yet moderate is more probable.
        (Quantiles(4.0, 14.9, 45.0), 3, 42),
        (Quantiles(100.0, 100.0, 100.0), 5, 99),
    ],
)
def test_the_band_is_the_most_probable_one_of_the_hourly_european_index(record, quantiles, band, percent):
    said = content_of(record, forecasts_from(NEWEST, quantiles))["said"]
    assert (said["band"], said["percent"]) == (band, percent)


def test_a_forecast_that_is_withheld_has_its_reason_and_no_number(record):
    forecasts = forecasts_from(NEWEST, withheld=LOSES_TO_PERSISTENCE)
    forecasts[0] = forecasts_from(NEWEST)[0]
    content = content_of(record, forecasts)
    assert content["said"].keys() == {"target", "withheld"}
    assert content["said"]["withheld"] == LOSES_TO_PERSISTENCE
    # Another number of hours ahead may be forecast.
    assert (content["ahead"], content["p90"]) == ([1], [31])


def test_persistence_is_named(record):
    said = content_of(record, forecasts_from(NEWEST, persistence=Quantiles(10.0, 20.0, 40.0)))["said"]
    assert (said["method"], said["low"], said["high"]) == ("persistence", 10, 40)


def test_past_forecasts_stand_at_the_hours_that_they_were_made_for(record):
    origins = [NEWEST - timedelta(hours=ago) for ago in (5, 4, 3)]
    forecasts = [
        *forecasts_from(origins[0], Quantiles(1.0, 2.0, 3.0)),
        *forecasts_from(origins[1], withheld=LOSES_TO_PERSISTENCE),
        *forecasts_from(origins[2], Quantiles(4.0, 5.0, 6.0)),
    ]
    past = content_of(record, forecasts)["past"]
    assert len(past) == NEWEST_HOURS
    assert past[-4:] == [2, None, 5, None]


def test_a_forecast_that_came_after_its_hour_was_none(record):
    forecasts = forecasts_from(NEWEST - timedelta(hours=3))
    content = content_of(record, forecasts, made_after=timedelta(hours=SAID_HOURS_AHEAD + 1))
    assert set(content["past"]) == {None}


def test_an_origin_of_which_not_all_hours_ahead_are_stored_breaks_no_page(record):
    forecasts = forecast_rows(forecasts_from(NEWEST))
    forecasts = forecasts[forecasts["hours_ahead"] != SAID_HOURS_AHEAD]
    assert forecast_content(replace(record, forecasts=forecasts)) is None


def test_without_a_stored_forecast_there_is_none(record):
    assert forecast_content(record) is None
    nothing = replace(record, hours=record.hours.iloc[:0], forecasts=forecast_rows(forecasts_from(NEWEST)))
    assert forecast_content(nothing) is None


@pytest.mark.parametrize(
    ("skill", "share", "percent"),
    [
        (0.9, None, 90),
        (0.42, None, 42),
        (0.31, "third", None),
        (0.24, "quarter", None),
        (0.19, "fifth", None),
        (0.164, "sixth", None),
        (0.13, "eighth", None),
        (0.1, "tenth", None),
        (0.089, None, 9),
        (0.02, None, 2),
        (0.019, None, None),
        (-0.3, None, None),
    ],
)
def test_how_much_better_forecasts_were_is_said_in_words(skill, share, percent):
    score = score_content({"_id": {"date": TODAY}, "pm2_5_28_days": {**asdict(SCORE), "mae_skill": skill}})
    assert score is not None
    assert (score["share"], score["percent"]) == (share, percent)


def test_a_score_has_its_last_date_mean_absolute_errors_and_coverage():
    score = score_content({"_id": {"date": TODAY}, "pm2_5_28_days": asdict(SCORE)})
    assert score == {
        "end": "2023-01-03", "mae": 3.4, "as_now": 3.9, "coverage": 79, "share": "eighth", "percent": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "scores",
    [
        None,
        {"_id": {"date": TODAY}, "pm2_5_28_days": None},
        {"_id": {"date": TODAY}, "pm2_5_28_days": {**asdict(SCORE), "hours": LEAST_SCORED_HOURS - 1}},
    ],
)
def test_too_few_scored_hours_are_no_score(scores):
    assert score_content(scores) is None


def test_forecasts_and_the_newest_score_are_read_from_mongodb(database):
    origins = [NEWEST - timedelta(hours=ago) for ago in (200, 49, 0)]
    rows = forecast_rows([one for origin in origins for one in forecasts_from(origin)])
    key = ["origin", "hours_ahead"]
    database[STATION.forecast_asset].insert_many(
        {"_id": {name: row[name] for name in key}, **{name: row[name] for name in row if name not in key}}
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
    )
    database[STATION.forecast_scores_asset].insert_many(
        {
            "_id": {"date": TODAY - timedelta(days=ago), "hours_ahead": ahead},
            "pm2_5_28_days": {"hours": 100 * ahead + ago},
        }
        for ago in (0, 1)
        for ahead in HOURS_AHEAD
    )
    record = station_record(database, STATION, TODAY)
    pd.testing.assert_frame_equal(
        record.forecasts[rows.columns], rows.iloc[len(HOURS_AHEAD) :].reset_index(drop=True), check_dtype=False
    )
    assert record.score == {"_id": {"date": TODAY, "hours_ahead": 2}, "pm2_5_28_days": {"hours": 200}}
