"""A pair with a fault in the middle: what is compared, and what is left out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from airquality_dagster.assets.compared_pair import PairInputs
from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.pollutants import POLLUTANTS
from airquality_dagster.readings.comparison_statements import Names
from airquality_dagster_tests.readings.compared_pair import APART, DIFFERENCE, hours_of, pair_of, two_readings

CHANGED = APART + timedelta(days=80)


def compared(gain: float, start: datetime | None = None):
    first, second = two_readings()
    second.loc[CHANGED:, ["pm2_5", "pm10"]] *= gain
    inputs = PairInputs(
        pair=Pair(name="paving", first="paved", second="unpaved"),
        names=Names("paved", "unpaved"),
        zone=ZoneInfo("UTC"),
        hours=pair_of(hours_of(first), hours_of(second)),
        left_out={parameter.field: [] for parameter in POLLUTANTS},
        planned=[],
        is_simulated=False,
        now=datetime(2024, 1, 1, tzinfo=UTC),
    )
    (whole,) = [row for row in inputs.compared(start, with_parts=False).wholes if row["pollutant"] == "pm2_5"]
    return whole


@pytest.mark.parametrize("gain", [1.4, 0.7])
def test_after_a_gain_fault_that_neighbours_did_not_find_only_the_time_before_is_compared(gain):
    whole = compared(gain)
    assert whole["difference_one_scale"]["low"] < DIFFERENCE < whole["difference_one_scale"]["high"]
    assert abs(pd.Timestamp(whole["to"]) - pd.Timestamp(CHANGED)) < timedelta(days=4)
    assert [time["reason"] for time in whole["left_out"]] == ["level"]
    assert whole["withheld"] is None


def test_without_a_fault_all_of_the_time_is_compared():
    assert compared(1.0)["hours_left_out"] == 0


def test_to_ask_for_the_time_after_a_fault_says_nothing():
    assert compared(1.4, start=CHANGED + timedelta(days=10))["withheld"] == "left_out"
