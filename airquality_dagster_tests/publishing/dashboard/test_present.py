"""How a station stands now, and what is wrong with it."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.publishing.dashboard.present import present_state, problems
from airquality_dagster_tests.publishing.dashboard.records import record_of
from airquality_dagster_tests.readings.series import FIRST, ordinary

HOURS = 24 * 10
NEWEST = FIRST + timedelta(hours=HOURS - 1)
NOW = NEWEST + timedelta(hours=1, minutes=30)


def found(hours: pd.DataFrame, now=NOW) -> list[dict]:
    return problems(record_of(hours), now)


def test_a_sound_station_has_no_problem():
    assert found(ordinary(HOURS)) == []


def test_a_sensor_that_is_stuck_is_named_with_its_value_and_since_when():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 60 :, "pm2_5"] = 17.0
    (problem,) = found(hours)
    assert problem == {
        "kind": "sensor",
        "field": "pm2_5",
        "cause": "stuck",
        "value": 17.0,
        "since": (FIRST + timedelta(hours=HOURS - 60)).isoformat(),
        "must_act": True,
    }


def test_a_sensor_that_never_worked_fails_since_ever():
    hours = ordinary(HOURS)
    hours["pm2_5"] = 17.0
    (problem,) = found(hours)
    assert (problem["kind"], problem["since"]) == ("sensor", None)


def test_a_sensor_that_sends_nothing_any_more_is_missing():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 30 :, "o3"] = np.nan
    (problem,) = found(hours)
    assert (problem["field"], problem["cause"], problem["value"]) == ("o3", "missing", None)
    assert problem["since"] == (FIRST + timedelta(hours=HOURS - 30)).isoformat()


def test_a_sensor_that_the_station_never_had_is_no_problem():
    hours = ordinary(HOURS)
    hours["o3"] = np.nan
    assert found(hours) == []


def test_a_day_with_too_few_valid_hours_is_told_and_asks_nobody_to_act():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 8 :, "pm2_5"] = 17.0
    assert found(hours) == [
        {"kind": "partial", "field": "pm2_5", "cause": "stuck", "valid_hours": 16, "must_act": False}
    ]


def test_one_spike_is_no_problem():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 10, "pm2_5"] = 900.0
    assert found(hours) == []


@pytest.mark.parametrize(("hours_ago", "expected"), [(2, []), (4, [False]), (13, [True])])
def test_a_station_is_silent_after_three_hours_and_somebody_must_act_after_its_limit(hours_ago, expected):
    told = found(ordinary(HOURS), NEWEST + timedelta(hours=hours_ago))
    assert [problem["must_act"] for problem in told] == expected
    assert all(problem["kind"] == "silent" and problem["since"] == NEWEST.isoformat() for problem in told)


def test_a_station_of_which_nothing_is_stored_says_so():
    record = record_of(ordinary(HOURS))
    empty = type(record)(**{**record.__dict__, "hours": record.hours.iloc[:0]})
    assert problems(empty, NOW) == [{"kind": "none", "must_act": True}]
    assert present_state(empty) is None


def test_what_asks_for_a_person_comes_first():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 8 :, "co"] = 1.25
    hours.loc[HOURS - 60 :, "relative_humidity"] = 71.0
    assert [problem["must_act"] for problem in found(hours)] == [True, False]


def test_the_present_state_is_that_of_the_newest_hour():
    hours = ordinary(HOURS)
    record = record_of(hours)
    state = present_state(record)
    assert state is not None
    assert state["hour"] == NEWEST.isoformat()
    assert state["aqi"] == record.recent["aqi_nowcast"].iloc[-1]
    assert state["pm2_5"]["value"] == pytest.approx(hours["pm2_5"].iloc[-1], rel=1e-3)
    assert state["pm2_5"]["is_valid"]
    assert state["stored_hours"] == 24
    assert len(state["recent"]["pm2_5"]) == 48


def test_the_band_holds_since_the_hour_after_the_last_other_one():
    hours = ordinary(HOURS)
    hours["pm2_5"], hours["pm10"] = 20.0 + np.arange(HOURS) % 3, 40.0
    hours.loc[HOURS - 5 :, "pm2_5"] = 80.0 + np.arange(5) % 2
    hours.loc[HOURS - 5 :, "pm10"] = 120.0 + np.arange(5) % 2
    state = present_state(record_of(hours))
    assert state is not None
    categories = record_of(hours).recent["aqi_nowcast"].map(lambda aqi: aqi > 150).to_numpy()
    first = len(categories) - 1
    while categories[first - 1] == categories[-1]:
        first -= 1
    assert state["since"] == record_of(hours).recent["timestamp"].iloc[first].isoformat()


def test_days_above_the_guideline_are_counted_of_valid_days_only():
    hours = ordinary(HOURS)
    hours.loc[24 * 4 : 24 * 5, "pm2_5"] = 17.0
    state = present_state(record_of(hours))
    assert state is not None
    # Ordinary air is at 20 µg/m³; the day of the stuck sensor is not valid.
    assert state["exceedances"] == {"days": 9, "valid_days": 9}
