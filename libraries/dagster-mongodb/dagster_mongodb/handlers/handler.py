"""How a Python type is kept in MongoDB: its objects become rows, rows become documents, and back."""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeVar

import bson
import numpy as np
import pandas as pd
from bson.errors import BSONError

from dagster_mongodb.columns import STORED_DOT, Column, column_name, field_name
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.values import ABSENT, ID, STRICT, DatePolicy

T = TypeVar("T")
Document = dict[str, Any]

_CHECKED_AT_ONCE = 1_000
_ENCODED_AT_ONCE_BYTES = 16 * 2**20
_LENGTH = struct.Struct("<i")
_ARRAY_ELEMENTS = 4 + 2 + 4  # offset of the elements of {"": [...]}: length, type and name, length
_NESTED = (list, tuple, set, dict, np.ndarray)
_ENCODING_ERRORS = (BSONError, OverflowError, TypeError, ValueError)


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
        self._checked: list[bytes] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns as a pandas frame, calendar dates as midnight UTC.

        Raises:
            UnstorableError: a column is missing.
        """

    @abstractmethod
    def documents(self, rows: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Return rows as documents of BSON values; if there is a primary key, ``_id`` is first."""

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON; call `check` first."""
        if self._checked is not None:
            return [self._checked[row] for row in rows]
        # As one array that is split again: one call for each document would take 1.5 times as long.
        array = bson.encode({"": list(self.documents(rows))})
        encoded, start = [], _ARRAY_ELEMENTS
        for number in range(len(rows)):
            start += 1 + len(str(number)) + 1  # type, name and its end
            (length,) = _LENGTH.unpack_from(array, start)
            encoded.append(array[start : start + length])
            start += length
        return encoded

    def check(self, *, max_bytes: int, batch_size: int) -> None:
        """Make sure that every row can be stored, and decide how many are encoded at a time.

        Args:
            max_bytes: of a document.
            batch_size: rows that are encoded at a time, fewer if they are large.

        Raises:
            UnstorableError: names column and row.
        """
        if self.primary_key:
            _check_primary_key(self.frame(self.primary_key), self.primary_key)
        if 0 < len(self) <= _CHECKED_AT_ONCE:
            self._checked = self._encoded_if_small(max_bytes)
            if self._checked is not None:
                self.rows_at_once = batch_size
                return
        row_bytes = 1
        for start in range(0, len(self), _CHECKED_AT_ONCE):
            rows = range(start, min(start + _CHECKED_AT_ONCE, len(self)))
            row_bytes = max(row_bytes, self._checked_bytes(rows, max_bytes) // len(rows))
        self.rows_at_once = max(1, min(batch_size, _ENCODED_AT_ONCE_BYTES // row_bytes))

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
        except _ENCODING_ERRORS:
            return None
        return encoded

    def _checked_bytes(self, rows: Sequence[int], max_bytes: int) -> int:
        """Return an upper bound of the size of rows in bytes, after checking each of them."""
        total = 0
        for row, document in zip(rows, self.documents(rows), strict=True):
            try:
                size = len(bson.encode(document))
            except _ENCODING_ERRORS as error:
                raise self._unencodable(row, document, error) from error
            if size > max_bytes:
                key = f"primary key {document[ID]!r}, " if self.primary_key else ""
                raise UnstorableError(
                    f"row {row} ({key}{size / 2**20:.1f} MiB) is larger than a document may be "
                    f"({max_bytes / 2**20:.1f} MiB): split it, or store a reference to a file"
                )
            total += size
        return total

    def _unencodable(self, row: int, document: Mapping[str, Any], error: Exception) -> UnstorableError:
        names = {column.field: column.name for column in self.columns or ()}
        for field, value in document.items():
            try:
                bson.encode({field: value})
            except _ENCODING_ERRORS as reason:
                name = " ".join(self.primary_key) if field == ID and self.primary_key else names.get(field, field)
                return UnstorableError(
                    f"column {name!r}, row {row}: BSON cannot hold {value!r:.80} ({type(value).__name__}): {reason}"
                )
        return UnstorableError(f"row {row} of {len(self)} cannot be stored: {error}")


class ColumnRows(Rows):
    """Rows of a table, which is read column by column."""

    columns: tuple[Column, ...]

    @abstractmethod
    def values(self, column: Column, rows: Sequence[int]) -> list[Any]:
        """Return values of a column as BSON values."""

    @abstractmethod
    def is_plain(self, column: Column) -> bool:
        """Return whether any value of a column can be stored, in a few bytes."""

    def documents(self, rows: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Return rows as documents of BSON values."""
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

    def _checked_bytes(self, rows: Sequence[int], max_bytes: int) -> int:
        # A value of a fixed length takes the name of its field and at most some 20 bytes.
        size = len(rows) * sum(len(column.field.encode()) + 20 for column in self.columns)
        for column in self.columns:
            if not self.is_plain(column):
                try:
                    size += len(bson.encode({"": self.values(column, rows)}))
                except _ENCODING_ERRORS:
                    return super()._checked_bytes(rows, max_bytes)
        return size if size < max_bytes else super()._checked_bytes(rows, max_bytes)


@dataclass(frozen=True)
class StoredRows:
    """The rows of an input.

    Args:
        chunks: returns them from the first one on, in lists of documents; dates are UTC without a time zone.
        columns: to read; `None` if none are noted.
        primary_key: the columns that became ``_id``.
        title: of the input, for error messages.
        selected: names of the columns to read; `None`: all.
        raw_batches: returns them as batches of BSON; `None` if that is not possible.
    """

    chunks: Callable[[], Iterator[list[Document]]]
    columns: tuple[Column, ...] | None
    primary_key: tuple[str, ...]
    title: str
    selected: tuple[str, ...] | None = None
    raw_batches: Callable[[], Iterator[bytes]] | None = None

    def values(self, documents: Sequence[Document], column: Column, missing: Any) -> list[Any]:
        """Return a column's values.

        Args:
            documents: of a chunk.
            column: any.
            missing: value for documents without this field.
        """
        if column.name not in self.primary_key:
            try:
                return list(map(itemgetter(column.field), documents))
            except KeyError:
                return [document.get(column.field, missing) for document in documents]
        if len(self.primary_key) == 1:
            return list(map(itemgetter(ID), documents))
        return [document[ID][column.field] for document in documents]

    def columns_of(self, documents: Sequence[Document]) -> tuple[str, ...]:
        """Return the columns of documents whose columns are not noted."""
        if self.selected is not None:
            return self.selected
        fields = dict.fromkeys(field for document in documents for field in document)
        fields.pop(ID, None)
        return (*self.primary_key, *map(column_name, fields))


class TypeHandler(ABC, Generic[T]):
    """Keeps one Python type in MongoDB.

    Attributes:
        types: classes of the objects that it stores.
    """

    types: ClassVar[tuple[type, ...]]

    @abstractmethod
    def rows(self, obj: T, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> Rows:
        """Return the rows of an object.

        Raises:
            UnstorableError: the object cannot be stored.
        """

    @abstractmethod
    def load(self, stored: StoredRows, annotation: Any) -> T:
        """Return an object made from stored rows."""

    def reads(self, annotation: Any) -> bool:
        """Return whether an input with this annotation is of this type."""
        return isinstance(annotation, type) and issubclass(annotation, self.types)


def check_names(names: Sequence[Any], primary_key: Sequence[str]) -> None:
    """Make sure that the names of columns can be names of fields.

    Raises:
        UnstorableError: names the column and what to do.
    """
    fields: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str):
            raise UnstorableError(f"column name {name!r} is not text: rename it")
        if not name or name.startswith("$") or "\0" in name:
            raise UnstorableError(
                f"column name {name!r} cannot be the name of a field (it is empty, starts with '$', or contains NUL): "
                "rename it"
            )
        if STORED_DOT in name:
            raise UnstorableError(
                f"column name {name!r} contains {STORED_DOT!r} (U+FF0E), as which dots are stored: it would be read "
                "back with a dot, so rename it"
            )
        if name == ID and list(primary_key) != [ID]:
            raise UnstorableError("column name '_id' belongs to MongoDB: name it in 'primary_key', or rename it")
        field = field_name(name)
        if field in fields:
            both = "is used twice" if fields[field] == name else f"is stored under the same name as {fields[field]!r}"
            raise UnstorableError(f"column name {name!r} {both}: rename one")
        fields[field] = name
    lacking = [name for name in primary_key if name not in names]
    if lacking:
        raise UnstorableError(
            f"'primary_key' names {', '.join(lacking)}, but the columns are {', '.join(names) or 'none'}"
        )


def _check_primary_key(keys: pd.DataFrame, primary_key: Sequence[str]) -> None:
    def shown(row: int) -> str:
        return ", ".join(f"{name}={keys[name].iloc[row]}" for name in primary_key)

    for name in primary_key:
        nested = (
            keys[name].map(lambda value: isinstance(value, _NESTED)).to_numpy() if keys[name].dtype == object else ()
        )
        if any(nested):
            row = int(np.argmax(nested))
            raise UnstorableError(f"row {row}: a primary key is one value, not a list or a document ({shown(row)})")
    missing = keys.isna().to_numpy().any(axis=1)
    if missing.any():
        row = int(missing.argmax())
        raise UnstorableError(f"row {row} has no primary key ({shown(row)})")
    duplicated = keys.duplicated().to_numpy()
    if duplicated.any():
        second = int(duplicated.argmax())
        first = int((keys == keys.iloc[second]).all(axis=1).to_numpy().argmax())
        raise UnstorableError(f"rows {first} and {second} have the same primary key ({shown(second)})")
