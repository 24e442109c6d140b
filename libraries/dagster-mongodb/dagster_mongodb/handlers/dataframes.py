"""`pandas.DataFrame`.

A missing value (NaN in a column of numbers, NaT, NA, None) becomes null; NaN among other objects stays NaN.
"""

import datetime
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import bson
import numpy as np
import pandas as pd

from dagster_mongodb.columns import DATE, PLAIN_NUMBERS, Categories, Column
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.handler import ColumnRows, StoredRows, TypeHandler, check_names
from dagster_mongodb.handlers.layouts import arrays_of
from dagster_mongodb.handlers.series import (
    MILLISECONDS,
    ColumnBuffer,
    packed,
    plain_kind,
    restored,
)
from dagster_mongodb.values import ABSENT, ABSENT_TYPE, ID, STRICT, DatePolicy, bson_values

_MOST_CATEGORIES = 100_000
_MOST_CATEGORY_BYTES = 8 * 2**20  # all of them must fit into one document


class DataFrameHandler(TypeHandler[pd.DataFrame]):
    """Keeps `pandas.DataFrame`."""

    types = (pd.DataFrame,)

    def rows(self, obj: pd.DataFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> "DataFrameRows":
        """Return the rows of a frame; its index must be integers without a name."""
        return DataFrameRows(obj, primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> pd.DataFrame:
        """Return a frame; if a value does not fit the dtype of its column, with the next wider dtype."""
        if stored.columns is None:
            return _inferred_frame([document for chunk in stored.chunks() for document in chunk], stored)
        buffers = {column.name: ColumnBuffer() for column in stored.columns}
        for arrays in _arrays(stored, stored.columns):
            for name, array in arrays.items():
                buffers[name].append(array)
        return _frame({column.name: restored(buffers.pop(column.name).array(), column) for column in stored.columns})


class DataFrameRows(ColumnRows):
    """The rows of a frame."""

    def __init__(self, frame: pd.DataFrame, primary_key: Sequence[str]) -> None:
        _check_index(frame.index)
        check_names(list(frame.columns), primary_key)
        self._frame = frame
        self._dtypes = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        columns = (
            # Any value of plain numbers can be stored.
            Column(name, dtype) if dtype in PLAIN_NUMBERS else _column_of(frame[name])
            for name, dtype in self._dtypes.items()
        )
        super().__init__(tuple(columns), primary_key)

    def __len__(self) -> int:
        return len(self._frame)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns."""
        dtypes = {column.name: column.dtype for column in self.columns}
        columns = {
            name: _midnights(self._frame[name]).dt.tz_localize("UTC") if dtypes[name] == DATE else self._frame[name]
            for name in names
        }
        return pd.DataFrame(columns, copy=False)

    def is_plain(self, column: Column) -> bool:
        """Return whether a column holds numbers of at most 63 bits, dates or durations."""
        dtype = self._dtypes[column.name]
        return (dtype in PLAIN_NUMBERS and dtype != "uint64") or dtype.startswith(("datetime64[", "timedelta64["))

    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""
        series, dtype = self._frame[column.name], self._dtypes[column.name]
        first = rows[0] if isinstance(rows, range) and rows else 0
        wanted = slice(rows.start, rows.stop) if isinstance(rows, range) else list(rows)
        # Most columns; without a series, which would take longer than the encoding in frames of a few wide rows.
        if dtype in PLAIN_NUMBERS:
            return _numbers(series.to_numpy()[wanted])
        if dtype == "object" and column.dtype != DATE:
            return bson_values(series.to_numpy()[wanted].tolist(), column.name, first)
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

            from dagster_mongodb.handlers.arrow import bson_values_of_arrow

            return bson_values_of_arrow(pa.array(series), column.name, first)
        objects = series.astype(object)
        if isinstance(series.dtype, pd.api.extensions.ExtensionDtype):
            objects = objects.where(series.notna(), None)
        return bson_values(objects.tolist(), column.name, first)


def _check_index(index: pd.Index) -> None:
    is_meaningful = index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)
    if is_meaningful and len(index):
        raise UnstorableError(
            f"the index ({', '.join(map(str, index.names))}: {index.dtype}) would be lost: turn it into columns with "
            "reset_index(), or drop it with reset_index(drop=True)"
        )


def _column_of(series: pd.Series) -> Column:
    """Return the column of a series, after checking its dtype and dates.

    Raises:
        UnstorableError: names the column and, if a value is the cause, its row.
    """
    name, dtype = str(series.name), series.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        _check_milliseconds(series, "BSON date")
        _check_years(series)
        if not _is_known(str(dtype)):
            raise UnstorableError(
                f"column {name!r} has a time zone without a name ({dtype.tz!r}): convert it to an IANA time zone, "
                f"as in df[{name!r}].dt.tz_convert('UTC')"
            )
    elif isinstance(dtype, pd.CategoricalDtype):
        return Column(name, "category", _categories_of(series))
    elif isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        return Column(name, str(dtype), arrow=pa.schema([pa.field(name, dtype.pyarrow_dtype)]).serialize().to_pybytes())
    elif isinstance(dtype, pd.api.extensions.ExtensionDtype):
        if not _is_known(str(dtype)):
            raise UnstorableError(f"column {name!r} is {dtype}, which cannot be read back by its name: convert it")
    elif dtype.kind == "M":
        raise UnstorableError(
            f"column {name!r} holds dates without a time zone, which MongoDB would take for UTC: "
            f"add their time zone, as in df[{name!r}].dt.tz_localize('UTC')"
        )
    elif dtype.kind == "m":
        _check_milliseconds(series, "stored duration")
    elif dtype.kind == "c":
        raise UnstorableError(
            f"column {name!r} is {dtype}, for which BSON has no type: store the real and the imaginary part "
            "as two columns"
        )
    elif dtype.kind == "O":
        return Column(name, _object_dtype(series))
    return Column(name, str(dtype))


def _object_dtype(series: pd.Series) -> str:
    """Return the dtype with which a column of objects is read back."""
    kinds = set(map(type, series.to_numpy().tolist()))
    if (
        datetime.date in kinds
        and set(map(type, series[series.notna()])) == {datetime.date}
        and ABSENT_TYPE not in kinds
    ):
        return DATE
    if ABSENT_TYPE in kinds and not kinds & {list, dict}:
        # ABSENT is read back as NaN, so the other values may be plain numbers.
        present = series[[value is not None and value is not ABSENT for value in series]]
        return str(present.infer_objects().dtype) if len(present) else "float64"
    return "object"


def _midnights(dates: pd.Series) -> pd.Series:
    """Return dates as midnights without a time zone."""
    present = [None if pd.isna(date) else date for date in dates]
    return pd.Series(np.array(present, dtype=MILLISECONDS), index=dates.index)


def _check_milliseconds(series: pd.Series, what: str) -> None:
    times = series.to_numpy(dtype=f"{series.dtype.kind}8[{series.dt.unit}]")
    finer = ~np.isnat(times) & (times.astype(f"{times.dtype.kind}8[ms]") != times)
    if finer.any():
        row = int(np.flatnonzero(finer)[0])
        value = series.iloc[row]
        raise UnstorableError(
            f"column {series.name!r}, row {row}: {value.isoformat()} is finer than a millisecond, which a {what} "
            f"cannot hold: round it, as in df[{series.name!r}].dt.floor('ms')"
        )


def _check_years(series: pd.Series) -> None:
    if series.dt.unit == "ns":  # from 1677 to 2262
        return
    outside = series.notna() & ~series.dt.year.between(datetime.MINYEAR, datetime.MAXYEAR)
    if outside.any():
        row = int(np.flatnonzero(outside.to_numpy())[0])
        raise UnstorableError(f"column {series.name!r}, row {row}: {series.iloc[row]} is outside the years 1 to 9999")


def _categories_of(series: pd.Series) -> Categories:
    categories = series.cat.categories
    if len(categories) > _MOST_CATEGORIES:
        raise UnstorableError(
            f"column {series.name!r} has {len(categories)} categories, but at most {_MOST_CATEGORIES} are kept: "
            f"store its values, as in df[{series.name!r}].astype(df[{series.name!r}].cat.categories.dtype)"
        )
    values = DataFrameRows(pd.DataFrame({str(series.name): categories}), ())
    values.check(max_bytes=_MOST_CATEGORY_BYTES, batch_size=len(categories))
    (column,) = values.columns
    return Categories(tuple(values.values(column, range(len(values)))), column.dtype, bool(series.cat.ordered))


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


def _frame(columns: dict[str, pd.Series]) -> pd.DataFrame:
    # Not copied into blocks, which would take twice the memory. As arrays, because pandas aligns series.
    # But of arrays of objects pandas 3 would make text.
    arrays = {name: series if series.dtype == object else series.array for name, series in columns.items()}
    return pd.DataFrame(arrays, columns=pd.Index([*columns]), copy=False)


def _arrays(stored: StoredRows, columns: Sequence[Column]) -> Iterator[dict[str, np.ndarray]]:
    """Return the columns of one chunk after the other."""
    kinds = {column.name: plain_kind(column.dtype) for column in columns}
    if stored.raw_batches is None or len(stored.primary_key) > 1 or None in kinds.values():
        yield from (_packed_columns(documents, stored, columns) for documents in stored.chunks())
        return
    fields = {column.name: ID if column.name in stored.primary_key else column.field for column in columns}
    kinds_of_fields = {fields[name]: kind for name, kind in kinds.items() if kind}
    for batch in stored.raw_batches():
        arrays = arrays_of(batch, kinds_of_fields)
        if arrays is None:
            yield _packed_columns(bson.decode_all(batch), stored, columns)
        else:
            yield {name: arrays[field] for name, field in fields.items()}


def _packed_columns(
    documents: Sequence[dict[str, Any]], stored: StoredRows, columns: Sequence[Column]
) -> dict[str, np.ndarray]:
    return {
        column.name: packed(
            stored.values(documents, column, np.nan if column.dtype == "object" else None), column.dtype
        )
        for column in columns
    }


def frames_of(stored: StoredRows) -> Iterator[pd.DataFrame]:
    """Return stored rows as frames, one for each chunk."""
    if stored.columns is None:
        yield from (_inferred_frame(documents, stored) for documents in stored.chunks())
        return
    for arrays in _arrays(stored, stored.columns):
        yield _frame({column.name: restored(arrays[column.name], column) for column in stored.columns})


def _inferred_frame(documents: list[dict[str, Any]], stored: StoredRows) -> pd.DataFrame:
    """Return documents of another program as a frame, with the dtypes that pandas infers."""
    columns = {
        name: restored(packed(stored.values(documents, column, np.nan), column.dtype), column)
        for name in stored.columns_of(documents)
        for column in [Column(name, "object")]
    }
    return _frame(columns).infer_objects()
