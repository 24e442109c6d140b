"""Rows that arrive in parts, kept as BSON in a temporary file."""

import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import bson
import numpy as np
import pandas as pd

from dagster_mongodb.columns import DATE, Column, merge
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.dataframes import DataFrameHandler
from dagster_mongodb.handlers.handler import EncodedRows, Rows, StoredRows
from dagster_mongodb.handlers.rows import MAX_ROW_BYTES

_KEPT_IN_MEMORY_BYTES = 16 * 2**20
_WRITTEN_AT_ONCE = 5_000
_READ_AT_ONCE_BYTES = 4 * 2**20


class SpooledRows(EncodedRows):
    """The rows of several parts, one after the other.

    All parts are checked and encoded when this is made; then only the number of bytes of each row is held in
    memory, beside columns that are asked for.

    Args:
        parts: a name of each part, for errors, and its rows.
        primary_key: the columns that become ``_id``.

    Raises:
        UnstorableError: a row cannot be stored; names its part.
    """

    def __init__(self, parts: Iterable[tuple[str, Rows]], primary_key: Sequence[str]) -> None:
        super().__init__((), primary_key)
        self._file = tempfile.SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 closed below
        weakref.finalize(self, self._file.close)
        sizes = array("q")
        dotted_names: frozenset[str] = frozenset()
        for title, rows in parts:
            try:
                self.columns = _merged(self.columns, rows)
                rows.check(max_bytes=MAX_ROW_BYTES, batch_size=_WRITTEN_AT_ONCE)
            except UnstorableError as error:
                raise UnstorableError(f"{title}: {error}") from error
            dotted_names |= rows.dotted_names
            for start in range(0, len(rows), rows.rows_at_once):
                encoded = rows.encoded(range(start, min(start + rows.rows_at_once, len(rows))))
                sizes.extend(map(len, encoded))
                self._file.writelines(encoded)
        self._dotted_names = dotted_names
        self._ends = np.cumsum(np.frombuffer(sizes, "int64") if sizes else np.empty(0, "int64"))

    @property
    def dotted_names(self) -> frozenset[str]:
        """The names of columns that contain a dot."""
        return self._dotted_names

    def __len__(self) -> int:
        return len(self._ends)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns, or fields of nested documents, as a pandas frame, calendar dates as midnight UTC."""
        known = {column.name: column for column in self.columns or ()}
        columns = [known.get(name, Column(name, "object")) for name in names]
        stored = StoredRows(
            chunks=lambda: map(bson.decode_all, self._batches()),
            columns=tuple(
                replace(column, dtype="datetime64[ms, UTC]", arrow=None) if column.dtype == DATE else column
                for column in columns
            ),
            primary_key=self.primary_key,
            title="the output",
            selected=tuple(names),
            raw_batches=self._batches,
            dotted_names=self._dotted_names,
        )
        return DataFrameHandler().load(stored, pd.DataFrame)

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON."""
        if not isinstance(rows, range):
            return [self._read(row, row + 1) for row in rows]
        content, begin = self._read(rows.start, rows.stop), self._begin(rows.start)
        ends = (self._ends[rows.start : rows.stop] - begin).tolist()
        return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def sizes(self) -> np.ndarray:
        """Return the bytes of each row."""
        return np.diff(self._ends, prepend=0)

    def _batches(self) -> Iterator[bytes]:
        start = 0
        while start < len(self):
            limit = self._begin(start) + _READ_AT_ONCE_BYTES
            stop = max(start + 1, int(np.searchsorted(self._ends, limit, side="right")))
            yield self._read(start, stop)
            start = stop

    def _read(self, start: int, stop: int) -> bytes:
        begin = self._begin(start)
        self._file.seek(begin)
        return self._file.read(self._begin(stop) - begin)

    def _begin(self, row: int) -> int:
        return int(self._ends[row - 1]) if row else 0


def _merged(columns: tuple[Column, ...] | None, rows: Rows) -> tuple[Column, ...] | None:
    """Return the columns of former parts and of one more; None if there are documents among them."""
    return None if columns is None or rows.columns is None else merge(columns, rows.columns)
