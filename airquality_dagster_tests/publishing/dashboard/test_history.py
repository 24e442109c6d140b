"""A station's past, from stored rows to what is drawn."""

from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.publishing.dashboard.history import (
    daily_series,
    data_capture,
    hourly_profile,
    monthly_means,
    restatements,
)
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import period_summaries
from airquality_dagster_tests.readings.series import ordinary

ABIDJAN = ZoneInfo("Africa/Abidjan")
ROME = ZoneInfo("Europe/Rome")


def aggregated(hours: pd.DataFrame, zone: ZoneInfo = ABIDJAN) -> pd.DataFrame:
    return daily_aggregates(flag_hours(hours), zone)


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False, allow_subnormal=False))
def test_a_number_is_rounded_to_four_significant_digits(number):
    (found,) = rounded(pd.Series([number]))
    assert found is not None
    assert abs(found - number) <= max(abs(number) * 5.01e-4, 1e-12)
    assert float(f"{found:.4g}") == found or abs(number) < 1e-9


def test_a_day_without_any_hour_has_no_value_between_those_that_have():
    hours = ordinary(24 * 4)
    days = aggregated(hours.drop(index=range(24, 48)))
    series = daily_series(days)
    assert series["start"] == "2023-01-01"
    assert [value is None for value in series["pm2_5"]["value"]] == [False, True, False, False]
    assert series["expected"] == [24, None, 24, 24]


def test_a_day_that_is_not_valid_has_its_published_mean_its_valid_hours_and_the_reason():
    hours = ordinary(48)
    hours.loc[5:20, "pm2_5"] = 17.0
    days = aggregated(hours)
    series = daily_series(days)
    assert series["pm2_5"]["value"] == rounded(pd.Series([days["pm2_5_mean"][0], days["pm2_5_valid_mean"][1]]))
    first, second = series["pm2_5"]["hours"]
    assert first < 18 <= second
    reason = series["pm2_5"]["reason"][0]
    assert "stuck 16" in series["reasons"][reason]
    assert series["pm2_5"]["reason"][1] is None
    assert series["pm2_5"]["aqi"][0] is None


def test_a_station_without_a_day_has_no_series():
    days = aggregated(ordinary(24)).iloc[:0]
    assert daily_series(days) == {"start": None}
    assert data_capture(days) == {"start": None}
    assert monthly_means(days, pd.DataFrame())["start"] is None


def test_a_month_with_too_few_valid_days_has_the_mean_of_what_was_published():
    days = aggregated(ordinary(24 * (31 + 10)))
    summaries = period_summaries(days, ABIDJAN)
    months = monthly_means(days, summaries[summaries["period"] == "month"])
    assert months["start"] == "2023-01"
    assert months["pm2_5"]["is_valid"] == [True, False]
    of_february = days[days["date"] >= "2023-02-01"]["pm2_5_mean"].mean()
    assert months["pm2_5"]["value"][1] == pytest.approx(of_february, rel=1e-3)


def test_the_profile_counts_hours_in_the_time_zone_of_the_network_and_valid_ones_only():
    hours = ordinary(24 * 14)
    hours.loc[30:60, "pm2_5"] = 17.0
    quality = hourly_quality(flag_hours(hours))
    rows = hours.merge(quality, on="timestamp")
    profile = hourly_profile(rows, ROME)
    assert sum(profile["pm2_5"]["hours"]) == int((quality["pm2_5_qc"] <= 3).sum())
    # The first hour is a Sunday's midnight in UTC, one o'clock in Rome.
    of_hour = rows[(rows["timestamp"].dt.dayofweek == 6) & (rows["timestamp"].dt.hour == 0)]
    expected = of_hour["pm2_5"][of_hour["pm2_5_qc"] <= 3].mean()
    assert profile["pm2_5"]["value"][24 * 6 + 1] == pytest.approx(expected, rel=1e-3)


def test_restatements_are_counted_by_the_local_day_of_the_change():
    revisions = pd.DataFrame({
        "hour": pd.to_datetime(["2023-01-01T00:00Z", "2023-01-03T05:00Z", "2023-02-01T00:00Z"]),
        "valid_until": pd.to_datetime(["2023-03-01T22:30Z", "2023-03-01T22:30Z", "2023-03-01T23:30Z"]),
    })  # fmt: skip
    assert restatements(revisions, ROME) == [
        {"date": "2023-03-01", "hours": 2, "first": "2023-01-01", "last": "2023-01-03"},
        {"date": "2023-03-02", "hours": 1, "first": "2023-02-01", "last": "2023-02-01"},
    ]
    assert restatements(revisions.iloc[:0], ROME) == []
