"""The rows of an output, which become documents."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bson
import numpy as np
import pandas as pd
from bson.raw_bson import RawBSONDocument

from dagster_mongodb.columns import Column, field_name
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.checks import check_primary_key
from dagster_mongodb.handlers.encoding import ENCODING_ERRORS, encode_all, unencodable
from dagster_mongodb.values import ABSENT, ID

MAX_ROW_BYTES = 16 * 2**20
"""What the server allows for a document."""

_CHECKED_AT_ONCE = 1_000
_ENCODED_AT_ONCE_BYTES = 16 * 2**20


class Rows(ABC):
    """The rows of an output, which become documents.

    Args:
        columns: of the output; `None` for documents, which have no common columns.
        primary_key: the columns that become ``_id``: one its value, several a subdocument.

    Attributes:
        rows_at_once: how many rows are encoded at a time; decided by `check`.
    """

    def __init__(self, columns: tuple[Column, ...] | None, primary_key: Sequence[str]) -> None:
        self.columns = columns
        self.primary_key = tuple(primary_key)
        self.rows_at_once = 1

    @property
    def dotted_names(self) -> frozenset[str]:
        """The names of columns, or of fields at the top of documents, that contain a dot."""
        return frozenset(column.name for column in self.columns or () if "." in column.name)

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns as a pandas frame, calendar dates as midnight UTC.

        Args:
            names: of columns, or paths into nested documents such as ``address.city``.

        Raises:
            UnstorableError: a column is missing.
        """

    @abstractmethod
    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON; call `check` first."""

    def documents(self, rows: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Return rows as documents of BSON values; if there is a primary key, ``_id`` is first."""
        return map(RawBSONDocument, self.encoded(rows))

    def check(self, *, max_bytes: int, batch_size: int) -> None:
        """Make sure that every row can be stored, and decide how many are encoded at a time.

        Args:
            max_bytes: of a document.
            batch_size: rows that are encoded at a time, fewer if they are large.

        Raises:
            UnstorableError: names column and row.
        """
        if self.primary_key and len(self):
            check_primary_key(self.frame(self.primary_key))
        row_bytes = max(1, self._most_row_bytes(max_bytes))
        self.rows_at_once = max(1, min(batch_size, _ENCODED_AT_ONCE_BYTES // row_bytes))

    @abstractmethod
    def _most_row_bytes(self, max_bytes: int) -> int:
        """Return how many bytes a row takes in those parts of the rows that are large, after checking each of them."""

    def _check_size(self, row: int, size: int, max_bytes: int, document: Mapping[str, Any]) -> None:
        if size > max_bytes:
            key = f"primary key {document[ID]!r}, " if self.primary_key else ""
            raise UnstorableError(
                f"row {row} ({key}{size / 2**20:.1f} MiB) is larger than a document may be "
                f"({max_bytes / 2**20:.1f} MiB): split it, or store a reference to a file"
            )


class EncodedRows(Rows):
    """Rows that were encoded, and so checked, when they were made."""

    @abstractmethod
    def sizes(self) -> np.ndarray:
        """Return the bytes of each row."""

    def _most_row_bytes(self, max_bytes: int) -> int:
        sizes = self.sizes()
        if not len(sizes):
            return 0
        largest = int(sizes.argmax())
        if sizes[largest] > max_bytes:
            (document,) = self.documents([largest])
            self._check_size(largest, int(sizes[largest]), max_bytes, document)
        parts = np.add.reduceat(sizes, range(0, len(sizes), _CHECKED_AT_ONCE))
        return int(parts.max()) // min(len(sizes), _CHECKED_AT_ONCE)


class ColumnRows(Rows):
    """Rows of a table, which is read column by column."""

    columns: tuple[Column, ...]
    _checked: list[bytes] | None = None  # all rows, if they are few

    @abstractmethod
    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""

    @abstractmethod
    def is_plain(self, column: Column) -> bool:
        """Return whether any value of a column can be stored, in a few bytes."""

    def documents(self, rows: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Return rows as documents of BSON values."""
        if not len(rows):
            return iter(())
        values = {column.name: self.values(column, rows) for column in self.columns}
        fields = {column.field: values[column.name] for column in self.columns if column.name not in self.primary_key}
        if len(self.primary_key) == 1:
            fields = {ID: values[self.primary_key[0]], **fields}
        elif self.primary_key:
            names = [field_name(name) for name in self.primary_key]
            keys = zip(*(values[name] for name in self.primary_key), strict=True)
            fields = {ID: [dict(zip(names, key, strict=True)) for key in keys], **fields}
        if not fields:
            return iter([{}] * len(rows))
        objects = [column.field for column in self.columns if not self.is_plain(column) and column.field in fields]
        names = tuple(fields)
        # The loop over all rows must stay short.
        documents = [dict(zip(names, row)) for row in zip(*fields.values(), strict=True)]  # noqa: B905
        for field in objects:
            for document, value in zip(documents, fields[field], strict=True):
                if value is ABSENT:
                    del document[field]
        return iter(documents)

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON; call `check` first."""
        if self._checked is not None:
            return [self._checked[row] for row in rows]
        return encode_all(list(self.documents(rows)))

    def _most_row_bytes(self, max_bytes: int) -> int:
        if 0 < len(self) <= _CHECKED_AT_ONCE:
            self._checked = self._encoded_if_small(max_bytes)
            if self._checked is not None:
                return 0
        parts = [
            range(start, min(start + _CHECKED_AT_ONCE, len(self))) for start in range(0, len(self), _CHECKED_AT_ONCE)
        ]
        return max((self._checked_bytes(rows, max_bytes) // len(rows) for rows in parts), default=0)

    def _encoded_if_small(self, max_bytes: int) -> list[bytes] | None:
        """Return all rows as BSON, so that they are encoded only once; None if one is not valid or they are large."""
        encoded, total = [], 0
        try:
            # One by one, to stop before large rows take much memory.
            for document in self.documents(range(len(self))):
                encoded.append(bson.encode(document))
                total += len(encoded[-1])
                if len(encoded[-1]) > max_bytes or total > _ENCODED_AT_ONCE_BYTES:
                    return None
        except ENCODING_ERRORS:
            return None
        return encoded

    def _checked_bytes(self, rows: Sequence[int], max_bytes: int) -> int:
        """Return an upper bound of the size of rows in bytes, after checking each of them."""
        # A value of a fixed length takes the name of its field and at most some 20 bytes.
        size = len(rows) * sum(len(column.field.encode()) + 20 for column in self.columns)
        for column in self.columns:
            if not self.is_plain(column):
                try:
                    size += len(bson.encode({"": self.values(column, rows)}))
                except ENCODING_ERRORS:
                    return self._bytes_one_by_one(rows, max_bytes)
        return size if size < max_bytes else self._bytes_one_by_one(rows, max_bytes)

    def _bytes_one_by_one(self, rows: Sequence[int], max_bytes: int) -> int:
        names = {ID: " ".join(self.primary_key), **{column.field: column.name for column in self.columns}}
        total = 0
        for row, document in zip(rows, self.documents(rows), strict=True):
            try:
                size = len(bson.encode(document))
            except ENCODING_ERRORS as error:
                raise unencodable(row, document, names, error) from error
            self._check_size(row, size, max_bytes, document)
            total += size
        return total
