"""What is wrong with a station's data, and what its readers must know."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.freshness import LATE_AFTER
from airquality_dagster.publishing.dashboard.present import present_state
from airquality_dagster.publishing.dashboard.problems import notes, problems
from airquality_dagster_tests.publishing.dashboard.records import flagged, record_of, sound_days, spoil
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
    hours.loc[HOURS - 8 :, "o3"] = 17.0
    assert problems_of(hours) == [
        {"kind": "partial", "field": "o3", "cause": "stuck", "valid_hours": 16, "must_act": False}
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


def test_hours_away_from_its_place_are_no_fault_of_a_sensor():
    record = flagged(record_of(ordinary(HOURS)), "off_site", level=4, hours=range(-24, 0))
    assert problems(record, NOW) == []


def test_a_sensor_that_hangs_after_its_station_came_back_fails_since_then():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 10 :, "o3"] = 17.0
    record = flagged(record_of(hours), "off_site", level=4, hours=range(-48, -10))
    (problem,) = problems(record, NOW)
    since = (NEWEST - timedelta(hours=9)).isoformat()
    assert (problem["kind"], problem["cause"], problem["since"]) == ("sensor", "stuck", since)


def test_days_away_from_its_place_do_not_count_as_days_of_a_fault():
    hours = ordinary(HOURS)
    hours["pm2_5"] = 17.0
    days = sound_days(10)
    days.loc[2:, "pm2_5_valid_hours"] = 0
    for day in range(2, 6):
        spoil(days, day, "pm2_5", off_site=24)
    (problem,) = problems(record_of(hours, days=days), NOW)
    assert problem["since"] == "2023-01-07"


def test_a_fault_begins_after_the_days_away_though_the_last_valid_hour_was_before_them():
    hours = ordinary(HOURS)
    hours.loc[48:, "pm2_5"] = 17.0
    days = sound_days(10)
    for day in range(2, 6):
        spoil(days, day, "pm2_5", off_site=24)
    (problem,) = problems(record_of(hours, days=days), NOW)
    assert problem["since"] == "2023-01-07"


def test_hours_after_a_power_cut_are_named_as_such():
    record = flagged(record_of(ordinary(HOURS)), "warm_up", level=4, hours=range(-8, 0), fields=["co"])
    assert problems(record, NOW) == [
        {"kind": "partial", "field": "co", "cause": "warm_up", "valid_hours": 16, "must_act": False}
    ]


def test_a_sound_station_has_no_note():
    assert notes(record_of(ordinary(HOURS))) == []


def test_a_front_is_told_with_what_it_changed_and_since_when():
    hours = ordinary(HOURS)
    hours.loc[HOURS - 2 :, "pm2_5"], hours.loc[HOURS - 2 :, "pm10"] = [118.0, 121.0], [480.0, 495.0]
    record = flagged(record_of(hours), "unconfirmed", level=3, hours=range(-2, 0), fields=["pm2_5", "pm10"])
    (note,) = notes(record)
    assert note["kind"] == "changing"
    assert note["changes"] == [
        {
            "field": field,
            "since": (NEWEST - timedelta(hours=1)).isoformat(),
            "value": value,
            "before": hours[field].iloc[-3],
        }
        for field, value in (("pm10", 495.0), ("pm2_5", 121.0))
    ]


def test_a_reading_with_nothing_before_it_has_not_changed():
    hours = ordinary(HOURS).drop(index=range(HOURS - 6, HOURS - 1))
    record = flagged(record_of(hours), "unconfirmed", level=3, hours=[-1], fields=["pm2_5"])
    (note,) = notes(record)
    assert note["changes"][0]["before"] is None


def test_once_the_newest_reading_is_confirmed_nothing_is_changing():
    record = flagged(record_of(ordinary(HOURS)), "unconfirmed", level=3, hours=[-2], fields=["pm2_5"])
    assert notes(record) == []


def test_what_is_not_valid_is_not_called_a_front():
    record = flagged(record_of(ordinary(HOURS)), "unconfirmed", level=4, hours=[-1], fields=["pm2_5"])
    assert notes(record) == []


@pytest.mark.parametrize(("field", "mirrors"), [("no2", "o3"), ("co", None)])
def test_a_channel_without_a_signal_of_its_own_is_named_with_what_it_mirrors(field, mirrors):
    record = flagged(record_of(ordinary(HOURS)), "cross_sensitive", level=3, hours=range(-48, 0), fields=[field])
    assert notes(record) == [{"kind": "left_out", "field": field, "mirrors": mirrors}]
    # It is no fault on which somebody could act.
    assert problems(record, NOW) == []
