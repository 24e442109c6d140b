"""Arrow types of columns."""

import re
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.types

from dagster_mongodb.columns import DATE, Column
from dagster_mongodb.handlers.arrow_values import inferred_array
from dagster_mongodb.handlers.series import pandas_dtype


def arrow_field(column: Column) -> pa.Field | None:
    """Return the Arrow field of a column, or `None` if its type depends on its values."""
    if column.arrow is not None:
        return pa.ipc.read_schema(pa.py_buffer(column.arrow)).field(0)
    kind = _arrow_type(column)
    return None if kind is None else pa.field(column.name, kind)


def column_of_field(field: pa.Field) -> Column:
    """Return a column with its dtype in pandas.

    Raises:
        UnstorableError: what is stored could not be read back with the type of the field.
    """
    kind = field.type
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    arrow = pa.schema([field]).serialize().to_pybytes()
    if pa.types.is_date(values):
        return Column(field.name, DATE, arrow=arrow)
    if pa.types.is_timestamp(values):
        return Column(field.name, f"datetime64[{values.unit}, {values.tz}]", arrow=arrow)
    if pa.types.is_duration(values):
        return Column(field.name, f"timedelta64[{values.unit}]", arrow=arrow)
    if pa.types.is_integer(values) or pa.types.is_floating(values) or pa.types.is_boolean(values):
        return Column(field.name, str(values.to_pandas_dtype()().dtype), arrow=arrow)
    return Column(field.name, "object", arrow=arrow, is_null=pa.types.is_null(kind))


def changed_type(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return a type after a change of it and of the types inside it.

    >>> str(changed_type(pa.list_(pa.int8()), lambda kind: pa.int64() if kind == pa.int8() else kind))
    'list<item: int64>'
    """
    kind = change(kind)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(changed_type(field.type, change)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(changed_type(kind.value_type, change)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(changed_type(kind.value_type, change)), kind.list_size)
    return kind


def _arrow_type(column: Column) -> pa.DataType | None:
    if column.categories is not None:
        kind = _arrow_type(column.of_values)
        return inferred_array(list(column.categories.values)).type if kind is None else kind
    if column.dtype == DATE:
        return pa.date32()
    if column.dtype in ("string", "str"):
        return pa.string()
    if column.dtype == "object":
        return None
    known = pandas_dtype(column)
    if isinstance(known, pd.ArrowDtype):
        return known.pyarrow_dtype
    if isinstance(known, pd.DatetimeTZDtype):
        # pandas names the fixed offset +05:30 UTC+05:30, which Arrow does not know.
        return pa.timestamp(known.unit, re.sub(r"^UTC(?=[+-])", "", str(known.tz)))
    numpy = getattr(known, "numpy_dtype", getattr(known, "subtype", known))  # of nullable and of sparse dtypes
    return pa.from_numpy_dtype(numpy) if getattr(numpy, "kind", "O") in "biufm" else None
