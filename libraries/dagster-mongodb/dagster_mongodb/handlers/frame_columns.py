"""Columns of a `pandas.DataFrame`: which dtypes can be stored, and as what they are read back."""

import datetime
from functools import cache

import numpy as np
import pandas as pd

from dagster_mongodb.columns import DATE, NAN, NONE, Column
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.values import ABSENT, ABSENT_TYPE, DatePolicy

_MISSING_TYPES = frozenset({type(None), type(pd.NA), type(pd.NaT)})


def storable_series(series: pd.Series, dates: DatePolicy) -> pd.Series:
    """Return a series whose dates are tz-aware milliseconds; the same one, unless the policy changes it.

    Raises:
        UnstorableError: names the column and, if a value is the cause, its row.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        from dagster_mongodb.handlers.arrow_values import storable_array

        array = pa.array(series)  # of several chunks if the series has them
        array = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
        storable = storable_array(array, str(series.name), dates)
        if storable is array:
            return series
        return pd.Series(pd.arrays.ArrowExtensionArray(storable), series.index, name=series.name)
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
        # In UTC, because a local time that occurs twice cannot be rounded.
        series = (
            series.dt.tz_convert("UTC").dt.floor("ms").dt.tz_convert(series.dt.tz)
            if dtype.kind == "M"
            else series.dt.floor("ms")
        )
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


def column_of(series: pd.Series) -> Column:
    """Return the column of a series that has neither objects nor categories.

    Raises:
        UnstorableError: BSON cannot hold the dtype; names the column.
    """
    name, dtype = str(series.name), series.dtype
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


def column_of_objects(series: pd.Series, kinds: set[type], *, has_gaps: bool) -> Column:
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


def has_gaps(values: np.ndarray, kinds: set[type]) -> bool:
    """Return whether objects have NaN for missing values; among numbers, NaN is one of them."""
    floats = _floats(kinds)
    if not floats or any(issubclass(kind, (int, np.integer)) and kind is not bool for kind in kinds):
        return False
    return all(value != value for value in values if type(value) in floats)  # noqa: PLR0124


def is_nan(numbers: np.ndarray) -> bool:
    """Return whether no number is there."""
    return not len(numbers) or bool(np.isnan(numbers[0]) and np.isnan(numbers).all())


@cache
def _is_known(dtype: str) -> bool:
    try:
        return str(pd.api.types.pandas_dtype(dtype)) == dtype
    except (TypeError, ValueError):
        return False
