"""How a station stands now, and what is wrong with it."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.freshness import LATE_AFTER
from airquality_dagster.network.pollutants import HEADLINES
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS, present_state, problems
from airquality_dagster_tests.publishing.dashboard.records import record_of, sound_days, spoil
from airquality_dagster_tests.readings.series import FIRST, ordinary

HOURS = 24 * 10
NEWEST = FIRST + timedelta(hours=HOURS - 1)
NOW = NEWEST + timedelta(hours=1, minutes=30)


def problems_of(hours: pd.DataFrame, now=NOW) -> list[dict]:
    return problems(record_of(hours), now)


def test_a_sound_station_has_no_problem():
    assert problems_of(ordinary(HOURS)) == []


def test_a_sensor_that_is_stuck_is_named_with_its_value_and_since_when():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 60 :, "pm2_5"] = 17.0
    (problem,) = problems_of(hours)
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
    days = sound_days(10)
    days["pm2_5_valid_hours"] = 0
    (problem,) = problems(record_of(hours, days=days), NOW)
    assert (problem["kind"], problem["since"]) == ("sensor", None)


def test_a_sensor_that_failed_long_ago_fails_since_the_day_after_its_last_valid_one():
    hours = ordinary(HOURS)
    hours["pm2_5"] = 17.0
    days = sound_days(10)
    days.loc[3:, "pm2_5_valid_hours"] = 0
    (problem,) = problems(record_of(hours, days=days), NOW)
    assert (problem["kind"], problem["since"]) == ("sensor", "2023-01-04")


def test_a_sensor_that_sends_nothing_any_more_is_missing():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 30 :, "o3"] = np.nan
    (problem,) = problems_of(hours)
    assert (problem["field"], problem["cause"], problem["value"]) == ("o3", "missing", None)
    assert problem["since"] == (FIRST + timedelta(hours=HOURS - 30)).isoformat()


def test_a_sensor_that_the_station_never_had_is_no_problem():
    hours = ordinary(HOURS)
    hours["o3"] = np.nan
    days = sound_days(10)
    days["o3_valid_hours"] = 0
    assert problems(record_of(hours, days=days), NOW) == []


def test_a_day_with_too_few_valid_hours_is_told_and_asks_nobody_to_act():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 8 :, "pm2_5"] = 17.0
    assert problems_of(hours) == [
        {"kind": "partial", "field": "pm2_5", "cause": "stuck", "valid_hours": 16, "must_act": False}
    ]


def test_one_spike_is_no_problem():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 10, "pm2_5"] = 900.0
    assert problems_of(hours) == []


@pytest.mark.parametrize(("age", "expected"), [
    (LATE_AFTER, []), (LATE_AFTER + timedelta(minutes=1), [False]), (timedelta(hours=13), [True])
])  # fmt: skip
def test_a_station_is_silent_as_soon_as_it_is_late_and_somebody_must_act_after_its_limit(age, expected):
    told = problems_of(ordinary(HOURS), NEWEST + age)
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
    assert [problem["must_act"] for problem in problems_of(hours)] == [True, False]


def test_the_present_state_is_that_of_the_newest_hour():
    hours = ordinary(HOURS)
    record = record_of(hours)
    state = present_state(record)
    assert state is not None
    assert state["hour"] == NEWEST.isoformat()
    assert state["aqi"] == record.quality["aqi_nowcast"].iloc[-1]
    assert state["readings"]["pm2_5"] == {"value": hours["pm2_5"].iloc[-1], "is_valid": True, "flags": []}
    assert state["stored_hours"] == 24
    assert state["last_hours"] == pytest.approx(list(hours["pm2_5"].iloc[-48:]), rel=1e-3)


def test_cards_show_the_headline_parameters_and_first_the_one_of_the_index():
    assert set(HEADLINE_FIELDS) == {parameter.field for parameter in HEADLINES}
    assert HEADLINE_FIELDS[0] == "pm2_5"
    state = present_state(record_of(ordinary(HOURS)))
    assert state is not None
    assert tuple(state["readings"]) == HEADLINE_FIELDS


def test_the_band_holds_since_the_hour_after_the_last_other_one():
    hours = ordinary(HOURS)
    hours["pm2_5"], hours["pm10"] = 20.0 + np.arange(HOURS) % 3, 40.0
    hours.loc[HOURS - 5 :, "pm2_5"] = 80.0 + np.arange(5) % 2
    hours.loc[HOURS - 5 :, "pm10"] = 120.0 + np.arange(5) % 2
    state = present_state(record_of(hours))
    assert state is not None
    quality = record_of(hours).quality
    categories = quality["aqi_nowcast"].map(lambda aqi: aqi > 150).to_numpy()
    first = len(categories) - 1
    while categories[first - 1] == categories[-1]:
        first -= 1
    assert state["since"] == quality["timestamp"].iloc[first].isoformat()


def test_days_above_the_guideline_are_counted_of_valid_days_only():
    days = sound_days(40)
    days.loc[37, "pm2_5_who"] = "AQG"
    spoil(days, 38, "pm2_5", stuck=24)
    state = present_state(record_of(ordinary(HOURS), days=days))
    assert state is not None
    # Of the last 30 days, one is not valid and one meets the guideline.
    assert state["exceedances"] == {"days": 28, "valid_days": 29}
