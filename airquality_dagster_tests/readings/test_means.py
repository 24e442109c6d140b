import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.readings.means import group_means

LARGEST = np.finfo("float64").max


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e9, 1e9) | st.just(math.nan)), min_size=1, max_size=50))
def test_means_are_those_of_pandas_to_the_last_digit(rows):
    groups, values = (np.array(column) for column in zip(*rows, strict=True))
    expected = pd.Series(values).groupby(groups).mean().to_numpy()
    np.testing.assert_array_equal(group_means(values[:, np.newaxis], groups)[:, 0], expected)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_a_mean_of_finite_numbers_is_finite_and_between_the_lowest_and_the_highest(values):
    (mean,) = group_means(np.array(values)[:, np.newaxis], np.zeros(len(values)))[:, 0]
    assert math.isfinite(mean)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= mean <= max(values) or mean <= max(values) + slack


@pytest.mark.parametrize(
    ("values", "mean"), [([LARGEST] * 24, LARGEST), ([LARGEST, -LARGEST] * 12, 0.0), ([LARGEST, 0.0], LARGEST / 2)]
)
def test_sums_of_the_largest_numbers_do_not_overflow(values, mean):
    table = np.array([[value, 1.0] for value in values])
    assert group_means(table, np.zeros(len(values))).tolist() == [[mean, 1.0]]
