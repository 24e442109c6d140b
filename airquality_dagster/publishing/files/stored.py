"""What MongoDB holds for a file, as it comes: its digest says whether the file must be written again."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo.database import Database

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def stored_years(database: Database[dict[str, Any]], collection: str) -> range:
    """Return the years from the first to the last document; empty if there is none.

    Args:
        database: of the collection.
        collection: its documents have a date as key, in UTC.
    """
    ends = [database[collection].find_one({}, {"_id": True}, sort=[("_id", order)]) for order in (1, -1)]
    first, last = (None if end is None else end["_id"].year for end in ends)
    return range(0) if first is None or last is None else range(first, last + 1)


def of_year(year: int) -> dict[str, Any]:
    """Return the query of the documents of a year, in UTC."""
    return {"_id": {"$gte": datetime(year, 1, 1, tzinfo=UTC), "$lt": datetime(year + 1, 1, 1, tzinfo=UTC)}}


def stored_bytes(database: Database[dict[str, Any]], collection: str, query: dict[str, Any]) -> bytes:
    """Return documents as MongoDB holds them, in the order of their keys: a year of hours is some 6 MB.

    Args:
        database: of the collection.
        collection: its name.
        query: selects the documents.
    """
    batches: Iterator[bytes] = iter(database[collection].find_raw_batches(query, sort=[("_id", 1)]))  # pyright: ignore[reportAssignmentType] - batches are bytes
    return b"".join(batches)


def documents(stored: bytes) -> Sequence[dict[str, Any]]:
    """Return the documents in these bytes; their dates are tz-aware."""
    return bson.decode_all(stored, _OPTIONS)
