"""The rows of a `pandas.DataFrame`: which dtypes can be stored, and their values as BSON."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from dagster_mongodb.columns import DATE, NAN, NONE, PLAIN_NUMBERS, Categories, Column
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.handler import ColumnRows, check_names
from dagster_mongodb.handlers.series import MILLISECONDS
from dagster_mongodb.values import ABSENT, ABSENT_TYPE, STRICT, DatePolicy, bson_values, nested_value

_MOST_CATEGORIES = 100_000
_MOST_CATEGORY_BYTES = 8 * 2**20  # all of them must fit into one document
_MISSING_TYPES = frozenset({type(None), type(pd.NA), type(pd.NaT)})


class DataFrameRows(ColumnRows):
    """The rows of a frame."""

    def __init__(self, frame: pd.DataFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> None:
        _check_index(frame.index)
        check_names(list(frame.columns), primary_key)
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
            return Column(name, dtype, is_null=dtype.startswith("float") and _is_nan(self._frame[name].to_numpy()))
        given = self._frame[name]
        if dtype == "object":
            kinds = set(map(type, given.to_numpy().tolist()))
            if _has_gaps(given.to_numpy(), kinds):
                self._gaps.add(name)
            return _column_of_objects(given, kinds, has_gaps=name in self._gaps)
        storable = _storable(given, self._dates)
        if storable is not given:
            self._replaced[name], self._dtypes[name] = storable, str(storable.dtype)
        return _column_of(storable, self._dates)

    def _series(self, name: str) -> pd.Series:
        replaced = self._replaced.get(name)
        return self._frame[name] if replaced is None else replaced

    def _of_name(self, name: str) -> pd.Series:
        if name in self._dtypes:
            series = self._series(name)
            is_date = any(column.name == name and column.dtype == DATE for column in self.columns)
            return _midnights(series).dt.tz_localize("UTC") if is_date else series
        head, *path = name.split(".")
        if head not in self._dtypes:
            raise UnstorableError(f"there is no column {name!r}, but {', '.join(self._dtypes) or 'none'}")
        values = [nested_value(value, path) for value in self._series(head)]
        return pd.Series(values, self._frame.index, dtype=object).infer_objects()


def _check_index(index: pd.Index) -> None:
    is_meaningful = index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)
    if is_meaningful and len(index):
        raise UnstorableError(
            f"the index ({', '.join(map(str, index.names))}: {index.dtype}) would be lost: turn it into columns with "
            "reset_index(), or drop it with reset_index(drop=True)"
        )


def _storable(series: pd.Series, dates: DatePolicy) -> pd.Series:
    """Return a series whose dates are tz-aware milliseconds; the same one, unless the policy changes it.

    Raises:
        UnstorableError: names the column and, if a value is the cause, its row.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        from dagster_mongodb.handlers.arrow_values import storable_array

        array = pa.chunked_array(pa.array(series))
        storable = storable_array(array, str(series.name), dates)
        return series if storable is array else pd.Series(pd.arrays.ArrowExtensionArray(storable), name=series.name)
    if dtype.kind == "M" and not isinstance(dtype, pd.DatetimeTZDtype):
        if not dates.naive_as_utc:
            raise UnstorableError(
                f"column {series.name!r} holds dates without a time zone, which MongoDB would take for UTC: "
                f"add their time zone, as in df[{series.name!r}].dt.tz_localize('UTC'), or set the metadata 'dates' to "
                "'utc' if they are UTC"
            )
        series = series.dt.tz_localize("UTC")
    if dtype.kind not in "mM":
        return series
    finer = _finer_than_milliseconds(series)
    if finer.any():
        if not dates.floor:
            row = int(np.flatnonzero(finer)[0])
            raise UnstorableError(
                f"column {series.name!r}, row {row}: {series.iloc[row].isoformat()} is finer than a millisecond, which "
                f"a {'BSON date' if dtype.kind == 'M' else 'stored duration'} cannot hold: round it, as in "
                f"df[{series.name!r}].dt.floor('ms'), or set the metadata 'dates' to 'floor'"
            )
        series = series.dt.floor("ms")
    if dtype.kind == "M":
        _check_years(series)
    return series


def _finer_than_milliseconds(series: pd.Series) -> np.ndarray:
    times = series.to_numpy(dtype=f"{series.dtype.kind}8[{series.dt.unit}]")
    return ~np.isnat(times) & (times.astype(f"{times.dtype.kind}8[ms]") != times)


def _check_years(series: pd.Series) -> None:
    if series.dt.unit == "ns":  # from 1677 to 2262
        return
    years = series.dt.tz_convert("UTC").dt.year
    outside = series.notna() & ~years.between(datetime.MINYEAR, datetime.MAXYEAR)
    if outside.any():
        row = int(np.flatnonzero(outside.to_numpy())[0])
        value = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()[row]
        raise UnstorableError(f"column {series.name!r}, row {row}: {value} is outside the years 1 to 9999")


def _column_of(series: pd.Series, dates: DatePolicy) -> Column:
    """Return the column of a series of another dtype than object.

    Raises:
        UnstorableError: BSON cannot hold the dtype; names the column.
    """
    name, dtype = str(series.name), series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return Column(name, "category", _categories_of(series, dates))
    if isinstance(dtype, pd.StringDtype):
        return Column(name, str(dtype), storage=dtype.storage)
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        return Column(name, str(dtype), arrow=pa.schema([pa.field(name, dtype.pyarrow_dtype)]).serialize().to_pybytes())
    if isinstance(dtype, pd.DatetimeTZDtype) and not _is_known(str(dtype)):
        raise UnstorableError(
            f"column {name!r} has a time zone without a name ({dtype.tz!r}): convert it to an IANA time zone, "
            f"as in df[{name!r}].dt.tz_convert('UTC')"
        )
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and not _is_known(str(dtype)):
        raise UnstorableError(f"column {name!r} is {dtype}, which cannot be read back by its name: convert it")
    if dtype.kind == "c":
        raise UnstorableError(
            f"column {name!r} is {dtype}, for which BSON has no type: store the real and the imaginary part "
            "as two columns"
        )
    return Column(name, str(dtype))


def _column_of_objects(series: pd.Series, kinds: set[type], *, has_gaps: bool) -> Column:
    """Return the column with the dtype and the missing values with which objects are read back."""
    name, is_absent = str(series.name), ABSENT_TYPE in kinds
    missing = NONE if kinds & _MISSING_TYPES else NAN if has_gaps else None
    present = kinds - _MISSING_TYPES - {ABSENT_TYPE} - (_floats(kinds) if has_gaps else set())
    if present == {datetime.date} and not is_absent:
        return Column(name, DATE, missing=missing)
    if is_absent and not kinds & {list, dict}:
        # ABSENT is read back as NaN, so the other values may be plain numbers.
        known = series[[value is not None and value is not ABSENT for value in series]]
        dtype = str(known.infer_objects().dtype) if len(known) else "float64"
        if dtype != "str":
            return Column(name, dtype, is_null=not present)
    return Column(name, "object", missing=missing, is_null=not present)


def _floats(kinds: set[type]) -> set[type]:
    return {kind for kind in kinds if issubclass(kind, (float, np.floating)) and kind is not ABSENT_TYPE}


def _has_gaps(values: np.ndarray, kinds: set[type]) -> bool:
    """Return whether objects have NaN for missing values; among numbers, NaN is one of them."""
    floats = _floats(kinds)
    if not floats or any(issubclass(kind, (int, np.integer)) and kind is not bool for kind in kinds):
        return False
    return all(value != value for value in values if type(value) in floats)  # noqa: PLR0124


def _is_nan(numbers: np.ndarray) -> bool:
    return not len(numbers) or bool(np.isnan(numbers[0]) and np.isnan(numbers).all())


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


@cache
def _is_known(dtype: str) -> bool:
    try:
        return str(pd.api.types.pandas_dtype(dtype)) == dtype
    except (TypeError, ValueError):
        return False
