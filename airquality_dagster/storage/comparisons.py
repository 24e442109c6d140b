"""The stored comparison of a pair of stations."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from bson import CodecOptions
from pymongo.database import Database


def comparison_documents(database: Database[dict[str, Any]], collection: str) -> list[Mapping[str, Any]]:
    """Return the rows of a comparison with their key, in order of pollutant, period and part.

    Args:
        database: database of the network.
        collection: of the comparison.
    """
    # MongoDB's own UTC has no name that a column of a frame could be stored by.
    in_utc = CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC)
    documents = database.get_collection(collection, in_utc).find({}, sort=[("_id", 1)])
    return [{**one.pop("_id"), **one} for one in documents]
