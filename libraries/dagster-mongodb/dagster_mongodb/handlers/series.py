"""Stored values as columns of pandas."""

import datetime
import re
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from bson import Int64
from bson.datetime_ms import DatetimeMS

from dagster_mongodb.columns import DATE, NAN, OBJECTS, PLAIN_NUMBERS, Column
from dagster_mongodb.errors import UnreadableError
from dagster_mongodb.values import python_values

MILLISECONDS = "datetime64[ms]"

_DATETIME_DTYPE = re.compile(r"datetime64\[(s|ms|us|ns), (.+)\]")
_FIRST_DATE, _END_OF_DATES = np.datetime64("0001-01-01", "ms"), np.datetime64("10000-01-01", "ms")
_NONE = type(None)
TimeUnit = Literal["s", "ms", "us", "ns"]


def plain_kind(dtype: str) -> str | None:
    """Return the kind of the smallest array for values of a dtype (``f``, ``i``, ``b``, ``M``), or None for objects."""
    if _DATETIME_DTYPE.fullmatch(dtype) or dtype == DATE:
        return "M"
    if dtype not in PLAIN_NUMBERS:
        return None
    return "i" if "int" in dtype else dtype[0]


def packed(values: list[Any], column: Column) -> np.ndarray:
    """Return a chunk of a column as an array of numbers or dates if its values allow it, else of objects."""
    kinds, kind = set(map(type, values)), plain_kind(column.of_values.dtype)
    if kind == "M" and kinds <= {datetime.datetime, DatetimeMS, _NONE}:
        return milliseconds(values)
    if kind == "f" and kinds <= {float, _NONE}:
        return np.array(values, dtype="float64")
    if kind == "i" and kinds <= {int, Int64}:
        return np.array(values, dtype="int64")
    if kind == "b" and kinds <= {bool}:
        return np.array(values, dtype="bool")
    packed = np.empty(len(values), dtype=object)
    try:
        packed[:] = python_values(values)
    except UnreadableError as error:
        raise UnreadableError(f"column {column.name!r}: {error}") from None
    return packed


def milliseconds(dates: list[datetime.datetime | DatetimeMS | None]) -> np.ndarray:
    """Return dates without a time zone as an array; None becomes NaT."""
    try:
        # Ten times as fast as numpy alone, but only for the years that nanoseconds can hold.
        return pd.DatetimeIndex(dates).to_numpy(MILLISECONDS)
    except (pd.errors.OutOfBoundsDatetime, TypeError):
        plain = [np.datetime64(int(date), "ms") if isinstance(date, DatetimeMS) else date for date in dates]
        return np.array(plain, dtype=MILLISECONDS)


class ColumnBuffer:
    """An array that grows by chunks, without holding the column twice in memory."""

    def __init__(self) -> None:
        self._array = np.empty(0, dtype=object)
        self._length = 0

    def append(self, chunk: np.ndarray) -> None:
        """Add a chunk; if its dtype differs from the former ones, all values become objects."""
        if self._length == 0:
            self._array = np.empty(0, dtype=chunk.dtype)
        elif chunk.dtype != self._array.dtype:
            chunk, former = _as_objects(chunk), _as_objects(self._array[: self._length])
            self._array = former if self._array.dtype != object else self._array
        end = self._length + len(chunk)
        if end > len(self._array):
            # Enlarged in place if the system can do so; pages that are not used take no memory.
            self._array.resize(max(end, len(self._array) * 3 // 2), refcheck=False)
        self._array[self._length : end] = chunk
        self._length = end

    def array(self) -> np.ndarray:
        """Return all values and empty the buffer."""
        array, self._array = self._array, np.empty(0, dtype=object)
        array.resize(self._length, refcheck=False)
        return array


def _as_objects(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "M":
        return array.astype(object)
    objects = np.empty(len(array), dtype=object)
    objects[:] = python_values(array.astype("datetime64[us]").tolist())
    return objects


def restored(packed: np.ndarray, column: Column) -> pd.Series:
    """Return a column with its dtype, or with the dtype of its values if they do not fit.

    Args:
        packed: its values, which `restored` may change.
        column: which column.

    Raises:
        UnreadableError: a date is outside the years that Python can hold; names column and row.
    """
    if column.categories is not None:
        return _categorical(restored(packed, column.of_values), column)
    dtype = column.dtype
    if packed.dtype.kind == "M":
        return _dates(packed, column)
    if packed.dtype.kind != "O":
        return _narrowed(pd.Series(packed, copy=False), dtype)
    if column.missing == NAN:
        packed[pd.isna(packed)] = np.nan
    if dtype == DATE:
        packed[:] = [_as_date(value) for value in packed]
    objects = pd.Series(packed, dtype=object, copy=False)
    if dtype in OBJECTS:
        return objects
    if dtype.endswith("[pyarrow]"):
        from dagster_mongodb.handlers.arrow_types import arrow_field
        from dagster_mongodb.handlers.arrow_values import arrow_array

        field = arrow_field(column)
        values = objects.where(objects.notna(), None).tolist()
        return objects if field is None else pd.Series(pd.arrays.ArrowExtensionArray(arrow_array(values, field.type)))
    if dtype.startswith("timedelta64["):
        return _durations(objects, dtype)
    if _DATETIME_DTYPE.fullmatch(dtype):
        return objects if len(objects) else pd.Series([], dtype=pandas_dtype(column))
    return _faithful(objects, column)


def inferred(objects: pd.Series) -> pd.Series:
    """Return objects with the dtype that pandas infers, unless floats would round integers."""
    cast = objects.infer_objects()
    if cast.dtype.kind == "f" and not (cast.astype(object) == objects)[objects.notna()].all():
        return objects
    return cast


def pandas_dtype(column: Column) -> Any:
    """Return the dtype of pandas of a column without categories."""
    if column.dtype == DATE:
        return np.dtype(object)
    if column.storage is not None:
        options: dict[str, Any] = {"storage": column.storage, **({"na_value": np.nan} if column.dtype == "str" else {})}
        try:
            return pd.StringDtype(**options)
        except (ImportError, TypeError, ValueError):
            pass  # written with pyarrow, which is not installed here, or with a newer pandas
    return pd.api.types.pandas_dtype(column.dtype)


def _dates(packed: np.ndarray, column: Column) -> pd.Series:
    outside = (packed < _FIRST_DATE) | (packed >= _END_OF_DATES)
    if outside.any():
        row = int(outside.argmax())
        raise UnreadableError(
            f"column {column.name!r}, row {row}: the stored date {packed[row]} is outside the years 1 to 9999, which "
            "Python's dates can hold: correct the document"
        )
    dates = pd.DatetimeIndex(packed).tz_localize("UTC")
    if column.dtype == DATE:
        days = pd.Series(dates.date, dtype=object)
        days[dates.isna()] = np.nan if column.missing == NAN else None
        return days
    zoned = _DATETIME_DTYPE.fullmatch(column.dtype)
    unit, zone = zoned.groups() if zoned else ("ms", "UTC")
    try:
        exact = dates.as_unit(cast("TimeUnit", unit))
    except pd.errors.OutOfBoundsDatetime:
        exact = dates
    if unit == "s" and (exact != dates)[dates.notna()].any():
        exact = dates
    return pd.Series(exact.tz_convert(zone))


def _as_date(value: Any) -> Any:
    """Return a midnight as its date, and any other value unchanged."""
    is_midnight = isinstance(value, datetime.datetime) and value.time() == datetime.time()
    return value.date() if is_midnight else value


def _durations(objects: pd.Series, dtype: str) -> pd.Series:
    if set(map(type, objects)) <= {int, _NONE}:
        numbers = [np.timedelta64("NaT", "ms") if value is None else value for value in objects]
        durations = pd.Series(np.array(numbers, "m8[ms]"))
        try:
            cast = durations.astype(pd.api.types.pandas_dtype(dtype))
        except pd.errors.OutOfBoundsTimedelta:
            return durations
        return cast if ((cast == durations) | cast.isna()).all() else durations
    return pd.Series([pd.Timedelta(value, "ms") if type(value) is int else value for value in objects], dtype=object)


def _narrowed(numbers: pd.Series, dtype: str) -> pd.Series:
    """Return numbers with a narrower dtype if all of them fit."""
    if numbers.dtype == dtype:
        return numbers
    if "int" in dtype:
        limits = np.iinfo(dtype)
        return (
            numbers.astype(pd.api.types.pandas_dtype(dtype))
            if numbers.between(limits.min, limits.max).all()
            else numbers
        )
    with np.errstate(over="ignore"):
        narrow = numbers.astype(pd.api.types.pandas_dtype(dtype))
    return narrow if narrow.astype(numbers.dtype).equals(numbers) else numbers


def _categorical(values: pd.Series, column: Column) -> pd.Series:
    assert column.categories is not None  # noqa: S101 the caller has asked
    known = restored(packed(list(column.categories.values), column), column.of_values)
    dtype = pd.CategoricalDtype(pd.Index(known), column.categories.is_ordered)
    cast = values.astype(pd.api.types.pandas_dtype(dtype))
    return cast if (cast.isna() == values.isna()).all() else values


def _faithful(objects: pd.Series, column: Column) -> pd.Series:
    """Return objects with the dtype of their column if that changes none of them."""
    missing, dtype = objects.isna(), pandas_dtype(column)
    if column.dtype == "bool" and missing.any():
        return objects
    if column.dtype in PLAIN_NUMBERS and "int" in column.dtype and missing.any():
        # As pandas does if an integer is missing; checked below for what 53 bits cannot hold.
        dtype = np.dtype("float64")
    dense = dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype
    try:
        cast = objects.astype(dense)
        same = cast.isna().equals(missing) and bool((cast[~missing].astype(object) == objects[~missing]).all())
    except (TypeError, ValueError, OverflowError):
        return inferred(objects)
    is_text = isinstance(dtype, pd.StringDtype)
    if not same or (is_text and not set(map(type, objects[~missing])) <= {str}):
        return inferred(objects)
    return cast if dense is dtype else cast.astype(dtype)
