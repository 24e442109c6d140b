"""Summaries of periods, compared with numpy's own statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.publishing.api.summary import summaries

HOURS = np.arange(np.datetime64("2023-01-01T00", "h"), np.datetime64("2023-01-05T00", "h"))
DAYS = HOURS[::24]
VALUES = st.lists(
    st.tuples(st.integers(0, len(HOURS) - 1), st.floats(-1e6, 1e6)), unique_by=lambda pair: pair[0], max_size=40
)


@given(VALUES)
def test_each_summary_is_that_of_the_values_of_its_period(pairs: list[tuple[int, float]]) -> None:
    places = np.array([place for place, _ in sorted(pairs)], dtype="int64")
    values = np.array([value for _, value in sorted(pairs)], dtype="float64")
    # The second day is not asked for.
    begins, means = DAYS[[0, 2, 3]], [1.0, None, 3.0]
    found = summaries(HOURS[places], values, begins, begins + 24, means)
    for day, mean, summary in zip((0, 2, 3), means, found, strict=True):
        of_day = values[places // 24 == day]
        if mean is None or not len(of_day):
            assert summary is None
            continue
        assert summary is not None
        assert (summary["min"], summary["max"], summary["avg"]) == (of_day.min(), of_day.max(), mean)
        quantiles = [summary[name] for name in ("q02", "q25", "median", "q75", "q98")]
        assert quantiles == pytest.approx(np.quantile(of_day, [0.02, 0.25, 0.5, 0.75, 0.98]).tolist(), abs=1e-8)
        deviation = float(of_day.std(ddof=1)) if len(of_day) > 1 else None
        assert summary["sd"] == (deviation if deviation is None else pytest.approx(deviation, rel=1e-9, abs=1e-6))


def test_a_deviation_that_overflows_is_null() -> None:
    (summary,) = summaries(HOURS[:2], np.array([1e308, -1e308]), DAYS[:1], DAYS[1:2], [0.0])
    assert summary is not None
    assert (summary["min"], summary["sd"]) == (-1e308, None)


def test_no_periods_have_no_summaries() -> None:
    assert summaries(HOURS[:0], np.array([]), DAYS[:0], DAYS[:0], []) == []
