"""Which hours of two stations are compared."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.colocation import Together
from airquality_dagster.readings.comparison_relation import DECLARED, FOUND
from airquality_dagster_tests.readings.compared_pair import APART, BEGIN, DEVICES, hours_of, hours_of_pair, two_readings


@pytest.mark.parametrize(("source", "days"), [(DECLARED, 0), (FOUND, 7)])
def test_a_week_around_weeks_that_were_found_is_not_compared(source, days):
    always = [Together(BEGIN, None, DEVICES)]
    pair = hours_of_pair(*map(hours_of, two_readings(days=20)), [Together(BEGIN, APART, DEVICES)], always)
    pair = replace(pair, windows=[replace(window, source=source) for window in pair.windows])
    assert pair.hours[pair.is_compared][0] == pd.Timestamp(APART) + pd.Timedelta(days=days)


def test_hours_of_an_earlier_device_are_not_compared():
    swap = APART + timedelta(days=10)
    compared = [Together(APART, swap, (1, 9)), Together(swap, None, DEVICES)]
    pair = hours_of_pair(*map(hours_of, two_readings(days=20)), [], compared)
    assert pair.hours[pair.is_compared][0] == swap
    assert len(pair.of_field("pm2_5", None, None, ()).hours) == np.count_nonzero(pair.hours >= swap)
