"""`pyarrow.Table`, and columns of Arrow types in other tables."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.types

from dagster_mongodb.columns import DATE, PLAIN_NUMBERS, Column
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.handler import ColumnRows, StoredRows, TypeHandler, check_names
from dagster_mongodb.values import STRICT, DatePolicy, bson_values, python_values

_REFUSED = {
    pa.types.is_time: "store seconds since midnight as a number, or a whole timestamp",
    pa.types.is_interval: "store months, days and nanoseconds as columns",
    pa.types.is_union: "store each type as a column",
}


class ArrowHandler(TypeHandler[pa.Table]):
    """Keeps `pyarrow.Table`; NaN and null stay different."""

    types = (pa.Table,)

    def rows(self, obj: pa.Table, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> "ArrowRows":
        """Return a table's rows."""
        return ArrowRows(obj, primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> pa.Table:
        """Return a table with the types that were written; for documents, the types that Arrow infers."""
        chunks = stored.chunks()
        columns = stored.columns
        if columns is None:
            documents = [document for chunk in chunks for document in chunk]
            columns, chunks = tuple(Column(name, "object") for name in stored.columns_of(documents)), iter([documents])
        fields = [arrow_field(column) for column in columns]
        pieces: list[list[Any]] = [[] for _ in columns]
        for documents in chunks:
            for column, field, values in zip(columns, fields, pieces, strict=True):
                found = stored.values(documents, column, None)
                values.append(found if field is None else arrow_array(found, field.type))
        arrays = [
            _inferred([value for chunk in values for value in chunk], column)
            if field is None
            else _joined(values, field.type)
            for column, field, values in zip(columns, fields, pieces, strict=True)
        ]
        schema = pa.schema(
            [
                pa.field(column.name, array.type, metadata=field.metadata if field is not None else None)
                for column, field, array in zip(columns, fields, arrays, strict=True)
            ]
        )
        return pa.Table.from_arrays(arrays, schema=schema)


class ArrowRows(ColumnRows):
    """The rows of a table."""

    def __init__(self, table: pa.Table, primary_key: Sequence[str]) -> None:
        check_names(table.column_names, primary_key)
        self._table = table
        super().__init__(tuple(map(_column_of, table.schema)), primary_key)

    def __len__(self) -> int:
        return self._table.num_rows

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns as a pandas frame."""
        table = self._table.select(list(names))
        for position, field in enumerate(table.schema):
            if pa.types.is_date(field.type):
                midnights = table.column(position).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
                table = table.set_column(position, field.name, midnights)
        return table.to_pandas()

    def is_plain(self, column: Column) -> bool:
        """Return whether a column holds numbers of at most 63 bits."""
        return column.dtype in PLAIN_NUMBERS and column.dtype != "uint64"

    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""
        array = self._table.column(column.name)
        if isinstance(rows, range):
            return bson_values_of_arrow(array.slice(rows.start, len(rows)), column.name, rows.start)
        return bson_values_of_arrow(array.take(pa.array(rows, pa.int64())), column.name)


def bson_values_of_arrow(array: Any, column: str, first_row: int = 0) -> list[Any]:
    """Return the values of an array as BSON values.

    Args:
        array: `pyarrow.Array` or `pyarrow.ChunkedArray`.
        column: its name, for the error message.
        first_row: the row of its first value, for the error message.

    Raises:
        UnstorableError: names the column and what to do.
    """
    kind = array.type
    for is_refused, advice in _REFUSED.items():
        if is_refused(kind):
            raise UnstorableError(f"column {column!r} is {kind}, which BSON has no type for: {advice}")
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            raise UnstorableError(
                f"column {column!r} holds dates without a time zone, which MongoDB would take for UTC: add their "
                "time zone, as in pyarrow.compute.assume_timezone(column, 'UTC')"
            )
        # Without a time zone, BSON takes them for UTC.
        return _in_milliseconds(array, pa.timestamp("ms", kind.tz), column).cast(pa.timestamp("ms")).to_pylist()
    if pa.types.is_duration(kind):
        return _in_milliseconds(array, pa.duration("ms"), column).cast(pa.int64()).to_pylist()
    if pa.types.is_date(kind):
        return array.cast(pa.timestamp("ms")).to_pylist()
    if pa.types.is_dictionary(kind):
        return bson_values_of_arrow(array.cast(kind.value_type), column, first_row)
    return bson_values(array.to_pylist(), column, first_row)


def arrow_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return stored values as an array of a type, or of the type that Arrow infers if they do not fit."""
    try:
        if pa.types.is_date(kind):
            return pa.array(values, pa.timestamp("ms")).cast(kind)
        if pa.types.is_duration(kind):
            return pa.array(values, pa.int64()).cast(pa.duration("ms")).cast(kind)
        if pa.types.is_timestamp(kind):
            return pa.array(values, pa.timestamp("ms")).cast(pa.timestamp("ms", kind.tz)).cast(kind)
        if pa.types.is_dictionary(kind):
            return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
        return pa.array(python_values(values), kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array(python_values(values))


def arrow_field(column: Column) -> pa.Field | None:
    """Return the Arrow field of a column, or `None` if its type depends on its values."""
    if column.arrow is not None:
        return pa.ipc.read_schema(pa.py_buffer(column.arrow)).field(0)
    kind = _arrow_type(column.dtype)
    return None if kind is None else pa.field(column.name, kind)


def _arrow_type(dtype: str) -> pa.DataType | None:
    if dtype == DATE:
        return pa.date32()
    if dtype in ("string", "str"):
        return pa.string()
    if dtype in ("object", "category"):
        return None
    known = pd.api.types.pandas_dtype(dtype)
    if isinstance(known, pd.ArrowDtype):
        return known.pyarrow_dtype
    if isinstance(known, pd.DatetimeTZDtype):
        return pa.timestamp(known.unit, str(known.tz))
    numpy = getattr(known, "numpy_dtype", known)
    return pa.from_numpy_dtype(numpy) if getattr(numpy, "kind", "O") in "biufm" else None


def _column_of(field: pa.Field) -> Column:
    """Return a column with its dtype in pandas."""
    kind = field.type
    arrow = pa.schema([field]).serialize().to_pybytes()
    if pa.types.is_date(kind):
        return Column(field.name, DATE, arrow=arrow)
    if pa.types.is_timestamp(kind):
        return Column(field.name, f"datetime64[{kind.unit}, {kind.tz}]", arrow=arrow)
    if pa.types.is_duration(kind):
        return Column(field.name, f"timedelta64[{kind.unit}]", arrow=arrow)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return Column(field.name, str(kind.to_pandas_dtype()().dtype), arrow=arrow)
    return Column(field.name, "object", arrow=arrow)


def _in_milliseconds(array: Any, kind: pa.DataType, column: str) -> Any:
    try:
        return array.cast(kind)
    except pa.ArrowInvalid as error:
        raise UnstorableError(
            f"column {column!r} has values finer than a millisecond, which BSON cannot hold: round them, as in "
            f"pyarrow.compute.floor_temporal(column, unit='millisecond') ({error})"
        ) from error


def _joined(arrays: Sequence[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    kinds = {array.type for array in arrays}
    if kinds <= {kind}:
        return pa.chunked_array(arrays, kind)
    return _inferred([value for array in arrays for value in array.to_pylist()], Column("", "object"))


def _inferred(values: list[Any], column: Column) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(python_values(values))])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UnstorableError(
            f"column {column.name!r} has values that do not fit into one Arrow type ({error}): read it as a "
            "pandas.DataFrame"
        ) from error
