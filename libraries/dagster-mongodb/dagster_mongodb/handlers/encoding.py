"""Documents as BSON, many at a time."""

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import bson
from bson import Decimal128, Int64, ObjectId
from bson.errors import BSONError

from dagster_mongodb.columns import STORED_DOT
from dagster_mongodb.errors import UnstorableError

ENCODING_ERRORS = (BSONError, OverflowError, RecursionError, TypeError, ValueError)
"""What `bson.encode` raises if it cannot encode a document."""

_STORED_UNCHANGED = frozenset(
    {str, bool, type(None), float, int, bytes, datetime, dict, list, ObjectId, Decimal128, Int64}
)
_SPECIAL = frozenset(("\0", ".", STORED_DOT))
_MOST_LEVELS = 30  # of nested documents; deeper ones are looked at one by one
_LENGTH = struct.Struct("<i")
_ARRAY_ELEMENTS = 4 + 2 + 4  # offset of the elements of {"": [...]}: length, type and name, length


def encode_all(documents: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return documents as BSON.

    Raises:
        Exception: one of `ENCODING_ERRORS`.
    """
    # As one array that is split again: one call for each document would take 1.5 times as long.
    array = bson.encode({"": documents})
    encoded, start = [], _ARRAY_ELEMENTS
    for number in range(len(documents)):
        start += 1 + len(str(number)) + 1  # type, name and its end
        (length,) = _LENGTH.unpack_from(array, start)
        encoded.append(array[start : start + length])
        start += length
    return encoded


def unencodable(row: int, document: Mapping[str, Any], names: Mapping[str, str], error: Exception) -> UnstorableError:
    """Return the error of a document that cannot be encoded.

    Args:
        row: its number.
        document: of BSON values.
        names: field → name of the column, where they differ.
        error: that the encoding raised.
    """
    for field, value in document.items():
        try:
            bson.encode({field: value})
        except ENCODING_ERRORS as reason:
            return UnstorableError(
                f"column {names.get(field) or field!r}, row {row}: BSON cannot hold {value!r:.80} "
                f"({type(value).__name__}): {reason}"
            )
    return UnstorableError(f"row {row} cannot be stored: {error}")


def stored_unchanged(documents: Sequence[Any]) -> bool:
    """Return whether documents can be encoded as they are, looking at all values at once instead of at each.

    False if one holds a value that has to be converted or refused, or a name that is stored differently.
    """
    documents_of_level, lists_of_level = list(documents), []
    for _ in range(_MOST_LEVELS):
        if not all(map(_is_stored_unchanged, set().union(*documents_of_level))):
            return False
        values = [
            *chain.from_iterable(map(dict.values, documents_of_level)),
            *chain.from_iterable(lists_of_level),
        ]
        kinds = set(map(type, values))
        if not kinds <= _STORED_UNCHANGED:
            return False
        if datetime in kinds:
            dates = [value for value in values if type(value) is datetime]
            if any(date.tzinfo is None or date.microsecond % 1000 for date in dates):
                return False
        documents_of_level = [value for value in values if type(value) is dict] if dict in kinds else []
        lists_of_level = [value for value in values if type(value) is list] if list in kinds else []
        if not documents_of_level and not lists_of_level:
            return True
    return False


def _is_stored_unchanged(name: object) -> bool:
    # Names that are stored under another one, or refused, are left to `bson_value`.
    return isinstance(name, str) and not name.startswith("$") and not _SPECIAL.intersection(name)
