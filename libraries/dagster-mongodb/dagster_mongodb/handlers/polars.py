"""`polars.DataFrame` and `polars.LazyFrame`, converted from and to Arrow without copying."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.types

from dagster_mongodb.errors import UnreadableError, UnstorableError
from dagster_mongodb.handlers.arrow import ArrowRows, table_of
from dagster_mongodb.handlers.arrow_types import changed_type
from dagster_mongodb.handlers.arrow_values import UUID
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.values import STRICT, DatePolicy

_VIEWS = ("is_list_view", "is_large_list_view")


class PolarsHandler(TypeHandler[pl.DataFrame | pl.LazyFrame]):
    """Keeps `polars.DataFrame`, and what `polars.LazyFrame` collects."""

    types = (pl.DataFrame, pl.LazyFrame)

    def rows(
        self, obj: pl.DataFrame | pl.LazyFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT
    ) -> ArrowRows:
        """Return a frame's rows."""
        frame = obj.collect() if isinstance(obj, pl.LazyFrame) else obj
        objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
        if objects:
            raise UnstorableError(
                f"column {objects[0]!r} holds Python objects, which polars cannot convert: use one of its other types"
            )
        return ArrowRows(frame.to_arrow(), primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> pl.DataFrame | pl.LazyFrame:
        """Return a frame with the types that it was written with; UUIDs, for which polars has no type, as text."""
        table = table_of(stored, lambda kind: changed_type(kind, _polars_type))
        for position, field in enumerate(table.schema):
            if pa.types.is_decimal256(field.type):
                raise UnreadableError(
                    f"{stored.title}, column {field.name!r}: polars has no type for {field.type}: read it as a "
                    "pyarrow.Table"
                )
            if field.type == UUID:
                texts = [value and str(value) for value in table.column(position).to_pylist()]
                table = table.set_column(position, field.name, pa.array(texts, pa.string()))
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 a table becomes a frame, an array a series
        return frame.lazy() if annotation is pl.LazyFrame else frame


def _polars_type(kind: pa.DataType) -> pa.DataType:
    """Return the type for what polars cannot read as what it is."""
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind) and kind.tz and kind.tz[0] in "+-":
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_decimal256(kind):
        return pa.decimal128(38, kind.scale) if kind.scale <= 38 else kind
    if pa.types.is_run_end_encoded(kind):
        return kind.value_type
    if any(getattr(pa.types, view)(kind) for view in _VIEWS if hasattr(pa.types, view)):
        return pa.list_(kind.value_field)
    return kind
