"""`pyarrow.Table`, and tables that are read batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.types

from dagster_mongodb.columns import PLAIN_NUMBERS, Column
from dagster_mongodb.errors import UnreadableError, UnstorableError
from dagster_mongodb.handlers.arrow_types import arrow_field, column_of_field
from dagster_mongodb.handlers.arrow_values import arrow_array, bson_values_of_arrow, inferred_array, storable_array
from dagster_mongodb.handlers.handler import ColumnRows, StoredRows, TypeHandler, check_names, value_at
from dagster_mongodb.values import STRICT, DatePolicy

# TypeError: of decimals that are NaN or infinite.
_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError)
TypeChange = Callable[[pa.DataType], pa.DataType]


class ArrowHandler(TypeHandler[pa.Table]):
    """Keeps `pyarrow.Table`; NaN and null stay different."""

    types = (pa.Table,)

    def rows(self, obj: pa.Table, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> "ArrowRows":
        """Return a table's rows."""
        return ArrowRows(obj, primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> pa.Table:
        """Return a table with the types that were written; for documents, the types that Arrow infers."""
        return table_of(stored)


class ArrowRows(ColumnRows):
    """The rows of a table."""

    def __init__(self, table: pa.Table, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> None:
        check_names(table.column_names, primary_key)
        self._dates = dates
        for position, field in enumerate(table.schema):
            array = table.column(position)
            storable = storable_array(array, field.name, dates)
            if storable is not array:
                table = table.set_column(position, field.with_type(storable.type), storable)
        self._table = table
        super().__init__(tuple(map(column_of_field, table.schema)), primary_key)

    def __len__(self) -> int:
        return self._table.num_rows

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns, or values inside the documents of columns (``address.city``), as a pandas frame."""
        table = self._table.select([name for name in names if name in self._table.column_names])
        for position, field in enumerate(table.schema):
            if pa.types.is_date(field.type):
                midnights = table.column(position).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
                table = table.set_column(position, field.name, midnights)
        frame = table.to_pandas()
        for name in names:
            if name not in frame:
                frame[name] = self._nested(name)
        return frame[list(names)]

    def is_plain(self, column: Column) -> bool:
        """Return whether a column holds numbers of at most 63 bits."""
        return column.dtype in PLAIN_NUMBERS and column.dtype != "uint64"

    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""
        array = self._table.column(column.name)
        if isinstance(rows, range):
            return bson_values_of_arrow(array.slice(rows.start, len(rows)), column.name, rows.start, self._dates)
        return bson_values_of_arrow(array.take(pa.array(rows, pa.int64())), column.name, dates=self._dates)

    def _nested(self, name: str) -> pd.Series:
        head = name.partition(".")[0]
        if head not in self._table.column_names:
            raise UnstorableError(f"there is no column {name!r}, but {', '.join(self._table.column_names) or 'none'}")
        values = [value_at({head: value}, name) for value in self._table.column(head).to_pylist()]
        return pd.Series(values, dtype=object).infer_objects()


def table_of(stored: StoredRows, change: TypeChange | None = None) -> pa.Table:
    """Return stored rows as a table.

    Args:
        stored: the rows.
        change: of the types that were written; `None`: none.

    Raises:
        UnreadableError: values of a column do not fit into one Arrow type.
    """
    chunks, columns = stored.chunks(), stored.columns
    if columns is None:
        documents = [document for chunk in chunks for document in chunk]
        columns, chunks = tuple(Column(name, "object") for name in stored.columns_of(documents)), iter([documents])
    fields = [_changed(arrow_field(column), change) for column in columns]
    pieces: list[list[Any]] = [[] for _ in columns]
    for documents in chunks:
        for column, field, values in zip(columns, fields, pieces, strict=True):
            found = stored.values(documents, column, None)
            values.append(found if field is None else _array(found, column, field))
    arrays = [
        _array([value for chunk in values for value in chunk], column)
        if field is None
        else _joined(values, column, field)
        for column, field, values in zip(columns, fields, pieces, strict=True)
    ]
    schema = [_field(column, field, array) for column, field, array in zip(columns, fields, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(schema))


def batch_reader_of(stored: StoredRows) -> pa.RecordBatchReader:
    """Return a reader of stored rows that holds one chunk of them in memory.

    If the types of columns depend on their values, the rows are read twice.

    Raises:
        UnreadableError: values of a column do not fit into one Arrow type.
    """
    columns = stored.columns
    if columns is None:
        names = dict.fromkeys(name for documents in stored.chunks() for name in stored.columns_of(documents))
        columns = tuple(Column(name, "object") for name in names)
    fields = {column.name: field for column in columns if (field := arrow_field(column)) is not None}
    unknown = [column for column in columns if column.name not in fields]
    if unknown:
        fields |= _inferred_fields(stored, unknown)
    schema = pa.schema([fields[column.name] for column in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        for documents in stored.chunks():
            arrays = [_array(stored.values(documents, column, None), column, fields[column.name]) for column in columns]
            for column, array in zip(columns, arrays, strict=True):
                if array.type != fields[column.name].type:
                    raise UnreadableError(
                        f"{stored.title}, column {column.name!r}: {array.type} does not fit the column's type "
                        f"{fields[column.name].type}: read it as a pyarrow.Table"
                    )
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _inferred_fields(stored: StoredRows, columns: Sequence[Column]) -> dict[str, pa.Field]:
    schemas = []
    for documents in stored.chunks():
        arrays = {column.name: _array(stored.values(documents, column, None), column) for column in columns}
        schemas.append(pa.schema([pa.field(name, array.type) for name, array in arrays.items()]))
    schemas.append(pa.schema([pa.field(column.name, pa.null()) for column in columns]))
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except _UNFIT as error:
        raise UnreadableError(
            f"{stored.title} has values that do not fit into one Arrow type ({error}): read it as DataFrameChunks"
        ) from error
    return {field.name: field for field in schema}


def _changed(field: pa.Field | None, change: TypeChange | None) -> pa.Field | None:
    return field if field is None or change is None else field.with_type(change(field.type))


def _field(column: Column, known: pa.Field | None, array: pa.ChunkedArray) -> pa.Field:
    if known is None:
        return pa.field(column.name, array.type)
    return known.with_name(column.name).with_type(array.type).with_nullable(known.nullable or array.null_count > 0)


def _joined(arrays: Sequence[pa.Array], column: Column, field: pa.Field) -> pa.ChunkedArray:
    if {array.type for array in arrays} <= {field.type}:
        return pa.chunked_array(arrays, field.type)
    return pa.chunked_array([_array([value for array in arrays for value in array.to_pylist()], column)])


def _array(values: list[Any], column: Column, field: pa.Field | None = None) -> Any:
    try:
        return inferred_array(values) if field is None else arrow_array(values, field.type)
    except _UNFIT as error:
        raise UnreadableError(
            f"column {column.name!r} has values that do not fit into one Arrow type ({error}): read it as a "
            "pandas.DataFrame"
        ) from error
