"""Slices whose columns have different dtypes: values keep their meaning, or the write is refused."""

import datetime
import decimal
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dagster_mongodb import UnstorableError
from dagster_mongodb.columns import Column, merge
from dagster_mongodb.handlers.frame_rows import DataFrameRows

from dagster_mongodb_tests.tables import read_directly, write_directly

DAY = datetime.date(2024, 1, 1)
MOMENT = pd.Timestamp(DAY, tz="UTC")
SLICES = {"primary_key": "key", "write_mode": "merge"}  # the rows of one write stay beside those of the other

DURATIONS = {
    "durations": pd.Series(pd.to_timedelta([1, None], unit="s")),
    "categories of durations": pd.Series(pd.to_timedelta([1, None], unit="s")).astype("category"),
    "Arrow durations": pd.Series([1, None], dtype=pd.ArrowDtype(pa.duration("s"))),
}
DATES = {
    "dates": pd.Series([DAY, None], dtype=object),
    "categories of dates": pd.Series([DAY, None], dtype=object).astype("category"),
    "Arrow dates": pd.Series([DAY, None], dtype=pd.ArrowDtype(pa.date32())),
    "an Arrow dictionary of dates": pd.Series([0, None], dtype="Int64")
    .map({0: DAY})
    .astype(pd.ArrowDtype(pa.date32()))
    .astype(pd.ArrowDtype(pa.dictionary(pa.int8(), pa.date32()))),
}
OTHERS = {
    "integers": pd.Series([1, 2]),
    "numbers": pd.Series([1.5, np.nan]),
    "nullable integers": pd.Series([1, None], dtype="Int64"),
    "Arrow integers": pd.Series([1, None], dtype="int64[pyarrow]"),
    "booleans": pd.Series([True, False]),
    "nullable booleans": pd.Series([True, None], dtype="boolean"),
    "text": pd.Series(["a", None], dtype=object),
    "nullable text": pd.Series(["a", None], dtype="string"),
    "moments": pd.Series([MOMENT, pd.NaT]),
    "zoned moments in milliseconds": pd.Series([MOMENT, pd.NaT]).dt.tz_convert("Asia/Kolkata").dt.as_unit("ms"),
    "decimals": pd.Series([decimal.Decimal(1), None], dtype=object),
    "lists": pd.Series([[1], None], dtype=object),
    "categories of text": pd.Series(["a", None]).astype("category"),
    "categories of integers": pd.Series([1, 2]).astype("category"),
}


def written(io_manager: Any, *columns: pd.Series) -> list[Any]:
    """Write a column as the rows of one slice after the other and return the values that are read of all."""
    for number, series in enumerate(columns):
        write_directly(
            io_manager, pd.DataFrame({"key": range(2 * number, 2 * number + len(series)), "x": series}), **SLICES
        )
    return read_directly(io_manager, pd.DataFrame, **SLICES)["x"].tolist()


def assert_same(stored: list[Any], expected: list[Any]) -> None:
    for value, former in zip(stored, expected, strict=True):
        if isinstance(former, list):
            assert value == former
        elif pd.isna(former):
            assert pd.isna(value)
        else:
            assert (value, isinstance(value, bool)) == (former, isinstance(former, bool))


@pytest.mark.parametrize("pair", list(itertools.combinations(OTHERS, 2)), ids=" then ".join)
def test_values_of_slices_with_different_dtypes_keep_their_meaning(io_manager, pair):
    columns = [OTHERS[name] for name in pair]
    assert_same(written(io_manager, *columns), [value for column in columns for value in column.tolist()])


def column_of(series: pd.Series) -> tuple[Column, ...]:
    return DataFrameRows(pd.DataFrame({"x": series}), ()).columns


@pytest.mark.parametrize("other", [*OTHERS, "durations", "dates"])
def test_durations_among_others_and_dates_among_others_are_refused_as_they_could_not_be_told_apart(other):
    column = column_of({**OTHERS, **DURATIONS, **DATES}[other])
    for specials in (DURATIONS, DATES):
        for name, series in specials.items():
            for pair in ((column, column_of(series)), (column_of(series), column)):
                if other not in specials:
                    with pytest.raises(
                        UnstorableError, match="column 'x' is .*, but .* told apart.*Convert the column to"
                    ):
                        merge(*pair)
                else:
                    assert merge(*pair), name


def test_a_slice_of_integers_beside_durations_is_refused_before_anything_is_written(io_manager, database):
    with pytest.raises(UnstorableError, match=r"column 'x' is int64, but timedelta64"):
        written(io_manager, DURATIONS["durations"], OTHERS["integers"])
    assert database["table"].distinct("_id") == [0, 1]


@pytest.mark.parametrize("kind", [DURATIONS, DATES], ids=["durations", "dates"])
def test_durations_and_dates_of_all_dtypes_stay_what_they_are(io_manager, database, kind):
    for first, second in itertools.product(kind.values(), repeat=2):
        assert_same(written(io_manager, first, second), [*first, *second])
        database["table"].drop()
        database["dagster_columns"].drop()


NOTHING = {
    "None": pd.Series([None, None], dtype=object),
    "NaN": pd.Series([np.nan, np.nan]),
    "no rows": pd.Series([], dtype=object),
    "no rows of numbers": pd.Series([], dtype="float64"),
}


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("kind", ["durations", "dates", "integers", "nullable text", "categories of text", "moments"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_slice_without_values_does_not_change_the_dtype(io_manager, database, nothing, kind, is_first):
    series = {**OTHERS, **DURATIONS, **DATES}[kind]
    written(io_manager, *([NOTHING[nothing], series] if is_first else [series, NOTHING[nothing]]))
    database["table"].delete_many({"x": None, "_id": {"$in": [0, 1] if is_first else [2, 3]}})
    stored = read_directly(io_manager, pd.DataFrame, **SLICES)["x"]
    pd.testing.assert_series_equal(stored, series.rename("x"))


def test_merging_is_the_same_in_either_order_and_changes_nothing_when_repeated():
    columns = [
        Column("x", dtype)
        for dtype in ("int8", "uint8", "float32", "Int64", "UInt8", "Float32", "bool", "boolean", "string", "str", "object",
                      "datetime64[ns, UTC]", "datetime64[ms, UTC]", "datetime64[s, Asia/Kolkata]")
    ]  # fmt: skip
    for first, second in itertools.product(columns, repeat=2):
        both = merge((first,), (second,))
        assert both == merge((second,), (first,))
        assert merge(both, (first,)) == merge(both, (second,)) == both


def test_an_error_names_the_column_both_dtypes_and_what_to_do():
    with pytest.raises(UnstorableError, match=r"'x' is int64, but timedelta64\[ns\] in what the collection has"):
        merge((Column("x", "timedelta64[ns]"),), (Column("x", "int64"),))
