"""What a slice and the rows that are to be written differ in; rows are encoded and compared a chunk at a time."""

import struct
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.values import ID
from dagster_mongodb.writing.keys import RawCollection, key_of
from dagster_mongodb.writing.object_ids import without_object_id

T = TypeVar("T")
Mode = Literal["replace", "merge", "set"]
"""``replace``: the rows replace the slice. ``merge``: none is deleted. ``set``: only the fields of the rows change."""

_CHANGED_AT_ONCE = 1_000
_LENGTH = struct.Struct("<i")


class EncodedRows(Protocol):
    """Rows that have an ``_id``.

    Attributes:
        rows_at_once: how many are encoded at a time.
    """

    rows_at_once: int

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON."""
        ...


@dataclass
class Difference:
    """What makes a slice equal to rows.

    Args:
        rows: to write.
        mode: of the write.
        new: rows to insert.
        not_compared: rows to insert as well: all stored documents were compared before.
        revised: rows whose stored document differs.
        vanished: keys of stored documents to delete.
        unchanged: number of rows that are stored already.
        size: of the rows as BSON, in bytes; without `not_compared` until these are encoded.
        is_at_once: readers should see all of it at one moment, where the server has transactions.
    """

    rows: EncodedRows
    mode: Mode = "replace"
    new: list[int] = field(default_factory=list)
    not_compared: range = range(0)
    revised: list[int] = field(default_factory=list)
    vanished: Sequence[Any] = ()
    unchanged: int = 0
    size: int = 0
    is_at_once: bool = False
    _size_not_compared: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.not_compared or self.revised or self.vanished)

    @property
    def shape(self) -> tuple[list[int], range, list[int], int]:
        """What stays the same if nobody writes between two comparisons."""
        return self.new, self.not_compared, self.revised, len(self.vanished)

    @property
    def changed_at_once(self) -> int:
        """How many documents are replaced or deleted by one command that names each of them."""
        return min(_CHANGED_AT_ONCE, self.rows.rows_at_once)

    @property
    def size_of_rows(self) -> int:
        """The size of all rows as BSON, in bytes, once the new ones were written."""
        return self.size + self._size_not_compared

    def new_documents(self) -> Iterator[list[RawBSONDocument]]:
        """Return the documents to insert, a chunk at a time; the same ones each time."""
        size = 0
        for numbers in chunks([self.new, self.not_compared], self.rows.rows_at_once):
            encoded = self.rows.encoded(numbers)
            size += sum(map(len, encoded)) if isinstance(numbers, range) else 0
            yield [RawBSONDocument(document) for document in encoded]
        self._size_not_compared = size

    def revised_documents(self) -> Iterator[list[RawBSONDocument]]:
        """Return the rows whose stored documents differ, as documents, a chunk at a time."""
        for numbers in chunks([self.revised], self.changed_at_once):
            yield [RawBSONDocument(document) for document in self.rows.encoded(numbers)]


def compare(
    collection: RawCollection,
    query: Mapping[str, Any],
    rows: EncodedRows,
    mode: Mode,
    fields: Sequence[str] | None = None,
) -> Difference:
    """Compare rows with stored documents: as bytes in the order of both, and by key where those differ.

    Args:
        collection: of the documents.
        query: of the documents to compare with.
        rows: with keys.
        mode: of the write.
        fields: that the rows have, if they are the same ones for all; in mode ``set``, the server sends no others.
    """
    difference = Difference(rows, mode)
    stored_left: dict[Hashable, bytes] = {}
    rows_left: dict[Hashable, tuple[int, bytes]] = {}

    def match() -> None:
        for key in stored_left.keys() & rows_left.keys():
            former, (row, document) = stored_left.pop(key), rows_left.pop(key)
            if former == document or _is_same(former, document, mode):
                difference.unchanged += 1
            else:
                difference.revised.append(row)

    projection = dict.fromkeys([ID, *fields], True) if fields is not None and mode == "set" else None
    start = 0
    for stored in _stored_chunks(collection, query, projection, rows.rows_at_once):
        numbers = range(start, min(start + len(stored), len(rows)))
        start = numbers.stop
        documents = rows.encoded(numbers)
        difference.size += sum(map(len, documents))
        if documents == stored:
            difference.unchanged += len(stored)
            continue
        if len(documents) == len(stored):
            differing = [
                position for position, (old, new) in enumerate(zip(stored, documents, strict=True)) if old != new
            ]
            difference.unchanged += len(stored) - len(differing)
            stored_left.update((key_of(stored[position]), stored[position]) for position in differing)
            rows_left.update((key_of(documents[at]), (numbers[at], documents[at])) for at in differing)
        else:
            stored_left.update((key_of(document), document) for document in stored)
            rows_left.update(
                (key_of(document), (row, document)) for row, document in zip(numbers, documents, strict=True)
            )
        match()
    while stored_left and start < len(rows):
        numbers = range(start, min(start + rows.rows_at_once, len(rows)))
        start = numbers.stop
        documents = rows.encoded(numbers)
        difference.size += sum(map(len, documents))
        rows_left.update((key_of(document), (row, document)) for row, document in zip(numbers, documents, strict=True))
        match()
    difference.revised.sort()
    difference.new = sorted(row for row, _ in rows_left.values())
    difference.not_compared = range(start, len(rows))
    if mode == "replace":
        difference.vanished = [RawBSONDocument(document)[ID] for document in stored_left.values()]
    return difference


def size_if_stored(collection: RawCollection, query: Mapping[str, Any], rows: Rows) -> int | None:
    """Return the size of rows without keys in bytes if a slice holds exactly these in this order, else None."""
    start, size = 0, 0
    cursor = collection.find(query, sort=[(ID, 1)], batch_size=rows.rows_at_once, allow_disk_use=True)
    while stored := cursor.to_list(rows.rows_at_once):
        numbers = range(start, min(start + len(stored), len(rows)))
        start = numbers.stop
        encoded = rows.encoded(numbers)
        size += sum(map(len, encoded))
        if [without_object_id(bytes(document.raw)) for document in stored] != [fields[4:] for fields in encoded]:
            return None
    return size if start == len(rows) else None


def key_range(rows: Rows) -> dict[str, Any]:
    """Return a filter on the keys from the least to the greatest of the rows, if MongoDB orders them like pandas.

    So merging a day into years of documents reads only that day.
    """
    if len(rows.primary_key) != 1 or not len(rows):
        return {}
    (name,) = rows.primary_key
    keys = rows.frame([name])[name]
    if keys.dtype.kind not in "iuM":
        return {}
    least, greatest = (
        RawBSONDocument(rows.encoded([int(position)])[0])[ID]
        for position in (keys.to_numpy().argmin(), keys.to_numpy().argmax())
    )
    return {ID: {"$gte": least, "$lte": greatest}}


def chunks(pieces: Sequence[Sequence[T]], size: int) -> Iterator[Sequence[T]]:
    """Return the items of each piece in chunks of a size."""
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]


def _stored_chunks(
    collection: RawCollection, query: Mapping[str, Any], projection: Mapping[str, Any] | None, size: int
) -> Iterator[list[bytes]]:
    """Return the documents of a slice as BSON, in the batches that the server sends."""
    # With the codec options of raw documents, the driver would split the batches itself, which is slower.
    plain = collection.with_options(codec_options=CodecOptions())
    for batch in plain.find_raw_batches(query, projection, batch_size=size):
        documents, start, end = [], 0, len(batch)
        while start < end:
            (length,) = _LENGTH.unpack_from(batch, start)
            documents.append(batch[start : start + length])
            start += length
        yield documents


def _is_same(former: bytes, document: bytes, mode: Mode) -> bool:
    """Return whether two documents of one key have the same fields, in any order."""
    stored, wanted = dict(RawBSONDocument(former)), dict(RawBSONDocument(document))
    if mode == "set":
        stored = {name: value for name, value in stored.items() if name in wanted}
    return _in_order_of_names(stored) == _in_order_of_names(wanted)


def _in_order_of_names(fields: Mapping[str, Any]) -> bytes:
    # _id is compared by `key_of`; the server keeps the type that was stored first.
    return bson.encode({name: fields[name] for name in sorted(fields) if name != ID})
