"""`pandas.DataFrame`.

A missing value (NaT, NA, None, NaN in a column of numbers or among objects that are no numbers) becomes null.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import bson
import numpy as np
import pandas as pd

from dagster_mongodb.columns import Column
from dagster_mongodb.handlers.frame_rows import DataFrameRows
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.handlers.layouts import arrays_of
from dagster_mongodb.handlers.series import ColumnBuffer, inferred, packed, plain_kind, restored
from dagster_mongodb.values import ID, READING, STRICT, DatePolicy


class DataFrameHandler(TypeHandler[pd.DataFrame]):
    """Keeps `pandas.DataFrame`."""

    types = (pd.DataFrame,)

    def rows(self, obj: pd.DataFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> DataFrameRows:
        """Return the rows of a frame; its index must be integers without a name."""
        return DataFrameRows(obj, primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> pd.DataFrame:
        """Return a frame; if a value does not fit the dtype of its column, with the next wider dtype."""
        if stored.columns is None:
            return _inferred_frame([document for chunk in stored.chunks() for document in chunk], stored)
        arrays = _sorted_columns(stored, stored.columns) or _whole_columns(stored, stored.columns)
        return _frame({column.name: restored(arrays.pop(column.name), column) for column in stored.columns})


def frames_of(stored: StoredRows) -> Iterator[pd.DataFrame]:
    """Return stored rows as frames, one for each chunk."""
    if stored.columns is None:
        yield from (_inferred_frame(documents, stored) for documents in stored.chunks())
        return
    for arrays in _arrays(stored, stored.columns):
        yield _frame({column.name: restored(arrays[column.name], column) for column in stored.columns})


def _frame(columns: dict[str, pd.Series]) -> pd.DataFrame:
    # Not copied into blocks, which would take twice the memory. As arrays, because pandas aligns series.
    # But of arrays of objects pandas 3 would make text.
    arrays = {name: series if series.dtype == object else series.array for name, series in columns.items()}
    return pd.DataFrame(arrays, columns=pd.Index([*columns]) if columns else None, copy=False)


def _sorted_columns(stored: StoredRows, columns: Sequence[Column]) -> dict[str, np.ndarray] | None:
    """Return whole columns, sorted here by a primary key of integers or dates; None if that is not possible.

    The server needs twice as long to send documents in the order of their keys as in the order in which it keeps
    them, which is mostly the same.
    """
    keys = [column.name for column in columns if column.name in stored.primary_key]
    if stored.unordered_batches is None or len(keys) != 1 or not _is_plain(stored, columns):
        return None
    arrays = _whole_columns(replace(stored, raw_batches=stored.unordered_batches), columns)
    key = arrays[keys[0]]
    if key.dtype.kind not in "iM" or np.isnan(key).any():
        return None
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key)
        for name in arrays:
            arrays[name] = arrays[name][order]
    return arrays


def _whole_columns(stored: StoredRows, columns: Sequence[Column]) -> dict[str, np.ndarray]:
    buffers = {column.name: ColumnBuffer() for column in columns}
    for arrays in _arrays(stored, columns):
        for name, array in arrays.items():
            buffers[name].append(array)
    return {column.name: buffers.pop(column.name).array() for column in columns}


def _is_plain(stored: StoredRows, columns: Sequence[Column]) -> bool:
    """Return whether the bytes of stored rows can be read without decoding each value."""
    return len(stored.primary_key) < 2 and all(plain_kind(column.of_values.dtype) for column in columns)


def _arrays(stored: StoredRows, columns: Sequence[Column]) -> Iterator[dict[str, np.ndarray]]:
    """Return the columns of one chunk after the other."""
    if stored.raw_batches is None or not _is_plain(stored, columns):
        yield from (_packed_columns(documents, stored, columns) for documents in stored.chunks())
        return
    fields = {column.name: ID if column.name in stored.primary_key else column.field for column in columns}
    kinds = {fields[column.name]: plain_kind(column.of_values.dtype) or "" for column in columns}
    for batch in stored.raw_batches():
        arrays = arrays_of(batch, kinds)
        if arrays is None:
            yield _packed_columns(bson.decode_all(batch, READING), stored, columns)
        else:
            yield {name: arrays[field] for name, field in fields.items()}


def _packed_columns(
    documents: Sequence[dict[str, Any]], stored: StoredRows, columns: Sequence[Column]
) -> dict[str, np.ndarray]:
    return {
        column.name: packed(stored.values(documents, column, np.nan if column.dtype == "object" else None), column)
        for column in columns
    }


def _inferred_frame(documents: list[dict[str, Any]], stored: StoredRows) -> pd.DataFrame:
    """Return documents of another program as a frame, with the dtypes that pandas infers."""
    columns = [Column(name, "object") for name in stored.columns_of(documents)]
    if not columns:
        return pd.DataFrame(index=pd.RangeIndex(len(documents)))
    arrays = _packed_columns(documents, stored, columns)
    return _frame({column.name: inferred(restored(arrays[column.name], column)) for column in columns})
