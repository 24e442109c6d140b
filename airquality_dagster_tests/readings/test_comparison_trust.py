"""How long the relation of two instruments is trusted, and what is said once it is not."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.colocation import Together
from airquality_dagster.readings.comparison import comparison_rows
from airquality_dagster.readings.comparison_hours import PairHours
from airquality_dagster.readings.comparison_paired import EXPIRED_DAYS, TRUSTED_DAYS
from airquality_dagster_tests.readings.compared_pair import (
    APART,
    BEGIN,
    DEVICES,
    DIFFERENCE,
    INTERCEPT,
    SLOPE,
    hours_of,
    hours_of_pair,
    two_readings,
)

UTC = ZoneInfo("UTC")


def after(days: float) -> pd.Timestamp:
    """Return the moment so many days after the weeks side by side."""
    return pd.Timestamp(APART) + pd.Timedelta(days=days)


def long_pair(days: int, *, gain=lambda day: 1.0, begin: int = 0, difference: float = DIFFERENCE) -> PairHours:
    """Return a pair of many days at its places.

    Args:
        days: since the weeks side by side.
        gain: of the second, by the number of the day.
        begin: day of the first hour at the places.
        difference: of the air.
    """
    first, second = two_readings(difference, days=days)
    day = np.asarray((second.index - pd.Timestamp(APART)) / pd.Timedelta(days=1))
    second["pm2_5"] *= np.vectorize(gain)(np.maximum(day, 0))
    for readings in (first, second):
        readings.loc[(readings.index >= APART) & (readings.index < after(begin))] = np.nan
    return hours_of_pair(hours_of(first), hours_of(second), [Together(BEGIN, APART, DEVICES)])


def whole_of(pair: PairHours, start: pd.Timestamp | None = None, end: pd.Timestamp | None = None):
    data = pair.of_field("pm2_5", start, end, ())
    return comparison_rows(data, pair.relations("pm2_5"), UTC, with_parts=False)[0]


@pytest.fixture(scope="module")
def drifting():
    """Return a pair whose second sensor gains 60 % in 640 days. There is no difference of the air."""
    return long_pair(640, gain=lambda day: 1 + 0.6 * day / 640, difference=0.0)


@pytest.mark.parametrize(("start", "end"), [(590, 620), (500, 640), (0, 640)])
def test_a_drift_is_judged_against_the_first_weeks_whichever_dates_are_asked_for(drifting, start, end):
    whole = whole_of(drifting, after(start), after(end))
    assert whole["trust"]["state"] == "aged"
    assert whole["trust"]["ratio_change"] > 0.3
    assert whole["withheld"] == "relation_drifted"


def test_the_first_half_of_a_drifting_year_is_told_as_before(drifting):
    whole = whole_of(drifting, after(0), after(60))
    assert (whole["trust"]["state"], whole["withheld"]) == ("trusted", None)


def test_an_aged_relation_without_a_drift_still_holds():
    whole = whole_of(long_pair(520), after(400))
    assert (whole["trust"]["state"], whole["withheld"]) == ("aged", None)
    assert whole["difference_one_scale"]["low"] < DIFFERENCE < whole["difference_one_scale"]["high"]


def test_an_aged_relation_says_nothing_without_hours_near_the_weeks_side_by_side():
    whole = whole_of(long_pair(520, begin=TRUSTED_DAYS + 1))
    assert whole["trust"]["ratio_change"] is None
    assert whole["withheld"] == "relation_aged"


def test_a_relation_is_aged_as_soon_as_some_of_the_hours_are():
    assert whole_of(long_pair(TRUSTED_DAYS + 10))["trust"]["state"] == "trusted"
    assert whole_of(long_pair(TRUSTED_DAYS + 30))["trust"]["state"] == "aged"


def test_hours_of_an_expired_relation_are_left_out_and_the_years_before_are_still_told():
    pair = long_pair(EXPIRED_DAYS + 100)
    whole, before = whole_of(pair), whole_of(pair, None, after(EXPIRED_DAYS))
    assert whole["withheld"] is None
    assert whole["hours"] == pytest.approx(24 * EXPIRED_DAYS, abs=24)
    assert whole["hours_left_out"] == pytest.approx(24 * 100, abs=24)
    (time,) = whole["left_out"]
    assert (time["reason"], time["station"]) == ("relation_expired", None)
    assert abs(time["from"] - after(EXPIRED_DAYS)) <= timedelta(hours=1)
    assert whole["difference_one_scale"] == pytest.approx(before["difference_one_scale"], abs=0.05)


def test_hours_that_are_all_expired_have_no_scale():
    whole = whole_of(long_pair(EXPIRED_DAYS + 60), after(EXPIRED_DAYS + 1))
    assert whole["withheld"] == "relation_expired"
    assert whole["trust"]["state"] == "expired"
    assert whole["difference_one_scale"]["mean"] is None
    assert whole["difference_raw"]["low"] is not None


def test_a_window_that_has_expired_for_most_hours_contradicts_none():
    first, second = two_readings(days=900)
    beside = (second.index >= after(880)) & (second.index < after(900))
    second.loc[beside, "pm2_5"] = 40 + 3 * first.loc[beside, "pm2_5"]
    windows = [Together(BEGIN, APART, DEVICES), Together(after(880).to_pydatetime(), None, DEVICES)]
    pair = hours_of_pair(hours_of(first), hours_of(second), windows)
    early = whole_of(pair, None, after(240))
    assert early["withheld"] is None
    assert early["colocations"][1]["difference_one_scale"] is None
    late = whole_of(pair, after(380), after(430))
    assert late["colocations"][1]["difference_high"] < 0
    assert late["withheld"] == "side_by_side_differ"


def test_a_window_whose_interval_holds_zero_contradicts_none():
    first, second = two_readings(days=200)
    beside = (second.index >= after(180)) & (second.index < after(200))
    # By these weeks, all of the difference is the instruments'.
    noise = np.random.default_rng(1).normal(0, 0.3, beside.sum())
    second.loc[beside, "pm2_5"] = INTERCEPT + DIFFERENCE + 0.1 + SLOPE * first.loc[beside, "pm2_5"] + noise
    windows = [Together(BEGIN, APART, DEVICES), Together(after(180).to_pydatetime(), None, DEVICES)]
    whole = whole_of(hours_of_pair(hours_of(first), hours_of(second), windows), None, after(60))
    other = whole["colocations"][1]
    assert other["difference_low"] < 0 < other["difference_high"]
    assert whole["withheld"] is None
