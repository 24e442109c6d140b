"""Stored values as columns of pandas."""

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd
from bson import Int64

from dagster_mongodb.columns import DATE, PLAIN_NUMBERS, Categories, Column
from dagster_mongodb.values import python_values

MILLISECONDS = "datetime64[ms]"

_DATETIME_DTYPE = re.compile(r"datetime64\[(s|ms|us|ns), (.+)\]")


def plain_kind(dtype: str) -> str | None:
    """Return the kind of the smallest array for values of a dtype (``f``, ``i``, ``b``, ``M``), or None for objects."""
    if _DATETIME_DTYPE.fullmatch(dtype) or dtype == DATE:
        return "M"
    if dtype not in PLAIN_NUMBERS:
        return None
    return "i" if "int" in dtype else dtype[0]


def packed(values: list[Any], dtype: str) -> np.ndarray:
    """Return a chunk of a column as an array of numbers or dates if its values allow it, else of objects."""
    kinds, kind = set(map(type, values)), plain_kind(dtype)
    if kind == "M" and kinds <= {datetime.datetime, type(None)}:
        return milliseconds(values)
    if kind == "f" and kinds <= {float, type(None)}:
        return np.array(values, dtype="float64")
    if kind == "i" and kinds <= {int, Int64}:
        return np.array(values, dtype="int64")
    if kind == "b" and kinds <= {bool}:
        return np.array(values, dtype="bool")
    packed = np.empty(len(values), dtype=object)
    packed[:] = python_values(values)
    return packed


def milliseconds(dates: list[datetime.datetime | None]) -> np.ndarray:
    """Return dates without a time zone as an array; None becomes NaT."""
    try:
        # Ten times as fast as numpy alone, but only for the years that nanoseconds can hold.
        return pd.DatetimeIndex(dates).to_numpy(MILLISECONDS)
    except pd.errors.OutOfBoundsDatetime:
        return np.array(dates, dtype=MILLISECONDS)


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
    """Return a column with its dtype, or with the dtype of its values if they do not fit."""
    dtype = column.dtype
    zoned = _DATETIME_DTYPE.fullmatch(dtype)
    if packed.dtype.kind == "M":
        dates = pd.Series(pd.DatetimeIndex(packed).tz_localize("UTC"))
        if dtype == DATE:
            return dates.dt.date.astype(object).where(dates.notna(), None)
        return dates.dt.tz_convert(zoned.group(2) if zoned else "UTC").astype(pd.api.types.pandas_dtype(dtype))
    if packed.dtype.kind != "O":
        return _narrowed(pd.Series(packed, copy=False), dtype)
    objects = pd.Series(packed, dtype=object, copy=False)
    if dtype == "object":
        return objects
    if column.categories is not None:
        return _categorical(objects, column.categories)
    if dtype.endswith("[pyarrow]"):
        from dagster_mongodb.handlers.arrow import arrow_array, arrow_field

        field = arrow_field(column)
        values = objects.where(objects.notna(), None).tolist()
        return objects if field is None else pd.Series(pd.arrays.ArrowExtensionArray(arrow_array(values, field.type)))
    if dtype.startswith("timedelta64["):
        if set(map(type, objects)) <= {int, type(None)}:
            durations = np.array(
                [np.timedelta64("NaT", "ms") if value is None else value for value in objects], "m8[ms]"
            )
            return pd.Series(durations).astype(pd.api.types.pandas_dtype(dtype))
        return objects.infer_objects()
    if zoned or dtype == DATE or not len(objects):
        return objects if len(objects) else _empty(dtype)
    return _faithful(objects, dtype)


def _empty(dtype: str) -> pd.Series:
    return pd.Series([], dtype=object if dtype == DATE else pd.api.types.pandas_dtype(dtype))


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


def _categorical(objects: pd.Series, categories: Categories) -> pd.Series:
    known = restored(packed(list(categories.values), categories.dtype), Column("", categories.dtype))
    dtype = pd.CategoricalDtype(pd.Index(known), categories.is_ordered)
    cast = objects.astype(pd.api.types.pandas_dtype(dtype))
    return cast if (cast.isna() == objects.isna()).all() else objects


def _faithful(objects: pd.Series, dtype: str) -> pd.Series:
    """Return objects with a dtype if that changes none of them."""
    missing = objects.isna()
    if dtype in PLAIN_NUMBERS and missing.any():
        # As pandas does if an integer or a boolean is missing; checked below for what 53 bits cannot hold.
        dtype = "float64" if "int" in dtype else "object"
    if dtype == "object":
        return objects
    try:
        cast = objects.astype(pd.api.types.pandas_dtype(dtype))
        same = cast.isna().equals(missing) and bool((cast[~missing].astype(object) == objects[~missing]).all())
    except (TypeError, ValueError, OverflowError):
        return objects.infer_objects()
    if not same or (dtype in ("string", "str") and not set(map(type, objects[~missing])) <= {str}):
        return objects.infer_objects()
    return cast
