import math

import pandas as pd

from airquality_dagster.assets.schemas import QUALITY_COLUMNS
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster_tests.readings.series import hourly, ordinary, varied

NAN = math.nan


def test_an_hour_has_level_and_flags_of_each_reading_and_its_indices():
    values = varied(24, 20.0)
    values[5] = -30.0
    quality = hourly_quality(flag_hours(hourly(pm2_5=values, pm10=varied(24, 60.0))))
    assert quality["pm2_5_qc"].tolist() == [1] * 5 + [4] + [1] * 18
    assert quality["pm2_5_flags"].iloc[5] == ["out_of_range", "spike"]
    assert (quality["eaqi"].iloc[4], quality["eaqi_pollutant"].iloc[4]) == (3, "pm2_5")
    # PM10 alone is left where PM2.5 failed, and the index names what it had.
    assert (quality["eaqi"].iloc[5], quality["eaqi_pollutants"].iloc[5]) == (3, ["pm10"])
    assert quality["pm2_5_nowcast"].iloc[0:1].isna().all()
    assert 20 < quality["pm2_5_nowcast"].iloc[23] < 22
    assert (quality["aqi_nowcast"].iloc[23], quality["aqi_nowcast_pollutant"].iloc[23]) == (72, "pm2_5")


def test_its_columns_are_those_of_the_schema():
    quality = hourly_quality(flag_hours(ordinary(48)))
    assert [column.name for column in QUALITY_COLUMNS.columns] == [*quality.columns, "simulated"]


def test_the_hours_around_are_judged_with_and_not_handed_out():
    run = hourly(pm2_5=[*varied(30), *[9.0] * 6])
    quality = hourly_quality(flag_hours(run.iloc[33:], surrounding=run.iloc[:33]))
    assert len(quality) == 3
    assert quality["pm2_5_flags"].tolist() == [["stuck"]] * 3


def test_an_hour_without_a_valid_reading_has_no_index():
    quality = hourly_quality(flag_hours(hourly(pm2_5=[NAN] * 3))).iloc[2]
    assert pd.isna(quality["eaqi"])
    assert quality["eaqi_pollutant"] is None
    assert quality["eaqi_pollutants"] == []
    assert pd.isna(quality["aqi_nowcast"])
