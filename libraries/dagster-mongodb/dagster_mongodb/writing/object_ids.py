"""Keys of rows without a primary key: ObjectIds that ascend from row to row and from write to write."""

import secrets
import struct
import time
from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.values import ID

MOST_ROWS = 2**28
"""Rows of a write whose ids begin alike."""

_LENGTH = struct.Struct("<i")
_FIELD = b"\x07" + ID.encode() + b"\0"
_ID_BYTES = 12
# An ObjectId is a number: 48 bits of time (seconds and their 65,536th parts), 20 random bits, 28 bits of the row.
_TIME_BITS = 48
_ROW_BITS = 28


class NumberedRows:
    """Rows without a primary key, each with an ObjectId as ``_id``.

    Args:
        rows: checked.
        first: ``_id`` of the first row; each row's is by one greater than that of the row before.
    """

    def __init__(self, rows: Rows, first: ObjectId) -> None:
        self.rows_at_once = rows.rows_at_once
        self._rows = rows
        self._first = int.from_bytes(first.binary, "big")

    def __len__(self) -> int:
        return len(self._rows)

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return rows as BSON."""
        first, added = self._first, len(_FIELD) + _ID_BYTES
        return [
            _LENGTH.pack(len(fields) + added) + _FIELD + (first + row).to_bytes(_ID_BYTES, "big") + fields[4:]
            for row, fields in zip(rows, self._rows.encoded(rows), strict=True)
        ]


def without_object_id(document: bytes) -> bytes | None:
    """Return the fields of a BSON document after its ``_id``, or None if that is not an ObjectId."""
    return document[4 + len(_FIELD) + _ID_BYTES :] if document[4:].startswith(_FIELD) else None


def next_object_id(collection: Collection[Any]) -> ObjectId:
    """Return an ObjectId above all of a collection, so that its rows are read in the order in which they were written.

    The time alone would not do: the clocks of two hosts may differ. Two writers that see the same greatest
    id at the same time have different random bits.
    """
    # The filter keeps keys of other types out, and the index of _id finds the greatest at once.
    last = collection.find_one({ID: {"$gte": ObjectId(bytes(_ID_BYTES))}}, {ID: True}, sort=[(ID, -1)])
    now = (time.time_ns() << 16) // 10**9
    after_last = (_number(last[ID]) >> _TIME_BITS) + 1 if last is not None else 0
    moment = min(max(now, after_last), 2**_TIME_BITS - 1)
    random = secrets.randbits(_TIME_BITS - _ROW_BITS)
    return _object_id(moment << _TIME_BITS | random << _ROW_BITS)


def ids_from(first: ObjectId) -> dict[str, Any]:
    """Return the filter of the documents that a write with this first ``_id`` makes."""
    return {ID: {"$gte": first, "$lt": _object_id(_number(first) + MOST_ROWS)}}


def _number(identity: ObjectId) -> int:
    return int.from_bytes(identity.binary, "big")


def _object_id(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(_ID_BYTES, "big"))
