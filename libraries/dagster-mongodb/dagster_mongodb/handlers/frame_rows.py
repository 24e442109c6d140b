"""The rows of a `pandas.DataFrame`: which dtypes can be stored, and their values as BSON."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dagster_mongodb.columns import DATE, PLAIN_NUMBERS, Categories, Column
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.frame_columns import column_of, column_of_objects, has_gaps, is_nan, storable_series
from dagster_mongodb.handlers.handler import ColumnRows, check_names, value_at
from dagster_mongodb.handlers.series import MILLISECONDS
from dagster_mongodb.values import ABSENT, STRICT, DatePolicy, bson_values

_MOST_CATEGORIES = 100_000
_MOST_CATEGORY_BYTES = 8 * 2**20  # all of them must fit into one document


class DataFrameRows(ColumnRows):
    """The rows of a frame."""

    def __init__(self, frame: pd.DataFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> None:
        _check_index(frame.index)
        check_names(list(frame.columns), primary_key)
        if len(frame) and not len(frame.columns):
            raise UnstorableError(f"the frame has {len(frame)} rows, but no columns")
        self._frame = frame
        self._dates = dates
        self._replaced: dict[str, pd.Series] = {}
        self._gaps: set[str] = set()
        self._dtypes = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        super().__init__(tuple(map(self._column, self._dtypes)), primary_key)

    def __len__(self) -> int:
        return len(self._frame)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns, or values inside the documents of columns (``address.city``)."""
        return pd.DataFrame({name: self._of_name(name) for name in names}, copy=False)

    def is_plain(self, column: Column) -> bool:
        """Return whether a column holds numbers of at most 63 bits, dates or durations."""
        dtype = self._dtypes[column.name]
        return (dtype in PLAIN_NUMBERS and dtype != "uint64") or dtype.startswith(("datetime64[", "timedelta64["))

    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""
        series, dtype = self._series(column.name), self._dtypes[column.name]
        first = rows[0] if isinstance(rows, range) and rows else 0
        wanted = slice(rows.start, rows.stop) if isinstance(rows, range) else list(rows)
        # Most columns; without a series, which would take longer than the encoding in frames of a few wide rows.
        if dtype in PLAIN_NUMBERS:
            return _numbers(series.to_numpy()[wanted])
        if dtype == "object" and column.dtype != DATE:
            values = bson_values(series.to_numpy()[wanted].tolist(), column.name, first, self._dates)
            return _without_nan(values) if column.name in self._gaps else values
        series = series.iloc[wanted]
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            return _nulled(series.dt.tz_convert("UTC").dt.tz_localize(None))
        if column.dtype.startswith("timedelta64["):
            milliseconds = series.to_numpy().astype("timedelta64[ms]").astype("int64").tolist()
            return [None if isna else value for value, isna in zip(milliseconds, series.isna(), strict=True)]
        if column.dtype == DATE:
            return _nulled(_midnights(series))
        if column.categories is not None:
            known = (*column.categories.values, None)  # a missing value has the code -1
            return [known[code] for code in series.cat.codes]
        if isinstance(series.dtype, pd.ArrowDtype):
            import pyarrow as pa

            from dagster_mongodb.handlers.arrow_values import bson_values_of_arrow

            return bson_values_of_arrow(pa.array(series), column.name, first, self._dates)
        objects = series.astype(object)
        if isinstance(series.dtype, pd.api.extensions.ExtensionDtype):
            objects = objects.where(series.notna(), None)
        return bson_values(objects.tolist(), column.name, first, self._dates)

    def _column(self, name: str) -> Column:
        dtype = self._dtypes[name]
        if dtype in PLAIN_NUMBERS:
            # Any value of plain numbers can be stored.
            return Column(name, dtype, is_null=dtype.startswith("float") and is_nan(self._frame[name].to_numpy()))
        given = self._frame[name]
        if dtype == "object":
            kinds = set(map(type, given.to_numpy().tolist()))
            if has_gaps(given.to_numpy(), kinds):
                self._gaps.add(name)
            return column_of_objects(given, kinds, has_gaps=name in self._gaps)
        if isinstance(given.dtype, pd.CategoricalDtype):
            return Column(name, "category", _categories_of(given, self._dates))
        storable = storable_series(given, self._dates)
        if storable is not given:
            self._replaced[name], self._dtypes[name] = storable, str(storable.dtype)
        return column_of(storable)

    def _series(self, name: str) -> pd.Series:
        replaced = self._replaced.get(name)
        return self._frame[name] if replaced is None else replaced

    def _of_name(self, name: str) -> pd.Series:
        if name in self._dtypes:
            series = self._series(name)
            is_date = any(column.name == name and column.dtype == DATE for column in self.columns)
            return _midnights(series).dt.tz_localize("UTC") if is_date else series
        head = name.partition(".")[0]
        if head not in self._dtypes:
            raise UnstorableError(f"there is no column {name!r}, but {', '.join(self._dtypes) or 'none'}")
        values = [value_at({head: value}, name) for value in self._series(head)]
        return pd.Series(values, self._frame.index, dtype=object).infer_objects()


def _check_index(index: pd.Index) -> None:
    is_meaningful = index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)
    if is_meaningful and len(index):
        raise UnstorableError(
            f"the index ({', '.join(map(str, index.names))}: {index.dtype}) would be lost: turn it into columns with "
            "reset_index(), or drop it with reset_index(drop=True)"
        )


def _without_nan(values: list[Any]) -> list[Any]:
    return [
        None if isinstance(value, float) and value != value and value is not ABSENT else value  # noqa: PLR0124
        for value in values
    ]


def _midnights(dates: pd.Series) -> pd.Series:
    """Return dates as midnights without a time zone."""
    present = [None if pd.isna(date) else date for date in dates]
    return pd.Series(np.array(present, dtype=MILLISECONDS), index=dates.index)


def _categories_of(series: pd.Series, dates: DatePolicy) -> Categories:
    categories = series.cat.categories
    if len(categories) > _MOST_CATEGORIES:
        raise UnstorableError(
            f"column {series.name!r} has {len(categories)} categories, but at most {_MOST_CATEGORIES} are kept: "
            f"store its values, as in df[{series.name!r}].astype(df[{series.name!r}].cat.categories.dtype)"
        )
    # Not rounded, because two categories might become one.
    values = DataFrameRows(pd.DataFrame({str(series.name): categories}), (), replace(dates, floor=False))
    values.check(max_bytes=_MOST_CATEGORY_BYTES, batch_size=len(categories))
    (column,) = values.columns
    stored = tuple(values.values(column, range(len(values))))
    return Categories(stored, column.dtype, bool(series.cat.ordered), column.arrow, column.storage)


def _numbers(array: np.ndarray) -> list[Any]:
    values: list[Any] = array.tolist()
    if array.dtype.kind == "f":
        for position in np.flatnonzero(np.isnan(array)):
            values[position] = None
    return values


def _nulled(naive: pd.Series) -> list[datetime.datetime | None]:
    """Return dates without a time zone, which BSON takes for UTC without asking each for its offset."""
    index = pd.DatetimeIndex(naive)
    dates: list[datetime.datetime | None] = index.to_pydatetime().tolist()
    for row in np.flatnonzero(index.isna()):
        dates[row] = None
    return dates
