import math

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.readings.differences import differences

EXPECTED = pd.DataFrame({
    "hour": pd.to_datetime(["2023-01-01 00:00", "2023-01-01 01:00"], utc=True),
    "value": [1.0, math.nan],
    "flags": [["stuck"], None],
    "text": ["a", None],
})  # fmt: skip


def found(stored: pd.DataFrame, expected: pd.DataFrame = EXPECTED) -> list[tuple]:
    return [(one.row, one.column, one.stored, one.expected) for one in differences(stored, expected, ["hour"])]


def test_equal_frames_have_no_difference_whatever_the_order_and_the_kind_of_missing_value():
    assert found(EXPECTED.iloc[::-1]) == []
    assert found(EXPECTED.assign(text=["a", math.nan], extra=[None, math.nan])) == []


def test_the_last_digit_counts():
    assert found(EXPECTED.assign(value=[1.0000000000000002, math.nan])) == [
        ("2023-01-01 00:00", "value", 1.0000000000000002, 1.0)
    ]


def test_lists_and_missing_values_are_told_apart():
    assert [row[1:] for row in found(EXPECTED.assign(flags=[["spike"], ["humid"]]))] == [
        ("flags", ["spike"], ["stuck"]),
        ("flags", ["humid"], None),
    ]


def test_rows_that_are_missing_or_too_many_are_named():
    assert found(EXPECTED.iloc[:1]) == [("2023-01-01 01:00", "", "no row", "a row")]
    assert found(EXPECTED, EXPECTED.iloc[1:]) == [("2023-01-01 00:00", "", "a row", "no row")]


@given(st.lists(st.floats(), min_size=1, max_size=20), st.data())
def test_one_changed_value_is_one_difference(values, data):
    frame = pd.DataFrame({"hour": range(len(values)), "value": values})
    assert differences(frame, frame.copy(), ["hour"]) == []
    place = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.floats(allow_nan=False).filter(lambda value: value != values[place]))
    changed = frame.copy()
    changed.loc[place, "value"] = other
    assert [one.row for one in differences(changed, frame, ["hour"])] == [str(place)]


def test_a_missing_value_of_a_nullable_column_differs_from_a_number():
    stored = pd.DataFrame({"date": [1, 2, 3], "aqi": pd.array([50, None, None], dtype="Int64")})
    expected = pd.DataFrame({"date": [1, 2, 3], "aqi": pd.array([None, 60, None], dtype="Int64")})
    assert [(one.row, one.column) for one in differences(stored, expected, ["date"])] == [("1", "aqi"), ("2", "aqi")]
