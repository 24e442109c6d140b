"""A station's past, from stored rows to what is drawn."""

from zoneinfo import ZoneInfo

import numpy as np
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
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster_tests.publishing.dashboard.records import month_rows, sound_days, spoil
from airquality_dagster_tests.readings.series import ordinary

ROME = ZoneInfo("Europe/Rome")


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False, allow_subnormal=False))
def test_a_number_is_rounded_to_four_significant_digits(number):
    (shown,) = rounded(np.array([number]))
    assert shown is not None
    assert abs(shown - number) <= max(abs(number) * 5.01e-4, 1e-12)
    assert float(f"{shown:.4g}") == shown or abs(number) < 1e-9


def test_a_day_without_any_hour_has_no_value_between_those_that_have():
    days = sound_days(4).drop(index=1)
    series = daily_series(days)
    assert series["start"] == "2023-01-01"
    assert series["expected"] == [24, None, 24, 24]
    for name, value in {"value": 20, "hours": 24, "aqi": 71}.items():
        assert series["pm2_5"][name] == [value, None, value, value]
    assert series["pm2_5"]["reason"] == [None] * 4


def test_a_day_that_is_not_valid_has_its_published_mean_its_valid_hours_and_the_reason():
    days = sound_days(4)
    spoil(days, 0, "pm2_5", stuck=15, missing=3)
    spoil(days, 1, "pm2_5", spike=7)
    spoil(days, 3, "co", stuck=15, missing=3)
    series = daily_series(days)
    assert series["pm2_5"] == {
        "value": [21, 21, 20, 20], "hours": [6, 17, 24, 24], "aqi": [None, None, 71, 71], "reason": [0, 1, None, None]
    }  # fmt: skip
    # Each reason stands there once, for whatever sensors and days.
    assert series["reasons"] == [{"stuck": 15, "missing": 3}, {"spike": 7}]


def test_a_day_without_a_valid_mean_is_not_called_valid_if_its_reason_is_unknown():
    days = sound_days(2)
    spoil(days, 0, "co")
    days.at[0, "co_invalid"] = "9 of 24 hours valid: stuck 15"
    series = daily_series(days)
    assert (series["co"]["reason"], series["reasons"]) == ([0, None], [{}])


def test_valid_days_that_are_in_no_index_are_marked_and_only_where_there_are_some():
    days = sound_days(4).drop(index=1)
    days.at[2, "cross_sensitive"] = ["no2"]
    series = daily_series(days)
    assert series["no2"]["left_out"] == [0, None, 1, 0]
    assert series["no2"]["reason"] == [None] * 4
    assert "left_out" not in series["pm2_5"]


def test_data_capture_has_the_last_year_of_every_sensor():
    days = sound_days(400)
    spoil(days, 399, "relative_humidity", stuck=24)
    capture = data_capture(days)
    assert capture["start"] == f"{days['date'][35]:%Y-%m-%d}"
    assert capture["relative_humidity"]["percent"] == [100] * 364 + [0]
    assert capture["reasons"][capture["relative_humidity"]["reason"][-1]] == {"stuck": 24}


def test_a_station_without_a_day_has_no_series():
    days = sound_days(1).iloc[:0]
    assert daily_series(days) == {"start": None}
    assert data_capture(days) == {"start": None}
    assert monthly_means(month_rows()) == {"start": None}


def test_a_month_with_too_few_valid_days_has_the_mean_of_what_was_published():
    months = month_rows("2023-01-01", "2023-03-01")
    months.loc[1, "pm2_5_valid_mean"] = None
    months.at[1, "pm2_5_invalid"] = {"off_site": 48}
    series = monthly_means(months)
    assert series["start"] == "2023-01"
    assert series["pm2_5"] == {"value": [20, None, 21], "reason": [None, None, 0]}
    assert series["reasons"] == [{"off_site": 48}]


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
