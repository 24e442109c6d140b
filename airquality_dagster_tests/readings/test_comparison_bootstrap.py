"""Resamples of days, and the standard error of the mean of an autocorrelated series."""

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings.comparison_bootstrap import (
    _STUDENT,
    WAVES,
    draw_days,
    interval,
    standard_error,
    with_error,
)


def test_resamples_are_circles_of_whole_blocks():
    daily = np.arange(40.0) + np.arange(40.0) % 11
    draws = draw_days(daily, seed=3, draws=50)
    count = -(-40 // draws.block)
    starts = np.random.default_rng(3).integers(0, 40, (50, count))
    expected = np.zeros((50, 40))
    for row, of_row in enumerate(starts):
        for start in of_row:
            for step in range(draws.block):
                expected[row, (start + step) % 40] += 1
    assert draws.block > 1
    assert np.array_equal(draws.weights, expected)


def test_the_standard_error_is_that_of_the_cosines_of_a_fourier_transform():
    daily = np.random.default_rng(5).normal(3, 2, 81).cumsum()
    # A series followed by its mirror image has cosines only.
    transform = np.fft.fft(np.concatenate([daily, daily[::-1]]))[1 : WAVES + 1]
    cosines = np.abs(transform) / 2
    assert standard_error(daily) == pytest.approx(np.sqrt((2 * cosines**2 / 81).mean() / 81))


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_interval_holds_the_mean_of_days_that_resemble_each_other(memory):
    held = []
    for seed in range(300):
        steps = np.random.default_rng(seed).normal(size=400)
        daily = pd.Series(steps).ewm(alpha=1 - memory, adjust=False).mean().to_numpy()[-200:]
        draws = draw_days(daily, seed, draws=200)
        low, high = interval(draws.stretched(draws.of(daily) / draws.weights.sum(axis=1), daily.mean()))
        held.append(low <= 0 <= high)
    assert 0.92 <= np.mean(held) <= 0.98


def test_the_interval_is_as_wide_as_students_t_has_it():
    daily = np.random.default_rng(1).normal(size=200)
    draws = draw_days(daily, 1, draws=20_000)
    low, high = interval(draws.stretched(draws.of(daily) / draws.weights.sum(axis=1), daily.mean()))
    assert (high - low) / 2 == pytest.approx(_STUDENT[0] * standard_error(daily), rel=0.02)


def test_days_that_are_all_alike_have_an_interval_of_no_width():
    draws = draw_days(np.full(30, 2.5), 1, draws=10)
    assert set(draws.stretched(draws.of(np.full(30, 2.5)) / draws.weights.sum(axis=1), 2.5)) == {2.5}


def test_an_estimate_has_the_interval_of_its_own_standard_error():
    values = np.random.default_rng(2).normal(5, 3, 5000)
    low, high = interval(with_error(values, 5.0, 0.5))
    assert (low, high) == pytest.approx((5 - _STUDENT[0] * 0.5, 5 + _STUDENT[0] * 0.5), abs=0.1)
    assert list(with_error(np.full(3, 5.0), 5.0, 0.5)) == [5.0, 5.0, 5.0]
