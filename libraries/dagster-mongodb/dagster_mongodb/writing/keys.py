"""The ``_id`` of documents: compared as MongoDB compares them, and sent in commands of a bounded size."""

import struct
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from dagster_mongodb.values import ID

RawCollection = Collection[RawBSONDocument]

_MOST_BYTES = 8 * 2**20  # of the ids in a command; it may hold 16 MiB
_IDS_A_COMMAND = 10_000
_LENGTH = struct.Struct("<i")
_ID_NAME = b"_id\0"
# Lengths of the values of BSON types that are told apart by their bytes: ObjectId, date.
_FIXED_LENGTHS = {0x07: 12, 0x09: 8}
_STRING = 0x02


def key_of(document: bytes) -> Hashable:
    """Return the ``_id`` of a BSON document as a value that compares as MongoDB compares keys."""
    kind, begin = document[4], 4 + 1 + len(_ID_NAME)
    if document[5:begin] == _ID_NAME:
        if kind in _FIXED_LENGTHS:
            return document[4 : begin + _FIXED_LENGTHS[kind]]
        if kind == _STRING:
            return document[4 : begin + 4 + _LENGTH.unpack_from(document, begin)[0]]
    return _comparable(RawBSONDocument(document)[ID])


def key(document: RawBSONDocument) -> Hashable:
    """Return `key_of` a document."""
    return key_of(bytes(document.raw))


def ids_of(documents: Iterable[RawBSONDocument]) -> list[Any]:
    """Return the ``_id`` of documents."""
    return [document[ID] for document in documents]


def id_batches(ids: Sequence[Any], most: int = _IDS_A_COMMAND) -> Iterator[Sequence[Any]]:
    """Return keys in batches that fit into a command each.

    >>> [len(batch) for batch in id_batches(["x" * 2000] * 10_000)]
    [2500, 2500, 2500, 2500]
    """
    for start in range(0, len(ids), most):
        yield from _halved(ids[start : start + most])


def _halved(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    if len(ids) == 1 or len(bson.encode({"": ids})) <= _MOST_BYTES:
        yield ids
        return
    middle = len(ids) // 2
    yield from _halved(ids[:middle])
    yield from _halved(ids[middle:])


def find_by_ids(collection: RawCollection, ids: Sequence[Any]) -> dict[Hashable, RawBSONDocument]:
    """Return the stored documents that have one of these keys, each under its `key`."""
    return {
        key(document): document for batch in id_batches(ids) for document in collection.find({ID: {"$in": list(batch)}})
    }


def _comparable(value: Any) -> Hashable:
    """Return a value that compares as in MongoDB: numbers of different types are equal, booleans are not numbers."""
    if isinstance(value, RawBSONDocument):
        return tuple((name, _comparable(inner)) for name, inner in value.items())
    if isinstance(value, bson.Decimal128):
        return value.to_decimal()
    if isinstance(value, (bool, list)):
        return bson.encode({ID: value})
    return value
