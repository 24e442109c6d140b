"""`pyarrow.RecordBatchReader`: tables that do not fit into memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.arrow import ArrowHandler, batch_reader_of
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.handlers.rows import Rows
from dagster_mongodb.handlers.spool import SpooledRows
from dagster_mongodb.values import STRICT, DatePolicy


class RecordBatchReaderHandler(TypeHandler[pa.RecordBatchReader]):
    """Keeps what a `pyarrow.RecordBatchReader` reads."""

    types = (pa.RecordBatchReader,)

    def rows(self, obj: pa.RecordBatchReader, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> SpooledRows:
        """Return the rows of all batches."""
        return SpooledRows(_parts(obj, primary_key, dates), primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> pa.RecordBatchReader:
        """Return a reader with the types that were written; it reads a batch at a time."""
        return batch_reader_of(stored)


def _parts(reader: pa.RecordBatchReader, primary_key: Sequence[str], dates: DatePolicy) -> Iterator[tuple[str, Rows]]:
    handler = ArrowHandler()
    yield "the schema", handler.rows(reader.schema.empty_table(), primary_key, dates)
    for number, batch in enumerate(reader):
        title = f"batch {number}"
        try:
            yield title, handler.rows(pa.Table.from_batches([batch]), primary_key, dates)
        except UnstorableError as error:
            raise UnstorableError(f"{title}: {error}") from error
