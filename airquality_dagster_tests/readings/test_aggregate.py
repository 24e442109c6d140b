import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.pollutants import PARAMETERS
from airquality_dagster.readings.aggregate import daily_aggregates
from airquality_dagster_tests.builders import UTC

ABIDJAN = ZoneInfo("Africa/Abidjan")


def hourly(first: datetime, **columns) -> pd.DataFrame:
    length = len(next(iter(columns.values())))
    return pd.DataFrame({"timestamp": pd.date_range(first, periods=length, freq="h"), "station_id": 1, **columns})


def test_a_day_has_mean_least_most_and_hours_of_what_was_published():
    values = [float(number) for number in range(24)]
    (day,) = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), pm2_5=values), ABIDJAN).to_dict("records")
    assert day["date"] == pd.Timestamp("2023-01-01", tz="UTC")
    assert day["hours"] == 24
    assert (day["pm2_5_mean"], day["pm2_5_min"], day["pm2_5_max"], day["pm2_5_hours"]) == (
        11.5,
        0.0,
        23.0,
        24,
    )
    assert (day["pm2_5_valid_mean"], day["pm2_5_valid_hours"]) == (11.5, 24)


def test_the_published_mean_includes_what_quality_control_refuses_and_the_valid_mean_does_not():
    values = [-0.5] * 6 + [0.5] * 18
    (day,) = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), co=values), ABIDJAN).to_dict("records")
    assert (day["co_mean"], day["co_min"], day["co_hours"]) == (0.25, -0.5, 24)
    assert (day["co_valid_mean"], day["co_valid_hours"]) == (0.5, 18)


@pytest.mark.parametrize(("valid", "is_valid"), [(18, True), (17, False)])
def test_a_valid_mean_needs_18_valid_hours(valid, is_valid):
    values = [0.5] * valid + [-0.1] * (24 - valid)
    (day,) = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), co=values), ABIDJAN).to_dict("records")
    assert day["co_valid_hours"] == valid
    assert math.isnan(day["co_valid_mean"]) is not is_valid


def test_every_parameter_of_the_table_has_its_fields_also_without_a_reading():
    frame = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), pm2_5=[1.0]), ABIDJAN)
    expected = ["date", "hours"]
    for parameter in PARAMETERS:
        expected += [
            f"{parameter.field}_{name}" for name in ("mean", "min", "max", "hours", "valid_mean", "valid_hours")
        ]
    assert list(frame.columns) == expected
    assert frame["co_hours"].tolist() == [0]
    assert frame["co_mean"].isna().all()


def test_a_sensor_that_is_not_in_the_table_is_aggregated_too():
    frame = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), voc=[1.0, 3.0]), ABIDJAN)
    assert frame["voc_mean"].tolist() == [2.0]
    assert frame["voc_valid_hours"].tolist() == [2]


def test_a_column_without_any_reading_that_is_not_in_the_table_leaves_no_trace():
    frame = daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), voc=[math.nan]), ABIDJAN)
    assert "voc_mean" not in frame


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Europe/Rome", datetime(2023, 3, 25, 23, tzinfo=UTC), 23),
        ("Europe/Rome", datetime(2023, 10, 28, 22, tzinfo=UTC), 25),
    ],
)
def test_a_local_day_has_the_hours_of_its_time_zone(zone, first, hours):
    frame = daily_aggregates(hourly(first, pm2_5=[1.0] * (hours + 2)), ZoneInfo(zone))
    assert frame["hours"].tolist() == [hours, 2]
    assert frame["date"].iloc[0] == pd.Timestamp(first.astimezone(ZoneInfo(zone)).date(), tz="UTC")


def test_a_day_with_a_simulated_hour_is_labelled():
    flags = [math.nan] * 24 + [math.nan, True]
    frame = hourly(datetime(2023, 1, 1, tzinfo=UTC), pm2_5=[1.0] * 26, simulated=flags)
    assert daily_aggregates(frame, ABIDJAN)["simulated"].tolist() == [False, True]


def test_no_hours_are_no_days():
    assert daily_aggregates(hourly(datetime(2023, 1, 1, tzinfo=UTC), pm2_5=[1.0]).iloc[:0], ABIDJAN).empty


@given(
    st.lists(
        st.tuples(st.integers(0, 24 * 40), st.floats(-50, 1500) | st.just(math.nan)),
        min_size=1,
        max_size=80,
        unique_by=lambda hour: hour[0],
    ),
    st.sampled_from(["Africa/Abidjan", "Europe/Rome", "America/Bogota"]),
    st.randoms(),
)
def test_days_equal_an_independent_computation_whatever_the_order_of_rows(readings, zone, random):
    first = datetime(2023, 3, 1, tzinfo=UTC)
    shuffled = random.sample(readings, len(readings))
    frame = pd.DataFrame({
        "timestamp": pd.to_datetime([first + timedelta(hours=number) for number, _ in shuffled], utc=True),
        "pm10": [value for _, value in shuffled],
    })  # fmt: skip
    by_day: dict[str, list[float]] = {}
    for number, value in readings:
        by_day.setdefault(f"{(first + timedelta(hours=number)).astimezone(ZoneInfo(zone)):%Y-%m-%d}", []).append(value)
    days = daily_aggregates(frame, ZoneInfo(zone))
    assert [f"{date:%Y-%m-%d}" for date in days["date"]] == sorted(by_day)
    for _, day in days.iterrows():
        values = by_day[f"{day['date']:%Y-%m-%d}"]
        present = [value for value in values if not math.isnan(value)]
        valid = [value for value in present if 0 <= value <= 1000]
        assert (day["hours"], day["pm10_hours"], day["pm10_valid_hours"]) == (
            len(values),
            len(present),
            len(valid),
        )
        np.testing.assert_allclose(
            day["pm10_mean"], math.fsum(present) / len(present) if present else math.nan, atol=1e-9
        )
        expected = math.fsum(valid) / len(valid) if len(valid) >= 18 else math.nan
        np.testing.assert_allclose(day["pm10_valid_mean"], expected, atol=1e-9)
