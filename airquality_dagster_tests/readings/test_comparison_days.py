"""Days of a pair: those that are stored, and those that are computed."""

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings import comparison_days
from airquality_dagster.readings.comparison_days import pair_days, reversed_days
from airquality_dagster_tests.readings.compared_pair import APART, DAYS, hours_of, pair_of, two_readings

DATES = pd.date_range(APART, periods=DAYS, freq="D")


def stored_day(date: pd.Timestamp) -> dict:
    return {"date": date, "findings": [], "hours": 24, "pm2_5_log_ratio": -1.0}


@pytest.fixture
def computed(monkeypatch) -> list[pd.Timestamp]:
    """The dates that are computed."""
    dates = []
    compute = comparison_days.neighbour_days

    def neighbour_days(hours, pairs, of_run):
        dates.extend(of_run)
        return compute(hours, pairs, of_run)

    monkeypatch.setattr(comparison_days, "neighbour_days", neighbour_days)
    return dates


def test_only_days_that_are_missing_are_computed_and_stored_ones_win(computed):
    missing = [DATES[0], DATES[70], DATES[71], DATES[-1]]
    stored = [stored_day(date) for date in DATES.difference(missing)]
    days = pair_days(pair_of(*map(hours_of, two_readings())), stored, [APART])
    assert computed == missing
    assert [day["date"] for day in days] == list(DATES)
    assert [day for day in days if day["pm2_5_log_ratio"] == -1.0] == stored


def test_days_without_hours_of_both_are_not_computed(computed):
    first, second = two_readings()
    first.loc[first.index < DATES[60]] = np.nan
    second.loc[second.index >= DATES[100]] = np.nan
    days = pair_days(pair_of(hours_of(first), hours_of(second)), [], [APART])
    assert computed == list(DATES[60:100])
    assert [day["date"] for day in days] == computed


def test_stored_days_of_the_other_order_blame_the_same_station():
    findings = [{"kind": "level", "station": name} for name in ("first", "second", None)]
    (day,) = reversed_days([{"date": DATES[0], "findings": findings}])
    assert [one["station"] for one in day["findings"]] == ["second", "first", None]
