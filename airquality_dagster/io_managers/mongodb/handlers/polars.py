"""`polars.DataFrame`, by way of Arrow, which both share without copying."""

from collections.abc import Sequence

import polars as pl

from airquality_dagster.io_managers.mongodb.errors import UnstorableError
from airquality_dagster.io_managers.mongodb.handlers.arrow import ArrowHandler, ArrowRows
from airquality_dagster.io_managers.mongodb.handlers.handler import StoredRows, TypeHandler


class PolarsHandler(TypeHandler[pl.DataFrame]):
    """Keeps `polars.DataFrame`."""

    types = (pl.DataFrame,)

    def rows(self, obj: pl.DataFrame, primary_key: Sequence[str]) -> ArrowRows:
        """Return a frame's rows."""
        objects = [name for name, dtype in obj.schema.items() if dtype == pl.Object]
        if objects:
            raise UnstorableError(f"column {objects[0]!r} holds Python objects, which polars hands on to nobody")
        return ArrowRows(obj.to_arrow(), primary_key)

    def load(self, stored: StoredRows) -> pl.DataFrame:
        """Return a frame with the types that it was written with."""
        frame = pl.from_arrow(ArrowHandler().load(stored))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 a table becomes a frame, an array a series
        return frame
