"""`polars.DataFrame`, converted from and to Arrow without copying."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.arrow import ArrowHandler, ArrowRows
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.values import STRICT, DatePolicy


class PolarsHandler(TypeHandler[pl.DataFrame]):
    """Keeps `polars.DataFrame`."""

    types = (pl.DataFrame,)

    def rows(self, obj: pl.DataFrame, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> ArrowRows:
        """Return a frame's rows."""
        objects = [name for name, dtype in obj.schema.items() if dtype == pl.Object]
        if objects:
            raise UnstorableError(
                f"column {objects[0]!r} holds Python objects, which polars cannot convert: use one of its other types"
            )
        return ArrowRows(obj.to_arrow(), primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> pl.DataFrame:
        """Return a frame with the types that it was written with."""
        frame = pl.from_arrow(ArrowHandler().load(stored, pa.Table))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 a table becomes a frame, an array a series
        return frame
