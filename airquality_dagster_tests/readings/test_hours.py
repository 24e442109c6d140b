import math
import operator

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.assets.schemas import QUALITY_COLUMNS
from airquality_dagster.network.siting import Siting
from airquality_dagster.readings.flags import flag_hours, flags_as_of
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


def front(hours_in: int) -> pd.DataFrame:
    """Return twenty days of calm air, then a dust front that has lasted for some hours."""
    rng = np.random.default_rng(0)
    calm = 24 * 20
    pm2_5 = [*(20 + rng.uniform(-1, 1, calm)), *(120 + 0.5 * np.arange(hours_in))]
    pm10 = [*(60 + rng.uniform(-3, 3, calm)), *(500 + 2.0 * np.arange(hours_in))]
    return hourly(pm2_5=pm2_5, pm10=pm10, no2=[19.0 + 0.1 * (hour % 5) for hour in range(len(pm10))])


@pytest.mark.parametrize("hours_in", range(1, 7))
def test_a_front_is_in_the_indices_from_its_first_hour_on(hours_in):
    frame = front(hours_in)
    now = flags_as_of(frame, frame["timestamp"].iloc[-1])
    hour = hourly_quality(now).iloc[-1]
    # NowCast of the US EPA of all twelve hours, by its formula in plain Python.
    expected = {}
    for field in ("pm2_5", "pm10"):
        newest_first = frame[field].iloc[:-13:-1].tolist()
        weight = max(min(newest_first) / max(newest_first), 0.5)
        weights = [weight**age for age in range(12)]
        expected[field] = sum(map(operator.mul, newest_first, weights)) / sum(weights)
        assert hour[f"{field}_nowcast"] == pytest.approx(expected[field])
        assert hour[f"{field}_qc"] == (3 if hours_in < 4 else 1)
        names = hour[f"{field}_flags"]
        assert ("unconfirmed" in names if isinstance(names, list) else False) == (hours_in < 4)
    assert hour["aqi_nowcast"] > 150
    assert (hour["eaqi"], hour["eaqi_pollutant"]) == (6, "pm10")


def test_without_particles_there_is_no_european_index_and_the_reason_is_there():
    frame = hourly(no2=varied(6, 80.0), o3=varied(6, 40.0), pm10=[math.nan] * 5 + [20.0])
    hours = hourly_quality(flag_hours(frame))
    assert hours["eaqi"].isna().tolist() == [True] * 6
    assert hours["eaqi_withheld"].tolist() == ["no_particulate_matter"] * 6
    assert hours["eaqi_pollutant"].tolist() == [None] * 6
    assert hours["eaqi_pollutants"].iloc[0] == ["no2", "o3"]
    whole = hourly_quality(flag_hours(frame.assign(pm10=varied(6, 20.0))))
    assert (whole["eaqi"].iloc[0], whole["eaqi_withheld"].iloc[0]) == (4, None)


def test_no2_that_mirrors_ozone_decides_no_index():
    frame = hourly(no2=varied(6, 80.0), o3=varied(6, 40.0), pm10=varied(6, 20.0))
    hours = hourly_quality(flag_hours(frame, siting=Siting(cross_sensitive={"no2": True})))
    assert set(hours["eaqi_pollutant"]) == {"pm10"}
    assert hours["eaqi_pollutants"].iloc[0] == ["pm10", "o3"]
    assert set(hours["no2_qc"]) == {3}
